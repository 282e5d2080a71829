/**
 * History for charts: columns of equal length, a step apart. In: a range. Out: sums by step; null where nothing is known. Reads only.
 */
import type { Database } from '../stores/postgres.ts';

export const RANGE_STEPS = {
  '1h': { stepSeconds: 60, steps: 60 },
  '24h': { stepSeconds: 600, steps: 144 },
  '7d': { stepSeconds: 3_600, steps: 168 },
  '30d': { stepSeconds: 14_400, steps: 180 },
} as const;
export type SeriesRange = keyof typeof RANGE_STEPS;

export interface SeriesGrid {
  readonly range: SeriesRange;
  readonly stepSeconds: number;
  readonly steps: number;
  /** Unix seconds. */
  readonly fromS: number;
}

/** Ends with the last step that is over. */
export function gridOf(range: SeriesRange, nowMs: number): SeriesGrid {
  const { stepSeconds, steps } = RANGE_STEPS[range];
  const endS = Math.floor(nowMs / 1_000 / stepSeconds) * stepSeconds;
  return { range, stepSeconds, steps, fromS: endS - steps * stepSeconds };
}

interface StepRow {
  readonly step: number;
  readonly hashes: number | null;
  readonly workers: number | null;
  readonly accepted: number | null;
  readonly refused: number | null;
  readonly blocks: number;
}

export async function readPoolSeries(sql: Database, grid: SeriesGrid) {
  const rows = grid.range === '1h' ? await poolMinutes(sql, grid) : await poolSpans(sql, grid);
  const byStep = new Map(rows.map((row) => [row.step, row]));
  const column = <T>(of: (row: StepRow) => T, none: T): T[] =>
    Array.from({ length: grid.steps }, (_, step) => {
      const row = byStep.get(step);
      return row ? of(row) : none;
    });
  return {
    ...headOf(grid),
    hashrate: column<number | null>(
      ({ hashes }) => (hashes === null ? null : hashes / grid.stepSeconds),
      null,
    ),
    workers: column<number | null>(({ workers }) => workers, null),
    rejectedShare: column<number | null>(
      ({ accepted, refused }) => partOf(refused ?? 0, accepted ?? 0),
      null,
    ),
    blocks: column(({ blocks }) => blocks, 0),
  };
}

/** Workers of a longer step: the most of any ten minutes in it. */
function poolSpans(sql: Database, { fromS, stepSeconds, steps }: SeriesGrid): Promise<StepRow[]> {
  const toS = fromS + steps * stepSeconds;
  return sql<StepRow[]>`
    SELECT coalesce(w.step, b.step) AS step, w.hashes, w.workers, w.accepted, w.refused, coalesce(b.blocks, 0) AS blocks FROM (
      SELECT step, sum(hashes)::float8 AS hashes, max(workers)::float8 AS workers, sum(accepted)::float8 AS accepted,
        sum(refused)::float8 AS refused FROM (
        SELECT span_start, floor((extract(epoch FROM span_start) - ${fromS}::float8) / ${stepSeconds}::float8)::int AS step,
          sum(work_hashes) AS hashes, sum(workers) AS workers, sum(accepted) AS accepted, sum(refused) AS refused
        FROM pool_spans WHERE span_start >= to_timestamp(${fromS}::float8) AND span_start < to_timestamp(${toS}::float8)
        GROUP BY span_start) AS spans GROUP BY step
    ) AS w FULL JOIN (${blockSteps(sql, fromS, toS, stepSeconds)}) AS b ON b.step = w.step`;
}

function poolMinutes(sql: Database, { fromS, stepSeconds, steps }: SeriesGrid): Promise<StepRow[]> {
  const toS = fromS + steps * stepSeconds;
  return sql<StepRow[]>`
    SELECT coalesce(w.step, b.step, r.step) AS step, w.hashes, w.workers, w.accepted, r.refused, coalesce(b.blocks, 0) AS blocks FROM (
      SELECT ((extract(epoch FROM bucket) - ${fromS}::float8) / ${stepSeconds}::float8)::int AS step, sum(work_hashes)::float8 AS hashes,
        count(DISTINCT worker_id)::float8 AS workers, sum(shares)::float8 AS accepted
      FROM share_sums WHERE bucket >= to_timestamp(${fromS}::float8) AND bucket < to_timestamp(${toS}::float8) GROUP BY bucket
    ) AS w FULL JOIN (${blockSteps(sql, fromS, toS, stepSeconds)}) AS b ON b.step = w.step
    FULL JOIN (
      SELECT ((extract(epoch FROM bucket) - ${fromS}::float8) / ${stepSeconds}::float8)::int AS step, sum(count)::float8 AS refused
      FROM reject_sums WHERE bucket >= to_timestamp(${fromS}::float8) AND bucket < to_timestamp(${toS}::float8) GROUP BY bucket
    ) AS r ON r.step = coalesce(w.step, b.step)`;
}

function blockSteps(sql: Database, fromS: number, toS: number, stepSeconds: number) {
  return sql`
    SELECT floor((extract(epoch FROM found_at) - ${fromS}::float8) / ${stepSeconds}::float8)::int AS step, count(*)::int AS blocks
    FROM blocks WHERE found_at >= to_timestamp(${fromS}::float8) AND found_at < to_timestamp(${toS}::float8) GROUP BY 1`;
}

export interface HourRow {
  readonly step: number;
  readonly hashes: number;
  readonly accepted: number;
  readonly refused: number;
}

/** One account by the hour; for days. */
export function readAccountHours(sql: Database, accountId: number, grid: SeriesGrid): Promise<HourRow[]> {
  const { fromS, stepSeconds, steps } = grid;
  return sql<HourRow[]>`
    SELECT floor((extract(epoch FROM hour_start) - ${fromS}::float8) / ${stepSeconds}::float8)::int AS step,
      sum(work_hashes)::float8 AS hashes, sum(shares)::float8 AS accepted, sum(refused)::float8 AS refused
    FROM account_hours WHERE account_id = ${BigInt(accountId)} AND hour_start >= to_timestamp(${fromS}::float8)
      AND hour_start < to_timestamp(${fromS + steps * stepSeconds}::float8) GROUP BY 1`;
}

/** Refusals of one account by ten minutes: unix seconds -> count. */
export async function readAccountRefusals(
  sql: Database,
  accountId: number,
  fromS: number,
): Promise<ReadonlyMap<number, number>> {
  const rows = await sql<{ at: number; refused: number }[]>`
    SELECT extract(epoch FROM r.bucket)::float8 AS at, sum(r.count)::float8 AS refused
    FROM workers w JOIN worker_refusals r ON r.worker_id = w.id
    WHERE w.account_id = ${BigInt(accountId)} AND r.bucket >= to_timestamp(${fromS}::float8) GROUP BY r.bucket`;
  return new Map(rows.map(({ at, refused }) => [at, refused]));
}

export function headOf({ range, stepSeconds, fromS }: SeriesGrid) {
  return { range, stepSeconds, from: new Date(fromS * 1_000).toISOString() };
}

/** null where there was nothing at all. */
export function partOf(refused: number, accepted: number): number | null {
  return refused + accepted > 0 ? refused / (refused + accepted) : null;
}
