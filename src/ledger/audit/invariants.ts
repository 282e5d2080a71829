/**
 * The invariants, one row each: what must be true of the books at any moment, and where to look for what is not. Numbers and names
 * are stable: they stand in the metrics, in `audit_violations`, in halts and in docs/LEDGER.md.
 */
import type { AuditView } from './audit-view.ts';
import {
  disorderedEpochs,
  unaccountedMoney,
  unbalancedTransactions,
  wrongBalances,
  wrongSigns,
} from './book-rules.ts';
import { unconfirmedPayments, unlikeTreasury } from './chain-rules.ts';
import { missingGuards } from './guard-rules.ts';
import { brokenChain } from './hash-chain.ts';
import { sharedInputs, unequalAmounts, unlawfulSteps, unreservedPayouts } from './payout-rules.ts';
import {
  unboundDust,
  unequalRewards,
  unequalSettlements,
  unequalWindows,
  unfairParts,
} from './reward-rules.ts';
import { creditedTwice, unequalSums } from './share-rules.ts';

/** `money` and `chain` stop payouts; `share` is told and counted. */
export type InvariantClass = 'money' | 'share' | 'chain';

export interface Invariant {
  readonly number: number;
  readonly name: string;
  /** What must be true. */
  readonly sentence: string;
  /** `both`: also by the incremental audit, of what is new; `full`: of everything, once a day. */
  readonly scope: 'both' | 'full';
  readonly class: InvariantClass;
  /** Where to look when it is not. */
  readonly remedy: string;
  /** A sentence for each row that breaks it. */
  readonly find: (view: AuditView) => Promise<readonly string[]>;
}

const BOOKS_CHANGED =
  'Somebody changed the books past the functions that keep them. Keep a copy of the database, find who had the rights, and restore.';
const PAYOUT_CHANGED =
  'Compare the payout with its steps, its ledger transactions and the chain before payouts are resumed.';
const DIVISION_CHANGED =
  'Recompute the settlement (`sluice ledger rebuild`), compare, and correct by a posting of its own, never by an edit.';

const row = (
  number: number,
  name: string,
  scope: Invariant['scope'],
  kind: InvariantClass,
  sentence: string,
  remedy: string,
  find: Invariant['find'],
): Invariant => ({ number, name, scope, class: kind, sentence, remedy, find });

export const INVARIANTS: readonly Invariant[] = [
  row(
    1,
    'entries-sum-to-zero',
    'both',
    'money',
    'The entries of each ledger transaction sum to zero, and there are as many as it says.',
    BOOKS_CHANGED,
    unbalancedTransactions,
  ),
  row(
    2,
    'balances-are-entries',
    'both',
    'money',
    'Each balance is the sum of its entries, and all balances together are zero.',
    BOOKS_CHANGED,
    wrongBalances,
  ),
  row(
    3,
    'settlements-add-up',
    'both',
    'money',
    'Reward and dust in are credits, fee, donation and dust out, to the sompi; outputs, parts and ledger entries say the same.',
    DIVISION_CHANGED,
    unequalSettlements,
  ),
  row(
    4,
    'one-reward-per-output',
    'both',
    'money',
    'Each output of the treasury was booked once, at its amount, and each matured reward was booked.',
    'Compare the output with the chain. A missing one is booked by the payer as soon as it runs; a doubled one is not paid out while payouts are halted.',
    unequalRewards,
  ),
  row(
    5,
    'shares-count-once',
    'both',
    'share',
    'One row per block hash, and one row per proof of work and per journal record.',
    'Find the records in the journal (`sluice journal inspect --shares`); settlements whose window holds them gave too much to one account.',
    creditedTwice,
  ),
  row(
    6,
    'balances-have-their-sign',
    'both',
    'money',
    'No account but treasury and network_fees is below zero, and those are never above.',
    BOOKS_CHANGED,
    wrongSigns,
  ),
  row(
    7,
    'dust-is-carried',
    'both',
    'money',
    'Less dust than one sompi per account is carried on, and all of it is in the account dust.',
    DIVISION_CHANGED,
    unboundDust,
  ),
  row(
    8,
    'credit-follows-work',
    'both',
    'money',
    "Each account's gross credit is its part of the work, less than one sompi off.",
    DIVISION_CHANGED,
    unfairParts,
  ),
  row(
    9,
    'windows-recompute',
    'both',
    'money',
    'The work of a settled window, added up again, is the work that was divided by.',
    DIVISION_CHANGED,
    unequalWindows,
  ),
  row(
    10,
    'sums-match-shares',
    'both',
    'share',
    'The sums per minute are the sums of the shares, and as many shares are there as were loaded.',
    'Rebuild the day from the journal (`sluice ledger rebuild`); it names the rows that differ.',
    unequalSums,
  ),
  row(
    11,
    'reserved-before-signed',
    'both',
    'money',
    'Each payout reserved from its accounts exactly what it pays them, and was closed in the ledger as it ended.',
    PAYOUT_CHANGED,
    unreservedPayouts,
  ),
  row(
    12,
    'one-payout-per-input',
    'both',
    'money',
    'An output is the input of one live payout at most, and spent by the one that was confirmed.',
    PAYOUT_CHANGED,
    sharedInputs,
  ),
  row(
    13,
    'transactions-add-up',
    'both',
    'money',
    'Inputs are outputs, change and fee; payees get what was planned for them; the fee is within its cap.',
    PAYOUT_CHANGED,
    unequalAmounts,
  ),
  row(
    14,
    'confirmed-is-on-chain',
    'both',
    'chain',
    'Each payment that counts as confirmed is found on the chain.',
    'The chain was reorganised deeper than payouts.confirmDaa, or the node is on another chain: ask several nodes before anything is sent again.',
    unconfirmedPayments,
  ),
  row(
    15,
    'treasury-is-on-chain',
    'both',
    'chain',
    "The treasury's outputs on the chain are those in the books, but for payouts under way.",
    'Something was spent or received past Sluice, the database is older than the chain, or the node is behind: find out which before payouts are resumed.',
    unlikeTreasury,
  ),
  row(
    16,
    'everything-is-accounted',
    'full',
    'money',
    'What came in is what was paid, with its fees, and what is still owed or set aside.',
    BOOKS_CHANGED,
    unaccountedMoney,
  ),
  row(
    17,
    'steps-are-allowed',
    'both',
    'money',
    'Each payout went along the allowed steps only, each step from where the one before ended.',
    PAYOUT_CHANGED,
    unlawfulSteps,
  ),
  row(
    18,
    'epochs-never-fall',
    'both',
    'money',
    'The leader epoch of what is written never falls, and is never above the present one.',
    'Two payers wrote at once, or a row was made by hand. Stop all payers, start one.',
    disorderedEpochs,
  ),
  row(
    19,
    'guards-stand',
    'both',
    'money',
    'Triggers, unique keys and checks that keep history as it is are there and enabled, and no role has rights beyond its own.',
    'Make the guard again as the migrations have it; run deploy/roles.sql again for the rights. Then a full audit.',
    missingGuards,
  ),
  row(
    20,
    'hash-chain-holds',
    'both',
    'money',
    'Each ledger transaction has the hash of its own text and of the one before, without a gap, up to the noted end.',
    BOOKS_CHANGED,
    brokenChain,
  ),
];
