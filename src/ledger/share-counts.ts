/**
 * What is in the tables, counted for summaries and for the tests that compare journal and database. Reads only; whole-table
 * scans, so not for a page that somebody refreshes.
 */
import type { Database } from './stores/postgres.ts';
import type { BlockState } from './stores/store.ts';

export interface ShareCounts {
  /** Rows of `shares`. */
  readonly rows: bigint;
  /** Credited shares and work by `share_sums`. */
  readonly summedShares: bigint;
  readonly summedWork: bigint;
  /** The same, computed from the rows: equal, or something is wrong. */
  readonly creditedRows: bigint;
  readonly creditedWork: bigint;
  /** Share records that the loader says it has loaded. */
  readonly loadedRecords: bigint;
  readonly blocks: Readonly<Partial<Record<BlockState, number>>>;
  readonly blueBlocks: number;
  readonly redBlocks: number;
}

/** Of one instance, or of all. */
export async function countShares(sql: Database, instanceName?: string): Promise<ShareCounts> {
  const mine = (column: string) =>
    instanceName === undefined
      ? sql`true`
      : sql`${sql(column)} = (SELECT id FROM instances WHERE name = ${instanceName})`;
  // One snapshot for all of it, so that the figures agree while the loader runs.
  return await sql.begin('ISOLATION LEVEL REPEATABLE READ READ ONLY', async (tx) => {
    const [shares] = await tx<{ rows: bigint; credited: bigint; work: string }[]>`
      SELECT count(*) AS rows, count(*) FILTER (WHERE credit = 0) AS credited,
        coalesce(sum(power(2::numeric, difficulty_log2 + 32)) FILTER (WHERE credit = 0), 0)::numeric(60, 0)::text AS work
      FROM shares WHERE ${mine('instance_id')}`;
    const [sums] = await tx<{ shares: string; work: string }[]>`
      SELECT coalesce(sum(shares), 0)::text AS shares, coalesce(sum(work_hashes), 0)::text AS work
      FROM share_sums WHERE ${mine('instance_id')}`;
    const [progress] = await tx<{ loaded: string }[]>`
      SELECT coalesce(sum(loaded_records), 0)::text AS loaded FROM journal_progress WHERE ${mine('instance_id')}`;
    const blocks = await tx<{ state: BlockState; colour: string; count: number }[]>`
      SELECT state, colour, count(*)::int AS count FROM blocks WHERE ${mine('instance_id')} GROUP BY state, colour`;
    const byState: Partial<Record<BlockState, number>> = {};
    for (const row of blocks) byState[row.state] = (byState[row.state] ?? 0) + row.count;
    const ofColour = (colour: string) =>
      blocks.reduce((sum, row) => sum + (row.colour === colour ? row.count : 0), 0);
    return {
      rows: shares!.rows,
      summedShares: BigInt(sums!.shares),
      summedWork: BigInt(sums!.work),
      creditedRows: shares!.credited,
      creditedWork: BigInt(shares!.work),
      loadedRecords: BigInt(progress!.loaded),
      blocks: byState,
      blueBlocks: ofColour('blue'),
      redBlocks: ofColour('red'),
    };
  });
}

export interface DoubledShare {
  readonly jobId: bigint;
  /** Unsigned, lower-case hex, 16 digits. */
  readonly nonce: string;
  readonly times: number;
  /** The journal records behind it: `instance/segment/slot`. */
  readonly records: readonly string[];
}

/**
 * Shares that are in the table more than once: by their proof of work (job and nonce), which also finds a record that was
 * loaded twice.
 */
export async function findDoubles(sql: Database, limit = 100): Promise<DoubledShare[]> {
  const rows = await sql<{ job_id: bigint; nonce: bigint; times: number; records: string }[]>`
    SELECT job_id, nonce, count(*)::int AS times,
      string_agg(instance_id || '/' || segment || '/' || slot, ' ' ORDER BY segment, slot) AS records
    FROM shares GROUP BY job_id, nonce HAVING count(*) > 1 ORDER BY times DESC, job_id, nonce LIMIT ${limit}`;
  return rows.map((row) => ({
    jobId: row.job_id,
    nonce: BigInt.asUintN(64, row.nonce).toString(16).padStart(16, '0'),
    times: row.times,
    records: row.records.split(' '),
  }));
}

/** Rows of one instance from a segment on: what a run of the engine has stored, when it began with that segment. */
export async function countSharesSince(
  sql: Database,
  instanceName: string,
  segment: number,
): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM shares
    WHERE instance_id = (SELECT id FROM instances WHERE name = ${instanceName}) AND segment >= ${BigInt(segment)}`;
  return row!.count;
}
