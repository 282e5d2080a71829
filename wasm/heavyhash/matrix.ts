// The 64 x 64 matrix of nibbles: drawing it, its rank, its tables, and the product with a hash.
//
// The product is looked up, not multiplied. A row's sum over j of M[r][j] * v[j] splits by the bits of v:
//   sum over bits b of 2^b * (sum of M[r][j] over those j whose v[j] has bit b).
// Take four columns as a group: for each of the 16 ways to choose among them, the sums of all 64 rows lie ready as 64
// bytes (at most 4 * 15 = 60 each, so four groups add up in a byte: 240). A nonce then needs 16 groups x 4 bits = 64
// rows of 64 bytes to be added, against 512 multiply-and-add steps (i32x4.dot_i16x8_s) of a straight product: 62 ns
// against 116, measured on an AMD EPYC with Node 20. The price is 16 KiB a template instead of 8.
//
// Which columns make a group is chosen so that finding the index costs next to nothing. The hash is four words; group t
// takes nibble t of each word, so word w gives bit w of every index, and one pass of and/shift/or over the four words
// gives all 16 indices of a bit plane at once, as the nibbles of one word. Column of (w, t): bytes lie low first but
// their high nibble counts first, so it is 16 w + (t xor 1).
import { floats, matrix, products, selected, TABLE_GROUP_BYTES } from './layout';

let s0: u64 = 0;
let s1: u64 = 0;
let s2: u64 = 0;
let s3: u64 = 0;

/** The generator is xoshiro256++ with the hash's four words as its state, unmixed: all zero would stay so for ever. */
export function seed(hash: usize): void {
  s0 = load<u64>(hash, 0);
  s1 = load<u64>(hash, 8);
  s2 = load<u64>(hash, 16);
  s3 = load<u64>(hash, 24);
}

function next(): u64 {
  const out = rotl<u64>(s0 + s3, 23) + s0;
  const t = s1 << 17;
  s2 ^= s0;
  s3 ^= s1;
  s1 ^= s2;
  s0 ^= s3;
  s2 ^= t;
  s3 = rotl<u64>(s3, 45);
  return out;
}

/** Fills `matrix` with the generator's next 256 words, lowest nibble first. */
export function draw(): void {
  for (let at = matrix; at < matrix + 4096; ) {
    let word = next();
    for (let i = 0; i < 16; i++, at++, word >>= 4) store<u8>(at, <u8>(word & 15));
  }
}

/** A number that consensus takes for zero. */
const EPSILON: f64 = 1e-9;

// @ts-ignore: decorator
@inline function rowOfDoubles(row: i32): usize {
  return floats + <usize>(row << 9);
}

/**
 * Rank over the reals as consensus computes it, in the same doubles and the same order of operations. Rows that were
 * already a pivot are not reduced any further: they never feed back into a decision, so nothing can differ. Two columns go
 * at a time, which may touch the pivot column itself once it is done with; it is not read again.
 */
export function rank(): i32 {
  for (let i = 0; i < 4096; i++) store<f64>(floats + (i << 3), <f64>load<u8>(matrix + i));
  memory.fill(selected, 0, 64);
  let found = 0;
  for (let column = 0; column < 64; column++) {
    const at: usize = <usize>(column << 3);
    let pivot = 0;
    while (pivot < 64 && (load<u8>(selected + pivot) || abs(load<f64>(rowOfDoubles(pivot) + at)) <= EPSILON)) pivot++;
    if (pivot == 64) continue;
    found++;
    store<u8>(selected + pivot, 1);
    const from: usize = <usize>(((column + 1) & ~1) << 3);
    divideRow(rowOfDoubles(pivot), from, load<f64>(rowOfDoubles(pivot) + at));
    for (let row = 0; row < 64; row++) {
      if (load<u8>(selected + row)) continue;
      const factor = load<f64>(rowOfDoubles(row) + at);
      if (abs(factor) > EPSILON) subtractRow(rowOfDoubles(row), rowOfDoubles(pivot), from, factor);
    }
  }
  return found;
}

function divideRow(row: usize, from: usize, divisor: f64): void {
  const by = f64x2.splat(divisor);
  for (let at = row + from; at < row + 512; at += 16) v128.store(at, f64x2.div(v128.load(at), by));
}

function subtractRow(row: usize, pivot: usize, from: usize, factor: f64): void {
  const times = f64x2.splat(factor);
  for (let at = from; at < 512; at += 16) {
    v128.store(row + at, f64x2.sub(v128.load(row + at), f64x2.mul(v128.load(pivot + at), times)));
  }
}

