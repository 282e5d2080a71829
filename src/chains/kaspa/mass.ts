/**
 * Masses of a signed payment, as consensus and the nodes' policy count them. Pure.
 *
 * In flow counts and lengths; out flow grams. It must never count less than the node does: a payment that is too heavy is refused,
 * and its payees wait. Inputs are those of a Schnorr key (the only ones that we sign): 66 bytes of signature script, one signature
 * operation.
 *
 *   size      94 + 118 per input + (18 + script) per output        bytes; not protobuf but consensus' own estimate
 *   compute   size + 1000 per input + 10 x (2 + script) per output = 94 + 1118 per input + 412 per output to a Schnorr key
 *   transient 4 x size
 *   storage   C x (sum of 1/output) - C x inputs^2 / (sum of inputs), KIP-9; an output of X KAS costs 10,000/X grams
 *
 * The fee that nodes ask for goes by max(compute, 2 x size); storage and transient mass only have limits.
 */

const TRANSACTION_BYTES = 94n;
/** outpoint 36, script length 8, sequence 8, signature script 66 */
const INPUT_BYTES = 118n;
const INPUT_SIGNATURE_GRAMS = 1_000n;
/** value 8, script version 2, script length 8 */
const OUTPUT_BYTES = 18n;
const SCRIPT_VERSION_BYTES = 2n;
const GRAMS_PER_SCRIPT_BYTE = 10n;
const TRANSIENT_GRAMS_PER_BYTE = 4n;
/** KIP-9's C. */
const STORAGE_PARAMETER = 10n ** 12n;

/** Consensus takes no more of either in one transaction. */
export const INPUTS_MAX = 1_000;
export const OUTPUTS_MAX = 1_000;
/** What nodes relay, since Toccata. */
export const FEERATE_FLOOR = 100;

/** Length of the locking script of a payload, in bytes. */
export function scriptBytesOf(addressVersion: number): bigint {
  return addressVersion === 0 ? 34n : 35n;
}

export function sizeBytes(inputs: bigint, outputScripts: readonly bigint[]): bigint {
  return outputScripts.reduce(
    (total, script) => total + OUTPUT_BYTES + script,
    TRANSACTION_BYTES + INPUT_BYTES * inputs,
  );
}

export function computeMassGrams(inputs: bigint, outputScripts: readonly bigint[]): bigint {
  const scripts = outputScripts.reduce((total, script) => total + SCRIPT_VERSION_BYTES + script, 0n);
  return sizeBytes(inputs, outputScripts) + INPUT_SIGNATURE_GRAMS * inputs + GRAMS_PER_SCRIPT_BYTE * scripts;
}

export function transientMassGrams(inputs: bigint, outputScripts: readonly bigint[]): bigint {
  return TRANSIENT_GRAMS_PER_BYTE * sizeBytes(inputs, outputScripts);
}

/** What one output alone adds to the storage mass. */
export function storageGramsOf(outputSompi: bigint): bigint {
  return STORAGE_PARAMETER / outputSompi;
}

/** With the relaxed form for 1:n, n:1 and 2:2, where inputs count by the sum of 1/input. */
export function storageMassGrams(inputsSompi: readonly bigint[], outputsSompi: readonly bigint[]): bigint {
  const count = inputsSompi.length;
  const relaxed = count === 1 || outputsSompi.length === 1 || (count === 2 && outputsSompi.length === 2);
  const outputs = outputsSompi.reduce((total, sompi) => total + storageGramsOf(sompi), 0n);
  const inputs = relaxed
    ? inputsSompi.reduce((total, sompi) => total + storageGramsOf(sompi), 0n)
    : BigInt(count) *
      (STORAGE_PARAMETER / (inputsSompi.reduce((total, sompi) => total + sompi, 0n) / BigInt(count)));
  return outputs > inputs ? outputs - inputs : 0n;
}

/** The grams that a fee is asked for. */
export function relayGrams(inputs: bigint, outputScripts: readonly bigint[]): bigint {
  const compute = computeMassGrams(inputs, outputScripts);
  const doubled = 2n * sizeBytes(inputs, outputScripts);
  return compute > doubled ? compute : doubled;
}
