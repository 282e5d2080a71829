/**
 * Addresses that other pools' programs ask: those of the pool reference, of 2Miners and of Miningcore. They say in other words what
 * /api/v1 says, from the same reads; whoever writes something new should ask that.
 */
import { z } from 'zod';
import {
  balancesSchema,
  miningcoreMinerSchema,
  miningcorePoolsSchema,
  publicConfigSchema,
  thousandQuery,
  totalsSchema,
  twoMinersSchema,
} from '../schemas/compat.ts';
import type { PageQuery } from '../schemas/field.ts';
import type { WorkerView } from '../schemas/miner.ts';
import { type Endpoint, endpoint, nothing } from './endpoint.ts';
import { addressParams, MINER_MISSING as missing } from './miner-endpoints.ts';

/** A page of a widget; whoever has more machines asks /api/v1. */
const WORKERS_SHOWN: PageQuery = { limit: 100 };
const PAYMENTS_SHOWN: PageQuery = { limit: 30 };
const POOL_ID = 'kaspa';

export const COMPAT_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/config',
    summary: 'What of the configuration everybody may know',
    tag: 'compat',
    params: nothing,
    query: nothing,
    response: publicConfigSchema,
    maxAgeSeconds: 30,
    answer: ({ reads }) => {
      const pool = reads.pool();
      return {
        network: pool.network,
        treasury: pool.payAddress,
        ports: pool.ports.map(({ port, difficulty, tls, transport, scheme, label }) => ({
          ...{ port, difficulty, tls, transport, scheme, label },
        })),
        fees: pool.schemes.map(({ scheme, feePercent }) => ({ scheme, percent: feePercent })),
        payments: {
          intervalSeconds: pool.payouts.intervalSeconds,
          thresholdSompi: pool.payouts.minimumSompi,
          leastThresholdSompi: pool.payouts.leastThresholdSompi,
        },
      };
    },
  }),
  endpoint({
    path: '/balance',
    summary: 'What every miner is owed, free or on its way, by address',
    tag: 'compat',
    params: nothing,
    query: thousandQuery,
    response: balancesSchema,
    maxAgeSeconds: 30,
    answer: async ({ reads }, _, page) => {
      const { items, next } = await reads.balances(page);
      return { items: items.map(({ address, sompi }) => ({ wallet: address, balance: sompi })), next };
    },
  }),
  endpoint({
    path: '/total',
    summary: 'What every miner was credited ever, by address',
    tag: 'compat',
    params: nothing,
    query: thousandQuery,
    response: totalsSchema,
    maxAgeSeconds: 30,
    answer: async ({ reads }, _, page) => {
      const { items, next } = await reads.totals(page);
      return { items: items.map(({ address, sompi }) => ({ address, total: sompi })), next };
    },
  }),
  endpoint({
    path: '/api/accounts/{address}',
    summary: 'A miner in the shape of 2Miners',
    tag: 'compat',
    params: addressParams,
    query: nothing,
    response: twoMinersSchema,
    maxAgeSeconds: 10,
    answer: async ({ reads }, { address }) => {
      const miner = await reads.miner(address);
      const workers = await reads.workers(address, WORKERS_SHOWN);
      const payments = await reads.minerPayments(address, PAYMENTS_SHOWN);
      if (!miner || !workers || !payments) return undefined;
      const { online, idle, offline } = miner.workers;
      return {
        currentHashrate: miner.hashrate.m10,
        hashrate: miner.hashrate.h24,
        '24hreward': Number(miner.earned24hSompi),
        paymentsTotal: payments.items.length,
        payments: payments.items.map(({ outputSompi, at, txid }) => ({
          amount: Number(outputSompi),
          timestamp: secondsOf(at),
          tx: txid,
        })),
        stats: {
          balance: Number(miner.balanceSompi),
          immature: Number(miner.immatureSompi),
          pending: Number(miner.inFlightSompi),
          paid: Number(miner.paidSompi),
          lastShare: secondsOf(miner.lastShareAt),
        },
        workers: Object.fromEntries(
          lately(workers.items).map(({ name, hashrate, lastShareAt, state }) => [
            name,
            {
              hr: hashrate.m10,
              hr2: hashrate.h24,
              lastBeat: secondsOf(lastShareAt),
              offline: state === 'offline',
            },
          ]),
        ),
        workersTotal: online + idle + offline,
        workersOnline: online + idle,
        workersOffline: offline,
      };
    },
    missing,
  }),
  endpoint({
    path: '/api/pools',
    summary: 'The pool in the shape of Miningcore',
    tag: 'compat',
    params: nothing,
    query: nothing,
    response: miningcorePoolsSchema,
    maxAgeSeconds: 10,
    answer: ({ reads }) => {
      const pool = reads.pool();
      const scheme = pool.schemes[0];
      return {
        pools: [
          {
            id: POOL_ID,
            coin: { type: 'KAS', name: 'Kaspa', symbol: 'KAS', algorithm: 'kHeavyHash' },
            ports: Object.fromEntries(
              pool.ports.map(({ port, host, label, difficulty, tls }) => [
                String(port),
                { listenAddress: host, name: label, difficulty, tls },
              ]),
            ),
            paymentProcessing: {
              enabled: pool.payouts.state === 'running',
              minimumPayment: kas(pool.payouts.minimumSompi),
              payoutScheme: (scheme?.scheme ?? '').toUpperCase(),
            },
            poolFeePercent: scheme?.feePercent ?? 0,
            address: pool.payAddress,
            poolStats: { connectedMiners: pool.miners, poolHashrate: pool.hashrate.m10 },
            networkStats: {
              networkHashrate: pool.chain?.hashrate ?? 0,
              networkDifficulty: pool.chain?.difficulty ?? 0,
              blockHeight: pool.chain?.daaScore ?? 0,
            },
            totalPaid: kas(pool.payouts.paidSompi),
            totalBlocks: pool.blocks.found,
            lastPoolBlockTime: pool.blocks.lastAt,
          },
        ],
      };
    },
  }),
  endpoint({
    path: `/api/pools/{id}/miners/{address}`,
    summary: 'A miner in the shape of Miningcore',
    tag: 'compat',
    params: addressParams.extend({ id: z.literal(POOL_ID) }),
    query: nothing,
    response: miningcoreMinerSchema,
    maxAgeSeconds: 10,
    answer: async ({ reads }, { address }) => {
      const miner = await reads.miner(address);
      const workers = await reads.workers(address, WORKERS_SHOWN);
      const payments = await reads.minerPayments(address, PAYMENTS_SHOWN);
      if (!miner || !workers || !payments) return undefined;
      const confirmed = payments.items.filter(({ state }) => state === 'CONFIRMED');
      const today = miner.at.slice(0, 10);
      return {
        pendingBalance: kas(miner.balanceSompi),
        totalPaid: kas(miner.paidSompi),
        todayPaid: kas(
          confirmed
            .filter(({ at }) => at.startsWith(today))
            .reduce((sum, { outputSompi }) => sum + BigInt(outputSompi), 0n)
            .toString(),
        ),
        lastPayment: confirmed[0]?.at ?? null,
        performance: {
          created: miner.at,
          workers: Object.fromEntries(
            lately(workers.items).map(({ name, hashrate, accepted24h }) => [
              name,
              { hashrate: hashrate.m10, sharesPerSecond: accepted24h / 86_400 },
            ]),
          ),
        },
      };
    },
    missing,
  }),
];

/** The number that is nearest to the exact amount: summed as integers, placed as text, rounded once. */
function kas(sompi: string): number {
  return Number(`${sompi}e-8`);
}

/** What reads these shapes knows of no worker that has stopped for good. */
function lately(workers: readonly WorkerView[]): readonly WorkerView[] {
  return workers.filter(({ state }) => state !== 'gone');
}

function secondsOf(moment: string | null): number {
  return moment === null ? 0 : Math.floor(Date.parse(moment) / 1_000);
}
