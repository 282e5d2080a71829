/**
 * Work per account and ten minutes, summed once. In flow minutes that every engine has loaded, out flows the part of a window that
 * need not be added up again. It must never hold a span for which shares may still come: engines that were given up do not count as
 * loaded here. And it is never believed: SQL divides every settlement from the minutes themselves.
 */
import type { Lead } from '../lead.ts';
import { prepareForSums, SUMS_DEADLINE_MS } from '../reward-window.ts';
import type { Span } from '../schemes/scheme.ts';
import type { ReservedConnection } from '../stores/postgres.ts';

const SPAN_MS = 600_000;
/** An hour of spans: with 100,000 accounts some seconds, after which others have their turn. */
const SPANS_PER_TICK = 6;
/** The longest window is 720 hours. */
const KEEP_MS = 31 * 86_400_000;

/** Adds spans that end by `loadedMs`. Gives how many. */
export async function sumSpans(lead: Lead, loadedMs: number): Promise<number> {
  if (loadedMs === Number.NEGATIVE_INFINITY) return 0;
  const range = (await readRange(lead.sql)) ?? (await firstRange(lead.sql, loadedMs));
  let added = 0;
  for (
    let fromMs = range?.toMs ?? loadedMs;
    fromMs + SPAN_MS <= loadedMs && added < SPANS_PER_TICK;
    added++
  ) {
    await sumSpan(lead, range!.fromMs, fromMs);
    fromMs += SPAN_MS;
  }
  return added;
}

/** Of this window; undefined when there are none. */
export async function spansWithin(sql: ReservedConnection, window: Span): Promise<Span | undefined> {
  const range = await readRange(sql);
  if (!range) return undefined;
  const fromMs = Math.max(range.fromMs, Math.ceil(window.fromMs / SPAN_MS) * SPAN_MS);
  const toMs = Math.min(range.toMs, Math.floor(window.toMs / SPAN_MS) * SPAN_MS);
  return fromMs < toMs ? { fromMs, toMs } : undefined;
}

/** Spans before that moment are not used any more: they were not what the minutes say. */
export async function distrustSpans(sql: ReservedConnection, beforeMs: number): Promise<void> {
  const fromMs = Math.ceil(beforeMs / SPAN_MS) * SPAN_MS;
  await sql`
    UPDATE account_spans_range SET from_at = to_timestamp(${fromMs / 1_000}::float8),
      through = greatest(through, to_timestamp(${fromMs / 1_000}::float8))`;
}

async function readRange(sql: ReservedConnection): Promise<Span | undefined> {
  const [row] = await sql<{ from_s: number; to_s: number }[]>`
    SELECT extract(epoch FROM from_at)::float8 AS from_s, extract(epoch FROM through)::float8 AS to_s FROM account_spans_range`;
  return row && { fromMs: row.from_s * 1_000, toMs: row.to_s * 1_000 };
}

async function firstRange(sql: ReservedConnection, loadedMs: number): Promise<Span | undefined> {
  const [row] = await sql<{ first_s: number | null }[]>`
    SELECT extract(epoch FROM min(bucket))::float8 AS first_s FROM share_sums`;
  if (row?.first_s == null) return undefined;
  const fromMs = Math.floor(Math.max(row.first_s * 1_000, loadedMs - KEEP_MS) / SPAN_MS) * SPAN_MS;
  return { fromMs, toMs: fromMs };
}

function sumSpan(lead: Lead, rangeFromMs: number, fromMs: number): Promise<void> {
  const toMs = fromMs + SPAN_MS;
  const keepFromMs = Math.max(rangeFromMs, toMs - KEEP_MS);
  return lead.transaction(async (sql) => {
    await sql`SELECT assert_lead('payer', ${lead.epoch})`;
    await prepareForSums(sql);
    await sql`DELETE FROM account_spans WHERE span_start < to_timestamp(${keepFromMs / 1_000}::float8)`;
    await sql`
      INSERT INTO account_spans (pot, span_start, account_id, work)
      SELECT s.pot, to_timestamp(${fromMs / 1_000}::float8), w.account_id, sum(s.work) FROM (
        SELECT pot, worker_id, sum(work_hashes) AS work FROM share_sums
        WHERE bucket >= to_timestamp(${fromMs / 1_000}::float8) AND bucket < to_timestamp(${toMs / 1_000}::float8)
        GROUP BY pot, worker_id) s JOIN workers w ON w.id = s.worker_id
      WHERE s.work > 0 GROUP BY s.pot, w.account_id
      ON CONFLICT (span_start, pot, account_id) DO UPDATE SET work = excluded.work`;
    await sql`
      INSERT INTO account_spans_range (from_at, through)
      VALUES (to_timestamp(${keepFromMs / 1_000}::float8), to_timestamp(${toMs / 1_000}::float8))
      ON CONFLICT (only_one) DO UPDATE SET from_at = excluded.from_at, through = excluded.through`;
  }, SUMS_DEADLINE_MS);
}
