/**
 * What an account may read of itself, and anybody who knows its address: what it is owed, what is on the way, what was paid. In: an
 * address. Out: one plain object of bounded size, amounts in sompi. Reads only. Where alerts go is nobody else's business and is
 * not in it.
 */
import type { Database } from './stores/postgres.ts';

export interface AccountView {
  readonly address: string;
  /** undefined: it asked for none, the pool's minimum holds. */
  readonly thresholdSompi: bigint | undefined;
  readonly donationBasisPoints: number;
  /** ISO 8601, '' = it never signed any. */
  readonly settingsSignedAt: string;
  /** Free to pay. */
  readonly balanceSompi: bigint;
  readonly inFlightSompi: bigint;
  /** In confirmed payouts, without the network's fee. */
  readonly paidSompi: bigint;
  /** Newest first. */
  readonly payments: readonly PaymentView[];
}

export interface PaymentView {
  readonly payoutId: bigint;
  readonly state: string;
  /** '' until it is signed. */
  readonly txid: string;
  readonly outputSompi: bigint;
  readonly feeSompi: bigint;
  readonly plannedAt: string;
  readonly updatedAt: string;
}

/** A day of hourly payouts. */
const PAYMENTS_MAX = 24;

interface AccountRow {
  readonly id: bigint;
  readonly threshold: bigint | null;
  readonly donation: number;
  readonly signed_at: Date | null;
  readonly balance: bigint;
  readonly in_flight: bigint;
  readonly paid: string;
}

/** undefined: no share of that address was ever accepted. */
export async function viewAccount(sql: Database, address: string): Promise<AccountView | undefined> {
  const [row] = await sql<AccountRow[]>`
    SELECT a.id, s.threshold_sompi AS threshold, coalesce(s.donation_basis_points, 0) AS donation, s.signed_at,
      coalesce((SELECT balance_sompi FROM ledger_accounts WHERE kind = 'miner' AND account_id = a.id), 0) AS balance,
      coalesce((SELECT balance_sompi FROM ledger_accounts WHERE kind = 'in_flight' AND account_id = a.id), 0) AS in_flight,
      (SELECT coalesce(sum(p.output_sompi), 0)::text FROM payments p JOIN payouts o ON o.id = p.payout_id
       WHERE p.account_id = a.id AND o.state = 'CONFIRMED') AS paid
    FROM accounts a LEFT JOIN account_settings s ON s.account_id = a.id WHERE a.address = ${address}`;
  if (!row) return undefined;
  const payments = await sql<PaymentRow[]>`
    SELECT p.payout_id, o.state, coalesce(o.txid, '') AS txid, p.output_sompi, p.fee_sompi, o.planned_at, o.updated_at
    FROM payments p JOIN payouts o ON o.id = p.payout_id
    WHERE p.account_id = ${row.id} ORDER BY p.payout_id DESC LIMIT ${PAYMENTS_MAX}`;
  return {
    address,
    thresholdSompi: row.threshold ?? undefined,
    donationBasisPoints: row.donation,
    settingsSignedAt: row.signed_at?.toISOString() ?? '',
    balanceSompi: row.balance,
    inFlightSompi: row.in_flight,
    paidSompi: BigInt(row.paid),
    payments: payments.map((payment) => ({
      payoutId: payment.payout_id,
      state: payment.state,
      txid: payment.txid,
      outputSompi: payment.output_sompi,
      feeSompi: payment.fee_sompi,
      plannedAt: payment.planned_at.toISOString(),
      updatedAt: payment.updated_at.toISOString(),
    })),
  };
}

interface PaymentRow {
  readonly payout_id: bigint;
  readonly state: string;
  readonly txid: string;
  readonly output_sompi: bigint;
  readonly fee_sompi: bigint;
  readonly planned_at: Date;
  readonly updated_at: Date;
}
