import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { type AccountKind, post } from '../../src/ledger/books.ts';
import { Lead } from '../../src/ledger/lead.ts';
import { PostgresPayoutStore } from '../../src/payout/stores/postgres-payout-store.ts';
import { MemoryBooks } from '../kit/memory-payout-store.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';
import { payoutStoreSuite, type StoreStage } from './payout-store.suite.ts';

const freshTxid = (): string => randomBytes(32).toString('hex');

async function memoryStage(): Promise<StoreStage> {
  const books = new MemoryBooks(Date.now);
  // Backs what accounts get without a reward of theirs.
  books.post('backing', [
    ['treasury', -(10n ** 15n)],
    ['unattributed', 10n ** 15n],
  ]);
  let posted = 0;
  return {
    store: books.takeLead(),
    account: async (address, balance, threshold) => {
      const id = books.addAccount(address, threshold);
      books.post(`credit:${++posted}`, [
        ['unattributed', -balance],
        ['miner', balance, id],
      ]);
      return id;
    },
    output: async (amountSompi) => {
      const input = { txid: freshTxid(), index: 0, amountSompi };
      books.addOutput({ ...input, isCoinbase: true, daaScore: 1n }, 'unattributed');
      return input;
    },
    poolFee: async (sompi) =>
      books.post(`fee:${++posted}`, [
        ['unattributed', -sompi],
        ['pool_fee', sompi],
      ]),
    balance: async (kind, accountId) =>
      accountId === undefined ? books.total(kind) : books.balance(kind, accountId),
    successor: async () => books.takeLead(),
    clearHalts: async () => books.clearHalts(),
    states: async (id) => books.payouts.find((payout) => payout.id === id)!.steps.map(({ to }) => to),
    drop: async () => {},
  };
}

async function postgresStage(database: TestDatabase): Promise<StoreStage> {
  const { url, sql, drop } = await database.freshDatabase();
  let lead = await Lead.take(url, 'test');
  const book = (key: string, entries: readonly { kind: AccountKind; accountId?: bigint; sompi: bigint }[]) =>
    lead.transaction((connection) =>
      post(connection, lead.epoch, { key, kind: 'attribute', detail: {}, entries }),
    );
  await book('backing', [
    { kind: 'treasury', sompi: -(10n ** 15n) },
    { kind: 'unattributed', sompi: 10n ** 15n },
  ]);
  const credit = (kind: AccountKind, sompi: bigint, accountId?: bigint) =>
    book(`credit:${freshTxid()}`, [
      { kind: 'unattributed', sompi: -sompi },
      { kind, sompi, ...(accountId === undefined ? {} : { accountId }) },
    ]);
  return {
    store: new PostgresPayoutStore(lead),
    account: async (address, balance, threshold) => {
      const [row] = await sql<
        { id: bigint }[]
      >`INSERT INTO accounts (address) VALUES (${address}) RETURNING id`;
      if (threshold !== undefined)
        await sql`INSERT INTO account_settings (account_id, threshold_sompi, signed_at, message, signature)
                  VALUES (${row!.id}, ${threshold}, now(), '', '')`;
      await credit('miner', balance, row!.id);
      return row!.id;
    },
    output: async (amountSompi) => {
      const txid = freshTxid();
      const id = await book(`unattributed:${txid}:0`, [
        { kind: 'treasury', sompi: -amountSompi },
        { kind: 'unattributed', sompi: amountSompi },
      ]);
      await sql`
        INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, transaction_id, leader_epoch)
        VALUES (${txid}, 0, ${amountSompi}, 'unattributed', 1, ${id}, ${lead.epoch})`;
      return { txid, index: 0, amountSompi };
    },
    poolFee: async (sompi) => void (await credit('pool_fee', sompi)),
    balance: async (kind, accountId) => {
      const [row] = await sql<{ sompi: bigint }[]>`
        SELECT coalesce(sum(balance_sompi), 0)::bigint AS sompi FROM ledger_accounts
        WHERE kind = ${kind} AND (${accountId ?? null}::bigint IS NULL OR account_id = ${accountId ?? null})`;
      return row!.sompi;
    },
    successor: async () => {
      lead.close();
      for (;;) {
        try {
          lead = await Lead.take(url, 'test');
          return new PostgresPayoutStore(lead);
        } catch (error) {
          // The server needs a moment to see that the connection is gone.
          if ((error as { code?: string }).code !== 'SLUICE_LEAD_TAKEN') throw error;
        }
      }
    },
    clearHalts: async () => void (await sql`UPDATE halts SET cleared_by = 'test', cleared_at = now()`),
    states: async (id) => {
      const rows = await sql<{ to_state: string }[]>`
        SELECT to_state FROM payout_steps WHERE payout_id = ${id} ORDER BY id`;
      return rows.map((row) => row.to_state);
    },
    drop: async () => {
      lead.close();
      await drop();
    },
  };
}

payoutStoreSuite('in memory', memoryStage);

describe('in PostgreSQL', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await withTestDatabase();
  }, 60_000);
  afterAll(async () => {
    await database?.stop();
  });
  payoutStoreSuite('PostgreSQL', () => postgresStage(database));
});
