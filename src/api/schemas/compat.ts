/** Answers in the words of other pools' programs, for apps and widgets that know those. Amounts are theirs, too: numbers. */
import { z } from 'zod';
import { count, sompi } from './field.ts';

export const publicConfigSchema = z.object({
  network: z.string(),
  treasury: z.string().describe("The pool's own address"),
  ports: z.array(
    z.object({
      port: count,
      difficulty: z.number(),
      tls: z.boolean(),
      transport: z.enum(['tcp', 'websocket']),
      scheme: z.string(),
      label: z.string(),
    }),
  ),
  fees: z.array(z.object({ scheme: z.string(), percent: z.number() })),
  payments: z.object({ intervalSeconds: z.number(), thresholdSompi: sompi, leastThresholdSompi: sompi }),
});

/** A thousand rows at most: some 100 kB. */
export const thousandQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(1_000).describe('Rows of one page'),
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/)
    .optional()
    .describe('`next` of the page before; opaque'),
});

export const balancesSchema = z.object({
  items: z.array(z.object({ wallet: z.string(), balance: sompi })),
  next: z.string().nullable(),
});
export const totalsSchema = z.object({
  items: z.array(z.object({ address: z.string(), total: sompi })),
  next: z.string().nullable(),
});

/** 2Miners. Amounts in sompi, moments in unix seconds. */
export const twoMinersSchema = z.object({
  currentHashrate: z.number(),
  hashrate: z.number(),
  '24hreward': z.number(),
  paymentsTotal: count,
  payments: z.array(z.object({ amount: z.number(), timestamp: count, tx: z.string() })),
  stats: z.object({
    balance: z.number(),
    immature: z.number(),
    pending: z.number(),
    paid: z.number(),
    lastShare: count,
  }),
  workers: z.record(
    z.string(),
    z.object({ hr: z.number(), hr2: z.number(), lastBeat: count, offline: z.boolean() }),
  ),
  workersTotal: count,
  workersOnline: count,
  workersOffline: count,
});

/** Miningcore. Amounts in KAS. */
const miningcorePool = z.object({
  id: z.string(),
  coin: z.object({ type: z.string(), name: z.string(), symbol: z.string(), algorithm: z.string() }),
  ports: z.record(
    z.string(),
    z.object({ listenAddress: z.string(), name: z.string(), difficulty: z.number(), tls: z.boolean() }),
  ),
  paymentProcessing: z.object({
    enabled: z.boolean(),
    minimumPayment: z.number(),
    payoutScheme: z.string(),
  }),
  poolFeePercent: z.number(),
  address: z.string(),
  poolStats: z.object({ connectedMiners: count, poolHashrate: z.number() }),
  networkStats: z.object({ networkHashrate: z.number(), networkDifficulty: z.number(), blockHeight: count }),
  totalPaid: z.number(),
  totalBlocks: count,
  lastPoolBlockTime: z.string().nullable(),
});
export const miningcorePoolsSchema = z.object({ pools: z.array(miningcorePool) });

export const miningcoreMinerSchema = z.object({
  pendingBalance: z.number(),
  totalPaid: z.number(),
  todayPaid: z.number(),
  lastPayment: z.string().nullable(),
  performance: z.object({
    created: z.string(),
    workers: z.record(z.string(), z.object({ hashrate: z.number(), sharesPerSecond: z.number() })),
  }),
});
