/**
 * The checklist against the real thing: engine, simulated node and database as processes, and everything opened that a point may ask
 * for. All sixty pass; then the server is gone, since the last of them stopped it.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConformanceReport } from '../../src/conformance/conformance.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';

const cli = projectPath('dist', 'src', 'cli.js');
const execute = promisify(execFile);
const SHARES_PER_MINUTE = 20;
const MINUTES_MS = 60_000;

let rig: PoolRig;
beforeAll(async () => {
  rig = await PoolRig.open({
    difficultyLog2: -16,
    networkDifficultyLog2: -12,
    port: { difficultyMin: 2 ** -31, difficultyMax: 2 ** 20, sharesPerMinute: SHARES_PER_MINUTE },
    morePorts: [{ port: 0, difficulty: 2 ** -16, proxyFrom: ['127.0.0.1'], label: 'behind balancers' }],
  });
}, MINUTES_MS);
afterAll(() => rig?.close());

describe('the conformance checklist', { timeout: 6 * MINUTES_MS }, () => {
  it('is met by this engine in all of its sixty points', async () => {
    const engine = rig.startEngine();
    const { stratumPorts } = await engine.ready;
    const { stdout } = await execute(process.execPath, [
      ...[cli, 'conformance', '--url', `stratum+tcp://127.0.0.1:${stratumPorts[0]}`, '--json'],
      ...['--network', RIG_NETWORK, '--shares-per-minute', String(SHARES_PER_MINUTE), '--storm', '2000'],
      ...['--simnode', String(rig.node.info.controlAddress), '--metrics-url', `${rig.httpUrl}/metrics`],
      ...['--proxy-url', `stratum+tcp://127.0.0.1:${stratumPorts[1]}`],
      ...['--pid', String(engine.process.pid), '--this-build'],
    ]).catch((error: { stdout: string }) => error);
    const report = JSON.parse(stdout) as ConformanceReport;
    const unmet = report.points.filter(({ finding }) => finding.result !== 'pass');
    expect(unmet).toEqual([]);
    expect(report).toMatchObject({ passed: 60, failed: 0, notApplicable: 0 });
    expect(await engine.exited).toBe(0);
  });

  it('is not sent to somebody else by accident', async () => {
    const refused = execute(process.execPath, [cli, 'conformance', '--url', 'stratum+tcp://192.0.2.1:5555']);
    await expect(refused).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--i-own-this-server'),
    });
  });
});
