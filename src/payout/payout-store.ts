/**
 * SEAM: where payouts are kept. One call is one step, and all of it or nothing: state, amounts, inputs and the ledger's posting.
 *
 *   createPlan   - -> PLANNED          miner -reserved, in_flight +reserved; the inputs are held
 *   signed       PLANNED -> SIGNED     txid and bytes
 *   broadcast    SIGNED -> BROADCAST   before the first byte leaves: a payout in SIGNED was never sent, so it may be cancelled
 *   accepted     BROADCAST -> ACCEPTED
 *   reorganised  ACCEPTED -> BROADCAST
 *   confirmed    ACCEPTED -> CONFIRMED in_flight -reserved, treasury +paid +fee (pool pays: network_fees -fee); the inputs are
 *                                      spent, the change is an output of the treasury
 *   conflicted   BROADCAST -> CONFLICTED, cancel PLANNED|SIGNED -> CANCELLED: in_flight -reserved, miner +reserved; inputs are free
 *
 * A call that rejects has done all or nothing, and the caller does not know which: it looks again (`live`) before it goes on.
 * Every write carries the leader's epoch, and fails once another one leads.
 */
import { EdgeError } from '../kit/edge-error.ts';
import type { Plan, PlanInput } from './plan.ts';
import type { SignedPayout } from './signer.ts';

export const PAYOUT_STATES = [
  'PLANNED',
  'SIGNED',
  'BROADCAST',
  'ACCEPTED',
  'CONFIRMED',
  'CONFLICTED',
  'CANCELLED',
] as const;
export type PayoutState = (typeof PAYOUT_STATES)[number];

/** Not at an end yet. */
export interface LivePayout {
  readonly id: bigint;
  readonly state: PayoutState;
  readonly plan: Plan;
  readonly planHash: string;
  /** From SIGNED on. */
  readonly signed: SignedPayout | undefined;
  /** From BROADCAST on. */
  readonly chainFrom: string | undefined;
  /** Of ACCEPTED; what was true before a reorganisation otherwise. */
  readonly accepted: { readonly block: string; readonly daaScore: bigint } | undefined;
  readonly plannedAtMs: number;
}

export interface PayableBalance {
  readonly accountId: bigint;
  /** As the account logged in; nobody has checked it against this network. */
  readonly address: string;
  /** Free to pay: what is in flight is not in it. */
  readonly balanceSompi: bigint;
  /** What the account asked for, if it did. */
  readonly thresholdSompi: bigint | undefined;
  /** Unix ms of the last plan that pays it; 0 = never. */
  readonly lastPaidAtMs: number;
}

/** An output that the ledger believes to be ours and unspent, and that no live payout holds. */
export interface LedgerOutput extends PlanInput {
  readonly isCoinbase: boolean;
  readonly daaScore: bigint;
}

/** What counts against the caps: payouts of the last hours that were not cancelled and not lost. */
export interface PaidLately {
  readonly sompi: bigint;
  readonly byAccount: ReadonlyMap<bigint, bigint>;
}

export interface Halt {
  readonly code: string;
  readonly reason: string;
  readonly raisedBy: string;
  readonly raisedAtMs: number;
}

export interface PayoutStore {
  /** Above zero only. */
  balances(): Promise<readonly PayableBalance[]>;
  spendableOutputs(): Promise<readonly LedgerOutput[]>;
  /** By the store's own clock, as are all times here: a clock that is set on this machine must not lift a cap. */
  paidWithin(ms: number): Promise<PaidLately>;
  /** What the pool can spend on fees: its own fees, less what it paid and what live payouts will cost it. */
  poolFundsSompi(): Promise<bigint>;
  /** Since the newest payment was planned; undefined = never. */
  msSinceLastPlan(): Promise<number | undefined>;

  openHalts(): Promise<readonly Halt[]>;
  /** Stops payouts; once per code until it is cleared. */
  raiseHalt(code: string, reason: string, byWhom: string): Promise<void>;

  /** PLANNED, SIGNED, BROADCAST, ACCEPTED; oldest first. */
  live(): Promise<readonly LivePayout[]>;
  /** Gives the payout's id. */
  createPlan(plan: Plan): Promise<bigint>;
  signed(id: bigint, signed: SignedPayout): Promise<void>;
  broadcast(id: bigint, chainFrom: string): Promise<void>;
  accepted(id: bigint, block: string, daaScore: bigint): Promise<void>;
  reorganised(id: bigint, reason: string): Promise<void>;
  confirmed(id: bigint): Promise<void>;
  conflicted(id: bigint, byTxid: string): Promise<void>;
  /** By a person. Rejects with SLUICE_PAYOUT_SENT from BROADCAST on. */
  cancel(id: bigint, reason: string): Promise<void>;
}

export function notCancellable(id: bigint, state: PayoutState | undefined): EdgeError {
  if (state === undefined)
    return new EdgeError(
      'SLUICE_PAYOUT_UNKNOWN',
      `there is no payout ${id}`,
      'sluice payout status lists them.',
    );
  return new EdgeError(
    'SLUICE_PAYOUT_SENT',
    `payout ${id} is ${state}: it cannot be cancelled`,
    'Only what was never sent can be. A sent one ends by itself: confirmed, or in conflict with another transaction.',
  );
}
