/** Every bench at its smallest: it runs, and what it counts was really judged, answered and stored. No timing. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { GOALS } from '../../bench/goals.ts';
import { runCase } from '../../bench/lib/case-run.ts';
import { DEFAULT_SEED } from '../../bench/lib/case-values.ts';
import { listCases } from '../../bench/lib/catalogue.ts';
import { machineNow } from '../../bench/lib/machine.ts';
import { appendRecord, readRecords, recordOf } from '../../bench/lib/record.ts';
import { projectPath } from '../../src/kit/project-root.ts';

const execute = promisify(execFile);
const runner = projectPath('dist', 'bench', 'run.js');
const CASE_TIMEOUT_MS = 240_000;
/** On a busy machine an open loop is late. That makes a run's figures worthless, but a share that was refused is the fault here. */
const LATE = 'the generator fell behind';

const cases = await listCases();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-bench-smoke-'));
  // When root runs the tests, the databases' account must be able to enter.
  chmodSync(folder, 0o711);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refused = (...args: string[]): Promise<{ code: number; stderr: string }> =>
  execute(process.execPath, [runner, ...args]).then(
    () => ({ code: 0, stderr: '' }),
    (error: { code: number; stderr: string }) => error,
  );

describe('the bench suite', () => {
  it('lists every case with one line', async () => {
    const { stdout } = await execute(process.execPath, [runner]);
    for (const { name } of cases)
      expect(stdout).toMatch(new RegExp(`^ +${name} +(micro|flow) +\\S.{20,}$`, 'm'));
  });

  it('says what is wrong with a name, an option or a number that cannot be, and ends with 2', async () => {
    expect(await refused('nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no bench "nothing"') as string,
    });
    expect(await refused('durable-submit', '--depth', '0')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('from 1 to 256, not "0"') as string,
    });
    expect(await refused('durable-submit', '--deep', '1')).toMatchObject({ code: 2 });
    expect(await refused('durable-submit', 'framer', '--depth', '1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('framer has no --depth') as string,
    });
    expect(await refused('goals', '--only', '3,x')).toMatchObject({ code: 2 });
    expect(await refused('kernel', '--filter', '(')).toMatchObject({ code: 2 });
    expect(await refused('compare', join(folder, 'none'), join(folder, 'none'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ENOENT') as string,
    });
    expect(await refused('ab', 'no-such-commit', 'kernel')).toMatchObject({ code: 2 });
  });

  it('sends load to this machine only, unless told that the other is one’s own', async () => {
    for (const host of ['192.0.2.1', '[2001:db8::1]']) {
      expect(await refused('load', '--url', `stratum+tcp://${host}:5555`)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('--i-own-this-server') as string,
      });
    }
  });

  it('has a page of results that agrees with its records', async () => {
    expect(await refused('results', '--check')).toMatchObject({ code: 0 });
  });

  it('runs several cases, keeps them as one likes, and compares with what was kept', async () => {
    const [json, html] = [join(folder, 'kept.ndjson'), join(folder, 'kept.html')];
    const args = ['framer', 'metrics', '--smoke', '--rounds', '3', '--json', json];
    await execute(process.execPath, [runner, ...args]);
    const { stdout } = await execute(process.execPath, [runner, ...args, '--html', html, '--compare', json]);
    expect(readRecords(json).map((record) => record.case)).toEqual([
      ...['framer', 'metrics'],
      ...['framer', 'metrics'],
    ]);
    expect(stdout).toMatch(/^engine\.ns_per_share .*(better|worse|no difference)$/m);
    expect(readFileSync(html, 'utf8')).toContain('<h2>metrics</h2>');
    const goals = await execute(process.execPath, [runner, 'goals', '--from', json, '--only', '14']);
    expect(goals.stdout).toMatch(/metrics: engine\.ns_per_share +no record +<= 50.0 +not measured/);
  });

  it(
    'stops its servers in order and leaves nothing behind when it is stopped itself',
    async () => {
      const temporary = join(folder, 'temporary');
      mkdirSync(temporary);
      const child = spawn(process.execPath, [runner, 'journal-cost', '--smoke', '--rounds', '1000'], {
        env: { ...process.env, TMPDIR: temporary },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      await new Promise<void>((resolve) =>
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (said.includes('%')) resolve();
        }),
      );
      expect(readdirSync(temporary)).not.toEqual([]);
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([130, null]);
      expect(readdirSync(temporary)).toEqual([]);
    },
    CASE_TIMEOUT_MS,
  );

  // Two at a time: most of a flow case's smoke is servers starting.
  describe.concurrent('at its smallest', { concurrent: true }, () => {
    vi.setConfig({ maxConcurrency: 2 });
    for (const { name, benchCase } of cases) {
      const missing = benchCase.missing?.();
      if (missing !== undefined) it.skip(`${name} ${missing}`, () => {});
    }
    const able = cases.filter(({ benchCase }) => benchCase.missing?.() === undefined);
    it.each(able.map((one) => [one.name, one] as const))(
      '%s runs, loses nothing, and makes a record that reads back',
      async (name, one) => {
        const run = await runCase(
          projectPath('dist', 'bench', 'lib', 'case-process.js'),
          one.file,
          { values: {}, seed: DEFAULT_SEED, smoke: true, filter: undefined },
          () => {},
        );
        expect(run.result.invalid.filter((reason) => !reason.includes(LATE))).toEqual([]);
        expect(run.result.measures.length).toBeGreaterThan(0);
        for (const { name: measure, values } of run.result.measures) {
          expect(values.length, measure).toBeGreaterThan(0);
          expect(
            values.filter((value) => !Number.isFinite(value)),
            measure,
          ).toEqual([]);
        }
        const wanted = GOALS.flatMap(({ checks }) => checks).filter((check) => check.case === name);
        for (const { measure } of wanted)
          expect(run.result.measures.map((made) => made.name)).toContain(measure);
        const { kind, title } = one.benchCase;
        const record = recordOf(
          {
            ...{ name, kind, title, seed: 1, smoke: true, filter: undefined },
            ...{ machine: machineNow(), loadAfter: 0, seconds: 1 },
          },
          run,
        );
        const file = join(folder, `${name}.ndjson`);
        appendRecord(file, record);
        expect(readRecords(file)).toEqual([JSON.parse(JSON.stringify(record))]);
        expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(2);
      },
      CASE_TIMEOUT_MS,
    );
  });
});
