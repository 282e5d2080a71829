/**
 * The books in a few numbers, for people: what came in, whose it is, what went out. In: a database. Out: one plain object, amounts in
 * sompi, all read in one statement so that they belong together. Reads only.
 */
import type { Database } from './stores/postgres.ts';

export interface MoneyTotals {
  /** Outputs of coinbases that are mature and in the books, blue blocks and merged reds. */
  readonly rewards: number;
  readonly rewardsSompi: bigint;
  readonly settledSompi: bigint;
  readonly unsettledSompi: bigint;
  /** To miners, free to pay. */
  readonly owedSompi: bigint;
  readonly inFlightSompi: bigint;
  /** What payees got in confirmed payouts. */
  readonly paidSompi: bigint;
  readonly poolFeeSompi: bigint;
  readonly donationSompi: bigint;
  /** To the network, out of the pool's or the payees' pocket. */
  readonly payoutFeesSompi: bigint;
  readonly dustSompi: bigint;
  readonly payoutsByState: Readonly<Record<string, number>>;
  readonly lastPayout: PayoutGlance | undefined;
  /** Codes of halts that nobody has cleared. */
  readonly halts: readonly string[];
  readonly auditViolations: number;
}

export interface PayoutGlance {
  readonly id: string;
  readonly state: string;
  readonly payees: number;
  readonly paidSompi: bigint;
  readonly txid: string;
}

interface TotalsRow {
  readonly rewards: number;
  readonly rewards_sompi: string;
  readonly settled_sompi: string;
  readonly paid_sompi: string;
  readonly payout_fees_sompi: string;
  readonly balances: Readonly<Record<string, string>>;
  readonly states: Readonly<Record<string, number>>;
  readonly last: { id: string; state: string; payees: number; paid: string; txid: string } | null;
  readonly halts: readonly string[];
  readonly violations: number;
}

export async function readMoneyTotals(sql: Database): Promise<MoneyTotals> {
  const [row] = await sql<TotalsRow[]>`
    SELECT r.count::int AS rewards, r.sompi::text AS rewards_sompi,
      (SELECT coalesce(sum(reward_sompi), 0)::text FROM settlements) AS settled_sompi,
      (SELECT coalesce(sum(paid_sompi), 0)::text FROM payouts WHERE state = 'CONFIRMED') AS paid_sompi,
      (SELECT coalesce(sum(fee_sompi), 0)::text FROM payouts WHERE state = 'CONFIRMED') AS payout_fees_sompi,
      (SELECT json_object_agg(kind, sompi::text) FROM (SELECT kind, sum(balance_sompi) AS sompi
       FROM ledger_accounts GROUP BY kind) b) AS balances,
      (SELECT coalesce(json_object_agg(state, count), '{}') FROM (SELECT state, count(*) FROM payouts GROUP BY state) s) AS states,
      (SELECT json_build_object('id', id::text, 'state', state, 'paid', paid_sompi::text, 'txid', coalesce(txid, ''),
         'payees', (SELECT count(*) FROM payments WHERE payout_id = payouts.id))
       FROM payouts ORDER BY payouts.id DESC LIMIT 1) AS last,
      (SELECT coalesce(json_agg(code), '[]') FROM halts WHERE cleared_at IS NULL) AS halts,
      (SELECT coalesce(sum(violation_count), 0)::int FROM audits) AS violations
    FROM (SELECT count(*), coalesce(sum(amount_sompi), 0) AS sompi FROM treasury_outputs
          WHERE origin IN ('blue', 'reds')) r`;
  return totalsOf(row!);
}

function totalsOf(row: TotalsRow): MoneyTotals {
  const balance = (kind: string): bigint => BigInt(row.balances[kind] ?? 0);
  return {
    rewards: row.rewards,
    rewardsSompi: BigInt(row.rewards_sompi),
    settledSompi: BigInt(row.settled_sompi),
    unsettledSompi: balance('unsettled'),
    owedSompi: balance('miner'),
    inFlightSompi: balance('in_flight'),
    paidSompi: BigInt(row.paid_sompi),
    poolFeeSompi: balance('pool_fee'),
    donationSompi: balance('donation'),
    payoutFeesSompi: BigInt(row.payout_fees_sompi),
    dustSompi: balance('dust'),
    payoutsByState: row.states,
    lastPayout: row.last
      ? {
          id: row.last.id,
          state: row.last.state,
          payees: row.last.payees,
          paidSompi: BigInt(row.last.paid),
          txid: row.last.txid,
        }
      : undefined,
    halts: row.halts,
    auditViolations: row.violations,
  };
}

/**
 * Whether the books add up by themselves: all balances together are zero, each is the sum of its entries, and what was settled and
 * what was not is what came in. The auditor knows twenty such laws; these are the ones that a layman would ask for.
 */
export async function booksBalance(sql: Database): Promise<boolean> {
  const [row] = await sql<{ balanced: boolean }[]>`
    SELECT (SELECT coalesce(sum(balance_sompi), 0) = 0 FROM ledger_accounts)
      AND NOT EXISTS (SELECT FROM ledger_accounts l WHERE balance_sompi <>
        (SELECT coalesce(sum(amount_sompi), 0) FROM ledger_entries e WHERE e.ledger_account_id = l.id))
      AND (SELECT coalesce(sum(amount_sompi), 0) FROM treasury_outputs WHERE origin IN ('blue', 'reds'))
        = (SELECT coalesce(sum(reward_sompi), 0) FROM settlements)
        + (SELECT coalesce(sum(balance_sompi), 0) FROM ledger_accounts WHERE kind = 'unsettled') AS balanced`;
  return row!.balanced;
}
