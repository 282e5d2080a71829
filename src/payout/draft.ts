/**
 * One transaction in the making: payees and inputs in, a plan or the reason why it cannot be out. Pure.
 *
 *   reserved of all payees = outputs + fee (payees pay)      inputs = reserved + change
 *   reserved of all payees = outputs       (pool pays)       inputs = reserved + fee + change
 *
 * It must never leave a change that is not worth its storage mass (10,000/X grams for X KAS), and never give it to the network
 * instead: then another input is taken, or a payee waits.
 */
import {
  computeMassGrams,
  FEERATE_FLOOR,
  INPUTS_MAX,
  OUTPUTS_MAX,
  relayGrams,
  storageMassGrams,
  transientMassGrams,
} from '../chains/kaspa/mass.ts';
import type { PayoutTerms } from './payout-terms.ts';
import { type FeePayer, type Plan, type PlanInput, type PlanPayee, sumOf } from './plan.ts';

/** An account that shall be paid, its address checked. */
export interface Payee {
  readonly accountId: bigint;
  readonly address: string;
  readonly scriptBytes: bigint;
  /** What leaves its balance. */
  readonly reservedSompi: bigint;
}

/** Below a fifth of a KAS a change alone takes half of a transaction's storage mass. */
const CHANGE_LEAST_SOMPI = 20_000_000n;
/** From here on it costs less than a tenth of a percent of a block: no further input is spent to make it larger. */
const CHANGE_GOOD_SOMPI = 1_000_000_000n;
/** Inputs that are added for the sake of a better change. */
const EXTRA_INPUTS = 3;
/** Of the change: the treasury is a Schnorr key's address. */
const TREASURY_SCRIPT_BYTES = 34n;

export interface DraftRules {
  readonly terms: PayoutTerms;
  /** Sompi per gram, within floor and cap. */
  readonly feerate: number;
}

/** Sompi per gram that is offered: the node's advice, not below what nodes relay, not above the operator's cap. */
export function offeredFeerate(advice: number, feerateMax: number): number {
  return Number.isFinite(advice) ? Math.min(Math.max(advice, FEERATE_FLOOR), feerateMax) : FEERATE_FLOOR;
}

/** undefined when even the least fee that nodes relay is above the cap for one transaction. */
export function feeOf({ terms, feerate }: DraftRules, grams: bigint): bigint | undefined {
  const floor = grams * BigInt(FEERATE_FLOOR);
  // Feerates are doubles on the wire; a millionth of a sompi per gram is fine enough and keeps the product exact.
  const wanted = (grams * BigInt(Math.ceil(feerate * 1e6)) + 999_999n) / 1_000_000n;
  const fee = wanted < terms.feeMaxSompi ? wanted : terms.feeMaxSompi;
  return fee < floor ? undefined : fee;
}

export type Drafted = { readonly plan: Plan } | { readonly lacks: 'inputs' | 'mass' | 'fee' | 'cap' };

/**
 * The payment with the fewest of these inputs, largest first.
 * @param from how many inputs an earlier draft with fewer payees took: this one takes no less
 */
export function draftPayment(
  rules: DraftRules,
  payees: readonly Payee[],
  inputs: readonly PlanInput[],
  from = 1,
): Drafted {
  let small: Plan | undefined;
  let extra = 0;
  let lacks: Exclude<Drafted, { plan: Plan }>['lacks'] = 'inputs';
  for (let count = from; count <= Math.min(inputs.length, INPUTS_MAX); count++) {
    const drafted = draftWith(rules, payees, inputs.slice(0, count));
    if ('plan' in drafted) {
      const { changeSompi } = drafted.plan;
      if (changeSompi === 0n || changeSompi >= CHANGE_GOOD_SOMPI) return drafted;
      small ??= drafted.plan;
    } else {
      lacks = drafted.lacks;
      if (lacks === 'cap' || lacks === 'fee') return drafted;
      if (lacks === 'inputs') {
        if (overweight(rules, payees, count)) return { lacks: 'mass' };
        continue;
      }
    }
    // More inputs may bring a better change, or one at all; not more than a few, each costs a kilogram of mass.
    if (++extra > EXTRA_INPUTS) break;
  }
  return small ? { plan: small } : { lacks };
}

/** Too heavy with so many inputs, whatever the amounts are. */
function overweight({ terms }: DraftRules, payees: readonly Payee[], inputs: number): boolean {
  const scripts = payees.map((payee) => payee.scriptBytes);
  return computeMassGrams(BigInt(inputs), scripts) > terms.massMaxGrams;
}

function draftWith(rules: DraftRules, payees: readonly Payee[], inputs: readonly PlanInput[]): Drafted {
  const { terms } = rules;
  const reserved = sumOf(payees, (payee) => payee.reservedSompi);
  if (reserved > terms.transactionMaxSompi) return { lacks: 'cap' };
  const given = sumOf(inputs, (input) => input.amountSompi);
  if (given < reserved) return { lacks: 'inputs' };
  const scripts = payees.map((payee) => payee.scriptBytes);
  const count = BigInt(inputs.length);
  for (const outputs of [scripts, [...scripts, TREASURY_SCRIPT_BYTES]]) {
    const fee = feeOf(rules, relayGrams(count, outputs));
    if (fee === undefined) return { lacks: 'fee' };
    const change = given - reserved - (terms.feeFrom === 'pool' ? fee : 0n);
    const withChange = outputs.length > scripts.length;
    if (withChange ? change < CHANGE_LEAST_SOMPI : change !== 0n) continue;
    return weighed(rules, payees, inputs, outputs, { fee, change });
  }
  return { lacks: 'inputs' };
}

