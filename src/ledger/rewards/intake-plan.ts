/**
 * What is to be booked of what lies at the treasury's address. In flow the outputs that the chain shows, what the books have and what
 * is known of the origins; out flow bookings, and counts of all the rest. Pure. It must never book an output twice, one that a reorg
 * may still take away, or a coinbase whose block may only be late as nobody's.
 *
 *   output --in the books?--> done
 *      |  too young -------------------> immature
 *      |  coinbase: origin known ------> blue | reds           unless that block was paid so already: unattributed
 *      |            not known ---------> waiting, then unattributed
 *      '  other: a payout of ours -----> change once that is confirmed
 *                tiny -----------------> dust, left alone
 *                else -----------------> deposit
 */
import type { TreasuryUtxo } from '../../chains/kaspa/treasury.ts';

export type OutputOrigin = 'blue' | 'reds' | 'unattributed' | 'deposit' | 'change';

export interface KnownOrigin {
  readonly blockId: bigint;
  readonly blockHash: string;
  readonly origin: 'blue' | 'reds';
  /** An output of this origin is in the books for this block already: only a reorg below the maturity depth brings another. */
  readonly paidBefore: boolean;
}

export interface Booking {
  readonly utxo: TreasuryUtxo;
  readonly origin: OutputOrigin;
  /** Of `blue` and `reds`. */
  readonly block: { readonly id: bigint; readonly hash: string } | undefined;
}

export interface IntakeFacts {
  readonly utxos: readonly TreasuryUtxo[];
  readonly virtualDaaScore: bigint;
  readonly maturityDaa: bigint;
  readonly inBooks: (outpoint: string) => boolean;
  readonly originOf: (outpoint: string) => KnownOrigin | undefined;
  /** A block that is not settled yet may be what this coinbase output is for, or it was first seen only a moment ago. */
  readonly mayBeLate: (utxo: TreasuryUtxo) => boolean;
  /** State of our payout with that txid; undefined when it is none of ours. */
  readonly payoutOf: (txid: string) => string | undefined;
  /** Deposits are not taken while something of ours is missing: they may be change of a payout that the books have forgotten. */
  readonly holdDeposits: boolean;
  readonly bookingsMax: number;
}

export interface IntakePlan {
  readonly bookings: readonly Booking[];
  readonly known: number;
  readonly immature: number;
  /** Mature coinbase outputs whose block is not known yet. */
  readonly waiting: readonly TreasuryUtxo[];
  /** Outputs of payouts that are not confirmed, and deposits that are held back. */
  readonly held: number;
  /** More is to be booked than one round takes. */
  readonly more: boolean;
}

/**
 * Spending an output costs 1,118 grams at 100 sompi each. Deposits of less than ten times that are not taken into the books: whoever
 * sends ten thousand of them gets one number counted, and no row.
 */
const DEPOSIT_LEAST_SOMPI = 1_000_000n;

export function isDust(utxo: TreasuryUtxo): boolean {
  return !utxo.isCoinbase && utxo.amountSompi < DEPOSIT_LEAST_SOMPI;
}

export function outpointOf(txid: string, index: number): string {
  return `${txid}:${index}`;
}

export function planIntake(facts: IntakeFacts): IntakePlan {
  const bookings: Booking[] = [];
  const deposits: Booking[] = [];
  const waiting: TreasuryUtxo[] = [];
  let known = 0;
  let immature = 0;
  let held = 0;
  // Two outputs for one block in one round are one too many as well.
  const paidHere = new Set<string>();
  const book = (utxo: TreasuryUtxo, origin: OutputOrigin, block?: Booking['block']): void => {
    (origin === 'deposit' ? deposits : bookings).push({ utxo, origin, block });
  };
  for (const utxo of oldestFirst(facts.utxos)) {
    const outpoint = outpointOf(utxo.transactionId, utxo.index);
    const payout = utxo.isCoinbase ? undefined : facts.payoutOf(utxo.transactionId);
    if (facts.inBooks(outpoint)) known++;
    else if (payout === 'CONFIRMED') book(utxo, 'change');
    else if (payout !== undefined) held++;
    else if (utxo.blockDaaScore + facts.maturityDaa > facts.virtualDaaScore) immature++;
    else if (!utxo.isCoinbase) {
      if (isDust(utxo)) continue;
      if (facts.holdDeposits) held++;
      else book(utxo, 'deposit');
    } else {
      const origin = facts.originOf(outpoint);
      const place = origin && `${origin.blockId} ${origin.origin}`;
      if (origin && !origin.paidBefore && !paidHere.has(place!)) {
        paidHere.add(place!);
        book(utxo, origin.origin, { id: origin.blockId, hash: origin.blockHash });
      } else if (origin || !facts.mayBeLate(utxo)) book(utxo, 'unattributed');
      else waiting.push(utxo);
    }
  }
  // What miners wait for goes first, however many deposits somebody sends.
  const all = [...bookings, ...deposits];
  const more = all.length > facts.bookingsMax;
  return { bookings: all.slice(0, facts.bookingsMax), known, immature, waiting, held, more };
}

/** So that a backlog of hours is booked in the order in which it matured, and every run takes the same order. */
function oldestFirst(utxos: readonly TreasuryUtxo[]): readonly TreasuryUtxo[] {
  return utxos.toSorted(
    (a, b) =>
      Number(a.blockDaaScore - b.blockDaaScore) ||
      (a.transactionId < b.transactionId ? -1 : a.transactionId > b.transactionId ? 1 : a.index - b.index),
  );
}
