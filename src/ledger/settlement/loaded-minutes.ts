/**
 * Which minutes are complete, and their work by pot. In flow how far every engine's journal is loaded, out flows a moment before
 * which nothing is missing, and rows in `pot_minutes`. It must never call a minute complete while an engine may still bring shares
 * for it, unless that engine was waited for as long as the operator wants.
 *
 *   engine a  ==================>|            loaded_through
 *   engine b  ===========>|                   the slowest decides ...
 *   now - wait       |                        ... but nobody is waited for longer than this
 */
import type { Lead } from '../lead.ts';
import { prepareForSums, SUMS_DEADLINE_MS } from '../reward-window.ts';
import { MS_PER_MINUTE } from '../schemes/scheme.ts';
import type { Database, ReservedConnection } from '../stores/postgres.ts';

export interface InstanceProgress {
  readonly name: string;
  /** Unix ms; undefined when it has never said anything. */
  readonly loadedThroughMs: number | undefined;
}

export async function readProgress(sql: Database | ReservedConnection): Promise<readonly InstanceProgress[]> {
  const rows = await sql<{ name: string; through_s: number | null }[]>`
    SELECT i.name, extract(epoch FROM p.loaded_through)::float8 AS through_s
    FROM instances i LEFT JOIN journal_progress p ON p.instance_id = i.id ORDER BY i.name`;
  return rows.map(({ name, through_s }) => ({
    name,
    loadedThroughMs: through_s === null ? undefined : through_s * 1_000,
  }));
}

/**
 * The moment before which every minute is complete, in whole minutes.
 *
 * @param givenUpMs minutes that end before it are no longer waited for
 */
export function completeThrough(
  instances: readonly InstanceProgress[],
  givenUpMs: number,
  nowMs: number,
): number {
  let through = nowMs;
  for (const { loadedThroughMs } of instances)
    through = Math.min(through, Math.max(loadedThroughMs ?? Number.NEGATIVE_INFINITY, givenUpMs));
  return through === Number.NEGATIVE_INFINITY ? through : Math.floor(through / MS_PER_MINUTE) * MS_PER_MINUTE;
}

export function lateInstances(instances: readonly InstanceProgress[], toMs: number): string[] {
  return instances
    .filter(({ loadedThroughMs }) => loadedThroughMs === undefined || loadedThroughMs < toMs)
    .map(({ name }) => name);
}

/** Bounds a transaction's time over an old database: with 100,000 workers an hour is six million rows. */
const CHUNK_MS = 3_600_000;

/** Sums up what has become complete. Gives the end of what is summed; undefined while there is nothing at all. */
export async function sumMinutes(lead: Lead, throughMs: number): Promise<number | undefined> {
  let reached = await summedThrough(lead.sql);
  if (throughMs === Number.NEGATIVE_INFINITY) return reached;
  reached ??= await firstMinute(lead.sql);
  while (reached !== undefined && reached < throughMs)
    reached = await sumChunk(lead, reached, Math.min(throughMs, reached + CHUNK_MS));
  return reached;
}

async function summedThrough(sql: ReservedConnection): Promise<number | undefined> {
  const [row] = await sql<{ through_s: number }[]>`
    SELECT extract(epoch FROM through)::float8 AS through_s FROM pot_minutes_progress`;
  return row && row.through_s * 1_000;
}

async function firstMinute(sql: ReservedConnection): Promise<number | undefined> {
  const [row] = await sql<{ first_s: number | null }[]>`
    SELECT extract(epoch FROM min(bucket))::float8 AS first_s FROM share_sums`;
  return row?.first_s == null ? undefined : row.first_s * 1_000;
}

function sumChunk(lead: Lead, fromMs: number, toMs: number): Promise<number> {
  return lead.transaction(async (sql) => {
    await sql`SELECT assert_lead('payer', ${lead.epoch})`;
    await prepareForSums(sql);
    await sql`
      INSERT INTO pot_minutes (pot, minute, work)
      SELECT pot, bucket, sum(work_hashes) FROM share_sums
      WHERE bucket >= to_timestamp(${fromMs / 1_000}::float8) AND bucket < to_timestamp(${toMs / 1_000}::float8)
      GROUP BY pot, bucket HAVING sum(work_hashes) > 0`;
    await sql`
      INSERT INTO pot_minutes_progress (through) VALUES (to_timestamp(${toMs / 1_000}::float8))
      ON CONFLICT (only_one) DO UPDATE SET through = excluded.through`;
    return toMs;
  }, SUMS_DEADLINE_MS);
}
