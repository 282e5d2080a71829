/**
 * The shape of a submission: a line that the scanner has read, with everything cut out that differs from share to share.
 *
 *   {"id":5,"method":"mining.submit","params":["kaspa:qz….rig1","34","00011f7a5745732a"]}
 *   ======@=======================================^^^^^^^^^^^^===@@===@@@@@@@@@@@@@@@@===
 *
 * A miner's lines are all of one shape, so the next one only needs its fixed bytes (=) compared and its numbers (@) read. That is as
 * strict as the scanner is: the fixed bytes are those of a line that was read in full, and what stands between them is held to
 * the same rules. Pure.
 *
 * Four bytes at a time where there are many (what stands before the login, and the login itself): byte by byte this was a third
 * of the main thread's cost of a share.
 */
import type { SubmitFields } from './submit-fields.ts';

const QUOTE = 0x22;
const DIGIT_0 = 0x30;
const ONES = 0x01010101;
const SPACES = 0x20202020;
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const TOP_BITS = 0x80808080;

/** Where the parts of a line lie, as offsets into the bytes that hold it; each `end` is behind the last byte. */
export interface PartPlaces {
  readonly start: number;
  readonly end: number;
  readonly idStart: number;
  readonly idEnd: number;
  readonly loginStart: number;
  readonly loginEnd: number;
  readonly jobStart: number;
  readonly jobEnd: number;
  readonly nonceStart: number;
  readonly nonceEnd: number;
}

/** What a match found out beside the fields; one object for all. */
export interface ShapeFindings {
  requestId: number;
  loginStart: number;
  loginEnd: number;
  loginMark: number;
}

export interface ShapeRules {
  readonly idDigitsMax: number;
  readonly jobIdDigitsMax: number;
  /** 1 = may stand in a string by itself. */
  readonly plain: Uint8Array;
}

export class SubmitShape {
  readonly #head: Uint8Array;
  readonly #beforeLogin: FixedWords;
  readonly #beforeJob: Uint8Array;
  readonly #beforeNonce: Uint8Array;
  readonly #tail: Uint8Array;
  readonly #rules: ShapeRules;

  private constructor(bytes: Uint8Array, at: PartPlaces, rules: ShapeRules) {
    this.#head = copyOf(bytes, at.start, at.idStart);
    this.#beforeLogin = new FixedWords(copyOf(bytes, at.idEnd, at.loginStart));
    this.#beforeJob = copyOf(bytes, at.loginEnd, at.jobStart);
    this.#beforeNonce = copyOf(bytes, at.jobEnd, at.nonceStart);
    this.#tail = copyOf(bytes, at.nonceEnd, at.end);
    this.#rules = rules;
  }

  /** Undefined: the parts come in another order. */
  static of(bytes: Uint8Array, at: PartPlaces, rules: ShapeRules): SubmitShape | undefined {
    return at.idStart < at.loginStart ? new SubmitShape(bytes, at, rules) : undefined;
  }

