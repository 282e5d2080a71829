/**
 * What a submission says, as numbers. One object per server, filled anew by every submission: the scanner fills it from the
 * bytes, the slow path from parsed params, and both must agree on every line (a test compares them). Pure.
 */

/** Digits of a u64. */
const NONCE_DIGITS_MAX = 16;
const DIGITS_PER_BYTE = 2;
const LOW_DIGITS = 8;

const DIGIT_0 = 0x30;
const LETTER_X = 0x78;
const CASE_BIT = 0x20;

/** Value of a hex digit by its byte; 255 where it is none. */
const HEX_VALUE = new Uint8Array(256).fill(255);
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  HEX_VALUE[digit.charCodeAt(0)] = value;
  HEX_VALUE[digit.toUpperCase().charCodeAt(0)] = value;
}

export class SubmitFields {
  /** 0: not the id of any job. */
  jobId = 0;
  nonceHi = 0;
  nonceLo = 0;
  /** Hex digits given, prefix not counted. */
  nonceDigits = 0;

  /**
   * Reads a nonce: one leading 0x may stand before it, 1 to 16 hex digits in either case, most significant first. False when
   * it is anything else.
   */
  readNonce(bytes: Uint8Array, start: number, end: number): boolean {
    let from = start;
    if (end - from >= 2 && bytes[from] === DIGIT_0 && (bytes[from + 1]! | CASE_BIT) === LETTER_X) from += 2;
    const digits = end - from;
    if (digits < 1 || digits > NONCE_DIGITS_MAX) return false;
    const low = end - LOW_DIGITS;
    let nonceHi = 0;
    let nonceLo = 0;
    for (let at = from; at < end; at++) {
      const value = HEX_VALUE[bytes[at]!]!;
      if (value === 255) return false;
      if (at < low) nonceHi = (nonceHi << 4) | value;
      else nonceLo = (nonceLo << 4) | value;
    }
    this.nonceHi = nonceHi >>> 0;
    this.nonceLo = nonceLo >>> 0;
    this.nonceDigits = digits;
    return true;
  }

  /**
   * The padding rule of every Kaspa server: what fits below the extranonce is left-padded with zeros and put under it; anything
   * longer is the whole nonce. A client that trims the zeros of a full nonce still sends 13 digits, as no extranonce is 0.
   */
  placeUnder(extranonce: number, bytes = 2): void {
    if (this.nonceDigits > NONCE_DIGITS_MAX - DIGITS_PER_BYTE * bytes) return;
    this.nonceHi = ((extranonce << 16) | this.nonceHi) >>> 0;
  }

  /** The two bytes that the nonce begins with. */
  get nonceExtranonce(): number {
    return this.nonceHi >>> 16;
  }
}

const JOB_ID = /^[1-9][0-9]{0,8}$/;
const NONCE = /^(?:0[xX])?[0-9a-fA-F]{1,16}$/;

/** The decimal job id that a JSON value names; 0 when it names none; undefined when it is not even an id. */
function jobIdOf(value: unknown): number | undefined {
  if (typeof value === 'number') return JOB_ID.test(String(value)) ? value : 0;
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return JOB_ID.test(text) ? Number(text) : 0;
}

/**
 * Params of `mining.submit`: [login, job, nonce], or the five-element form whose nonce is the last. False: malformed.
 */
export function readSubmitParams(params: readonly unknown[], fields: SubmitFields): boolean {
  if (params.length < 3) return false;
  const jobId = jobIdOf(params[1]);
  const nonce = params[params.length >= 5 ? params.length - 1 : 2];
  if (jobId === undefined || typeof nonce !== 'string') return false;
  const digits = nonce.trim();
  if (!NONCE.test(digits)) return false;
  fields.jobId = jobId;
  return fields.readNonce(Buffer.from(digits, 'latin1'), 0, digits.length);
}
