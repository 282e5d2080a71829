import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';
import { post } from '../../src/ledger/books.ts';
import { type Database, openDatabase, type ReservedConnection } from '../../src/ledger/stores/postgres.ts';
import { buildSmallLedger } from '../kit/small-ledger.ts';
import {
  type FreshDatabase,
  superuserUrl,
  type TestDatabase,
  withTestDatabase,
} from '../kit/test-database.ts';

const ROLES_SQL = readFileSync(projectPath('deploy', 'roles.sql'), 'utf8');
/** insufficient_privilege */
const REFUSED = '42501';
const NOW_S = Math.floor(Date.now() / 60_000) * 60;

let database: TestDatabase;
let fresh: FreshDatabase;
let admin: Database;
let sql: ReservedConnection;

beforeAll(async () => {
  database = await withTestDatabase();
  fresh = await database.freshDatabase();
  admin = openDatabase(superuserUrl(fresh.url), { applicationName: 'sluice tests', max: 1 });
  await buildSmallLedger(admin);
  await admin.unsafe(ROLES_SQL).simple();
  sql = await admin.reserve();
});

afterAll(async () => {
  sql?.release();
  await admin?.end({ timeout: 1 });
  await database?.stop();
});

/** Runs statements as a role, and takes everything back. Gives what the server said: '' = it let it happen. */
async function as(role: string, work: (sql: ReservedConnection) => Promise<unknown>): Promise<string> {
  await sql`BEGIN`;
  try {
    await sql.unsafe(`SET LOCAL ROLE ${role}`);
    await work(sql);
    await sql`SET CONSTRAINTS ALL IMMEDIATE`;
    return '';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    await sql`ROLLBACK`;
  }
}

const run = (text: string) => (connection: ReservedConnection) => connection.unsafe(text).simple();
const lead = () => sql<{ epoch: bigint }[]>`SELECT epoch FROM leaders`;

const BOOKS = [
  'UPDATE ledger_accounts SET balance_sompi = 0',
  'INSERT INTO ledger_entries VALUES (1, 1, 1)',
  'DELETE FROM ledger_entries',
  "UPDATE ledger_transactions SET detail = '{}'",
  'TRUNCATE ledger_head',
  'UPDATE ledger_head SET transaction_id = 0',
];
const MONEY = [
  ...BOOKS,
  "SELECT take_lead('payer', 'me')",
  'UPDATE leaders SET epoch = epoch + 1',
  "SELECT post_transaction(2, 'x', 'setting', '{}', '{}', '{}')",
  "UPDATE payouts SET state = 'CANCELLED'",
  "UPDATE halts SET cleared_by = 'me', cleared_at = now()",
  'DELETE FROM halts',
  'UPDATE treasury_outputs SET spent_by = NULL',
];

