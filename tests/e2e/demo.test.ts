import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DemoSummary } from '../../src/app/demo-summary.ts';
import { projectPath } from '../../src/kit/project-root.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-demo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function demo(...options: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(
    process.execPath,
    [
      projectPath('dist', 'src', 'cli.js'),
      'demo',
      '--data',
      join(folder, 'data'),
      '--stratum-port',
      '0',
      '--http-port',
      '0',
      ...options,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
  }
  const [code] = (await once(child, 'exit')) as [number];
  return { code, output };
}

describe('the demo', () => {
  it('runs a whole pool, stops by itself and leaves equal figures', async () => {
    const file = join(folder, 'out.json');
    const { code, output } = await demo('--seconds', '8', '--summary', file);
    expect(output).toContain('stratum+tcp://127.0.0.1:');
    expect(code, output).toBe(0);
    const summary = JSON.parse(readFileSync(file, 'utf8')) as DemoSummary;
    expect(summary.shares.answeredTrue).toBeGreaterThan(5);
    expect(summary.shares.journalled).toBe(summary.shares.answeredTrue);
    expect(summary.shares.stored).toBe(summary.shares.answeredTrue);
    expect(summary.shares.unanswered).toBe(0);
    expect(summary.equal).toBe(true);
  }, 90_000);

  it('goes on with the same data, and counts only its own run', async () => {
    const file = join(folder, 'again.json');
    const { code, output } = await demo('--seconds', '5', '--summary', file, '--miners', '2');
    expect(code, output).toBe(0);
    const summary = JSON.parse(readFileSync(file, 'utf8')) as DemoSummary;
    expect(summary.shares.stored).toBe(summary.shares.answeredTrue);
  }, 90_000);

  it('refuses options that it does not know', async () => {
    const { code, output } = await demo('--minners', '3');
    expect(code).toBe(2);
    expect(output).toContain('--miners');
  });
});