function weighed(
  { terms }: DraftRules,
  payees: readonly Payee[],
  inputs: readonly PlanInput[],
  scripts: readonly bigint[],
  { fee, change }: { readonly fee: bigint; readonly change: bigint },
): Drafted {
  if (scripts.length > OUTPUTS_MAX) return { lacks: 'mass' };
  const paid = shareFee(payees, fee, terms.feeFrom);
  if (!paid) return { lacks: 'fee' };
  const outputs = paid.map((payee) => payee.outputSompi);
  const massGrams = massOf(
    inputs.map((input) => input.amountSompi),
    change > 0n ? [...outputs, change] : outputs,
    scripts,
  );
  if (massGrams > terms.massMaxGrams) return { lacks: 'mass' };
  return {
    plan: {
      kind: 'payment',
      feeFrom: terms.feeFrom,
      treasuryAddress: terms.treasuryAddress,
      inputs,
      payees: paid,
      changeSompi: change,
      feeSompi: fee,
      massGrams,
    },
  };
}

function massOf(inputs: readonly bigint[], outputs: readonly bigint[], scripts: readonly bigint[]): bigint {
  const count = BigInt(inputs.length);
  const masses = [computeMassGrams(count, scripts), transientMassGrams(count, scripts)];
  return masses.reduce((most, mass) => (mass > most ? mass : most), storageMassGrams(inputs, outputs));
}

/**
 * By amount, rounded down; what is left of the fee, a sompi each, from those whose part was cut most (the lower account first).
 * undefined when somebody would get nothing.
 */
function shareFee(
  payees: readonly Payee[],
  fee: bigint,
  feeFrom: FeePayer,
): readonly PlanPayee[] | undefined {
  const total = sumOf(payees, (payee) => payee.reservedSompi);
  const parts = payees.map((payee) => (feeFrom === 'pool' ? 0n : (fee * payee.reservedSompi) / total));
  let left = feeFrom === 'pool' ? 0n : fee - sumOf(parts, (part) => part);
  const order = payees
    .map((payee, place) => ({ place, cut: (fee * payee.reservedSompi) % total, id: payee.accountId }))
    .sort((a, b) => (a.cut === b.cut ? (a.id < b.id ? -1 : 1) : a.cut > b.cut ? -1 : 1));
  for (const { place } of order) {
    if (left === 0n) break;
    parts[place]! += 1n;
    left--;
  }
  const paid = payees.map(({ accountId, address, reservedSompi }, place) => ({
    accountId,
    address,
    reservedSompi,
    feeSompi: parts[place]!,
    outputSompi: reservedSompi - parts[place]!,
  }));
  return paid.some((payee) => payee.outputSompi <= 0n) ? undefined : paid;
}

/** For one payee whose amount needs more inputs than a transaction holds: all that fits, without a change. */
export function draftPart(
  rules: DraftRules,
  payee: Payee,
  inputs: readonly PlanInput[],
): { readonly plan: Plan } | undefined {
  for (let count = Math.min(inputs.length, INPUTS_MAX); count > 0; count--) {
    const scripts = [payee.scriptBytes];
    if (overweight(rules, [payee], count)) continue;
    const fee = feeOf(rules, relayGrams(BigInt(count), scripts));
    if (fee === undefined) continue;
    const taken = inputs.slice(0, count);
    const given = sumOf(taken, (input) => input.amountSompi);
    const reservedSompi = rules.terms.feeFrom === 'pool' ? given - fee : given;
    if (reservedSompi > payee.reservedSompi || reservedSompi < rules.terms.leastSompi) continue;
    const drafted = draftWith(rules, [{ ...payee, reservedSompi }], taken);
    if ('plan' in drafted) return drafted;
  }
  return undefined;
}

/** Joins these; undefined when that is not worth it or costs too much. */
export function draftConsolidation(rules: DraftRules, inputs: readonly PlanInput[]): Plan | undefined {
  const { terms } = rules;
  const scripts = [TREASURY_SCRIPT_BYTES];
  const fee = feeOf(rules, relayGrams(BigInt(inputs.length), scripts));
  if (fee === undefined) return undefined;
  const changeSompi = sumOf(inputs, (input) => input.amountSompi) - fee;
  if (changeSompi < CHANGE_LEAST_SOMPI) return undefined;
  const massGrams = massOf(
    inputs.map((input) => input.amountSompi),
    [changeSompi],
    scripts,
  );
  if (massGrams > terms.massMaxGrams) return undefined;
  return {
    kind: 'consolidation',
    feeFrom: 'pool',
    treasuryAddress: terms.treasuryAddress,
    inputs,
    payees: [],
    changeSompi,
    feeSompi: fee,
    massGrams,
  };
}

/** Inputs that one consolidation takes at most. */
export function consolidationInputsMax(massMaxGrams: bigint): number {
  let count = 1;
  while (count < INPUTS_MAX && computeMassGrams(BigInt(count + 1), [TREASURY_SCRIPT_BYTES]) <= massMaxGrams)
    count++;
  return count;
}
