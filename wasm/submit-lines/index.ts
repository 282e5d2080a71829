// AssemblyScript, compiled by ../build.mjs; not TypeScript of the engine.
//
// Compares a line with the shapes of submissions that the scanner has learned (src/stratum/protocol/submit-shape.ts draws one, and
// says why comparing is as strict as reading), sixteen bytes at a time. In: a line in `input`, which sockets are read into. Out: the
// request id, and the rest in `found`. It imports nothing, allocates nothing, and reads nothing beyond its own memory.
//
//   shape   0 length  4                    each part: 64 bytes, padded, and 64 bytes of mask: 255 where the part has a byte
//   | 5 x length u32 | pad to 32 | head | before login | before job | before nonce | tail |

export const INPUT_BYTES: i32 = 65536;
export const SHAPES: i32 = 8;
export const PARTS: i32 = 5;
export const PART_BYTES: i32 = 64;
export const SHAPE_PARTS: i32 = 32;
export const SHAPE_BYTES: i32 = 672; // SHAPE_PARTS + PARTS * 2 * PART_BYTES

const HEAD: i32 = 0;
const BEFORE_LOGIN: i32 = 1;
const BEFORE_JOB: i32 = 2;
const BEFORE_NONCE: i32 = 3;
const TAIL: i32 = 4;

const ID_DIGITS_MAX: usize = 15;
const JOB_DIGITS_MAX: usize = 9;
const NONCE_DIGITS_MAX: usize = 16;
const NO: f64 = -1;

const DIGIT_0: u32 = 0x30;
const LETTER_X: u32 = 0x78;
const CASE_BIT: u32 = 0x20;

/** The longest part and a vector lie behind the last byte of a line that ends with the buffer: they may be read. */
export const input: usize = memory.data(65792, 64); // INPUT_BYTES + 256
export const shapes: usize = memory.data(5376, 64); // SHAPES * SHAPE_BYTES
/** job, nonce high, nonce low, nonce digits, login start, login end, mark of the login; 4 bytes each. */
export const found: usize = memory.data(32, 64);

/** Of the shape that a line had last: a miner's lines come one after the other. */
let latest: i32 = 0;

// @ts-ignore: decorator
@inline function lengthOf(shape: usize, part: i32): usize {
  return <usize>load<u32>(shape + <usize>(part << 2));
}

// @ts-ignore: decorator
@inline function differ(at: usize, part: usize): v128 {
  return v128.and(v128.xor(v128.load(at), v128.load(part)), v128.load(part, 64));
}

/** The part stands at `at`. Bytes beyond the line may be compared: then the line's end is missed. */
// @ts-ignore: decorator
@inline function stands(shape: usize, part: i32, length: usize, at: usize): bool {
  const place = shape + <usize>(SHAPE_PARTS + part * 2 * PART_BYTES);
  let differs = differ(at, place);
  if (length > 16) differs = v128.or(differs, differ(at + 16, place + 16));
  if (length > 32)
    differs = v128.or(differs, v128.or(differ(at + 32, place + 32), differ(at + 48, place + 48)));
  return !v128.any_true(differs);
}

/** Where the first byte lies that may not stand in a string by itself; `end` when there is none. */
// @ts-ignore: decorator
@inline function plainEnd(from: usize, end: usize): usize {
  let at = from;
  while (at < end) {
    const bytes = v128.load(at);
    // Signed: bytes from 0x80 on are below the blank, too.
    const odd = v128.or(
      v128.or(i8x16.lt_s(bytes, i8x16.splat(0x20)), i8x16.eq(bytes, i8x16.splat(0x7f))),
      v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c))),
    );
    const mask = i8x16.bitmask(odd);
    if (mask != 0) {
      at += <usize>ctz<i32>(mask);
      break;
    }
    at += 16;
  }
  return at < end ? at : end;
}

/** As `loginMarkOf`. */
// @ts-ignore: decorator
@inline function markOf(from: usize, end: usize): i32 {
  let mark: i32 = 0;
  let at = from;
  for (; at + 4 <= end; at += 4) mark = mark * 31 + load<i32>(at);
  for (; at < end; at++) mark = mark * 31 + <i32>load<u8>(at);
  return mark;
}

