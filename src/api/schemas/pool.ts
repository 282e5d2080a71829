/** The pool as a whole: what is published once a second, and its history. */
import { z } from 'zod';
import { blockHash, byVerdict, count, hashesPerSecond, moment, RANGES, sompi } from './field.ts';

export const portSchema = z.object({
  label: z.string(),
  url: z.string().describe('To copy into a miner: scheme, host and port'),
  host: z.string(),
  port: count,
  tls: z.boolean(),
  transport: z.enum(['tcp', 'websocket']),
  difficulty: z.number().positive(),
  difficultyMin: z.number().positive(),
  difficultyMax: z.number().positive(),
  sharesPerMinute: z.number().positive().nullable().describe('null: difficulty does not vary by itself'),
  scheme: z.string(),
  extranonceBytes: count,
  connections: count,
});

export const schemeSchema = z.object({
  scheme: z.string(),
  feePercent: z.number(),
  finderBonusPercent: z.number(),
  windowDifficulties: z.number().nullable().describe('PPLNS: network difficulties of work in the window'),
  roundMinutes: z.number().nullable().describe('points: length of a round'),
  hashrate: hashesPerSecond.describe('Of its ports, the last hour'),
  effort: z.number().nullable().describe('Work since its last block, in blocks expected; null = unknown'),
});

export const nodeSchema = z.object({
  name: z.string(),
  connected: z.boolean(),
  synced: z.boolean(),
  version: z.string(),
  daaScore: count,
  lastTemplateAgeMs: z.number(),
  fault: z.string(),
});

export const recentBlockSchema = z.object({
  hash: blockHash,
  at: moment,
  worker: z.string(),
  colour: z.enum(['unknown', 'blue', 'red']),
  reward: z.string().describe("Sompi, '' while unknown"),
});

export const poolSchema = z.object({
  version: z.string(),
  network: z.string(),
  at: moment,
  startedAt: moment,
  uptimeSeconds: count,
  loginFormat: z.string(),
  payAddress: z.string(),
  nodes: z.array(nodeSchema),
  ports: z.array(portSchema),
  miners: count.describe('Distinct payout addresses with a live connection'),
  workers: count,
  hashrate: z.object({
    m1: hashesPerSecond,
    m10: hashesPerSecond,
    h1: hashesPerSecond,
    h24: hashesPerSecond,
  }),
  chain: z
    .object({
      hashrate: hashesPerSecond,
      difficulty: z.number(),
      daaScore: count,
      blocksPerSecond: z.number(),
    })
    .nullable()
    .describe('The whole network, by the last template; null = none yet'),
  shares: z.object({ accepted: count, rejected: byVerdict }),
  blocks: z.object({
    found: count,
    accepted: count,
    refused: count,
    blue: count,
    red: count,
    recent: z.array(recentBlockSchema),
    h24: count.describe('Found in 24 hours'),
    lastAt: moment.nullable(),
    luck7d: z
      .number()
      .nullable()
      .describe('Blocks found / blocks expected by the work of 7 days; above 1 is luck'),
  }),
  schemes: z.array(schemeSchema),
  payouts: z.object({
    minimumSompi: sompi,
    leastThresholdSompi: sompi,
    intervalSeconds: z.number(),
    maturityDaa: count,
    lastAt: moment.nullable(),
    paidSompi: sompi.describe('Confirmed, ever'),
    state: z.enum(['running', 'halted', 'stopped']),
  }),
  journal: z.object({
    state: z.string(),
    fault: z.string(),
    appended: count,
    durable: count,
    segment: z.string(),
  }),
  database: z.object({
    state: z.string(),
    fault: z.string(),
    lagRecords: count,
    lagSeconds: z.number(),
    loaded: count,
  }),
  ready: z.object({ ok: z.boolean(), reasons: z.array(z.string()) }),
});
export type PoolView = z.infer<typeof poolSchema>;

/** Columns of equal length; null = nothing is known of that step (the database was away, the pool did not run). */
export const poolSeriesSchema = z.object({
  range: z.enum(RANGES),
  stepSeconds: count,
  from: moment.describe('Start of the first step'),
  hashrate: z.array(z.number().nullable()),
  workers: z.array(z.number().nullable()),
  rejectedShare: z.array(z.number().nullable()).describe('Rejected / all submissions, 0 to 1'),
  blocks: z.array(count),
});
export type PoolSeries = z.infer<typeof poolSeriesSchema>;

export const blockSchema = z.object({
  hash: blockHash,
  at: moment,
  state: z.enum(['candidate', 'submitted', 'accepted', 'refused', 'blue', 'red', 'matured', 'orphaned']),
  colour: z.enum(['unknown', 'blue', 'red']),
  scheme: z.string(),
  finder: z.string().describe('Payout address of who found it'),
  worker: z.string(),
  instance: z.string(),
  daaScore: count,
  blueScore: count,
  rewardSompi: sompi.nullable(),
  mergingBlock: blockHash.nullable(),
  effort: z.number().nullable().describe('Work since the block before, in blocks expected; 1 = as expected'),
  templateAgeMs: z.number().nullable(),
  causes: z.array(z.string()).describe('Red blocks: what the figures say about why, in words'),
  settlements: z.array(z.string()).describe('Ids of the settlements that divided its reward'),
});
export type BlockRow = z.infer<typeof blockSchema>;

export const payoutSchema = z.object({
  id: z.string(),
  at: moment,
  state: z.enum(['PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED', 'CONFIRMED', 'CONFLICTED', 'CANCELLED']),
  txid: z.string().describe("'' until it is signed"),
  payees: count,
  paidSompi: sompi,
  feeSompi: sompi,
});
export type PayoutRow = z.infer<typeof payoutSchema>;
