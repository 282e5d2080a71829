import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Entry, post } from '../../src/ledger/books.ts';
import { Lead } from '../../src/ledger/lead.ts';
import { obey } from '../../src/ledger/settlement/operator-orders.ts';
import { askPayer, RequestDesk } from '../../src/payout/payout-requests.ts';
import { PostgresPayoutStore } from '../../src/payout/stores/postgres-payout-store.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const AMOUNT = 500n;
const STOLEN = 'aa'.repeat(32);
const THIEF = 'bb'.repeat(32);

let server: TestDatabase;
let database: FreshDatabase;
let lead: Lead;

const balanceOf = async (kind: string): Promise<bigint> =>
  (
    await database.sql<
      { balance_sompi: bigint }[]
    >`SELECT balance_sompi FROM ledger_accounts WHERE kind = ${kind}`
  )[0]!.balance_sompi;

async function deposit(txid: string): Promise<void> {
  const entries: Entry[] = [
    { kind: 'treasury', sompi: -AMOUNT },
    { kind: 'deposits', sompi: AMOUNT },
  ];
  const id = await post(lead.sql, lead.epoch, {
    key: `deposit:${txid}:0`,
    kind: 'deposit',
    detail: {},
    entries,
  });
  await lead.sql`
    INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, transaction_id, leader_epoch)
    VALUES (${txid}, 0, ${AMOUNT}, 'deposit', 1, ${id}, ${lead.epoch})`;
}

beforeAll(async () => {
  server = await withTestDatabase();
  database = await server.freshDatabase();
  lead = await Lead.take(database.url, 'orders test');
  await deposit(STOLEN);
  await deposit('cc'.repeat(32));
});

afterAll(async () => {
  lead?.close();
  await server?.stop();
});

const loss = { order: 'write-off', outpoint: `${STOLEN}:0`, byTxid: THIEF } as const;

describe('an order in the books', () => {
  it('takes an output that somebody else has spent out of them, at the cost of the pool', async () => {
    expect(await obey(lead, loss, '1')).toContain('written off');
    await expect(obey(lead, loss, '2')).rejects.toMatchObject({ code: 'SLUICE_OUTPOINT' });
    expect([await balanceOf('deposits'), await balanceOf('network_fees')]).toEqual([2n * AMOUNT, -AMOUNT]);
    expect(await balanceOf('treasury')).toBe(-AMOUNT);
    const [row] = await database.sql<{ spent_by: string }[]>`
      SELECT spent_by FROM treasury_outputs WHERE txid = ${STOLEN}`;
    expect(row!.spent_by).toBe(THIEF);
  });

  it('is refused where it makes no sense, and the lead goes on', async () => {
    await expect(obey(lead, { order: 'fund-reserve-from-fees', sompi: '7' }, '4')).rejects.toMatchObject({
      code: 'SLUICE_FEES_SHORT',
    });
    await lead.check();
    expect(await balanceOf('reserve')).toBe(0n);
  });

  it('reaches the payer that has the lead, and the answer comes back', async () => {
    const desk = new RequestDesk((id, reason) => new PostgresPayoutStore(lead).cancel(id, reason), lead);
    const ask = (outpoint: string): Promise<string> =>
      askPayer(
        database.sql,
        { verb: 'order', order: { order: 'fund-reserve', outpoint }, reason: '', requestedBy: 'test' },
        10_000,
      );
    const answers = Promise.all([ask(`${'cc'.repeat(32)}:0`), ask(`${'ee'.repeat(32)}:0`)]);
    const serve = setInterval(() => void desk.takeUp(), 100);
    const [done, refused] = await answers.finally(() => clearInterval(serve));
    expect(done).toContain('are in the reserve');
    expect(refused).toContain('not done');
    expect(await balanceOf('reserve')).toBe(AMOUNT);
  });
});