/** Lays out the tables of `matrix` at `template`: each entry is the one with its lowest bit cleared, plus a column. */
export function buildTables(template: usize): void {
  for (let group = 0; group < 16; group++) {
    const table = template + group * TABLE_GROUP_BYTES;
    memory.fill(table, 0, 64);
    for (let word = 0; word < 4; word++) {
      const column = matrix + 16 * word + (group ^ 1);
      const entry = table + (64 << word);
      for (let row = 0; row < 64; row++) store<u8>(entry + row, load<u8>(column + (row << 6)));
    }
    for (let index = 3; index < 16; index++) {
      const rest = index & (index - 1);
      if (rest == 0) continue;
      const entry = table + (index << 6);
      const one = table + ((index ^ rest) << 6);
      for (let at: usize = 0; at < 64; at += 16) {
        v128.store(entry + at, i8x16.add(v128.load(table + (rest << 6) + at), v128.load(one + at)));
      }
    }
  }
}

// @ts-ignore: decorator
@inline function plane(a0: u64, a1: u64, a2: u64, a3: u64, bit: i32): u64 {
  const m: u64 = 0x1111111111111111;
  return ((a0 >> bit) & m) | (((a1 >> bit) & m) << 1) | (((a2 >> bit) & m) << 2) | (((a3 >> bit) & m) << 3);
}

// @ts-ignore: decorator
@inline function sum(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.add(i8x16.add(a, b), i8x16.add(c, d));
}

// Eight sums for the rows 2i and 2i+1, to the bytes (p_2i << 4 | p_2i+1) in 16 bit lanes. `all` holds even + 256 * odd, modulo 2^16;
// no sum is above 64 * 15 * 15 = 14400, so even comes back exactly.
// @ts-ignore: decorator
@inline function bytesOf(all: v128, odd: v128): v128 {
  const even = i16x8.sub(all, i16x8.shl(odd, 8));
  return v128.or(v128.and(i16x8.shr_u(even, 6), i16x8.splat(0xf0)), i16x8.shr_u(odd, 10));
}

/** 32 bytes of p at `out` for the hash whose words lie 16 bytes apart at `hash`. The caller xors them with the hash. */
export function multiply(template: usize, hash: usize, out: usize): void {
  const a0 = load<u64>(hash, 0);
  const a1 = load<u64>(hash, 16);
  const a2 = load<u64>(hash, 32);
  const a3 = load<u64>(hash, 48);
  const zero = i64x2.splat(0);
  let all0 = zero, all1 = zero, all2 = zero, all3 = zero;
  let odd0 = zero, odd1 = zero, odd2 = zero, odd3 = zero;
  for (let bit = 3; bit >= 0; bit--) {
    all0 = i16x8.shl(all0, 1);
    all1 = i16x8.shl(all1, 1);
    all2 = i16x8.shl(all2, 1);
    all3 = i16x8.shl(all3, 1);
    odd0 = i16x8.shl(odd0, 1);
    odd1 = i16x8.shl(odd1, 1);
    odd2 = i16x8.shl(odd2, 1);
    odd3 = i16x8.shl(odd3, 1);
    let indices = plane(a0, a1, a2, a3, bit);
    for (let table = template; table < template + 16 * TABLE_GROUP_BYTES; table += 4 * TABLE_GROUP_BYTES) {
      const z = <u32>indices;
      const t0 = table + ((z << 6) & 0x3c0);
      const t1 = table + ((z << 2) & 0x3c0);
      const t2 = table + ((z >> 2) & 0x3c0);
      const t3 = table + ((z >> 6) & 0x3c0);
      indices >>= 16;
      const x0 = sum(v128.load(t0), v128.load(t1, 1024), v128.load(t2, 2048), v128.load(t3, 3072));
      const x1 = sum(v128.load(t0, 16), v128.load(t1, 1040), v128.load(t2, 2064), v128.load(t3, 3088));
      const x2 = sum(v128.load(t0, 32), v128.load(t1, 1056), v128.load(t2, 2080), v128.load(t3, 3104));
      const x3 = sum(v128.load(t0, 48), v128.load(t1, 1072), v128.load(t2, 2096), v128.load(t3, 3120));
      all0 = i16x8.add(all0, x0);
      all1 = i16x8.add(all1, x1);
      all2 = i16x8.add(all2, x2);
      all3 = i16x8.add(all3, x3);
      odd0 = i16x8.add(odd0, i16x8.shr_u(x0, 8));
      odd1 = i16x8.add(odd1, i16x8.shr_u(x1, 8));
      odd2 = i16x8.add(odd2, i16x8.shr_u(x2, 8));
      odd3 = i16x8.add(odd3, i16x8.shr_u(x3, 8));
    }
  }
  v128.store(out, i8x16.narrow_i16x8_u(bytesOf(all0, odd0), bytesOf(all1, odd1)));
  v128.store(out, i8x16.narrow_i16x8_u(bytesOf(all2, odd2), bytesOf(all3, odd3)), 16);
}
