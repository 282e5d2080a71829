/**
 * Hash of a Kaspa header. Pure.
 *
 * In flows a decoded header, out flow 32 bytes. It must never guess: a header that cannot be hashed as consensus would is
 * an error here, since a wrong pre-PoW hash would send every miner to work for nothing.
 *
 * BLAKE2b-256, keyed with the ASCII bytes `BlockHash`, over this pre-image (integers little-endian):
 *
 *   version u16 | levels u64 | per level: (count u64, count x 32 bytes)
 *   | hashMerkleRoot 32 | acceptedIdMerkleRoot 32 | utxoCommitment 32
 *   | timestamp u64 | bits u32 | nonce u64 | daaScore u64 | blueScore u64
 *   | blueWork: length u64, then big-endian bytes without leading zeros | pruningPoint 32
 *
 * The pre-PoW hash is the same with timestamp and nonce zero (still eight bytes each).
 */
import { blake2b } from '@noble/hashes/blake2.js';

export interface KaspaHeader {
  readonly version: number;
  /** Level 0 holds the direct parents. Always one list per level: compressed forms are expanded before they come here. */
  readonly parentsByLevel: readonly (readonly string[])[];
  readonly hashMerkleRoot: string;
  readonly acceptedIdMerkleRoot: string;
  readonly utxoCommitment: string;
  readonly timestampMs: bigint;
  readonly bits: number;
  readonly nonce: bigint;
  readonly daaScore: bigint;
  readonly blueScore: bigint;
  /** Hex of any length: gRPC drops leading zeros and so may give an odd count of digits, other forms keep them. */
  readonly blueWork: string;
  readonly pruningPoint: string;
}

const BLOCK_HASH_KEY = new TextEncoder().encode('BlockHash');
const HASH_BYTES = 32;
/** version 2, level count 8, three roots, timestamp 8, bits 4, nonce 8, two scores, blue work length 8, pruning point. */
const FIXED_BYTES = 2 + 8 + 3 * HASH_BYTES + 8 + 4 + 8 + 8 + 8 + 8 + HASH_BYTES;

/** Hash of the finished block, 32 bytes in the order in which they are printed. */
export function blockHash(header: KaspaHeader): Uint8Array {
  return hashOf(headerPreimage(header, header.timestampMs, header.nonce));
}

/** Hash of the header with timestamp and nonce zero: what miners work on. */
export function prePowHash(header: KaspaHeader): Uint8Array {
  return hashOf(headerPreimage(header, 0n, 0n));
}

/** Both hashes of one template cost one pre-image: only timestamp and nonce differ. */
export function headerPreimage(header: KaspaHeader, timestampMs: bigint, nonce: bigint): Buffer {
  const work = blueWorkBytes(header.blueWork);
  let size = FIXED_BYTES + work.length;
  for (const level of header.parentsByLevel) size += 8 + level.length * HASH_BYTES;

  const out = Buffer.alloc(size);
  let at = out.writeUInt16LE(header.version, 0);
  at = out.writeBigUInt64LE(BigInt(header.parentsByLevel.length), at);
  for (const level of header.parentsByLevel) {
    at = out.writeBigUInt64LE(BigInt(level.length), at);
    for (const parent of level) at = writeHash(out, parent, at);
  }
  at = writeHash(out, header.hashMerkleRoot, at);
  at = writeHash(out, header.acceptedIdMerkleRoot, at);
  at = writeHash(out, header.utxoCommitment, at);
  at = out.writeBigUInt64LE(timestampMs, at);
  at = out.writeUInt32LE(header.bits, at);
  at = out.writeBigUInt64LE(nonce, at);
  at = out.writeBigUInt64LE(header.daaScore, at);
  at = out.writeBigUInt64LE(header.blueScore, at);
  at = out.writeBigUInt64LE(BigInt(work.length), at);
  out.set(work, at);
  writeHash(out, header.pruningPoint, at + work.length);
  return out;
}

/** '' and '0' are zero work: no bytes at all. Zeros first, then an even count: padding alone is wrong for padded input. */
export function blueWorkBytes(hex: string): Uint8Array {
  if (!/^[0-9a-fA-F]*$/.test(hex)) throw new Error(`blue work is not hex: ${hex.slice(0, 80)}`);
  const digits = hex.replace(/^0+/, '');
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
}

function hashOf(preimage: Uint8Array): Uint8Array {
  return blake2b(preimage, { dkLen: HASH_BYTES, key: BLOCK_HASH_KEY });
}

/** `Buffer.write` stops silently at the first digit that is not hex, hence the check of what it wrote. */
function writeHash(out: Buffer, hex: string, at: number): number {
  if (hex.length !== 2 * HASH_BYTES || out.write(hex, at, HASH_BYTES, 'hex') !== HASH_BYTES) {
    throw new Error(`a header holds a hash that is not 64 hex digits: ${hex.slice(0, 80)}`);
  }
  return at + HASH_BYTES;
}
