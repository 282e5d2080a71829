/**
 * Targets, compact bits, difficulty and work. Pure.
 *
 * A target is a 256-bit bound on the proof-of-work value: smaller is harder. Difficulty 1 is the target 2^224, and Sluice
 * hands out powers of two only: the KS0 chip counts leading zero bits and rejects a third of its own shares at difficulty 85.
 * So a share difficulty is carried as its binary logarithm, one signed byte, and every target and every amount of work derived
 * from it is exact.
 */

/** log2 of a share difficulty: difficulty = 2^log2. Integer in [DIFFICULTY_LOG2_MIN, DIFFICULTY_LOG2_MAX]. */
export type DifficultyLog2 = number;

/** 2^224 / 2^-31 = 2^255 is the largest target consensus knows, so nothing easier can be expressed. */
export const DIFFICULTY_LOG2_MIN = -31;
/** 2^62 x 2^32 hashes is beyond every network; the bound keeps the byte and the SQL smallint honest. */
export const DIFFICULTY_LOG2_MAX = 62;

/** Not a difficulty: whoever should know which one a job was given at no longer does. */
export const DIFFICULTY_FORGOTTEN = -128;

const TARGET_OF_DIFFICULTY_ONE_LOG2 = 224;
const TARGET_MAX = (1n << 255n) - 1n;

/** log2 of the share target: pow <= 2^shareTargetLog2 is a share. */
export function shareTargetLog2(difficulty: DifficultyLog2): number {
  return TARGET_OF_DIFFICULTY_ONE_LOG2 - difficulty;
}

export function shareTarget(difficulty: DifficultyLog2): bigint {
  return 1n << BigInt(shareTargetLog2(difficulty));
}

/** Expected hashes behind one share: difficulty x 2^32. Exact. */
export function workOfShare(difficulty: DifficultyLog2): bigint {
  return difficulty + 32 >= 0 ? 1n << BigInt(difficulty + 32) : 0n;
}

/** Asked thrice for every share, and a power costs more than a look-up. */
const DIFFICULTIES = Float64Array.from(
  { length: DIFFICULTY_LOG2_MAX - DIFFICULTY_LOG2_MIN + 1 },
  (_, index) => 2 ** (index + DIFFICULTY_LOG2_MIN),
);

/** Difficulty as the number that goes on the wire. Powers of two are exact in a double. */
export function difficultyNumber(difficulty: DifficultyLog2): number {
  return DIFFICULTIES[difficulty - DIFFICULTY_LOG2_MIN] ?? 2 ** difficulty;
}

/**
 * The power of two nearest below or at `difficulty`, clamped to the range that exists.
 * NaN, zero and negatives give undefined: the caller says what to do with nonsense.
 */
export function difficultyLog2Of(difficulty: number): DifficultyLog2 | undefined {
  if (!(difficulty > 0)) return undefined;
  const log2 = Math.floor(Math.log2(difficulty));
  return Math.min(DIFFICULTY_LOG2_MAX, Math.max(DIFFICULTY_LOG2_MIN, log2));
}

/**
 * Compact bits to target, as in consensus: e = bits >> 24, m = low 24 bits; the mantissa is signed, so m > 0x7fffff means 0.
 */
export function targetOfBits(bits: number): bigint {
  const exponent = bits >>> 24;
  let mantissa = bits & 0xffffff;
  if (exponent <= 3) {
    mantissa >>>= 8 * (3 - exponent);
    return mantissa > 0x7fffff ? 0n : BigInt(mantissa);
  }
  if (mantissa > 0x7fffff) return 0n;
  const target = BigInt(mantissa) << BigInt(8 * (exponent - 3));
  return target > TARGET_MAX ? TARGET_MAX : target;
}

/** Compact bits of a target, rounded down as consensus does. */
export function bitsOfTarget(target: bigint): number {
  if (target <= 0n) return 0;
  const hex = target.toString(16);
  let size = (hex.length + 1) >> 1;
  let mantissa = Number(size <= 3 ? target << BigInt(8 * (3 - size)) : target >> BigInt(8 * (size - 3)));
  if (mantissa & 0x800000) {
    mantissa >>>= 8;
    size += 1;
  }
  return ((size << 24) | mantissa) >>> 0;
}

/** Expected hashes to meet a target: 2^256 / (target + 1), exact integer division. */
export function workOfTarget(target: bigint): bigint {
  return (1n << 256n) / (target + 1n);
}

/** Difficulty of the network in share units (2^224 / target), for people. */
export function difficultyOfTarget(target: bigint): number {
  if (target <= 0n) return Number.POSITIVE_INFINITY;
  // 64 extra bits keep the quotient's precision beyond a double's.
  return Number((1n << (224n + 64n)) / target) / 2 ** 64;
}

/** 32 little-endian bytes, as the kernel compares them. */
export function targetToLeBytes(target: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < 4; word++) {
    view.setBigUint64(word * 8, (target >> BigInt(word * 64)) & 0xffff_ffff_ffff_ffffn, true);
  }
  return bytes;
}

export function leBytesToInteger(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}
