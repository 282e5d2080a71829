/**
 * Masses, fees and the rules by which a transaction is taken or refused, with kaspad's words. Pure.
 *
 * Order as in kaspad: form, standardness, inputs known, maturity, amounts, mass in context, fee, signatures.
 * What is not checked is named in docs/SIMULATED-NODE.md (lock times, sequence locks, scripts other than
 * pay-to-public-key).
 */
import { verifyInputSignature } from './signature.ts';
import { outpointKey, type SimTransaction, SUBNETWORK_NATIVE } from './transaction.ts';
import type { Utxo } from './utxo-set.ts';

/** KIP-9's C: an output of v sompi weighs C/v grams. */
const STORAGE_MASS_PARAMETER = 10n ** 12n;
const MASS_PER_SCRIPT_BYTE = 10;
const MASS_PER_SIGOP = 1000;
const MAX_SOMPI = 29_000_000_000n * 100_000_000n;
/** Inputs and outputs of one transaction since Toccata. */
const INPUTS_MAX = 1000;
const OUTPUTS_MAX = 1000;

export interface TransactionPolicy {
  /** DAA score that must pass before a coinbase output can be spent. */
  readonly maturityDaa: number;
  /** 100,000 where nodes still keep to the standard, 500,000 (a whole block) since Toccata. */
  readonly massLimitGrams: number;
  readonly minimumFeeratePerGram: number;
  readonly verifySignatures: boolean;
}

export type Judgement =
  | {
      readonly ok: true;
      readonly feeSompi: bigint;
      readonly computeMass: number;
      readonly storageMass: bigint;
    }
  | { readonly ok: false; readonly error: string };

/** What the node knows of an outpoint: an output, or the transaction of the mempool that spends it. */
export type UtxoLookup = (key: string) => Utxo | undefined;

export function judgeTransaction(
  tx: SimTransaction,
  lookup: UtxoLookup,
  virtualDaaScore: number,
  policy: TransactionPolicy,
): Judgement {
  const computeMass = computeMassOf(tx);
  const formFault = faultOfForm(tx) ?? faultOfStandard(tx, computeMass, policy.massLimitGrams);
  if (formFault) return refused(formFault);

  const entries: Utxo[] = [];
  for (const [i, input] of tx.inputs.entries()) {
    const key = outpointKey(input.transactionId, input.index);
    const entry = lookup(key);
    if (!entry) return refused('at least one outpoint of transaction is lacking a matching UTXO entry');
    if (entry.isCoinbase && entry.blockDaaScore + policy.maturityDaa > virtualDaaScore) {
      return refused(
        `one of the transaction inputs spends an immature UTXO: transaction input #${i} tried to spend coinbase outpoint ` +
          `(${input.transactionId}, ${input.index}) with daa score of ${entry.blockDaaScore} while the merging block daa score ` +
          `is ${virtualDaaScore} and the coinbase maturity period of ${policy.maturityDaa} hasn't passed yet`,
      );
    }
    entries.push(entry);
  }
  const inputSompi = sum(entries.map((entry) => entry.valueSompi));
  const outputSompi = sum(tx.outputs.map((output) => output.valueSompi));
  if (outputSompi > inputSompi) {
    return refused(
      `transaction tries to spend ${outputSompi} while its total inputs amount is ${inputSompi}`,
    );
  }
  const storageMass = storageMassOf(
    entries.map((entry) => entry.valueSompi),
    tx.outputs.map((output) => output.valueSompi),
  );
  const feeSompi = inputSompi - outputSompi;
  const contextFault = faultInContext(tx, storageMass, feeSompi, computeMass, policy);
  if (contextFault) return refused(contextFault);
  if (policy.verifySignatures) {
    const fault = faultOfSignatures(tx, entries);
    if (fault) return refused(fault);
  }
  return { ok: true, feeSompi, computeMass, storageMass };
}

/**
 * Bytes by consensus' own estimate (not protobuf), plus 10 per byte of output script and 1000 per signature
 * operation.
 */
export function computeMassOf(tx: SimTransaction): number {
  const scriptBytes = tx.outputs.map((output) => output.script.length / 2);
  const scripts = scriptBytes.reduce((total, bytes) => total + 2 + bytes, 0) * MASS_PER_SCRIPT_BYTE;
  const sigOps = tx.inputs.reduce((total, input) => total + input.sigOpCount, 0) * MASS_PER_SIGOP;
  return estimatedSizeBytes(tx) + scripts + sigOps;
}

export function estimatedSizeBytes(tx: SimTransaction): number {
  // version 2, counts 8 + 8, lock time 8, subnetwork 20, gas 8, payload hash 32, payload length 8
  let size = 94 + tx.payload.length;
  // outpoint 36, script length 8, sequence 8
  for (const input of tx.inputs) size += 52 + input.signatureScript.length;
  // value 8, script version 2, script length 8
  for (const output of tx.outputs) size += 18 + output.script.length / 2;
  return size;
}

/**
 * KIP-9 with the relaxed form: C x (sum 1/out) - C x |ins|^2 / sum(ins), or - C x (sum 1/in) for 1:n, n:1 and
 * 2:2.
 */
