import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DemoSummary } from '../../src/app/demo-summary.ts';
import { projectPath } from '../../src/kit/project-root.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-demo-'));
const data = join(folder, 'data');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface DemoRun {
  readonly code: number;
  readonly output: string;
}

/** @param stopAt words of its output after which it is asked to stop */
async function demo(options: readonly string[], stopAt?: string): Promise<DemoRun> {
  const ports = ['--stratum-port', '0', '--http-port', '0'];
  const child = spawn(
    process.execPath,
    [projectPath('dist', 'src', 'cli.js'), 'demo', '--data', data, ...ports, ...options],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let asked = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output += bytes.toString();
      if (asked || stopAt === undefined || !output.includes(stopAt)) return;
      asked = true;
      child.kill('SIGINT');
    });
  }
  const [code] = (await once(child, 'exit')) as [number];
  return { code, output };
}

const summaryIn = (file: string): DemoSummary => JSON.parse(readFileSync(file, 'utf8')) as DemoSummary;

describe('the demo', () => {
  it('runs a whole pool until a payout is confirmed, and leaves equal figures', async () => {
    const file = join(folder, 'out.json');
    const { code, output } = await demo(['--seconds', '240', '--summary', file], 'first payout confirmed');
    expect(output).toContain('stratum+tcp://127.0.0.1:');
    expect(output).toContain('first payout confirmed');
    expect(code, output).toBe(0);
    const { shares, money, equal } = summaryIn(file);
    expect(shares.answeredTrue).toBeGreaterThan(5);
    expect(shares.journalled).toBe(shares.answeredTrue);
    expect(shares.stored).toBe(shares.answeredTrue);
    expect(shares.unanswered).toBe(0);
    expect(money.payoutsByState.CONFIRMED).toBeGreaterThan(0);
    expect(BigInt(money.paidSompi)).toBeGreaterThan(200_000_000n);
    expect(BigInt(money.rewardsSompi)).toBe(BigInt(money.settledSompi) + BigInt(money.unsettledSompi));
    expect(money).toMatchObject({ balanced: true, auditViolations: 0, halts: [] });
    expect(equal).toBe(true);
    const [chain = ''] = readdirSync(join(data, 'chains'));
    const figures = readFileSync(join(data, 'chains', chain, 'payer', 'payer.prom'), 'utf8');
    const documented = readFileSync(projectPath('docs', 'PAYOUTS.md'), 'utf8');
    const names = [...new Set(figures.match(/^sluice_\w+/gm))];
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !documented.includes(`\`${name}`))).toEqual([]);
  }, 330_000);

  it('begins a new chain at its next start, with books and a journal of its own, and keeps those before', async () => {
    const [before] = readdirSync(join(data, 'chains'));
    const key = readFileSync(join(data, 'treasury-key'), 'utf8');
    const file = join(folder, 'again.json');
    const { code, output } = await demo(['--seconds', '5', '--summary', file, '--miners', '2']);
    expect(code, output).toBe(0);
    const { shares, money } = summaryIn(file);
    expect(shares.stored).toBe(shares.answeredTrue);
    expect(money).toMatchObject({ rewards: 0, paidSompi: '0', balanced: true });
    const chains = readdirSync(join(data, 'chains'));
    expect(chains).toHaveLength(2);
    expect(chains).toContain(before);
    expect(readFileSync(join(data, 'treasury-key'), 'utf8')).toBe(key);
    expect(statSync(join(data, 'treasury-key')).mode & 0o777).toBe(0o600);
  }, 90_000);

  it('refuses options that it does not know', async () => {
    const { code, output } = await demo(['--minners', '3']);
    expect(code).toBe(2);
    expect(output).toContain('--miners');
  });
});
