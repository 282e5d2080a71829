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
 * Of a transaction that sums, and of each of its statements. On a slow disk a window of ten million rows that is not in memory takes
 * minutes, and one that is cut off does not get shorter by being tried again: nobody would be credited anything any more.
 */
export const SUMS_DEADLINE_MS = 600_000;

/**
 * For one transaction. Sums over ten million rows are made by three processes in memory; what a program in the machine's language
 * would save is less than its translation costs; and a plan is made for the bounds at hand, or days outside of the window would be
 * looked into. Rows that were written a moment ago have no statistics: believing that there are ten, the planner would compare a
 * hundred thousand accounts with each other in nested loops, which takes minutes.
 */
export async function prepareForSums(sql: ReservedConnection): Promise<void> {
  await sql`
    SELECT set_config('work_mem', '192MB', true), set_config('jit', 'off', true), set_config('enable_nestloop', 'off', true),
      set_config('max_parallel_workers_per_gather', '2', true), set_config('plan_cache_mode', 'force_custom_plan', true),
      set_config('random_page_cost', '1.1', true), set_config('statement_timeout', ${String(SUMS_DEADLINE_MS)}, true)`;
}

/**
 * Before a hundred thousand rows are written in the same transaction: each of them asks its foreign keys, and would plan that
 * question anew (measured: two thirds of the time of a settlement).
 */
export async function prepareForWriting(sql: ReservedConnection): Promise<void> {
  await sql`SELECT set_config('plan_cache_mode', 'auto', true)`;
}

/**
 * In whole minutes: the sums are kept by the minute. The sums of workers are made before accounts are looked up: a worker has
 * thousands of rows, and is looked up once.
 *
 *   window.from ...... spans.from =================== spans.to ...... window.to
 *     by the minute                by ten minutes                by the minute
 *
 * @param spans the part of the window that `account_spans` has; absent: all of it by the minute
 */
export async function workInWindow(
  sql: Database | ReservedConnection,
  pot: number,
  window: Span,
  spans: Span = { fromMs: window.toMs, toMs: window.toMs },
): Promise<DivisionAccount[]> {
  const at = (ms: number) => sql`to_timestamp(${ms / 1_000}::float8)`;
  const minutes = (fromMs: number, toMs: number) => sql`
    SELECT worker_id, sum(work_hashes) AS work FROM share_sums
    WHERE bucket >= ${at(fromMs)} AND bucket < ${at(toMs)} AND pot = ${pot} GROUP BY worker_id`;
  const rows = await sql<WorkRow[]>`
    WITH workers_work AS (${minutes(window.fromMs, spans.fromMs)} UNION ALL ${minutes(spans.toMs, window.toMs)}),
    spans_work AS (
      SELECT account_id, sum(work) AS work FROM account_spans
      WHERE span_start >= ${at(spans.fromMs)} AND span_start < ${at(spans.toMs)} AND pot = ${pot} GROUP BY account_id
    ), accounts_work AS (
      SELECT account_id, sum(work) AS work FROM (
        SELECT w.account_id, s.work FROM workers_work s JOIN workers w ON w.id = s.worker_id
        UNION ALL SELECT account_id, work FROM spans_work) AS both_works
      GROUP BY account_id
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
