import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Entry, post } from '../../src/ledger/books.ts';
import { Lead } from '../../src/ledger/lead.ts';
import type { Database } from '../../src/ledger/stores/postgres.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

let server: TestDatabase;
let database: FreshDatabase;
let sql: Database;
let lead: Lead;

const HOLDER = 'books test';
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  );
const reward = (sompi: bigint): Entry[] => [
  { kind: 'treasury', sompi: -sompi },
  { kind: 'unsettled', sompi },
];
const balanceOf = async (kind: string): Promise<bigint> =>
  (await sql<{ balance_sompi: bigint }[]>`SELECT balance_sompi FROM ledger_accounts WHERE kind = ${kind}`)[0]!
    .balance_sompi;

beforeAll(async () => {
  server = await withTestDatabase();
  database = await server.freshDatabase();
  sql = database.sql;
  lead = await Lead.take(database.url, HOLDER);
});

afterAll(async () => {
  lead?.close();
  await server?.stop();
});

describe('the books', () => {
  it('move money between accounts, and all accounts together stay at zero', async () => {
    await post(lead.sql, lead.epoch, { key: 'a', kind: 'reward', detail: {}, entries: reward(100n) });
    expect(await balanceOf('treasury')).toBe(-100n);
    expect(await balanceOf('unsettled')).toBe(100n);
    const [{ sum }] = await sql<
      [{ sum: string }]
    >`SELECT sum(balance_sompi)::text AS sum FROM ledger_accounts`;
    expect(sum).toBe('0');
  });

  it('take the same posting again without counting it twice, and another one under its key not at all', async () => {
    const posting = { key: 'twice', kind: 'reward', detail: { txid: 'x' }, entries: reward(7n) };
    const first = await post(lead.sql, lead.epoch, posting);
    expect(await post(lead.sql, lead.epoch, posting)).toBe(first);
    const other = { ...posting, entries: reward(8n) };
    expect(await codeOf(post(sql, lead.epoch, other))).toBe('SL002');
  });

  it('refuse what does not sum to zero, and a balance of the wrong sign', async () => {
    const lopsided: Entry[] = [{ kind: 'unsettled', sompi: 5n }];
    expect(
      await codeOf(post(sql, lead.epoch, { key: 'l', kind: 'reward', detail: {}, entries: lopsided })),
    ).toBe('SL003');
    const overdrawn: Entry[] = [
      { kind: 'reserve', sompi: -5n },
      { kind: 'pool_fee', sompi: 5n },
    ];
    expect(
      await codeOf(post(sql, lead.epoch, { key: 'o', kind: 'pps', detail: {}, entries: overdrawn })),
    ).toBe('23514');
  });

  it('let nobody change, add to or take from what was posted, however the rows are reached', async () => {
    expect(await codeOf(sql`UPDATE ledger_transactions SET key = 'b' WHERE id = 1`)).toBe('SL004');
    expect(await codeOf(sql`DELETE FROM ledger_entries`)).toBe('SL004');
    expect(await codeOf(sql`TRUNCATE ledger_entries`)).toBe('SL004');
    const late = sql`
      INSERT INTO ledger_entries (transaction_id, ledger_account_id, amount_sompi)
      SELECT 1, id, 5 FROM ledger_accounts WHERE kind = 'dust'`;
    expect(await codeOf(late)).toBe('SL004');
    const bare = sql`
      INSERT INTO ledger_transactions (id, key, kind, leader_epoch, entry_count, hash)
      VALUES (99, 'bare', 'reward', 1, 2, sha256('x'))`;
    expect(await codeOf(bare)).toBe('SL003');
  });

  it('link every transaction to the one before, so that anybody can recompute the chain', async () => {
    const rows = await sql<
      {
        id: bigint;
        key: string;
        kind: string;
        epoch: bigint;
        detail: string;
        hash: string;
        entries: string;
      }[]
    >`
      SELECT t.id, t.key, t.kind, t.leader_epoch AS epoch, t.detail::text, encode(t.hash, 'hex') AS hash,
        coalesce(string_agg(e.ledger_account_id || ':' || e.amount_sompi, ',' ORDER BY e.ledger_account_id), '') AS entries
      FROM ledger_transactions t LEFT JOIN ledger_entries e ON e.transaction_id = t.id GROUP BY t.id ORDER BY t.id`;
    let previous: Buffer = Buffer.alloc(32);
    for (const [index, row] of rows.entries()) {
      expect(row.id).toBe(BigInt(index + 1));
      const text = [row.id, row.key, row.kind, row.epoch, row.detail, row.entries].join('|');
      previous = createHash('sha256').update(previous).update(text).digest();
      expect(row.hash).toBe(previous.toString('hex'));
    }
    const [head] = await sql<{ hash: string }[]>`SELECT encode(hash, 'hex') AS hash FROM ledger_head`;
    expect(head!.hash).toBe(previous.toString('hex'));
  });

  it('take thousands of entries in one posting', async () => {
    await sql`INSERT INTO accounts (address) SELECT 'kaspadev:' || n FROM generate_series(1, 5000) n`;
    const accounts = await sql<{ id: bigint }[]>`SELECT id FROM accounts ORDER BY id`;
    const entries: Entry[] = accounts.map(({ id }) => ({ kind: 'miner', accountId: id, sompi: 1n }));
    const all = BigInt(accounts.length);
    await post(lead.sql, lead.epoch, { key: 'big', kind: 'reward', detail: {}, entries: reward(all) });
    await post(lead.sql, lead.epoch, {
      key: 'settle',
      kind: 'settlement',
      detail: {},
      entries: [{ kind: 'unsettled', sompi: -all }, ...entries],
    });
    const [{ sum }] = await sql<
      [{ sum: string }]
    >`SELECT sum(balance_sompi)::text AS sum FROM ledger_accounts WHERE kind = 'miner'`;
    expect(sum).toBe(String(all));
  });
});

