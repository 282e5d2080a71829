/**
 * What a payout is: which outputs of the treasury it spends, whom it pays, what it costs. Pure.
 *
 * In flow amounts that a planner chose; out flow the text that is stored, its hash, and the amounts that the ledger posts. A plan
 * is never changed once it is stored: its hash is checked again before it is signed and before it is sent.
 *
 *   inputs ----> payees (each: reserved = output + its part of the fee)
 *          `---> change, back to the treasury
 *          `---> fee, the network's
 */
import { createHash } from 'node:crypto';
import { EdgeError } from '../kit/edge-error.ts';

export type FeePayer = 'payees' | 'pool';

export interface Outpoint {
  readonly txid: string;
  readonly index: number;
}

export function outpointKey({ txid, index }: Outpoint): string {
  return `${txid}:${index}`;
}

export interface PlanInput extends Outpoint {
  readonly amountSompi: bigint;
}

export interface PlanPayee {
  readonly accountId: bigint;
  readonly address: string;
  /** What leaves the account: output + fee. */
  readonly reservedSompi: bigint;
  /** Its part of the fee; 0 while the pool pays. */
  readonly feeSompi: bigint;
  readonly outputSompi: bigint;
}

export interface Plan {
  /** A consolidation has no payees: all of it is change. */
  readonly kind: 'payment' | 'consolidation';
  readonly feeFrom: FeePayer;
  /** All inputs lie here, and the change goes back here. */
  readonly treasuryAddress: string;
  readonly inputs: readonly PlanInput[];
  /** In the order of the transaction's outputs. */
  readonly payees: readonly PlanPayee[];
  /** The last output; 0 = there is none. */
  readonly changeSompi: bigint;
  readonly feeSompi: bigint;
  /** The greatest of compute, transient and storage mass, signed. */
  readonly massGrams: bigint;
}

/** One text for one plan, whatever PostgreSQL made of the order of its keys. */
export function planText(plan: Plan): string {
  return JSON.stringify({
    kind: plan.kind,
    feeFrom: plan.feeFrom,
    treasuryAddress: plan.treasuryAddress,
    inputs: plan.inputs.map(({ txid, index, amountSompi }) => [txid, index, String(amountSompi)]),
    payees: plan.payees.map((payee) => [
      String(payee.accountId),
      payee.address,
      String(payee.reservedSompi),
      String(payee.feeSompi),
      String(payee.outputSompi),
    ]),
    changeSompi: String(plan.changeSompi),
    feeSompi: String(plan.feeSompi),
    massGrams: String(plan.massGrams),
  });
}

export function planHash(plan: Plan): string {
  return createHash('sha256').update(planText(plan)).digest('hex');
}

interface StoredPlan {
  readonly kind: Plan['kind'];
  readonly feeFrom: FeePayer;
  readonly treasuryAddress: string;
  readonly inputs: readonly (readonly [string, number, string])[];
  readonly payees: readonly (readonly [string, string, string, string, string])[];
  readonly changeSompi: string;
  readonly feeSompi: string;
  readonly massGrams: string;
}

/**
 * The plan of a stored text.
 * @throws EdgeError SLUICE_PLAN_CHANGED when its hash is another one: somebody wrote to the table
 */
export function planOfText(text: string, hash: string): Plan {
  const stored = JSON.parse(text) as StoredPlan;
  const plan: Plan = {
    kind: stored.kind,
    feeFrom: stored.feeFrom,
    treasuryAddress: stored.treasuryAddress,
    inputs: stored.inputs.map(([txid, index, amount]) => ({ txid, index, amountSompi: BigInt(amount) })),
    payees: stored.payees.map(([accountId, address, reserved, fee, output]) => ({
      accountId: BigInt(accountId),
      address,
      reservedSompi: BigInt(reserved),
      feeSompi: BigInt(fee),
      outputSompi: BigInt(output),
    })),
    changeSompi: BigInt(stored.changeSompi),
    feeSompi: BigInt(stored.feeSompi),
    massGrams: BigInt(stored.massGrams),
  };
  if (planHash(plan) === hash) return plan;
  throw new EdgeError(
    'SLUICE_PLAN_CHANGED',
    'the plan of a payout is not the one that was stored: its hash differs',
    'Nothing is signed or sent. Find out who writes to the table payouts.',
  );
}

export function sumOf<T>(rows: readonly T[], amountOf: (row: T) => bigint): bigint {
  return rows.reduce((total, row) => total + amountOf(row), 0n);
}

/** What the payees get. */
export function paidSompi(plan: Plan): bigint {
  return sumOf(plan.payees, (payee) => payee.outputSompi);
}

/** What leaves the payees' accounts. */
export function reservedSompi(plan: Plan): bigint {
  return sumOf(plan.payees, (payee) => payee.reservedSompi);
}

/** '' when all amounts agree, else what does not. Asked by whoever stores or signs a plan: a planner may err. */
export function faultOfPlan(plan: Plan): string {
  const spent = paidSompi(plan) + plan.changeSompi + plan.feeSompi;
  const given = sumOf(plan.inputs, (input) => input.amountSompi);
  const outpoints = new Set(plan.inputs.map(outpointKey));
  const accounts = new Set(plan.payees.map(({ accountId }) => accountId));
  const feeOfPayees = plan.feeFrom === 'payees' ? plan.feeSompi : 0n;
  if (plan.inputs.length === 0) return 'it spends nothing';
  if (outpoints.size !== plan.inputs.length) return 'it spends an output twice';
  if (accounts.size !== plan.payees.length) return 'it pays an account twice';
  if ((plan.kind === 'consolidation') !== (plan.payees.length === 0))
    return `a ${plan.kind} with ${plan.payees.length} payees`;
  if (plan.kind === 'consolidation' && plan.feeFrom !== 'pool')
    return 'a consolidation is paid for by the pool';
  if (given !== spent) return `inputs of ${given} sompi, outputs and fee of ${spent}`;
  if (plan.feeSompi <= 0n || plan.changeSompi < 0n) return 'a fee or a change below zero';
  if (plan.payees.some((payee) => payee.outputSompi <= 0n || payee.feeSompi < 0n))
    return 'a payee that gets nothing';
  if (plan.payees.some((payee) => payee.reservedSompi !== payee.outputSompi + payee.feeSompi))
    return 'a payee whose amounts do not add up';
  if (plan.kind === 'payment' && sumOf(plan.payees, (payee) => payee.feeSompi) !== feeOfPayees)
    return 'parts of the fee that do not add up';
  return '';
}