export function storageMassOf(inputsSompi: readonly bigint[], outputsSompi: readonly bigint[]): bigint {
  const outs = sum(outputsSompi.map((value) => STORAGE_MASS_PARAMETER / value));
  const relaxed =
    outputsSompi.length === 1 ||
    inputsSompi.length === 1 ||
    (outputsSompi.length === 2 && inputsSompi.length === 2);
  const count = BigInt(inputsSompi.length);
  const ins = relaxed
    ? sum(inputsSompi.map((value) => STORAGE_MASS_PARAMETER / value))
    : count * (STORAGE_MASS_PARAMETER / (sum(inputsSompi) / count));
  return outs > ins ? outs - ins : 0n;
}

function faultOfForm(tx: SimTransaction): string | undefined {
  if (tx.version !== 0) return `transaction version ${tx.version} is unknown`;
  if (tx.subnetworkId !== SUBNETWORK_NATIVE) {
    return `transaction subnetwork id ${tx.subnetworkId} is neither native nor coinbase`;
  }
  if (tx.gas !== 0n) return 'transaction has non zero gas value';
  if (tx.inputs.length === 0) return 'transaction has no inputs';
  if (tx.inputs.length > INPUTS_MAX)
    return `transaction has ${tx.inputs.length} inputs where the max allowed is ${INPUTS_MAX}`;
  if (tx.outputs.length > OUTPUTS_MAX)
    return `transaction has ${tx.outputs.length} outputs where the max allowed is ${OUTPUTS_MAX}`;
  const keys = new Set(tx.inputs.map((input) => outpointKey(input.transactionId, input.index)));
  if (keys.size !== tx.inputs.length) return 'transaction has duplicate inputs';
  for (const [i, output] of tx.outputs.entries()) {
    if (output.valueSompi === 0n) return `transaction output ${i} has zero value`;
    if (output.valueSompi > MAX_SOMPI)
      return `transaction output ${i} value is higher than the max allowed of ${MAX_SOMPI}`;
  }
  return undefined;
}

function faultOfStandard(tx: SimTransaction, computeMass: number, massLimit: number): string | undefined {
  if (computeMass > massLimit) {
    return notStandard(
      tx,
      `transaction mass of ${computeMass} is larger than max allowed size of ${massLimit}`,
    );
  }
  for (const [i, output] of tx.outputs.entries()) {
    if (scriptKind(output.script) === undefined) {
      return notStandard(tx, `transaction output #${i}: non-standard script form`);
    }
  }
  return undefined;
}

function faultInContext(
  tx: SimTransaction,
  storageMass: bigint,
  feeSompi: bigint,
  computeMass: number,
  policy: TransactionPolicy,
): string | undefined {
  if (tx.storageMass !== 0n && tx.storageMass !== storageMass) {
    return `calculated contextual mass (including storage mass) ${storageMass} is not equal to the committed mass field ${tx.storageMass}`;
  }
  const limit = BigInt(policy.massLimitGrams);
  if (storageMass > limit) {
    return notStandard(
      tx,
      `transaction mass in context (including storage mass) of ${storageMass} is larger than max allowed size of ${limit}`,
    );
  }
  // Storage mass needs no relay fee; size counts double as transient mass does in the node's policy.
  const grams = Math.max(computeMass, 2 * estimatedSizeBytes(tx));
  const minimum = BigInt(Math.ceil(grams * policy.minimumFeeratePerGram));
  if (feeSompi < minimum) {
    return notStandard(
      tx,
      `transaction has ${feeSompi} fees which is under the required amount of ${minimum}`,
    );
  }
  return undefined;
}

function faultOfSignatures(tx: SimTransaction, entries: readonly Utxo[]): string | undefined {
  for (const [i, entry] of entries.entries()) {
    if (scriptKind(entry.script) !== 'schnorr-key') {
      return notStandard(
        tx,
        `transaction input ${i}: the simulated node spends pay-to-public-key (Schnorr) outputs only`,
      );
    }
    if (tx.inputs[i]!.sigOpCount !== 1) {
      return `input ${i} sig op count is ${tx.inputs[i]!.sigOpCount}, but the calculated value is 1`;
    }
    if (!verifyInputSignature(tx, i, entries))
      return 'failed to verify the signature script: false stack entry at end of script execution';
  }
  return undefined;
}

export function scriptKind(script: string): 'schnorr-key' | 'ecdsa-key' | 'script-hash' | undefined {
  if (script.length === 68 && script.startsWith('20') && script.endsWith('ac')) return 'schnorr-key';
  if (script.length === 70 && script.startsWith('21') && script.endsWith('ab')) return 'ecdsa-key';
  if (script.length === 70 && script.startsWith('aa20') && script.endsWith('87')) return 'script-hash';
  return undefined;
}

function notStandard(tx: SimTransaction, why: string): string {
  return `transaction ${tx.id} is not standard: ${why}`;
}

function refused(error: string): Judgement {
  return { ok: false, error };
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}