describe('the lead', () => {
  it('is had by one, and the second is told who has it', async () => {
    await expect(Lead.take(database.url, 'second')).rejects.toMatchObject({
      code: 'SLUICE_LEAD_TAKEN',
      message: expect.stringContaining(HOLDER),
    });
  });

  it('waits for the disk whatever the server thinks of it, and is free soon after its host has vanished', async () => {
    const [{ name }] = await sql<[{ name: string }]>`SELECT current_database() AS name`;
    await sql.unsafe(`ALTER DATABASE "${name}" SET synchronous_commit = off`);
    lead.close();
    lead = await pollUntil('the lead is free', () => Lead.take(database.url, HOLDER).catch(() => undefined));
    const [set] = await lead.sql`
      SELECT current_setting('synchronous_commit') AS commit, current_setting('idle_session_timeout') AS silence,
        inet_server_addr() IS NULL OR current_setting('tcp_keepalives_idle') = '15' AS alive`;
    expect(set).toEqual({ commit: 'on', silence: '5min', alive: true });
    await sql.unsafe(`ALTER DATABASE "${name}" RESET synchronous_commit`);
  });

  it('is over for a payer that slept through its successor: the database refuses its epoch', async () => {
    const old = lead.epoch;
    lead.close();
    for (let tries = 0; ; tries++) {
      try {
        lead = await Lead.take(database.url, 'successor');
        break;
      } catch (error) {
        if (tries > 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    expect(lead.epoch).toBeGreaterThan(old);
    expect(
      await codeOf(post(sql, old, { key: 'late', kind: 'reward', detail: {}, entries: reward(1n) })),
    ).toBe('SL001');
    expect(
      await codeOf(post(sql, lead.epoch, { key: 'new', kind: 'reward', detail: {}, entries: reward(1n) })),
    ).toBe('done');
  });

  it('keeps nothing of a transaction that fails, and ends with it', async () => {
    const failing = lead.transaction(async (session) => {
      await post(session, lead.epoch, { key: 'half', kind: 'reward', detail: {}, entries: reward(3n) });
      throw new Error('power cut');
    });
    await expect(failing).rejects.toThrow('power cut');
    expect(await sql`SELECT FROM ledger_transactions WHERE key = 'half'`).toHaveLength(0);
    expect(() => lead.sql).toThrow();
  });
});
