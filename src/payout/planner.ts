/**
 * One round of payouts: everybody who is due, in as few transactions as the limits allow. Pure.
 *
 * In flow balances, outputs, terms and the node's advice; out flow plans, who was left out and why, and how few transactions the
 * limits would allow at best.
 *
 * Two limits pull in different directions: compute mass counts payees (412 grams each), storage mass counts small amounts
 * (10,000/X grams for X KAS). So a transaction is filled from both ends of the amounts, always from the one that keeps its mean
 * storage mass near the mean of all who still wait: then both limits are met at about the same time, in every transaction.
 * Filling by amount alone took a third more of them on a mix of 10 and 500 KAS: first the ones full of small payees by storage
 * mass, then others full of large ones by count.
 *
 *   amounts  500 500 400 ... 12 11 10 10        taken from the left while storage mass is ahead of the mean,
 *            ^ light            heavy ^         from the right while it is behind
 */
import { computeMassGrams, OUTPUTS_MAX, storageGramsOf } from '../chains/kaspa/mass.ts';
import { type Coins, chooseCoins } from './coin-selection.ts';
import {
  consolidationInputsMax,
  type DraftRules,
  draftConsolidation,
  draftPart,
  draftPayment,
  offeredFeerate,
  type Payee,
} from './draft.ts';
import { choosePayees, type Skip, type SkipReason, skipOf } from './payees.ts';
import type { ChainOutput } from './payout-chain.ts';
import type { LedgerOutput, PaidLately, PayableBalance } from './payout-store.ts';
import type { PayoutTerms } from './payout-terms.ts';
import { type Plan, type PlanInput, reservedSompi, sumOf } from './plan.ts';
import { type End, WaitingLine } from './waiting-line.ts';

export interface PlanningInput {
  readonly terms: PayoutTerms;
  readonly balances: readonly PayableBalance[];
  readonly paid: PaidLately;
  readonly ledgerOutputs: readonly LedgerOutput[];
  readonly chainOutputs: readonly ChainOutput[];
  readonly virtualDaaScore: bigint;
  /** The node's advice, sompi per gram. */
  readonly feerate: number;
  readonly poolFundsSompi: bigint;
}

export interface Round {
  /** Payments first, consolidations after them. */
  readonly plans: readonly Plan[];
  readonly skipped: readonly Skip[];
  readonly belowThreshold: number;
  readonly feerate: number;
  /** No way of packing these payees needs fewer transactions than this. */
  readonly transactionsAtLeast: number;
  readonly coins: Coins;
  /** Why outputs are not joined although there are too many; '' otherwise. */
  readonly consolidationWaits: string;
}

export function planRound(given: PlanningInput): Round {
  const { terms } = given;
  const rules: DraftRules = { terms, feerate: offeredFeerate(given.feerate, terms.feerateMax) };
  const coins = chooseCoins(
    given.ledgerOutputs,
    given.chainOutputs,
    given.virtualDaaScore,
    terms.maturityDaa,
  );
  const chosen = choosePayees(given.balances, given.paid, terms);
  const balanceOf = new Map(given.balances.map((balance) => [balance.accountId, balance]));
  const payments = planPayments(rules, chosen.payees, coins.spendable, given.poolFundsSompi);
  const { plans, waits } = planConsolidations(rules, payments.inputsLeft, payments.fundsLeft);
  return {
    plans: [...payments.plans, ...plans],
    skipped: [
      ...chosen.skipped,
      ...payments.left.map(({ payee, reason }) => skipOf(balanceOf.get(payee.accountId)!, reason)),
    ],
    belowThreshold: chosen.belowThreshold,
    feerate: rules.feerate,
    transactionsAtLeast: leastTransactions(terms, paidBy(payments.plans, chosen.payees), coins.spendable),
    coins,
    consolidationWaits: waits,
  };
}

/** Those of them who are paid, with the amounts that they are paid. */
function paidBy(plans: readonly Plan[], payees: readonly Payee[]): readonly Payee[] {
  const paid = new Map(plans.flatMap((plan) => plan.payees).map((payee) => [payee.accountId, payee]));
  return payees.flatMap((payee) => {
    const reserved = paid.get(payee.accountId)?.reservedSompi;
    return reserved === undefined ? [] : [{ ...payee, reservedSompi: reserved }];
  });
}

