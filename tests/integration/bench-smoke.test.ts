/** The flow benches at their smallest: they run, and every share they count was judged, answered and stored. No timing. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';

const execute = promisify(execFile);
const runner = projectPath('dist', 'bench', 'run.js');
const CASE_TIMEOUT_MS = 120_000;

interface Side {
  readonly sharesPerSecond: number;
  readonly cpuUsPerShare: number;
  readonly jobsPerMinerPerSecond: number;
  readonly rejected: number;
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-bench-smoke-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function record<T>(name: string, ...args: string[]): Promise<{ machine: { node: string }; result: T }> {
  const file = join(folder, `${name}.ndjson`);
  await execute(process.execPath, [runner, name, ...args, '--json', file]);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as { machine: { node: string }; result: T };
}

describe('the flow benches', () => {
  it('are listed with one line each', async () => {
    const { stdout } = await execute(process.execPath, [runner]);
    for (const name of ['kernel', 'durable-submit', 'latency', 'soak']) {
      expect(stdout).toMatch(new RegExp(`^ +${name} +(micro|flow) +\\S.{20,}$`, 'm'));
    }
  });

  it('refuse a name that is none', async () => {
    await expect(execute(process.execPath, [runner, 'nothing'])).rejects.toMatchObject({ code: 2 });
  });

  it(
    'load both servers with shares of which none is refused, and record the machine',
    async () => {
      const { machine, result } = await record<{ naive: Side; engine: Side; ratios: number[] }>(
        'durable-submit',
        ...[
          '--rounds',
          '1',
          '--seconds',
          '1',
          '--warm-up-seconds',
          '0.5',
          '--connections',
          '20',
          '--depth',
          '2',
        ],
      );
      expect(machine.node).toBe(process.versions.node);
      expect(result.ratios).toHaveLength(1);
      for (const side of [result.naive, result.engine]) {
        expect(side.sharesPerSecond).toBeGreaterThan(0);
        expect(side.cpuUsPerShare).toBeGreaterThan(0);
        expect(side.jobsPerMinerPerSecond).toBeGreaterThan(0);
        expect(side.rejected).toBe(0);
      }
    },
    CASE_TIMEOUT_MS,
  );

  it(
    'send by the clock and report percentiles of every answer',
    async () => {
      interface Percentiles {
        readonly count: number;
        readonly p50Ms: number;
        readonly p99Ms: number;
      }
      const { result } = await record<Record<'naive' | 'engine', { latency: Percentiles; rejected: number }>>(
        'latency',
        ...[
          '--rounds',
          '1',
          '--seconds',
          '1',
          '--warm-up-seconds',
          '0.5',
          '--connections',
          '20',
          '--rate',
          '200',
        ],
      );
      for (const side of [result.naive, result.engine]) {
        expect(side.latency.count).toBeGreaterThan(0);
        expect(side.latency.p99Ms).toBeGreaterThanOrEqual(side.latency.p50Ms);
        expect(side.rejected).toBe(0);
      }
    },
    CASE_TIMEOUT_MS,
  );

  it(
    'let miners come and go, and find every answered share in the database',
    async () => {
      const { result } = await record<{
        samples: { rssMb: number }[];
        answeredTrue: number;
        answeredFalse: number;
        lost: number;
        reconnects: number;
        stored: number;
      }>(
        'soak',
        ...['--minutes', '0.05', '--sample-seconds', '1', '--warm-up-seconds', '0.5'],
        ...['--connections', '20', '--rate', '200', '--churn', '10'],
      );
      expect(result.samples.length).toBeGreaterThanOrEqual(2);
      expect(result.samples[0]!.rssMb).toBeGreaterThan(0);
      expect(result.reconnects).toBeGreaterThan(0);
      expect(result.answeredFalse).toBe(0);
      // What was in flight when a connection closed may be stored without its answer having arrived.
      expect(result.stored).toBeGreaterThanOrEqual(result.answeredTrue);
      expect(result.stored).toBeLessThanOrEqual(result.answeredTrue + result.lost);
    },
    CASE_TIMEOUT_MS,
  );
});