/** Reads a nonce as `SubmitFields.readNonce` does, into `found`. */
// @ts-ignore: decorator
@inline function readNonce(start: usize, end: usize): bool {
  let from = start;
  if (end - from >= 2 && load<u8>(from) == DIGIT_0 && (load<u8>(from, 1) | CASE_BIT) == LETTER_X) from += 2;
  const digits = end - from;
  if (digits - 1 >= NONCE_DIGITS_MAX) return false;
  // What stands before a short nonce is pushed out to the left, and counts neither as a digit nor for one.
  const unused = <i32>(NONCE_DIGITS_MAX - digits);
  const bytes = v128.load(end - NONCE_DIGITS_MAX);
  const decimal = i8x16.sub(bytes, i8x16.splat(0x30));
  const letter = i8x16.sub(v128.or(bytes, i8x16.splat(0x20)), i8x16.splat(0x61));
  const isDecimal = i8x16.lt_u(decimal, i8x16.splat(10));
  const isLetter = i8x16.lt_u(letter, i8x16.splat(6));
  const isHex = i8x16.bitmask(v128.or(isDecimal, isLetter));
  if ((isHex | ((1 << unused) - 1)) != 0xffff) return false;
  const nibbles = v128.bitselect(decimal, i8x16.add(letter, i8x16.splat(10)), isDecimal);
  // Two digits to a byte, the more significant first; then the bytes the other way round.
  const high = v128.and(i16x8.shl(nibbles, 4), i16x8.splat(0xf0));
  const pairs = v128.or(high, i16x8.shr_u(nibbles, 8));
  const packed = i8x16.narrow_i16x8_u(v128.and(pairs, i16x8.splat(0xff)), pairs);
  let nonce = bswap<u64>(i64x2.extract_lane(packed, 0));
  if (unused > 0) nonce &= (<u64>-1) >> <u64>(unused << 2);
  store<u32>(found, <u32>(nonce >> 32), 4);
  store<u32>(found, <u32>nonce, 8);
  store<u32>(found, <u32>digits, 12);
  return true;
}

function matchShape(shape: usize, start: usize, end: usize): f64 {
  const head = lengthOf(shape, HEAD);
  if (!stands(shape, HEAD, head, start)) return NO;
  const idStart = start + head;
  let at = idStart;
  let id: u64 = 0;
  for (let digit: u32; at - idStart <= ID_DIGITS_MAX && (digit = <u32>load<u8>(at) - DIGIT_0) <= 9; at++)
    id = id * 10 + digit;
  const idDigits = at - idStart;
  if (idDigits - 1 >= ID_DIGITS_MAX || (idDigits > 1 && load<u8>(idStart) == DIGIT_0)) return NO;

  const beforeLogin = lengthOf(shape, BEFORE_LOGIN);
  if (!stands(shape, BEFORE_LOGIN, beforeLogin, at)) return NO;
  const loginStart = at + beforeLogin;
  const loginEnd = plainEnd(loginStart, end);
  const beforeJob = lengthOf(shape, BEFORE_JOB);
  if (loginEnd < loginStart || !stands(shape, BEFORE_JOB, beforeJob, loginEnd)) return NO;

  const jobStart = (at = loginEnd + beforeJob);
  let job: u32 = 0;
  for (let digit: u32; at - jobStart <= JOB_DIGITS_MAX && (digit = <u32>load<u8>(at) - DIGIT_0) <= 9; at++)
    job = job * 10 + digit;
  if (at - jobStart - 1 >= JOB_DIGITS_MAX || load<u8>(jobStart) == DIGIT_0) return NO;

  const beforeNonce = lengthOf(shape, BEFORE_NONCE);
  if (!stands(shape, BEFORE_NONCE, beforeNonce, at)) return NO;
  const nonceStart = at + beforeNonce;
  const tail = lengthOf(shape, TAIL);
  // All that was compared lies before this: whatever ran over the line's end ends here.
  if (nonceStart + tail >= end) return NO;
  const nonceEnd = end - tail;
  if (!stands(shape, TAIL, tail, nonceEnd) || !readNonce(nonceStart, nonceEnd)) return NO;

  store<u32>(found, job);
  store<u32>(found, <u32>(loginStart - input), 16);
  store<u32>(found, <u32>(loginEnd - input), 20);
  store<i32>(found, markOf(loginStart, loginEnd), 24);
  return <f64>id;
}

/** The request id of the line at input[start..end), which has one of the first `count` shapes; -1 when it has none. */
export function match(start: i32, end: i32, count: i32): f64 {
  const from = input + <usize>start;
  const to = input + <usize>end;
  if (latest < count) {
    const id = matchShape(shapes + <usize>(latest * SHAPE_BYTES), from, to);
    if (id >= 0) return id;
  }
  for (let index = 0; index < count; index++) {
    if (index == latest) continue;
    const id = matchShape(shapes + <usize>(index * SHAPE_BYTES), from, to);
    if (id < 0) continue;
    latest = index;
    return id;
  }
  return NO;
}

/** Where `byte` lies first in input[start..end); -1 when it does not. */
export function find(byte: i32, start: i32, end: i32): i32 {
  const wanted = i8x16.splat(<i8>byte);
  for (let at = start; at < end; at += 16) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(input + <usize>at), wanted));
    if (mask == 0) continue;
    const place = at + ctz<i32>(mask);
    return place < end ? place : -1;
  }
  return -1;
}