interface LeftOut {
  readonly payee: Payee;
  readonly reason: SkipReason;
}

interface Payments {
  readonly plans: readonly Plan[];
  readonly left: readonly LeftOut[];
  readonly inputsLeft: readonly PlanInput[];
  readonly fundsLeft: bigint;
}

function planPayments(
  rules: DraftRules,
  payees: readonly Payee[],
  inputs: readonly PlanInput[],
  poolFunds: bigint,
): Payments {
  const plans: Plan[] = [];
  const left: LeftOut[] = [];
  const line = new WaitingLine(payees);
  let inputsLeft = inputs;
  let fundsLeft = poolFunds;
  const leaveAll = (reason: SkipReason): void => {
    for (const payee of line.rest()) left.push({ payee, reason });
  };
  while (line.length > 0) {
    const next = nextPayment(rules, line, inputsLeft);
    if ('nobody' in next) {
      leaveAll(next.nobody);
      break;
    }
    if ('left' in next) {
      left.push(next.left);
      continue;
    }
    if (rules.terms.feeFrom === 'pool' && next.feeSompi > fundsLeft) {
      const back = new Set(next.payees.map(({ accountId }) => accountId));
      for (const payee of payees)
        if (back.has(payee.accountId)) left.push({ payee, reason: 'pool-fees-short' });
      leaveAll('pool-fees-short');
      break;
    }
    if (rules.terms.feeFrom === 'pool') fundsLeft -= next.feeSompi;
    plans.push(next);
    inputsLeft = inputsLeft.slice(next.inputs.length);
  }
  return { plans, left, inputsLeft, fundsLeft };
}

/** The next transaction; or one who can be in none; or why nobody can. Whoever is in it or left out is out of the line. */
function nextPayment(
  rules: DraftRules,
  line: WaitingLine,
  inputs: readonly PlanInput[],
): Plan | { readonly left: LeftOut } | { readonly nobody: SkipReason } {
  const filled = fill(rules.terms, line, inputs);
  // The estimate leaves out what the fee takes from the outputs, so the last payees may not fit after all.
  for (; filled.length > 0; line.putBack(filled.pop()!.end)) {
    const drafted = draftPayment(
      rules,
      filled.map(({ payee }) => payee),
      inputs,
    );
    if ('plan' in drafted) return drafted.plan;
  }
  // When the smallest is too much for what lies there, all are.
  const smallest = draftPayment(rules, [line.at('heavy')!], inputs);
  if ('lacks' in smallest && smallest.lacks === 'inputs') return { nobody: 'treasury-short' };
  const end = 'plan' in smallest ? 'heavy' : 'light';
  const payee = line.at(end)!;
  line.take(end);
  const alone = end === 'heavy' ? smallest : draftPayment(rules, [payee], inputs);
  if ('plan' in alone) return alone.plan;
  if (alone.lacks === 'mass')
    return draftPart(rules, payee, inputs)?.plan ?? { left: { payee, reason: 'inputs-too-small' } };
  if (alone.lacks === 'inputs') return { left: { payee, reason: 'treasury-short' } };
  return { left: { payee, reason: alone.lacks === 'cap' ? 'transaction-cap' : feeReason(rules) } };
}

function feeReason({ terms }: DraftRules): SkipReason {
  const least = computeMassGrams(1n, [34n]) * 100n;
  return least > terms.feeMaxSompi ? 'fee-above-cap' : 'fee-above-amount';
}

interface Taken {
  readonly payee: Payee;
  readonly end: End;
}

/** Payees of one transaction, by estimate, out of the line. In the order in which they were taken, so that the last can go back. */
function fill(terms: PayoutTerms, line: WaitingLine, inputs: readonly PlanInput[]): Taken[] {
  const meanStorage = line.meanStorageGrams();
  const load = new Load(terms, inputs);
  const taken: Taken[] = [];
  while (line.length > 0) {
    const wanted: readonly End[] =
      load.storageGrams <= meanStorage * BigInt(taken.length) ? ['heavy', 'light'] : ['light', 'heavy'];
    const end = wanted.find((one) => load.take(line.at(one)!));
    if (!end) break;
    taken.push({ payee: line.at(end)!, end });
    line.take(end);
  }
  return taken;
}

