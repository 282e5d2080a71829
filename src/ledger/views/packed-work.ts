/**
 * Sums of shares for the board, read in bulk. In: a stretch of time. Out: one buffer of packed sums (`PACKED_BYTES` each), one for all
 * workers: as rows they would cost ten times as much on both sides. Reads only.
 */
import type { Database } from '../stores/postgres.ts';
import type { NewWorker } from './work-board.ts';

export const NOTHING = Buffer.alloc(0);
/** More ids in one array only make the statement long. */
const IDS_PER_QUESTION = 5_000;

interface PackedRow {
  readonly packed: Buffer | null;
}

/** Work of a pot in one minute. */
export interface PotWork {
  readonly pot: number;
  readonly hashes: number;
}

/**
 * One minute: its sums, and each pot's. A worker comes once for every engine that he was on; whoever takes them in adds them up, since
 * for PostgreSQL grouping 100,000 workers is three quarters of the work (measured: 240 ms with it, 56 without).
 */
export async function packedMinute(
  sql: Database,
  minuteMs: number,
): Promise<{ readonly packed: readonly Buffer[]; readonly pots: readonly PotWork[] }> {
  const rows = await sql<(PotWork & { readonly packed: Buffer })[]>`
    SELECT pot::int4 AS pot, sum(work_hashes)::float8 AS hashes,
      string_agg(int8send(worker_id) || float4send(work_hashes::float4) || int4send(least(shares, 2147483647)::int4), ''::bytea) AS packed
    FROM share_sums WHERE bucket = ${new Date(minuteMs)} GROUP BY pot`;
  return { packed: rows.map(({ packed }) => packed), pots: rows.map(({ pot, hashes }) => ({ pot, hashes })) };
}

/** Of all shares received in [from, to), every worker once: of a span that is not rolled up. */
export async function packedShareSums(sql: Database, from: Date, to: Date): Promise<Buffer> {
  const [row] = await sql<PackedRow[]>`
    SELECT string_agg(int8send(worker_id) || float4send(hashes) || int4send(shares), ''::bytea) AS packed FROM (
      SELECT worker_id, sum(work_hashes)::float4 AS hashes, least(sum(shares), 2147483647)::int4 AS shares
      FROM share_sums WHERE bucket >= ${from} AND bucket < ${to} GROUP BY worker_id) AS sums`;
  return row?.packed ?? NOTHING;
}

/** The span that begins then, from the rollup; those without work left out. One at a time: of several, grouping them costs as much again. */
export async function packedSpan(sql: Database, start: Date): Promise<Buffer> {
  const [row] = await sql<PackedRow[]>`
    SELECT string_agg(int8send(worker_id) || float4send(work_hashes::float4) || int4send(least(shares, 2147483647)::int4), ''::bytea) AS packed
    FROM worker_spans WHERE span_start = ${start}`;
  return row?.packed ?? NOTHING;
}

/** Where the rollup ends and the minutes have to be read; undefined = there is none. */
export async function spansRolledThrough(sql: Database): Promise<Date | undefined> {
  const [row] = await sql<{ through: Date }[]>`SELECT through FROM spans_rolled`;
  return row?.through;
}

/** Unix ms. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Where an engine has loaded shares that are perhaps not in the rollup: one that was late, whose spans are rolled again. What was read
 * of them from there would be kept for a day.
 */
export async function stretchesNotRolled(sql: Database): Promise<readonly Stretch[]> {
  const rows = await sql<{ from: number; to: number }[]>`
    SELECT coalesce(extract(epoch FROM p.through)::float8, 0) * 1000 AS from, extract(epoch FROM j.loaded_through)::float8 * 1000 AS to
    FROM journal_progress j LEFT JOIN span_progress p USING (instance_id)
    WHERE j.loaded_through > coalesce(p.through, '-infinity')`;
  return rows.map(({ from, to }) => ({ fromMs: from, toMs: to }));
}

/** By instance: before this everything it took is in the database. */
export async function loadedThrough(sql: Database): Promise<ReadonlyMap<number, number>> {
  const rows = await sql<{ id: number; through: number | null }[]>`
    SELECT instance_id AS id, extract(epoch FROM loaded_through)::float8 * 1000 AS through FROM journal_progress`;
  return new Map(rows.map(({ id, through }) => [id, through ?? 0]));
}

export async function workersOfIds(sql: Database, ids: readonly number[]): Promise<NewWorker[]> {
  const found: NewWorker[] = [];
  for (let first = 0; first < ids.length; first += IDS_PER_QUESTION) {
    const some = ids.slice(first, first + IDS_PER_QUESTION);
    const rows = await sql<
      { id: number; name: string; account_id: number; address: string; created_at: Date }[]
    >`
      SELECT w.id::float8 AS id, w.name, a.id::float8 AS account_id, a.address, a.created_at
      FROM workers w JOIN accounts a ON a.id = w.account_id WHERE w.id = ANY (${`{${some.join(',')}}`}::text::bigint[])`;
    for (const { id, name, account_id, address, created_at } of rows)
      found.push({ id, name, accountId: account_id, address, firstSeenAt: created_at.toISOString() });
  }
  return found;
}

/** A worker of the table, and when its last span with work began; null = none since then. */
export interface FormerWorker extends NewWorker {
  readonly lastSpanMs: number | null;
}

/** Of so many workers after this id, in the order of their ids: one look into an index each. */
export async function workersAfter(
  sql: Database,
  after: number,
  count: number,
  since: Date,
): Promise<FormerWorker[]> {
  const rows = await sql<
    { id: number; name: string; account_id: number; address: string; created_at: Date; last: number | null }[]
  >`
    SELECT w.id::float8 AS id, w.name, a.id::float8 AS account_id, a.address, a.created_at,
      (SELECT extract(epoch FROM s.span_start)::float8 * 1000 FROM worker_spans s
        WHERE s.worker_id = w.id AND s.span_start >= ${since} ORDER BY s.span_start DESC LIMIT 1) AS last
    FROM (SELECT id, account_id, name FROM workers WHERE id > ${after} ORDER BY id LIMIT ${count}) w
    JOIN accounts a ON a.id = w.account_id ORDER BY w.id`;
  return rows.map(({ id, name, account_id, address, created_at, last }) => ({
    ...{ id, name, accountId: account_id, address },
    firstSeenAt: created_at.toISOString(),
    lastSpanMs: last,
  }));
}

/** int8 worker, int4 verdict, int4 count each. */
export const REFUSAL_BYTES = 16;

export async function packedRefusals(sql: Database, from: Date): Promise<Buffer> {
  const [row] = await sql<PackedRow[]>`
    SELECT string_agg(int8send(worker_id) || int4send(verdict) || int4send(count), ''::bytea) AS packed FROM (
      SELECT worker_id, verdict::int4 AS verdict, least(sum(count), 2147483647)::int4 AS count
      FROM worker_refusals WHERE bucket >= ${from} GROUP BY worker_id, verdict) AS sums`;
  return row?.packed ?? NOTHING;
}

/** Found in 24 hours, by worker; those without left out. */
export async function blocksOfDay(sql: Database): Promise<ReadonlyMap<number, number>> {
  const rows = await sql<{ id: number; count: number }[]>`
    SELECT worker_id::float8 AS id, count(*)::int AS count FROM blocks
    WHERE found_at > now() - interval '24 hours' GROUP BY worker_id`;
  return new Map(rows.map(({ id, count }) => [id, count]));
}
