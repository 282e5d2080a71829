/** The verbs of rewards and reserve as an operator types them, on real books. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { MINUTE_MS, NOON, SettlementStage } from '../kit/settlement-stage.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

let folder: string;
let server: TestDatabase;
let stage: SettlementStage;
let config: string;

const DEPOSIT = 'dd'.repeat(32);
const MINER = demoAddresses('devnet', 1)[0]!;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-rewards-'));
  server = await withTestDatabase();
  stage = await SettlementStage.open(server, 3);
  config = join(folder, 'sluice.yaml');
  writeFileSync(
    config,
    `instance: a
kaspa:
  network: devnet
  payAddress: ${MINER}
  nodes:
    - { name: none, address: "127.0.0.1:9" }
stratum:
  ports:
    - { port: 0, difficulty: 1 }
database:
  url: ${stage.database.url}
journal:
  directory: ${join(folder, 'journal')}
`,
  );
}, 60_000);

afterAll(async () => {
  await stage?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function sluice(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [projectPath('dist', 'src', 'cli.js'), ...args],
      { maxBuffer: 1e7 },
      (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, text: `${stdout}${stderr}` }),
    );
  });
}

const withConfig = (...args: string[]) => sluice(...args, '--config', config);

it('settle, show and verify a reward from the shell, and move a deposit into the reserve', async () => {
  for (const account of [1, 2, 3]) await stage.work('pplns', account, 0, BigInt(account) << 40n);
  await stage.sql`UPDATE accounts SET address = ${MINER} WHERE id = 1`;
  const hash = await stage.block({ pot: 'pplns', finder: 1, minute: 0, sompi: 12_345_678_901n });
  await stage.output(DEPOSIT, 'deposit', 5_000_000_000n, null);
  stage.lead.close();

  expect((await withConfig('account', 'fee', MINER, '2.5')).text).toContain('2.5 %');
  const settled = await withConfig('rewards', 'settle');
  expect(settled).toEqual({ code: 0, text: 'settlement 1, pot 1: 123.45678901 KAS over 3 accounts\n' });
  expect((await withConfig('rewards', 'settle')).text).toBe('nothing to divide\n');

  const shown = await withConfig('rewards', 'show', '--block', hash);
  expect(shown.text).toContain('settlement 1: pplns, round 1 of pot 1');
  const file = join(folder, 'settlement.json');
  const json = (await withConfig('rewards', 'show', '1', '--json')).text;
  writeFileSync(file, json);
  expect(await sluice('verify', 'reward', file)).toEqual({
    code: 0,
    text: "equal; 1 accounts have a fee that is not the scheme's\n",
  });
  writeFileSync(file, json.replace('"dustInSompi": "0"', '"dustInSompi": "1"'));
  expect(await sluice('verify', 'reward', file)).toMatchObject({ code: 1 });
  writeFileSync(file, '{}');
  expect((await sluice('verify', 'reward', file)).text).toContain('SLUICE_SETTLEMENT_FILE');

  expect((await withConfig('reserve', 'fund', `${DEPOSIT}:0`, '--from-fees', '1')).text).toContain(
    '50.00000000 KAS',
  );
  expect((await withConfig('reserve', 'status')).text).toContain('51.00000000  in the reserve');
  expect((await withConfig('reserve', 'risk')).text).toContain('SLUICE_RESERVE_UNKNOWN_LUCK');
  expect((await withConfig('rewards', 'policy')).text).toMatch(/pot 1 pplns, since ever/);
}, 120_000);

it('previews each scheme that divides rewards', async () => {
  const minutes = String(Math.ceil((Date.now() - NOON) / MINUTE_MS) + 1);
  const text = (await withConfig('rewards', 'preview', '--reward', '10', '--minutes', minutes)).text;
  expect(text).toContain(`3 accounts`);
  expect(text).toContain(MINER);
  const solo = ['rewards', 'preview', '--reward', '10', '--scheme', 'solo'];
  expect((await withConfig(...solo)).code).toBe(2);
  expect((await withConfig(...solo, '--finder', MINER, '--json')).text).toContain(
    '"creditSompi": "975000000"',
  );
  expect((await withConfig('rewards', 'preview', '--reward', '10', '--scheme', 'pps')).code).toBe(2);
}, 120_000);