  /** The fixed bytes, in the order of the line. */
  get parts(): readonly Uint8Array[] {
    return [this.#head, this.#beforeLogin.bytes, this.#beforeJob, this.#beforeNonce, this.#tail];
  }

  /** True: the line has this shape, and fields and findings hold what it says. `view`: of the whole of `bytes.buffer`. */
  match(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    fields: SubmitFields,
    found: ShapeFindings,
  ): boolean {
    const { idDigitsMax, jobIdDigitsMax, plain } = this.#rules;
    let at = start + this.#head.length;
    if (!isAt(bytes, start, this.#head)) return false;
    const base = bytes.byteOffset;

    const idStart = at;
    let id = 0;
    for (let digit: number; at < end && (digit = bytes[at]! - DIGIT_0) >= 0 && digit <= 9; at++)
      id = id * 10 + digit;
    const idDigits = at - idStart;
    if (idDigits === 0 || idDigits > idDigitsMax || (idDigits > 1 && bytes[idStart] === DIGIT_0))
      return false;

    const beforeLogin = this.#beforeLogin;
    if (at + beforeLogin.length > end || !wordsAreAt(view, base + at, beforeLogin)) return false;
    const loginStart = (at += beforeLogin.length);
    let mark = 0;
    for (let word: number; at + 4 <= end && arePlain((word = view.getInt32(base + at, true))); at += 4)
      mark = markedWith(mark, word);
    for (let byte: number; at < end && plain[(byte = bytes[at]!)] === 1; at++) mark = markedWith(mark, byte);
    const loginEnd = at;

    if (!isAt(bytes, at, this.#beforeJob)) return false;
    const jobStart = (at += this.#beforeJob.length);
    let job = 0;
    for (let digit: number; at < end && (digit = bytes[at]! - DIGIT_0) >= 0 && digit <= 9; at++)
      job = job * 10 + digit;
    const jobDigits = at - jobStart;
    if (jobDigits === 0 || jobDigits > jobIdDigitsMax || bytes[jobStart] === DIGIT_0) return false;

    if (!isAt(bytes, at, this.#beforeNonce)) return false;
    const nonceStart = (at += this.#beforeNonce.length);
    while (at < end && bytes[at] !== QUOTE) at++;
    if (at + this.#tail.length !== end || !isAt(bytes, at, this.#tail)) return false;
    if (!fields.readNonce(bytes, nonceStart, at)) return false;

    fields.jobId = job;
    found.requestId = id;
    found.loginStart = loginStart;
    found.loginEnd = loginEnd;
    found.loginMark = mark;
    return true;
  }
}

/** Bytes beyond the line may be compared: they differ, or the line's end will be missed. */
function isAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

/** Bytes to compare as words: whole words from the front, the rest one by one. */
class FixedWords {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly words: Int32Array;
  readonly rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    const view = viewOf(bytes);
    this.bytes = bytes;
    this.length = bytes.length;
    this.words = Int32Array.from({ length: bytes.length >> 2 }, (_, word) => view.getInt32(word * 4, true));
    this.rest = copyOf(bytes, this.words.length * 4, bytes.length);
  }
}

/** The caller has seen to it that so many bytes are there. */
function wordsAreAt(view: DataView, at: number, expected: FixedWords): boolean {
  const { words, rest } = expected;
  for (let i = 0; i < words.length; i++) if (view.getInt32(at + i * 4, true) !== words[i]) return false;
  const behind = at + words.length * 4;
  for (let i = 0; i < rest.length; i++) if (view.getUint8(behind + i) !== rest[i]) return false;
  return true;
}

/**
 * Four bytes at once: none outside of 0x20..0x7e, no quote, no backslash. Each term sets the top bit of a byte that is not plain;
 * a borrow or carry reaches a neighbour only from a byte that has set its own bit, so the answer for all four is exact.
 */
function arePlain(word: number): boolean {
  const quote = word ^ QUOTES;
  const backslash = word ^ BACKSLASHES;
  const found =
    word | (word - SPACES) | (word + ONES) | ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash);
  return (found & TOP_BITS) === 0;
}

/** Not `slice`: of a Buffer that is a view, and this one is read into again. A shape would be compared with whatever came last. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function markedWith(mark: number, value: number): number {
  return (Math.imul(mark, 31) + value) | 0;
}

/**
 * A number that tells logins apart well enough to count submissions that name another one than was authorized. Keeping and comparing
 * every session's login cost half a microsecond a share: 70 bytes that are never in the cache. Nothing is decided by it.
 */
export function loginMarkOf(bytes: Uint8Array, start: number, end: number): number {
  const view = viewOf(bytes);
  let mark = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) mark = markedWith(mark, view.getInt32(at, true));
  for (; at < end; at++) mark = markedWith(mark, bytes[at]!);
  return mark;
}