describe('roles.sql', () => {
  it('can be run again', async () => {
    await expect(sql.unsafe(ROLES_SQL).simple()).resolves.toBeDefined();
  });

  it('lets the engine load shares and note blocks, also on a new day', async () => {
    const said = await as('sluice_engine', async (connection) => {
      await connection`SELECT ensure_instance('north')`;
      await connection`SELECT 1 FROM journal_progress FOR UPDATE`;
      await connection`SELECT ensure_day_partitions('2031-02-03')`;
      await connection`INSERT INTO accounts (address) VALUES ('kaspatest:new') ON CONFLICT DO NOTHING`;
      await connection`INSERT INTO shares SELECT '2031-02-03 04:05', 1, 1, 9, 1, 1, 0, 0, 1::smallint, 0::smallint, 1::smallint, 0::smallint`;
      // Rows that the parent hands on are taken apart once more, so the loader goes straight to the day.
      await connection`INSERT INTO shares_20310203 SELECT '2031-02-03 04:05', 1, 1, 9, 1, 2, 0, 0, 1::smallint, 0::smallint, 1::smallint, 0::smallint`;
      await connection`INSERT INTO share_sums (bucket, worker_id, instance_id, shares, work_hashes) VALUES ('2031-02-03 04:05', 1, 1, 1, 1)
        ON CONFLICT (bucket, worker_id, instance_id, pot) DO UPDATE SET shares = share_sums.shares + 1`;
      await connection`UPDATE journal_progress SET slot = slot + 1`;
      await connection`UPDATE blocks SET colour = 'red'`;
    });
    expect(said).toBe('');
  });

  it('lets the engine tell refusals and roll spans by their functions, and in no other way', async () => {
    const said = await as('sluice_engine', async (connection) => {
      await connection`SELECT note_refusals(1::smallint, 1, 1, now(), ${`[[${NOW_S}, 1, 5, 2]]`}::text::jsonb,
        (SELECT jsonb_build_array(jsonb_build_array(${NOW_S}::int, address, name, 5, 2)) FROM accounts a
         JOIN workers w ON w.account_id = a.id LIMIT 1))`;
      await connection`SELECT roll_spans(1000)`;
      const [row] = await connection<
        { count: number }[]
      >`SELECT sum(count)::int AS count FROM worker_refusals`;
      expect(row!.count).toBe(2);
    });
    expect(said).toBe('');
    for (const statement of [
      'DELETE FROM worker_spans',
      'UPDATE worker_refusals SET count = 1',
      'SELECT drop_old_spans()',
      "SELECT roll_span('2031-02-03')",
    ])
      expect(await as('sluice_engine', run(statement))).toBe(REFUSED);
    expect(await as('sluice_reader', run('SELECT roll_spans(1)'))).toBe(REFUSED);
  });

  it.each(MONEY)('does not let the engine: %s', async (statement) => {
    expect(await as('sluice_engine', run(statement))).toBe(REFUSED);
  });

  it.each(['sluice_engine', 'sluice_api'])(
    'lets %s take signed settings by their function, newer ones only, and in no other way',
    async (role) => {
      const settings = (at: string) =>
        `SELECT apply_account_settings(address, 100, 50, NULL, '${at}', 'text', 'signature') FROM accounts WHERE id = 1`;
      const said = await as(role, async (connection) => {
        const outcomes = [];
        for (const at of ['2031-01-02', '2031-01-01']) outcomes.push(await connection.unsafe(settings(at)));
        expect(outcomes.map(([row]) => Object.values(row!))).toEqual([['applied'], ['older']]);
      });
      expect(said).toBe('');
      for (const statement of [
        'UPDATE account_settings SET threshold_sompi = 1',
        'DELETE FROM account_setting_changes',
      ])
        expect(await as(role, run(statement))).toBe(REFUSED);
      expect(await as('sluice_reader', run(settings('2031-01-02')))).toBe(REFUSED);
    },
  );

  it('lets engine, payer and auditor stop payouts', async () => {
    for (const role of ['sluice_engine', 'sluice_payer', 'sluice_auditor'])
      expect(await as(role, run("SELECT raise_halt('test', 'a test', 'test')"))).toBe('');
    expect(await as('sluice_reader', run("SELECT raise_halt('test', 'a test', 'test')"))).toBe(REFUSED);
  });

  it('lets the payer post, settle, pay and clear the latch', async () => {
    const [{ epoch }] = (await lead()) as unknown as [{ epoch: bigint }];
    const said = await as('sluice_payer', async (connection) => {
      await connection`SELECT take_lead('payer', 'third')`;
      const id = await post(connection, epoch + 1n, {
        key: 'reward:test:0',
        kind: 'reward',
        detail: {},
        entries: [
          { kind: 'treasury', sompi: -100n },
          { kind: 'unsettled', sompi: 100n },
        ],
      });
      await connection`INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, block_id, transaction_id, leader_epoch)
        VALUES (repeat('7', 64), 0, 100, 'blue', 1, 1, ${id}, ${epoch + 1n})`;
      await connection`UPDATE payouts SET state = 'CANCELLED' WHERE state = 'PLANNED'`;
      await connection`SELECT raise_halt('test', 'a test', 'test')`;
      await connection`UPDATE halts SET cleared_by = 'me', cleared_at = now() WHERE code = 'test'`;
      await connection`INSERT INTO audits (scope, through_id, started_at, violation_count) VALUES ('full', 1, now(), 0)`;
    });
    expect(said).toBe('');
  });

  it.each([
    ...BOOKS,
    'DELETE FROM payouts',
    'UPDATE payments SET output_sompi = 1',
    'UPDATE settlements SET fee_sompi = 0',
    'INSERT INTO ledger_accounts (kind, balance_sompi) VALUES ($$donation$$, 5)',
    'UPDATE shares SET worker_id = 1',
    'CREATE TABLE mine ()',
  ])('does not let the payer: %s', async (statement) => {
    expect(await as('sluice_payer', run(statement))).toBe(REFUSED);
  });

  it('lets the auditor read everything and note what it found', async () => {
    const said = await as('sluice_auditor', async (connection) => {
      await connection`SELECT count(*) FROM ledger_entries`;
      await connection`SELECT signed_bytes FROM payouts`;
      await connection`INSERT INTO audits (scope, through_id, started_at, violation_count) VALUES ('full', 1, now(), 0)`;
    });
    expect(said).toBe('');
  });

  it.each([...MONEY, 'DELETE FROM audits', 'UPDATE audits SET violation_count = 0', 'DELETE FROM shares'])(
    'does not let the auditor: %s',
    async (statement) => {
      expect(await as('sluice_auditor', run(statement))).toBe(REFUSED);
    },
  );

  it.each([
    ...MONEY,
    'INSERT INTO audits (scope, through_id, started_at, violation_count) VALUES ($$full$$, 1, now(), 0)',
  ])('does not let a reader: %s', async (statement) => {
    expect(await as('sluice_reader', run(statement))).toBe(REFUSED);
  });
});
