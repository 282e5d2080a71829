/**
 * Who is paid this round, how much, and who is not and why. Pure.
 *
 * In flow balances and caps; out flow payees with their amounts in the order in which they are paid: whoever waited longest comes
 * first. One account that cannot be paid must never stand in the way of the others, so every refusal is about that one alone.
 */
import { decodeAddress, prefixOfNetwork } from '../chains/kaspa/address.ts';
import { scriptBytesOf, storageGramsOf } from '../chains/kaspa/mass.ts';
import type { Payee } from './draft.ts';
import type { PaidLately, PayableBalance } from './payout-store.ts';
import type { PayoutTerms } from './payout-terms.ts';

export type SkipReason =
  | 'address-invalid'
  | 'address-network'
  | 'address-treasury'
  | 'dust'
  | 'account-day-cap'
  | 'day-cap'
  | 'transaction-cap'
  | 'inputs-too-small'
  | 'treasury-short'
  | 'pool-fees-short'
  | 'fee-above-cap'
  | 'fee-above-amount';

export interface Skip {
  readonly accountId: bigint;
  readonly address: string;
  readonly balanceSompi: bigint;
  readonly reason: SkipReason;
}

/** For people; the words of the preview and of the log. */
export const SKIP_TEXTS: Readonly<Record<SkipReason, string>> = {
  'address-invalid': 'the address is not a Kaspa address',
  'address-network': 'the address is of another network',
  'address-treasury': "the address is the treasury's own",
  dust: 'so small an output weighs more than a transaction may (KIP-9)',
  'account-day-cap':
    'payouts.addressDayKasMax is reached for this account; it is paid when 24 hours are over',
  'day-cap': 'payouts.dayKasMax is reached; it is paid when 24 hours are over',
  'transaction-cap': 'payouts.transactionKasMax holds nothing of it',
  'inputs-too-small': 'the outputs of the treasury are too small to carry it in one transaction',
  'treasury-short': 'the treasury has too little that is mature and not held by another payout',
  'pool-fees-short': "the pool pays the network's fee, and its own fees do not cover it",
  'fee-above-cap': 'even the least fee is above payouts.feeKasMax',
  'fee-above-amount': 'the fee would take all of it',
};

export interface ChosenPayees {
  readonly payees: readonly Payee[];
  readonly skipped: readonly Skip[];
  /** Have something, and less than their threshold. */
  readonly belowThreshold: number;
}

export function choosePayees(
  balances: readonly PayableBalance[],
  paid: PaidLately,
  terms: PayoutTerms,
): ChosenPayees {
  const payees: Payee[] = [];
  const skipped: Skip[] = [];
  let belowThreshold = 0;
  let leftToday = terms.dayMaxSompi - paid.sompi;
  for (const balance of balances.toSorted(longestWaitFirst)) {
    if (balance.balanceSompi < thresholdOf(balance, terms)) {
      belowThreshold++;
      continue;
    }
    const verdict = judge(balance, paid, leftToday, terms);
    if ('reason' in verdict) skipped.push(skipOf(balance, verdict.reason));
    else {
      payees.push(verdict);
      leftToday -= verdict.reservedSompi;
    }
  }
  return { payees, skipped, belowThreshold };
}

export function skipOf(
  { accountId, address, balanceSompi }: Omit<PayableBalance, 'thresholdSompi' | 'lastPaidAtMs'>,
  reason: SkipReason,
): Skip {
  return { accountId, address, balanceSompi, reason };
}

/** Nothing below `leastSompi` is paid, also when that was raised after an account had asked for less. */
function thresholdOf({ thresholdSompi }: PayableBalance, terms: PayoutTerms): bigint {
  return max(thresholdSompi ?? terms.minimumSompi, terms.leastSompi);
}

function judge(
  { accountId, address, balanceSompi }: PayableBalance,
  paid: PaidLately,
  leftToday: bigint,
  terms: PayoutTerms,
): Payee | { readonly reason: SkipReason } {
  const decoded = decodeAddress(address);
  if (!decoded) return { reason: 'address-invalid' };
  if (decoded.prefix !== prefixOfNetwork(terms.networkId)) return { reason: 'address-network' };
  if (address === terms.treasuryAddress) return { reason: 'address-treasury' };
  const leftOfAccount = terms.accountDayMaxSompi - (paid.byAccount.get(accountId) ?? 0n);
  const wanted = min(balanceSompi, leftOfAccount);
  if (wanted < terms.leastSompi) return { reason: 'account-day-cap' };
  const today = min(wanted, leftToday);
  if (today < terms.leastSompi) return { reason: 'day-cap' };
  const reservedSompi = min(today, terms.transactionMaxSompi);
  if (reservedSompi < terms.leastSompi) return { reason: 'transaction-cap' };
  if (storageGramsOf(reservedSompi) > terms.massMaxGrams) return { reason: 'dust' };
  return { accountId, address, scriptBytes: scriptBytesOf(decoded.version), reservedSompi };
}

function longestWaitFirst(a: PayableBalance, b: PayableBalance): number {
  if (a.lastPaidAtMs !== b.lastPaidAtMs) return a.lastPaidAtMs - b.lastPaidAtMs;
  return a.accountId < b.accountId ? -1 : 1;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
