/**
 * Kaspa's keyed hashes and its merkle tree, written for the simulated node alone so that it shares no code
 * with what it judges.
 */
import { blake2b } from '@noble/hashes/blake2.js';

const HASH_BYTES = 32;
const ZERO_HASH = new Uint8Array(HASH_BYTES);

const keys = new Map<string, Uint8Array>();

/** BLAKE2b-256 keyed with the ASCII name of what is hashed, e.g. `TransactionID`. */
export function keyedHash(name: string, ...parts: readonly Uint8Array[]): Uint8Array {
  let key = keys.get(name);
  if (!key) {
    key = new TextEncoder().encode(name);
    keys.set(name, key);
  }
  const hasher = blake2b.create({ dkLen: HASH_BYTES, key });
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/**
 * Pairs are hashed upwards. A missing right-hand node counts as 32 zero bytes, a pair that is missing
 * altogether stays missing: unlike in Bitcoin nothing is hashed with itself.
 */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return ZERO_HASH;
  let level = [...leaves];
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      above.push(keyedHash('MerkleBranchHash', level[i]!, level[i + 1] ?? ZERO_HASH));
    }
    level = above;
  }
  return level[0]!;
}
