/** All eight strict clients against a whole pool whose node makes ten templates a second, for as long as one likes. */

import { MINER_CLIENTS } from '../../src/miner/client-profiles.ts';
import { type MinerSummary, runMiner } from '../../src/miner/miner.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';

export interface StrictReport {
  readonly miner: MinerSummary;
  /** What the simulated node made meanwhile, per second. */
  readonly templatesPerSecond: number;
  readonly ok: boolean;
}

/** Shares of 2^16 hashes: some five a second of each client, and every eighth of a second a candidate block among all. */
const DIFFICULTY_LOG2 = -16;
const NETWORK_DIFFICULTY_LOG2 = -12;
/** Of each client: all eight together take a third of a core. */
const HASHES_PER_SECOND = 60_000;

export async function openStrictRig(): Promise<PoolRig> {
  const rig = await PoolRig.open({
    difficultyLog2: DIFFICULTY_LOG2,
    networkDifficultyLog2: NETWORK_DIFFICULTY_LOG2,
    blocksPerSecond: 10,
  });
  await rig.startEngine().ready;
  return rig;
}

/** @param perClient connections of each of the eight */
export async function runStrict(
  rig: PoolRig,
  seconds: number,
  perClient = 1,
  onStatus: (line: string) => void = () => {},
): Promise<StrictReport> {
  const before = (await rig.control.status()).virtualDaaScore;
  const miner = await runMiner({
    port: rig.stratumPort,
    network: RIG_NETWORK,
    dialect: 'every',
    strict: true,
    connections: MINER_CLIENTS.length * perClient,
    hashesPerSecond: HASHES_PER_SECOND / perClient,
    seconds,
    statusIntervalMs: 30_000,
    onStatus,
  });
  const summary = await miner.done;
  const templates = (await rig.control.status()).virtualDaaScore - before;
  const { faults, violations, rejected, unanswered, reconnects, loginsRefused } = summary;
  return {
    miner: summary,
    templatesPerSecond: templates / summary.seconds,
    ok:
      faults + rejected + unanswered + reconnects + loginsRefused === 0 &&
      Object.keys(violations).length === 0 &&
      summary.accepted > 0,
  };
}
