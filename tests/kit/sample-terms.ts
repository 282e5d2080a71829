/** Terms of a pool, and reads that know no more than a snapshot, for tests of what stands above them. */
import { PoolReader } from '../../src/api/pool-reader.ts';
import type { PoolReads } from '../../src/api/pool-reads.ts';
import type { PoolTerms } from '../../src/ledger/views/pool-terms.ts';
import type { PoolSnapshot } from '../../src/live/pool-snapshot.ts';
import { snapshotFeed } from '../../src/live/snapshot-feed.ts';
import { POOL_TERMS } from './signed-settings.ts';

const PORT = {
  label: 'small',
  host: '127.0.0.1',
  port: 5555,
  tls: false,
  transport: 'tcp',
  difficulty: 512,
  difficultyMin: 64,
  difficultyMax: 4096,
  sharesPerMinute: 20,
  scheme: 'pplns',
  extranonceBytes: 2,
} as const;

export const SAMPLE_TERMS: PoolTerms = {
  ...POOL_TERMS,
  defaultThresholdSompi: 1_000_000_000n,
  version: '0.1.0',
  loginFormat: 'kaspadev:YOUR_ADDRESS.RIG',
  ports: [PORT, { ...PORT, label: 'solo', port: 5556, scheme: 'solo', sharesPerMinute: null }],
  schemes: [
    { scheme: 'pplns', feePercent: 1, finderBonusPercent: 0, windowDifficulties: 36_000, roundMinutes: null },
    { scheme: 'solo', feePercent: 1.5, finderBonusPercent: 0, windowDifficulties: null, roundMinutes: null },
  ],
  maturityDaa: 1_000,
  payoutIntervalSeconds: 3_600,
  explorer: {
    transaction: 'https://explorer.example/txs/{txid}',
    block: 'https://explorer.example/blocks/{hash}',
  },
};

export function snapshotReads(snapshot: () => PoolSnapshot): PoolReads {
  let nowMs = 0;
  // Its clock never stands still: nothing is kept.
  return new PoolReader({
    live: snapshotFeed(snapshot),
    terms: SAMPLE_TERMS,
    wallClock: () => (nowMs += 1_000),
  });
}
