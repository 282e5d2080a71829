/**
 * A transaction as the simulated node sees it: decoded, with its id and hash, next to the very bytes it came
 * in. Pure.
 *
 * Ids and hashes follow consensus for version 0. Version 1 hashes over BLAKE3 in a form that this file does
 * not reproduce: its id and hash are taken over the wire bytes, which is enough to notice a single changed or
 * dropped byte.
 */
import { decodeWireTransaction, encodeWireTransaction, type WireTransaction } from '../chains/kaspa/wire.ts';
import { hexOf, keyedHash } from './digests.ts';

export const SUBNETWORK_NATIVE = '00'.repeat(20);
export const SUBNETWORK_COINBASE = `01${'00'.repeat(19)}`;

export interface SimInput {
  readonly transactionId: string;
  readonly index: number;
  readonly signatureScript: Buffer;
  readonly sequence: bigint;
  readonly sigOpCount: number;
}

export interface SimOutput {
  readonly valueSompi: bigint;
  readonly scriptVersion: number;
  /** Hex: it is a key of the UTXO index. */
  readonly script: string;
}

export interface SimTransaction {
  readonly id: string;
  readonly version: number;
  readonly inputs: readonly SimInput[];
  readonly outputs: readonly SimOutput[];
  readonly lockTime: bigint;
  readonly subnetworkId: string;
  readonly gas: bigint;
  readonly payload: Buffer;
  readonly storageMass: bigint;
  readonly bytes: Buffer;
}

export function outpointKey(transactionId: string, index: number): string {
  return `${transactionId}:${index}`;
}

/** Throws on anything that is not a transaction. */
export function decodeTransaction(bytes: Buffer): SimTransaction {
  const wire = decodeWireTransaction(bytes);
  const body = {
    version: wire.version,
    inputs: wire.inputs.map((input) => ({
      transactionId: hashHex(input.previousOutpoint?.transactionId ?? ''),
      index: input.previousOutpoint?.index ?? 0,
      signatureScript: fromHex(input.signatureScript),
      sequence: BigInt(input.sequence),
      sigOpCount: input.sigOpCount,
    })),
    outputs: wire.outputs.map((output) => ({
      valueSompi: BigInt(output.amount),
      scriptVersion: output.scriptPublicKey?.version ?? 0,
      script: hexOf(fromHex(output.scriptPublicKey?.scriptPublicKey ?? '')),
    })),
    lockTime: BigInt(wire.lockTime),
    subnetworkId: fromHex(wire.subnetworkId).toString('hex'),
    gas: BigInt(wire.gas),
    payload: fromHex(wire.payload),
    storageMass: BigInt(wire.mass),
    bytes,
  };
  return { ...body, id: transactionId(body) };
}

/** Zeros are left out, as kaspad's encoder does. */
export function encodeTransaction(wire: Partial<WireTransaction>): Buffer {
  return encodeWireTransaction(wire as WireTransaction);
}

type Body = Omit<SimTransaction, 'id'>;

export function transactionId(tx: Body): string {
  if (tx.version !== 0) return hexOf(keyedHash('SimnodeTransactionBytes', tx.bytes));
  const withSignatures = tx.subnetworkId === SUBNETWORK_COINBASE;
  return hexOf(keyedHash('TransactionID', encodeForHash(tx, withSignatures)));
}

/** Leaf of the block's merkle tree. */
export function transactionHash(tx: Body): Uint8Array {
  if (tx.version !== 0) return keyedHash('SimnodeTransactionBytes', tx.bytes);
  const body = encodeForHash(tx, true);
  if (tx.storageMass === 0n) return keyedHash('TransactionHash', body);
  return keyedHash('TransactionHash', body, u64(tx.storageMass));
}

/**
 *   version u16 | inputs u64 | per input: txid 32, index u32, script (u64, bytes)
 *     [, sigops u8 when signed], sequence u64
 *   | outputs u64 | per output: value u64, script version u16, script (u64, bytes)
 *   | lock time u64 | subnetwork 20 | gas u64 | payload (u64, bytes)
 */
export function encodeForHash(tx: Omit<Body, 'bytes'>, withSignatures: boolean): Buffer {
  const parts: Uint8Array[] = [u16(tx.version), u64(tx.inputs.length)];
  for (const input of tx.inputs) {
    parts.push(Buffer.from(input.transactionId, 'hex'), u32(input.index));
    if (withSignatures)
      parts.push(u64(input.signatureScript.length), input.signatureScript, u8(input.sigOpCount));
    else parts.push(u64(0));
    parts.push(u64(input.sequence));
  }
  parts.push(u64(tx.outputs.length));
  for (const output of tx.outputs) parts.push(...outputParts(output));
  parts.push(u64(tx.lockTime), Buffer.from(tx.subnetworkId, 'hex'), u64(tx.gas));
  parts.push(u64(tx.payload.length), tx.payload);
  return Buffer.concat(parts);
}

export function outputParts(output: SimOutput): Uint8Array[] {
  const script = Buffer.from(output.script, 'hex');
  return [u64(output.valueSompi), u16(output.scriptVersion), u64(script.length), script];
}

export function u8(value: number): Buffer {
  return Buffer.of(value & 0xff);
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** `Buffer.from` stops silently at the first digit that is not hex. */
function fromHex(text: string): Buffer {
  const bytes = Buffer.from(text, 'hex');
  if (bytes.length * 2 !== text.length) throw new Error('Hex parsing error: Invalid character');
  return bytes;
}

function hashHex(text: string): string {
  if (text.length !== 64) throw new Error('Hex parsing error: Invalid input length');
  return fromHex(text).toString('hex');
}
