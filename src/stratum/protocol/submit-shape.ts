/**
 * The shape of a submission: a line that the scanner has read, with everything cut out that differs from share to share.
 *
 *   {"id":5,"method":"mining.submit","params":["kaspa:qz….rig1","34","00011f7a5745732a"]}
 *   ======@=======================================^^^^^^^^^^^^===@@===@@@@@@@@@@@@@@@@===
 *
 * A miner's lines are all of one shape, so the next one only needs its fixed bytes (=) compared and its numbers (@) read. That is as
 * strict as the scanner is: the fixed bytes are those of a line that was read in full, and what stands between them is held to
 * the same rules. Pure.
 */
import type { SubmitFields } from './submit-fields.ts';

const QUOTE = 0x22;
const DIGIT_0 = 0x30;

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
  readonly #beforeLogin: Uint8Array;
  readonly #beforeJob: Uint8Array;
  readonly #beforeNonce: Uint8Array;
  readonly #tail: Uint8Array;
  readonly #rules: ShapeRules;

  private constructor(bytes: Uint8Array, at: PartPlaces, rules: ShapeRules) {
    this.#head = bytes.slice(at.start, at.idStart);
    this.#beforeLogin = bytes.slice(at.idEnd, at.loginStart);
    this.#beforeJob = bytes.slice(at.loginEnd, at.jobStart);
    this.#beforeNonce = bytes.slice(at.jobEnd, at.nonceStart);
    this.#tail = bytes.slice(at.nonceEnd, at.end);
    this.#rules = rules;
  }

  /** Undefined: the parts come in another order. */
  static of(bytes: Uint8Array, at: PartPlaces, rules: ShapeRules): SubmitShape | undefined {
    return at.idStart < at.loginStart ? new SubmitShape(bytes, at, rules) : undefined;
  }

  /** True: the line has this shape, and fields and findings hold what it says. */
  match(bytes: Uint8Array, start: number, end: number, fields: SubmitFields, found: ShapeFindings): boolean {
    const { idDigitsMax, jobIdDigitsMax, plain } = this.#rules;
    let at = start + this.#head.length;
    if (!isAt(bytes, start, this.#head)) return false;

    const idStart = at;
    let id = 0;
    for (let digit: number; at < end && (digit = bytes[at]! - DIGIT_0) >= 0 && digit <= 9; at++)
      id = id * 10 + digit;
    const idDigits = at - idStart;
    if (idDigits === 0 || idDigits > idDigitsMax || (idDigits > 1 && bytes[idStart] === DIGIT_0))
      return false;

    if (!isAt(bytes, at, this.#beforeLogin)) return false;
    const loginStart = (at += this.#beforeLogin.length);
    let mark = 0;
    for (let byte: number; at < end && plain[(byte = bytes[at]!)] === 1; at++)
      mark = (mark + Math.imul(byte, at - loginStart + 1)) | 0;
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

/**
 * A number that tells logins apart well enough to count submissions that name another one than was authorized. Keeping and comparing
 * every session's login cost half a microsecond a share: 70 bytes that are never in the cache. Nothing is decided by it.
 */
export function loginMarkOf(bytes: Uint8Array, start: number, end: number): number {
  let mark = 0;
  for (let at = start; at < end; at++) mark = (mark + Math.imul(bytes[at]!, at - start + 1)) | 0;
  return mark;
}
