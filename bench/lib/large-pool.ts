/**
 * A large pool's day in a database, made by SQL: accounts with workers, spans of 24 hours, the last hour and the next minutes by the
 * minute, balances, payments.
 */
import type { Sql } from 'postgres';
import { encodeAddress } from '../../src/chains/kaspa/address.ts';

export interface PoolSize {
  readonly accounts: number;
  readonly workers: number;
  /** From now on, filled beforehand: the minute under way is as full as in a pool that works. */
  readonly minutesAhead: number;
}

const SPAN_MS = 600_000;
const MINUTE_MS = 60_000;
const SPANS = 144;
const MINUTES = 60;
const PAYOUTS = 24;

/** Gives the addresses, by account. */
export async function fillLargePool(
  sql: Sql,
  { accounts, workers, minutesAhead }: PoolSize,
  progress: (text: string) => void,
): Promise<string[]> {
  const addresses = Array.from({ length: accounts }, (_, index) => benchAddress(index + 1));
  const nowMs = Date.now();
  const spanMs = Math.floor(nowMs / SPAN_MS) * SPAN_MS;
  for (const day of [-1, 0, 1])
    await sql`SELECT ensure_day_partitions(${new Date(nowMs - day * 86_400_000)}::timestamptz::date)`;
  await sql`
    INSERT INTO journal_progress (instance_id, segment, slot, loaded_through) SELECT ensure_instance('bench'), 1, 2, now()`;
  await sql`INSERT INTO accounts (address) SELECT unnest(${`{${addresses.join(',')}}`}::text::text[])`;
  await sql`
    INSERT INTO workers (account_id, name) SELECT 1 + n % ${accounts}::int, 'rig' || n FROM generate_series(0, ${workers - 1}::int) n`;
  progress(`${SPANS} spans of ${workers} workers`);
  // In the order of time, as engines leave them; the key is made at the end, or most of the time would go into it.
  await sql`ALTER TABLE worker_spans DROP CONSTRAINT worker_spans_pkey`;
  await sql`
    INSERT INTO worker_spans (span_start, worker_id, shares, work_hashes)
    SELECT to_timestamp(${spanMs / 1_000}::float8) - span * interval '10 minutes', worker, 200, (1 + worker % 977) * 858993459200
    FROM generate_series(${SPANS}, 1, -1) span, generate_series(1, ${workers}::int) worker`;
  progress('their key');
  await sql`ALTER TABLE worker_spans ADD PRIMARY KEY (worker_id, span_start)`;
  progress(`${MINUTES + minutesAhead} minutes of ${workers} workers`);
  await sql`
    INSERT INTO share_sums (bucket, worker_id, instance_id, shares, work_hashes)
    SELECT to_timestamp(${Math.floor(nowMs / MINUTE_MS) * 60}::float8) - minute * interval '1 minute', worker, 1, 20, (1 + worker % 977) * 85899345920
    FROM generate_series(${MINUTES + 10}::int, ${-minutesAhead}::int, -1) minute, generate_series(1, ${workers}::int) worker`;
  await sql`INSERT INTO spans_rolled (through) VALUES (to_timestamp(${spanMs / 1_000}::float8))`;
  await sql`INSERT INTO span_progress SELECT instance_id, to_timestamp(${spanMs / 1_000}::float8) FROM journal_progress`;
  await sql`
    INSERT INTO pool_spans (span_start, pot, work_hashes, accepted, refused, workers, accounts)
    SELECT span_start, 1, sum(work_hashes), sum(shares), 0, count(*), ${accounts}::int FROM worker_spans GROUP BY span_start`;
  progress('balances and payments');
  await sql`
    INSERT INTO ledger_accounts (kind, account_id, balance_sompi) SELECT 'miner', id, 1000000 + id FROM accounts`;
  await sql`
    INSERT INTO payouts (kind, state, plan, plan_hash, paid_sompi, fee_sompi, change_sompi, fee_from, mass_grams, txid, signed_bytes,
      accepting_block, leader_epoch)
    SELECT 'payment', 'CONFIRMED', '{}', lpad(to_hex(n), 64, '0'), 1, 1, 0, 'payees', 2000, lpad(to_hex(n), 64, 'a'), '\\x00',
      lpad(to_hex(n), 64, 'b'), 1 FROM generate_series(1, ${PAYOUTS}::int) n`;
  await sql`
    INSERT INTO payments (payout_id, account_id, reserved_sompi, fee_sompi, output_sompi)
    SELECT p.id, a.id, 1003, 3, 1000 FROM payouts p, accounts a`;
  // As a server that runs has done: without it the index by time knows nothing of the rows.
  for (const table of ['worker_spans', 'share_sums', 'workers', 'accounts', 'payments'])
    await sql.unsafe(`VACUUM ANALYZE ${table}`);
  return addresses;
}

/** The engine goes on loading, as it says once a second. Returns a function that ends it. */
export function keepLoading(sql: Sql): () => Promise<void> {
  let said: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    said = sql`UPDATE journal_progress SET loaded_through = now()`;
  }, 1_000);
  return async () => {
    clearInterval(timer);
    await said;
  };
}

function benchAddress(number: number): string {
  const payload = new Uint8Array(32).fill(7);
  new DataView(payload.buffer).setUint32(0, number);
  return encodeAddress({ prefix: 'kaspadev', version: 0, payload });
}
