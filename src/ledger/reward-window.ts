/**
 * The work of every account in a window of time, added up by PostgreSQL: a row per account comes back, whatever lies in the window,
 * and with it the account's own fee and donation.
 */
import type { DivisionAccount, Span } from './schemes/scheme.ts';
import type { Database, ReservedConnection } from './stores/postgres.ts';

interface WorkRow {
  readonly id: bigint;
  readonly work: string;
  readonly fee: number | null;
  readonly donation: number | null;
}

/**
 * For one transaction. Sums over ten million rows are made by three processes in memory; what a program in the
 * machine's language would save is less than its translation costs; and a plan is made for the bounds at hand, or days
 * outside of the window would be looked into.
 */
export async function prepareForSums(sql: ReservedConnection): Promise<void> {
  await sql`
    SELECT set_config('work_mem', '192MB', true), set_config('jit', 'off', true),
      set_config('max_parallel_workers_per_gather', '2', true), set_config('plan_cache_mode', 'force_custom_plan', true)`;
}

/**
 * In whole minutes: the sums are kept by the minute. The sums of workers are made before accounts are looked up: a worker has
 * thousands of rows, and is looked up once.
 */
export async function workInWindow(
  sql: Database | ReservedConnection,
  pot: number,
  window: Span,
): Promise<DivisionAccount[]> {
  const rows = await sql<WorkRow[]>`
    WITH workers_work AS (
      SELECT worker_id, sum(work_hashes) AS work FROM share_sums
      WHERE bucket >= to_timestamp(${window.fromMs / 1_000}::float8)
        AND bucket < to_timestamp(${window.toMs / 1_000}::float8) AND pot = ${pot}
      GROUP BY worker_id
    ), accounts_work AS (
      SELECT w.account_id, sum(s.work) AS work FROM workers_work s JOIN workers w ON w.id = s.worker_id
      GROUP BY w.account_id
    )
    SELECT s.account_id AS id, s.work::text AS work, t.fee_basis_points AS fee, a.donation_basis_points AS donation
    FROM accounts_work s LEFT JOIN account_terms t USING (account_id) LEFT JOIN account_settings a USING (account_id)
    WHERE s.work > 0 ORDER BY s.account_id`;
  return rows.map(accountOf);
}

/** Finders may have no work in the window: their share came late, or the scheme's window is another. */
export async function withFinders(
  sql: Database | ReservedConnection,
  accounts: readonly DivisionAccount[],
  finders: Iterable<bigint>,
): Promise<readonly DivisionAccount[]> {
  const known = new Set(accounts.map(({ accountId }) => accountId));
  const missing = [...new Set(finders)].filter((accountId) => !known.has(accountId));
  if (missing.length === 0) return accounts;
  const rows = await sql<WorkRow[]>`
    SELECT a.id, '0' AS work, t.fee_basis_points AS fee, s.donation_basis_points AS donation FROM accounts a
    LEFT JOIN account_terms t ON t.account_id = a.id LEFT JOIN account_settings s ON s.account_id = a.id
    WHERE a.id = ANY (${`{${missing.join(',')}}`}::text::bigint[])`;
  return [...accounts, ...rows.map(accountOf)];
}

function accountOf({ id, work, fee, donation }: WorkRow): DivisionAccount {
  return {
    accountId: id,
    work: BigInt(work),
    ownFeeBasisPoints: fee === null ? undefined : BigInt(fee),
    donationBasisPoints: BigInt(donation ?? 0),
  };
}
