/** audit, backup, restore and ledger rebuild, as an operator types them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';
import { type Database, openDatabase } from '../../src/ledger/stores/postgres.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { LoaderStage, writeShares } from '../kit/loader-stage.ts';
import { buildSmallLedger } from '../kit/small-ledger.ts';
import {
  type FreshDatabase,
  superuserUrl,
  type TestDatabase,
  withTestDatabase,
} from '../kit/test-database.ts';

let database: TestDatabase;
let fresh: FreshDatabase;
let admin: Database;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-verbs-'));
  database = await withTestDatabase();
  fresh = await database.freshDatabase();
  admin = openDatabase(superuserUrl(fresh.url), { applicationName: 'sluice tests', max: 1 });
  await buildSmallLedger(admin);
});
afterAll(async () => {
  await admin?.end({ timeout: 1 });
  await database?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function sluice(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [projectPath('dist', 'src', 'cli.js'), ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, text: `${stdout}${stderr}` });
    });
  });
}

function configFile(name: string, url: string): string {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(
    path,
    `instance: sluice-test
kaspa:
  network: devnet
  payAddress: ${demoAddresses('devnet', 1)[0]}
  nodes: [{ name: none, address: "127.0.0.1:9" }]
stratum: { ports: [{ port: 0, difficulty: 1 }] }
database: { url: "${url}" }
journal: { directory: ${join(folder, `journal-${name}`)} }
`,
  );
  return path;
}

// Each verb is a process of its own, which on a busy machine takes seconds to start.
describe('the verbs of the ledger', { timeout: 180_000 }, () => {
  it('audit sound books, say so, and end with 0', async () => {
    const { code, text } = await sluice('audit', '--config', configFile('live', fresh.url), '--full');
    expect(text).toMatch(/^clean {2}full audit through ledger transaction \d+: all invariants hold\n$/);
    expect(code).toBe(0);
  });

  it('put them into a folder and back into another database, whose books are sound as well', async () => {
    const empty = await database.emptyDatabase();
    const backup = join(folder, 'backup');
    const taken = await sluice('backup', '--config', configFile('live', fresh.url), '--to', backup);
    expect(taken).toMatchObject({
      code: 0,
      text: expect.stringContaining('journal of east: loaded up to segment 3'),
    });
    const copy = configFile('copy', empty.url);
    const restored = await sluice('restore', '--config', copy, '--from', backup);
    expect(restored).toMatchObject({
      code: 0,
      text: expect.stringContaining('nobody looked whether it reaches back'),
    });
    expect(await sluice('restore', '--config', copy, '--from', backup)).toMatchObject({
      code: 1,
      text: expect.stringContaining('SLUICE_RESTORE_NOT_EMPTY'),
    });
    expect((await sluice('audit', '--config', copy, '--full')).code).toBe(0);
    await empty.drop();
  });

  it('name the invariant, the row and what to do, stop payouts, and end with 1', async () => {
    await admin
      .unsafe(`BEGIN; SET LOCAL session_replication_role = replica;
      UPDATE payouts SET state = 'BROADCAST' WHERE id = 1; COMMIT`)
      .simple();
    const config = configFile('live', fresh.url);
    const { code, text } = await sluice('audit', '--config', config, '--full');
    expect(code).toBe(1);
    expect(text).toContain('17 steps-are-allowed: not so: Each payout went along the allowed steps only');
    expect(text).toContain('  payout 1 is BROADCAST, and its last step is to CONFIRMED');
    expect(text).toContain('  What to do: Compare the payout with its steps');
    const halts = await admin<{ code: string }[]>`SELECT code FROM halts WHERE cleared_at IS NULL`;
    expect(halts.map((halt) => halt.code)).toContain('audit:steps-are-allowed');
    const json = JSON.parse((await sluice('audit', '--config', config, '--full', '--json')).text);
    expect(json.clean).toBe(false);
    expect(json.violations[0]).toMatchObject({ class: 'money', remedy: expect.any(String) });
  });

  it('hold the tables against the journal', async () => {
    const stage = await LoaderStage.open(database);
    writeShares(stage.journal, 300);
    stage.publish();
    await stage.start().drain(20_000);
    await stage.closeLoaders();
    const words = ['ledger', 'rebuild', '--config', configFile('shares', stage.fresh.url)];
    words.push('--from', stage.directory, '--instance', 'one');
    const equal = await sluice(...words);
    expect(equal).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^equal .*\n(.*\n)*shares: 300 rows, sha256 /),
    });
    await stage.sql`DELETE FROM shares WHERE slot = (SELECT max(slot) FROM shares)`;
    const different = await sluice(...words, '--day', '2025-06-01');
    expect(different).toMatchObject({
      code: 1,
      text: expect.stringContaining('in the journal, not in the database'),
    });
    await stage.close();
  });
});
