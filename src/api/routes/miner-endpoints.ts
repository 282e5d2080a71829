/** What one miner is asked about, by its payout address. Everybody may ask, as everybody may read the chain. */
import { z } from 'zod';
import { pageOf, pageQuery, rangeQuery } from '../schemas/field.ts';
import {
  minerPaymentSchema,
  minerRewardSchema,
  minerSchema,
  minerSeriesSchema,
  refusalsSchema,
  workerSchema,
} from '../schemas/miner.ts';
import { type Endpoint, endpoint, nothing } from './endpoint.ts';

/** Checked by the chain's own rules before it is asked for. */
export const addressParams = z.object({ address: z.string().max(128).describe('Payout address') });

export const MINER_MISSING = {
  name: 'account-unknown',
  title: 'Account unknown',
  hint: 'No share of this address was accepted yet.',
};
const missing = MINER_MISSING;

export const MINER_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/api/v1/miners/{address}',
    summary: 'What it earns: hashrates, shares, balance, next payout',
    tag: 'miner',
    params: addressParams,
    query: nothing,
    response: minerSchema,
    maxAgeSeconds: 3,
    answer: ({ reads }, { address }) => reads.miner(address),
    missing,
  }),
  endpoint({
    path: '/api/v1/miners/{address}/workers',
    summary: 'Its machines, most trouble first',
    tag: 'miner',
    params: addressParams,
    query: pageQuery,
    response: pageOf(workerSchema),
    maxAgeSeconds: 3,
    answer: ({ reads }, { address }, page) => reads.workers(address, page),
    missing,
  }),
  endpoint({
    path: '/api/v1/miners/{address}/series',
    summary: 'Columns for charts: hashrate, refusals',
    tag: 'miner',
    params: addressParams,
    query: rangeQuery,
    response: minerSeriesSchema,
    maxAgeSeconds: 20,
    answer: ({ reads }, { address }, { range }) => reads.minerSeries(address, range),
    missing,
  }),
  endpoint({
    path: '/api/v1/miners/{address}/payments',
    summary: 'What it was paid, newest first',
    tag: 'miner',
    params: addressParams,
    query: pageQuery,
    response: pageOf(minerPaymentSchema),
    maxAgeSeconds: 3,
    answer: ({ reads }, { address }, page) => reads.minerPayments(address, page),
    missing,
  }),
  endpoint({
    path: '/api/v1/miners/{address}/rewards',
    summary: 'What it was credited, newest first; PPS and FPPS credit by the minute and are not in it',
    tag: 'miner',
    params: addressParams,
    query: pageQuery,
    response: pageOf(minerRewardSchema),
    maxAgeSeconds: 3,
    answer: ({ reads }, { address }, page) => reads.minerRewards(address, page),
    missing,
  }),
  endpoint({
    path: '/api/v1/miners/{address}/refusals',
    summary: 'Why shares were refused in the last hour, what to do, and the last events of its connections',
    tag: 'miner',
    params: addressParams,
    query: nothing,
    response: refusalsSchema,
    maxAgeSeconds: 3,
    answer: ({ reads }, { address }) => reads.refusals(address),
    missing,
  }),
];
