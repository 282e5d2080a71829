/** The work of a window as PostgreSQL adds it up, and a split that SQL makes by itself, in another way: both must agree. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/lib/seeded-random.ts';
import { workInWindow } from '../../src/ledger/reward-window.ts';
import { splitReward } from '../../src/ledger/schemes/split.ts';
import type { Database } from '../../src/ledger/stores/postgres.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const DAY = Date.UTC(2026, 5, 1);
const MINUTE_MS = 60_000;
const ACCOUNTS = 60;

let database: TestDatabase;
let sql: Database;

beforeAll(async () => {
  database = await withTestDatabase();
  ({ sql } = await database.freshDatabase());
  for (const day of ['2026-05-31', '2026-06-01']) await sql`SELECT ensure_day_partitions(${day}::date)`;
  await sql`SELECT ensure_instance('a')`;
  await sql`SELECT ensure_instance('b')`;
  await sql`INSERT INTO accounts (address) SELECT 'kaspadev:' || n FROM generate_series(1, ${ACCOUNTS}) n`;
  // Two rigs an account.
  await sql`INSERT INTO workers (account_id, name) SELECT id, name FROM accounts, (VALUES ('x'), ('y')) v (name)`;
  const random = seededRandom(11);
  const rows = Array.from({ length: 900 }, (_, n) => ({
    bucket: new Date(DAY + (Math.floor(random() * 120) - 60) * MINUTE_MS),
    worker_id: 1 + (n % (2 * ACCOUNTS)),
    instance_id: 1 + Math.floor(random() * 2),
    shares: 1,
    work_hashes: String(1n << BigInt(Math.floor(random() * 90))),
  }));
  for (const row of rows)
    await sql`INSERT INTO share_sums ${sql(row)} ON CONFLICT (bucket, worker_id, instance_id, pot) DO NOTHING`;
}, 60_000);

afterAll(() => database?.stop());

/** Numeric arithmetic, window functions, no code of ours. */
async function splitBySql(
  reward: bigint,
  fee: bigint,
  fromMs: number,
  toMs: number,
): Promise<Map<bigint, bigint>> {
  const rows = await sql<{ id: bigint; sompi: string }[]>`
    WITH w AS (
      SELECT k.account_id AS id, sum(s.work_hashes) AS work FROM share_sums s JOIN workers k ON k.id = s.worker_id
      WHERE s.bucket >= ${new Date(fromMs)} AND s.bucket < ${new Date(toMs)} GROUP BY k.account_id
    ), n AS (SELECT ${String(reward)}::numeric - div(${String(reward)}::numeric * ${String(fee)}::numeric, 10000) AS net),
    f AS (
      SELECT id, div(net * work, sum(work) OVER ()) AS base,
        row_number() OVER (ORDER BY mod(net * work, (SELECT sum(work) FROM w)) DESC, id) AS place
      FROM w, n
    )
    SELECT id, (base + CASE WHEN place <= (SELECT net FROM n) - (SELECT sum(base) FROM f) THEN 1 ELSE 0 END)::text AS sompi
    FROM f`;
  return new Map(
    rows.map(({ id, sompi }) => [BigInt(id), BigInt(sompi)] as const).filter(([, sompi]) => sompi > 0n),
  );
}

describe('a reward window', () => {
  it.each([
    ['over midnight', -45, 45, 5_500_000_000n, 100n],
    ['of one minute', 0, 1, 999n, 0n],
    ['with fewer sompi than accounts', -60, 60, 17n, 0n],
    ['of a huge reward', -60, 60, 10n ** 17n + 7n, 333n],
  ])('%s is split as SQL splits it', async (_name, from, to, reward, fee) => {
    const [fromMs, toMs] = [DAY + from * MINUTE_MS, DAY + to * MINUTE_MS];
    const { parts } = splitReward(reward, fee, await workInWindow(sql, 1, { fromMs, toMs }));
    expect(new Map(parts.map(({ accountId, sompi }) => [accountId, sompi]))).toEqual(
      await splitBySql(reward, fee, fromMs, toMs),
    );
  });

  it('that holds nothing has no accounts', async () => {
    const empty = { fromMs: DAY + 61 * MINUTE_MS, toMs: DAY + 90 * MINUTE_MS };
    expect(await workInWindow(sql, 1, empty)).toEqual([]);
    expect(await workInWindow(sql, 2, { fromMs: DAY - 60 * MINUTE_MS, toMs: empty.toMs })).toEqual([]);
  });
});
