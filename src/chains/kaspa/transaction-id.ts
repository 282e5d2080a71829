/**
 * The id of a transaction of version 0, computed by ourselves: what the SDK says is held against it before anything is stored.
 * Pure. It covers no signatures, so it is known before signing, and signing twice gives the same.
 *
 * BLAKE2b-256, keyed with `TransactionID`, integers little-endian:
 *
 *   version u16 | inputs u64 | per input: txid 32, index u32, script length u64 (0: left out), sequence u64
 *   | outputs u64 | per output: value u64, script version u16, script (u64, bytes)
 *   | lock time u64 | subnetwork 20 | gas u64 | payload (u64, bytes)
 */
import { blake2b } from '@noble/hashes/blake2.js';
import type { WireTransaction } from './wire.ts';

const KEY = new TextEncoder().encode('TransactionID');
const ID_BYTES = 32;

export function transactionIdOf(tx: WireTransaction): string {
  if (tx.version !== 0) throw new RangeError(`transactions of version ${tx.version} have another kind of id`);
  const hasher = blake2b.create({ dkLen: ID_BYTES, key: KEY });
  const feed = (...parts: readonly Uint8Array[]): void => {
    for (const part of parts) hasher.update(part);
  };
  feed(integer(2, tx.version), integer(8, tx.inputs.length));
  for (const { previousOutpoint, sequence } of tx.inputs) {
    feed(hex(previousOutpoint!.transactionId), integer(4, previousOutpoint!.index));
    feed(integer(8, 0), integer(8, sequence));
  }
  feed(integer(8, tx.outputs.length));
  for (const { amount, scriptPublicKey } of tx.outputs) {
    const script = hex(scriptPublicKey!.scriptPublicKey);
    feed(integer(8, amount), integer(2, scriptPublicKey!.version), integer(8, script.length), script);
  }
  const payload = hex(tx.payload);
  feed(
    integer(8, tx.lockTime),
    hex(tx.subnetworkId),
    integer(8, tx.gas),
    integer(8, payload.length),
    payload,
  );
  return Buffer.from(hasher.digest()).toString('hex');
}

function integer(bytes: 2 | 4 | 8, value: number | string): Uint8Array {
  const eight = Buffer.alloc(8);
  eight.writeBigUInt64LE(BigInt(value));
  return eight.subarray(0, bytes);
}

/** `Buffer.from` stops silently at the first digit that is not hex. */
function hex(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'hex');
  if (bytes.length * 2 !== text.length) throw new RangeError('not hex');
  return bytes;
}
