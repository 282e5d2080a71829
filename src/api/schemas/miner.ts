/** One miner, by payout address: what it earns, its workers, and why it was refused. */
import { z } from 'zod';
import { blockHash, byVerdict, count, hashesPerSecond, moment, RANGES, sompi } from './field.ts';

export const minerSchema = z.object({
  address: z.string(),
  at: moment,
  firstSeenAt: moment,
  lastShareAt: moment.nullable(),
  hashrate: z.object({ m10: hashesPerSecond, h1: hashesPerSecond, h24: hashesPerSecond }),
  workers: z.object({ online: count, idle: count, offline: count }),
  shares: z.object({
    h1: z.object({ accepted: count, rejected: byVerdict }),
    h24: z.object({ accepted: count, rejected: byVerdict }),
  }),
  balanceSompi: sompi.describe('Free to pay'),
  immatureSompi: sompi.describe('Estimate of its part of rewards that are not mature yet'),
  inFlightSompi: sompi.describe('In payouts that are on their way'),
  paidSompi: sompi.describe("In confirmed payouts, without the network's fee"),
  earned24hSompi: sompi,
  threshold: z.object({ sompi, asked: z.boolean().describe('false: the minimum of the pool holds') }),
  donationBasisPoints: count,
  settingsSignedAt: z.string().describe("ISO 8601, '' = it never signed any"),
  nextPayout: z.object({
    at: moment.nullable().describe('When the payer looks next; null = it does not run'),
    paysNow: z.boolean().describe('The balance is at the threshold'),
    estimateSompi: sompi.describe('What would be paid if it were now, before the network fee'),
    reachedInSeconds: z
      .number()
      .nullable()
      .describe('Until the threshold, at the earnings of the last 24 hours; null = unknown, 0 = reached'),
  }),
});
export type MinerView = z.infer<typeof minerSchema>;

export const WORKER_STATES = ['online', 'idle', 'offline', 'gone'] as const;

export const workerSchema = z.object({
  name: z.string(),
  state: z
    .enum(WORKER_STATES)
    .describe(
      'online: connected, a share within 10 minutes; idle: connected without; offline: not connected, a share within 24 hours; gone: not connected, the last share within seven days. Counts of workers are of the first three',
    ),
  hashrate: z.object({ m10: hashesPerSecond, h1: hashesPerSecond, h24: hashesPerSecond }),
  accepted24h: count,
  rejected24h: byVerdict,
  lastShareAt: moment.nullable(),
  connections: count,
  connectedSince: moment.nullable(),
  difficulty: z.number().nullable().describe('Of the share it is asked for now'),
  agent: z.string(),
  port: z.string().describe('Label of its port'),
  blocks24h: count,
  trouble: z.number().describe('What sorts the list: most trouble first; 0 = none'),
});
export type WorkerView = z.infer<typeof workerSchema>;

export const minerSeriesSchema = z.object({
  range: z.enum(RANGES),
  stepSeconds: count,
  from: moment,
  hashrate: z.array(z.number().nullable()),
  rejectedShare: z.array(z.number().nullable()),
});
export type MinerSeries = z.infer<typeof minerSeriesSchema>;

export const minerPaymentSchema = z.object({
  payoutId: z.string(),
  at: moment,
  state: z.string(),
  txid: z.string(),
  outputSompi: sompi,
  feeSompi: sompi,
});
export type MinerPayment = z.infer<typeof minerPaymentSchema>;

export const minerRewardSchema = z.object({
  settlementId: z.string(),
  at: moment,
  scheme: z.string(),
  sharePercent: z.number().describe('Of the work in the window'),
  creditSompi: sompi,
  feeSompi: sompi,
  donationSompi: sompi,
  blocks: z.array(blockHash).describe('At most 20'),
});
export type MinerReward = z.infer<typeof minerRewardSchema>;

/** "Why was I refused": the last events of live connections, and the last hour's refusals in words. */
export const refusalsSchema = z.object({
  reasons: z.array(
    z.object({
      verdict: z.string(),
      count: count.describe('Last hour'),
      meaning: z.string(),
      remedy: z.string(),
    }),
  ),
  connections: z.array(
    z.object({
      worker: z.string(),
      agent: z.string(),
      dialect: z.string(),
      port: z.string(),
      secondsConnected: count,
      difficulty: z.number(),
      roundTripMs: z.number().nullable(),
      events: z.array(
        z.object({
          secondsAgo: z.number(),
          text: z.string().describe('One sentence'),
          verdict: z.string().nullable(),
        }),
      ),
    }),
  ),
});
export type Refusals = z.infer<typeof refusalsSchema>;
