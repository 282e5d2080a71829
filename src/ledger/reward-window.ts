/** The work of every account in a window of time, added up by PostgreSQL: a row per account comes back, whatever lies in the window. */
import type { WorkShare } from './schemes/split.ts';
import type { Database } from './stores/postgres.ts';

export interface AccountWork extends WorkShare {
  readonly address: string;
}

interface WorkRow {
  readonly id: bigint;
  readonly address: string;
  readonly work: string;
}

/**
 * From `fromUnixMs` on, up to and without `toUnixMs`, in whole minutes: the sums are kept by the minute. The sums of workers are made
 * before accounts are looked up: a worker has thousands of rows, and is looked up once.
 */
export async function workInWindow(
  sql: Database,
  fromUnixMs: number,
  toUnixMs: number,
): Promise<AccountWork[]> {
  const rows = await sql<WorkRow[]>`
    WITH workers_work AS (
      SELECT worker_id, sum(work_hashes) AS work FROM share_sums
      WHERE bucket >= to_timestamp(${fromUnixMs / 1_000}::float8) AND bucket < to_timestamp(${toUnixMs / 1_000}::float8)
      GROUP BY worker_id
    ), accounts_work AS (
      SELECT w.account_id, sum(s.work) AS work FROM workers_work s JOIN workers w ON w.id = s.worker_id
      GROUP BY w.account_id
    )
    SELECT a.id, a.address, s.work::text AS work FROM accounts_work s JOIN accounts a ON a.id = s.account_id
    ORDER BY a.id`;
  return rows.map(({ id, address, work }) => ({ accountId: BigInt(id), address, work: BigInt(work) }));
}
