/** The pool's own addresses: what it is, what it found, what it paid. */
import { z } from 'zod';
import { blockHash, pageOf, pageQuery, rangeQuery } from '../schemas/field.ts';
import { blockSchema, payoutSchema, poolSchema, poolSeriesSchema } from '../schemas/pool.ts';
import { type Endpoint, endpoint, nothing } from './endpoint.ts';

const settlementId = z.string().regex(/^[1-9]\d{0,17}$/);

export const POOL_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/api/v1/pool',
    summary: 'The pool now: hashrate, miners, ports, schemes, last blocks, payouts, health',
    tag: 'pool',
    params: nothing,
    query: nothing,
    response: poolSchema,
    maxAgeSeconds: 1,
    answer: ({ reads }) => reads.pool(),
  }),
  endpoint({
    path: '/api/v1/pool/series',
    summary: 'Columns for charts: hashrate, workers, refusals, blocks',
    tag: 'pool',
    params: nothing,
    query: rangeQuery,
    response: poolSeriesSchema,
    maxAgeSeconds: 20,
    answer: ({ reads }, _, { range }) => reads.poolSeries(range),
  }),
  endpoint({
    path: '/api/v1/blocks',
    summary: 'Found blocks, newest first',
    tag: 'pool',
    params: nothing,
    query: pageQuery,
    response: pageOf(blockSchema),
    maxAgeSeconds: 3,
    answer: ({ reads }, _, page) => reads.blocks(page),
  }),
  endpoint({
    path: '/api/v1/blocks/{hash}',
    summary: 'One found block',
    tag: 'pool',
    params: z.object({ hash: blockHash }),
    query: nothing,
    response: blockSchema,
    maxAgeSeconds: 3,
    answer: ({ reads }, { hash }) => reads.block(hash),
    missing: {
      name: 'block-unknown',
      title: 'Block unknown',
      hint: 'This pool found no block of that hash.',
    },
  }),
  endpoint({
    path: '/api/v1/settlements/{id}',
    summary: 'How a reward was divided, with everything to recompute it: `sluice verify reward FILE`',
    tag: 'pool',
    params: z.object({ id: settlementId }),
    query: nothing,
    // The document has a schema of its own beside the code that recomputes it.
    response: z.object({ format: z.string() }).loose(),
    maxAgeSeconds: 3_600,
    answer: ({ reads }, { id }) => reads.settlement(id),
    missing: {
      name: 'settlement-unknown',
      title: 'Settlement unknown',
      hint: 'A block names its settlements: GET /api/v1/blocks.',
    },
  }),
  endpoint({
    path: '/api/v1/payouts',
    summary: 'Payouts, newest first: one transaction that pays many',
    tag: 'pool',
    params: nothing,
    query: pageQuery,
    response: pageOf(payoutSchema),
    maxAgeSeconds: 3,
    answer: ({ reads }, _, page) => reads.payouts(page),
  }),
];
