/**
 * The OpenAPI 3.1 document of the JSON interface, made of the very table and schemas that serve it. Pure; made once, when first asked for.
 */
import { z } from 'zod';
import { createDocument, type ZodOpenApiPathsObject } from 'zod-openapi';
import { ENDPOINTS } from './routes/api-table.ts';
import type { Endpoint } from './routes/endpoint.ts';
import { sompi } from './schemas/field.ts';
import * as miner from './schemas/miner.ts';
import * as pool from './schemas/pool.ts';

export type ApiDocument = ReturnType<typeof createDocument>;

/** Open, as the RFC has it: a problem may say more than programs know of. */
const problemSchema = z
  .looseObject({
    type: z.string().describe('What programs branch on; stays the same'),
    title: z.string(),
    status: z.number().int(),
    hint: z.string().describe('For whoever reads it'),
    parameter: z.string().optional().describe('Which one is meant, of `parameter-invalid`'),
    reasons: z.array(z.string()).optional().describe('What is missing, of 503'),
  })
  .describe('RFC 9457');

const settingsFormSchema = z.object({
  network: z.string(),
  pool: z.string(),
  leastThresholdSompi: sompi,
  defaultThresholdSompi: sompi,
  message: z.string().describe('The text to fill in and sign'),
});
const settingsGivenSchema = z.strictObject({
  address: z.string(),
  message: z.string(),
  signature: z.string(),
});
const settingsHeldSchema = z.object({
  changed: z.boolean(),
  address: z.string(),
  thresholdSompi: sompi,
  thresholdAsked: z.boolean(),
  donationBasisPoints: z.number().int(),
  alerts: z.string(),
  settingsSignedAt: z.string(),
});

const PROBLEM_TEXTS: Readonly<Record<string, string>> = {
  400: 'A parameter, address, cursor or body was not understood; the hint says which',
  403: 'The signature does not fit',
  404: 'There is no such thing',
  408: 'The body did not come in time',
  409: 'Newer settings are stored',
  413: 'The body is too large',
  429: 'Too many requests; `retry-after` says when to come again',
  503: 'The database is away or slow; ask again in a few seconds',
};

export function apiDocument(version: string): ApiDocument {
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Sluice',
      version,
      description:
        'What a pool and its miners are doing. Amounts are decimal strings of sompi (10^-8 KAS), hashrates numbers of H/s, moments ISO 8601 UTC. Worker names are what miners chose to send: data, never markup. Every answer of 200 under /api/v1 has an ETag but that of /api/v1/settings; pages and metrics have none. A figure is some seconds old, and says of when it is where that matters (`at`).',
    },
    tags: [
      { name: 'pool', description: 'The pool as a whole' },
      { name: 'miner', description: 'One miner, by its payout address' },
      { name: 'settings', description: 'What an account asks for, proved by its signature' },
      { name: 'live', description: 'What changes, as it changes' },
      { name: 'compat', description: "In the words of other pools' programs" },
      { name: 'process', description: 'For whoever runs it' },
    ],
    paths: { ...Object.fromEntries(ENDPOINTS.map((one) => [one.path, pathOf(one)])), ...OTHER_PATHS },
    components: {
      schemas: {
        Problem: problemSchema,
        Pool: pool.poolSchema,
        PoolSeries: pool.poolSeriesSchema,
        Block: pool.blockSchema,
        Payout: pool.payoutSchema,
        Miner: miner.minerSchema,
        Worker: miner.workerSchema,
        MinerSeries: miner.minerSeriesSchema,
        MinerPayment: miner.minerPaymentSchema,
        MinerReward: miner.minerRewardSchema,
        Refusals: miner.refusalsSchema,
      },
    },
  });
}

function pathOf(endpoint: Endpoint): ZodOpenApiPathsObject[string] {
  const { params, query, response, summary, tag, missing, maxAgeSeconds } = endpoint;
  const unknown = missing !== undefined || Object.keys(params.shape).length > 0;
  return {
    get: {
      summary,
      tags: [tag],
      requestParams: { path: params, query },
      responses: {
        200: {
          description: `Kept for ${maxAgeSeconds} s`,
          content: { 'application/json': { schema: response } },
        },
        304: { description: 'As `if-none-match` has it' },
        ...problems(400, ...(unknown ? [404] : []), 429, 503),
      },
    },
  };
}

function problems(...statuses: number[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: PROBLEM_TEXTS[status]!,
        content: { 'application/problem+json': { schema: problemSchema } },
      },
    ]),
  );
}

const plain = (description: string) => ({ description, content: { 'text/plain': { schema: z.string() } } });

/** What is served beside the table. */
const OTHER_PATHS: ZodOpenApiPathsObject = {
  '/api/v1/settings': {
    get: {
      summary: 'What a settings message has to say at this pool, with the text to fill in',
      tags: ['settings'],
      responses: {
        200: { description: 'The form', content: { 'application/json': { schema: settingsFormSchema } } },
      },
    },
    post: {
      summary: 'Takes settings that the key of the address has signed',
      tags: ['settings'],
      requestBody: { content: { 'application/json': { schema: settingsGivenSchema } } },
      responses: {
        200: {
          description: 'What holds now',
          content: { 'application/json': { schema: settingsHeldSchema } },
        },
        ...problems(400, 403, 404, 408, 409, 413, 429, 503),
      },
    },
  },
  '/api/v1/live': {
    get: {
      summary: 'A WebSocket that tells what changes',
      description:
        'With `?topics=pool,blocks,miner:ADDRESS`, or asked later: `{"subscribe": [...]}`, `{"unsubscribe": [...]}`. Each message is `{"topic", "sequence", "at", "data"}`. `sequence` rises within a topic and may have gaps; it says nothing of the order of two topics, and begins anew when the server does',
      tags: ['live'],
      responses: {
        101: { description: 'Open' },
        426: { description: 'To be opened as a WebSocket' },
      },
    },
  },
  '/api/openapi.json': {
    get: { summary: 'This document', tags: ['process'], responses: { 200: { description: 'OpenAPI 3.1' } } },
  },
  '/api/docs': {
    get: {
      summary: 'This document as a page',
      tags: ['process'],
      responses: { 200: { description: 'HTML' } },
    },
  },
  '/metrics': {
    get: {
      summary: 'Figures for Prometheus',
      tags: ['process'],
      responses: { 200: plain('Text format 0.0.4'), ...problems(503) },
    },
  },
  '/healthz': {
    get: { summary: 'Whether the process lives', tags: ['process'], responses: { 200: plain('It does') } },
  },
  '/readyz': {
    get: {
      summary: 'Whether miners and pages are served as they should',
      tags: ['process'],
      responses: {
        200: {
          description: 'Ready',
          content: {
            'application/json': { schema: z.object({ ready: z.boolean(), reasons: z.array(z.string()) }) },
          },
        },
        ...problems(503),
      },
    },
  },
};
