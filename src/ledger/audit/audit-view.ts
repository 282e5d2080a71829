/**
 * What an invariant looks at: one snapshot of the database, how far back to look, and, where somebody asked the chain, what it said.
 * Nothing here writes.
 *
 *   incremental   ledger transactions after the last audit's, payouts that moved or may move, shares of the last minutes
 *   full          afterId 0, both times before all others
 */
import type { Database, ReservedConnection } from '../stores/postgres.ts';

export type AuditSql = Database | ReservedConnection;

/** An output at the treasury's address, as the chain shows it. */
export interface ChainOutput {
  readonly txid: string;
  readonly index: number;
  readonly amountSompi: bigint;
  readonly daaScore: bigint;
}

export interface ChainOutputs {
  readonly outputs: readonly ChainOutput[];
  /** Accepted below this score: such an output is mature, and the payer has had its ten minutes to book it. */
  readonly bookedBelowDaa: bigint;
}

/** The chain as a witness, given by the caller. */
export interface ChainWitness {
  outputs(): Promise<ChainOutputs>;
  /** Undefined when no node can tell any more: it has forgotten blocks that old. */
  isOnChain(txid: string, acceptingBlock: string): Promise<boolean | undefined>;
}

export interface AuditView {
  readonly sql: AuditSql;
  readonly full: boolean;
  /** Ledger transactions above this one are looked at; 0 = all. */
  readonly afterId: bigint;
  /** The last one of the snapshot. */
  readonly throughId: bigint;
  /** Payouts that last moved before this are left to the full audit. */
  readonly recentFrom: Date;
  /** Shares that were received before this are left to the full audit. */
  readonly sharesFrom: Date;
  /** The most that one payout may cost; undefined = not told. */
  readonly feeCapSompi: bigint | undefined;
  readonly chain: ChainWitness | undefined;
  /** Folders of engines whose journals are to be counted as well; each is read whole. */
  readonly journals: readonly string[];
  /** Asked for before the snapshot was taken: whatever left the treasury by then is in the snapshot as sent. */
  readonly chainOutputs: ChainOutputs | undefined;
  /** Balances that an earlier audit of this process found right, by ledger account; they make the next one cheap. */
  readonly knownBalances: Map<bigint, bigint> | undefined;
}

export interface FoundRow {
  readonly detail: string;
}

/** Rows named per invariant: enough to see what happened. A broken table would name millions. */
export const ROWS_NAMED = 20;

export function detailsOf(rows: readonly FoundRow[]): string[] {
  return rows.map((row) => row.detail);
}
