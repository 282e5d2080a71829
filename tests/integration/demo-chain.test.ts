/** The demo's chains on a real server: each with books of its own, the one before kept, nothing else touched. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { beginChain, type DemoChain } from '../../src/app/demo-chain.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { post } from '../../src/ledger/books.ts';
import { booksBalance, readMoneyTotals } from '../../src/ledger/money-totals.ts';
import { openDatabase } from '../../src/ledger/stores/postgres.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const FIRST_MS = Date.UTC(2026, 10, 30, 9, 15);

let database: TestDatabase;
let folder: string;
let serverUrl: string;
const begun: DemoChain[] = [];
const begin = async (seconds: number): Promise<DemoChain> => {
  const chain = await beginChain(folder, serverUrl, FIRST_MS + seconds * 1_000, silentLogger);
  begun.push(chain);
  return chain;
};

beforeAll(async () => {
  database = await withTestDatabase();
  serverUrl = (await database.emptyDatabase()).url;
  folder = mkdtempSync(join(tmpdir(), 'sluice-chains-'));
}, 60_000);
afterAll(async () => {
  const sql = openDatabase(serverUrl, { max: 1, applicationName: 'sluice tests' });
  for (const { name } of begun) await sql.unsafe(`DROP DATABASE IF EXISTS chain_${name} WITH (FORCE)`);
  await sql.end();
  await database?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('gives each chain an empty ledger, keeps the one before and deletes older ones', async () => {
  mkdirSync(join(folder, 'somebody-elses'));
  const names = [];
  for (const seconds of [0, 1, 2]) names.push((await begin(seconds)).name);
  expect(names).toEqual(['20261130_091500', '20261130_091501', '20261130_091502']);
  expect(readdirSync(folder).sort()).toEqual([...names.slice(1), 'somebody-elses']);
  expect(existsSync(begun[2]!.journal)).toBe(true);
  const sql = openDatabase(serverUrl, { max: 1, applicationName: 'sluice tests' });
  const rows = await sql<{ datname: string }[]>`
    SELECT datname FROM pg_database WHERE datname LIKE 'chain_20261130_0915%' ORDER BY 1`;
  await sql.end();
  expect(rows.map(({ datname }) => datname)).toEqual(names.slice(1).map((name) => `chain_${name}`));
}, 60_000);

it('says in a few numbers what the books hold, and notices when they do not add up', async () => {
  const { databaseUrl } = await begin(60);
  const sql = openDatabase(databaseUrl, { max: 1, applicationName: 'sluice tests' });
  try {
    expect(await readMoneyTotals(sql)).toMatchObject({
      rewards: 0,
      owedSompi: 0n,
      payoutsByState: {},
      lastPayout: undefined,
      halts: [],
      auditViolations: 0,
    });
    expect(await booksBalance(sql)).toBe(true);
    const [lead] = await sql<{ epoch: bigint }[]>`SELECT take_lead('payer', 'test') AS epoch`;
    const [account] = await sql<{ id: bigint }[]>`
      INSERT INTO accounts (address) VALUES ('kaspadev:a') RETURNING id`;
    const entries = [
      { kind: 'treasury', sompi: -100n },
      { kind: 'miner', accountId: account!.id, sompi: 99n },
      { kind: 'pool_fee', sompi: 1n },
    ] as const;
    await post(sql, lead!.epoch, { key: 'settlement:1:1', kind: 'settlement', detail: {}, entries });
    await sql`SELECT raise_halt('test', 'because', 'a test')`;
    expect(await readMoneyTotals(sql)).toMatchObject({ owedSompi: 99n, poolFeeSompi: 1n, halts: ['test'] });
    expect(await booksBalance(sql)).toBe(true);
    await sql`UPDATE ledger_accounts SET balance_sompi = 98 WHERE kind = 'miner'`;
    expect(await booksBalance(sql)).toBe(false);
  } finally {
    await sql.end();
  }
}, 60_000);
