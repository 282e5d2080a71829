/** Variable difficulty with real hashes: miners that start far too easy find their difficulty, and no share is lost on the way. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';
import type { MinerSummary } from '../../src/miner/tally.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';

const execute = promisify(execFile);
const cli = projectPath('dist', 'src', 'cli.js');
const MINERS = 30;
const HASHES_PER_SECOND = 20_000;
const START_LOG2 = -31;
const SHARES_PER_MINUTE = 120;
/** 20,000 hashes/s at two shares a second: 10,000 hashes a share, between 2^13 and 2^14. */
const IDEAL_LOG2 = Math.log2((HASHES_PER_SECOND * 60) / SHARES_PER_MINUTE) - 32;

let rig: PoolRig;
beforeAll(async () => {
  rig = await PoolRig.open({
    difficultyLog2: START_LOG2,
    networkDifficultyLog2: 12,
    port: { difficultyMin: 2 ** -31, difficultyMax: 2 ** -4, sharesPerMinute: SHARES_PER_MINUTE },
  });
  await rig.startEngine().ready;
}, 60_000);
afterAll(() => rig?.close());

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${rig.httpUrl}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? Number.NaN);
}

const mine = async (seconds: number, ...more: string[]): Promise<MinerSummary> => {
  const { stdout } = await execute(process.execPath, [
    ...[cli, 'miner', '--port', String(rig.stratumPort), '--network', RIG_NETWORK, '--json'],
    ...['--connections', String(MINERS), '--hashes-per-second', String(HASHES_PER_SECOND)],
    ...['--seconds', String(seconds), ...more],
  ]);
  return JSON.parse(stdout) as MinerSummary;
};

describe('a port with variable difficulty', { timeout: 90_000 }, () => {
  it('brings every miner near its rate, and refuses nobody a share for it', async () => {
    const summary = await mine(20);
    expect([summary.rejected, summary.violations]).toEqual([0, {}]);
    expect(summary.accepted).toBe(summary.sent);
    // Ten thousand shares a second and miner at first; at the end two, or else twenty seconds would have brought millions.
    expect(await metric('sluice_stratum_retargets_total{direction="up"}')).toBeGreaterThanOrEqual(MINERS);
    const rows = await rig.sql<{ difficulty_log2: number; rigs: number }[]>`
      SELECT difficulty_log2, count(DISTINCT worker_id)::int AS rigs FROM shares
      WHERE received_at > (SELECT max(received_at) FROM shares) - interval '4 seconds'
      GROUP BY difficulty_log2 ORDER BY rigs DESC`;
    expect(Math.abs(rows[0]!.difficulty_log2 - IDEAL_LOG2)).toBeLessThanOrEqual(2);
  });
});