/** Running sums of a transaction that is being filled. Counts inputs by amount, largest first, as the draft will take them. */
class Load {
  storageGrams = 0n;
  readonly #terms: PayoutTerms;
  readonly #inputs: readonly PlanInput[];
  #computeGrams = computeMassGrams(1n, [34n]);
  #reservedSompi = 0n;
  #inputCount = 1;
  #outputCount = 1;
  #givenSompi: bigint;

  constructor(terms: PayoutTerms, inputs: readonly PlanInput[]) {
    this.#terms = terms;
    this.#inputs = inputs;
    this.#givenSompi = inputs[0]?.amountSompi ?? 0n;
  }

  /** False when it does not fit; nothing is changed then. */
  take(payee: Payee): boolean {
    const reserved = this.#reservedSompi + payee.reservedSompi;
    const storage = this.storageGrams + storageGramsOf(payee.reservedSompi);
    let count = this.#inputCount;
    let given = this.#givenSompi;
    while (given < reserved && count < this.#inputs.length) given += this.#inputs[count++]!.amountSompi;
    const inputGrams =
      BigInt(count - this.#inputCount) * (computeMassGrams(1n, []) - computeMassGrams(0n, []));
    const outputGrams = computeMassGrams(0n, [payee.scriptBytes]) - computeMassGrams(0n, []);
    const compute = this.#computeGrams + inputGrams + outputGrams;
    const { massMaxGrams, transactionMaxSompi } = this.#terms;
    if (given < reserved || reserved > transactionMaxSompi || this.#outputCount + 1 > OUTPUTS_MAX)
      return false;
    if (compute > massMaxGrams || storage > massMaxGrams) return false;
    this.#reservedSompi = reserved;
    this.storageGrams = storage;
    this.#computeGrams = compute;
    this.#inputCount = count;
    this.#givenSompi = given;
    this.#outputCount++;
    return true;
  }
}

function planConsolidations(
  rules: DraftRules,
  inputs: readonly PlanInput[],
  poolFunds: bigint,
): { readonly plans: readonly Plan[]; readonly waits: string } {
  const { consolidateAbove, massMaxGrams } = rules.terms;
  const plans: Plan[] = [];
  const most = consolidationInputsMax(massMaxGrams);
  let left = inputs;
  let funds = poolFunds;
  while (consolidateAbove > 0 && left.length > consolidateAbove && most > 1) {
    const plan = draftConsolidation(rules, left.slice(-most));
    if (!plan) return { plans, waits: 'the smallest outputs are not worth the fee of joining them' };
    if (plan.feeSompi > funds) {
      return { plans, waits: `joining costs ${plan.feeSompi} sompi, and the pool's fees hold ${funds}` };
    }
    funds -= plan.feeSompi;
    plans.push(plan);
    left = left.slice(0, -most);
  }
  return { plans, waits: '' };
}

/**
 * Below this nothing can go: each limit by itself, as if a payee could be cut in two, without change, with one input each, and
 * with all inputs there are relieving the storage mass.
 */
export function leastTransactions(
  terms: PayoutTerms,
  payees: readonly Payee[],
  inputs: readonly PlanInput[],
): number {
  if (payees.length === 0) return 0;
  const alone = computeMassGrams(1n, []);
  const outputs = sumOf(
    payees,
    (payee) => computeMassGrams(0n, [payee.scriptBytes]) - computeMassGrams(0n, []),
  );
  const relief = sumOf(inputs, (input) => storageGramsOf(input.amountSompi));
  const storage = sumOf(payees, (payee) => storageGramsOf(payee.reservedSompi)) - relief;
  const limits = [
    [outputs, terms.massMaxGrams - alone],
    [storage, terms.massMaxGrams],
    [sumOf(payees, (payee) => payee.reservedSompi), terms.transactionMaxSompi],
    [BigInt(payees.length), BigInt(OUTPUTS_MAX)],
  ] as const;
  return limits.reduce((most, [sum, limit]) => Math.max(most, Number((sum + limit - 1n) / limit)), 1);
}

/** For people: what a round would move. */
export function roundTotals(round: Round): { readonly reservedSompi: bigint; readonly feeSompi: bigint } {
  return {
    reservedSompi: sumOf(round.plans, reservedSompi),
    feeSompi: sumOf(round.plans, (plan) => plan.feeSompi),
  };
}
