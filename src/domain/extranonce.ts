/**
 * Extranonces: the first two bytes of a miner's 64-bit nonce. Every live connection has its own, so no two of them ever try
 * the same nonce on the same work. Pure: the time is an argument.
 *
 * Two bytes is the only size that all known ASICs take and that still leaves 2^48 nonces, 14 s for the fastest of them.
 * A value that comes back rests for as long as a job that the old owner knew may live: what he was paid for and what the next
 * owner finds can then never be the same nonces on the same work.
 */

const EXTRANONCE_BYTES = 2;
export const NONCE_BYTES = 8;

/**
 * Zero is never lent: some clients strip leading zeros of a full nonce, and with extranonce 0000 the rest would then look like a
 * short nonce that still wants its extranonce in front. With 0001 and up, what is left has 13 digits or more.
 */
const EXTRANONCE_FIRST = 1;
const EXTRANONCE_LAST = 0xffff;
export const EXTRANONCE_COUNT = EXTRANONCE_LAST - EXTRANONCE_FIRST + 1;

/**
 * Large proxies (NiceHash) divide what they get among machines of their own and want more than 2^48 nonces for that. Ports for them lend
 * one byte: the whole of 2^56 nonces under it. While there is such a port, two-byte values end where those begin, so that both may hash
 * on the same work and never try the same nonce.
 */
export type ExtranonceBytes = 1 | 2;

export interface ExtranonceRange {
  readonly first: number;
  readonly last: number;
  readonly bytes: ExtranonceBytes;
}

const WIDE_FIRST = 0xe0;
const WIDE: ExtranonceRange = { first: WIDE_FIRST, last: 0xff, bytes: 1 };
const NARROW: ExtranonceRange = { first: EXTRANONCE_FIRST, last: EXTRANONCE_LAST, bytes: 2 };
const NARROW_BESIDE_WIDE: ExtranonceRange = { ...NARROW, last: (WIDE_FIRST << 8) - 1 };

/** What is lent under so many bytes. @param wideToo some port of this process lends one byte */
export function extranonceRange(bytes: ExtranonceBytes, wideToo: boolean): ExtranonceRange {
  if (bytes === 1) return WIDE;
  return wideToo ? NARROW_BESIDE_WIDE : NARROW;
}

/** Which bits of a nonce's two most significant bytes are the extranonce. */
export function extranonceMask(bytes: ExtranonceBytes): number {
  return bytes === 1 ? 0xff00 : 0xffff;
}

/** Lower case, even, zero-padded: `0001`; under one byte `e0`. @param value as the two most significant bytes of a nonce */
export function extranonceHex(value: number, bytes: ExtranonceBytes = EXTRANONCE_BYTES): string {
  return value
    .toString(16)
    .padStart(EXTRANONCE_BYTES * 2, '0')
    .slice(0, 2 * bytes);
}

export class ExtranoncePool {
  readonly #restMs: number;
  readonly #random: () => number;
  /** Values that may be lent at once, in no order: the first `#readyCount`. */
  readonly #ready: Uint16Array;
  #readyCount: number;
  readonly #count: number;
  /** From a value to the two most significant bytes of a nonce. */
  readonly #shift: number;
  /** Ring of resting values in the order of their release. */
  readonly #resting: Uint16Array;
  readonly #releasedAtMs: Float64Array;
  #restingHead = 0;
  #restingCount = 0;
  readonly #lent = new Uint8Array(EXTRANONCE_LAST + 1);

  /**
   * @param restMs the life of a job.
   * @param random in [0, 1). Nobody may foresee the next value: who could would hash under it before he logs in, and then ask
   * for the difficulty that suits what he found. It also keeps a restarted engine from handing out what miners of its previous
   * life are still hashing on.
   */
  constructor(restMs: number, random: () => number, { first, last, bytes }: ExtranonceRange = NARROW) {
    this.#restMs = restMs;
    this.#random = random;
    this.#shift = bytes === 1 ? 8 : 0;
    this.#count = last - first + 1;
    this.#readyCount = this.#count;
    this.#ready = Uint16Array.from({ length: this.#count }, (_, index) => first + index);
    this.#resting = new Uint16Array(this.#count);
    this.#releasedAtMs = new Float64Array(this.#count);
  }

  /** A value that nobody has, or 0 when all are lent or resting. */
  acquire(nowMs: number): number {
    this.#wakeRested(nowMs);
    if (this.#readyCount === 0) return 0;
    const index = Math.floor(this.#random() * this.#readyCount);
    const value = this.#ready[index]!;
    this.#ready[index] = this.#ready[--this.#readyCount]!;
    this.#lent[value] = 1;
    return value << this.#shift;
  }

  /**
   * False for a value that is not lent: giving it back twice would put it into two hands.
   * @param used shares were credited under it. Others need no rest: there is nothing that a new owner could collide with.
   */
  release(extranonce: number, nowMs: number, used = true): boolean {
    const value = extranonce >>> this.#shift;
    if (this.#lent[value] !== 1) return false;
    this.#lent[value] = 0;
    if (used) {
      const tail = (this.#restingHead + this.#restingCount++) % this.#count;
      this.#resting[tail] = value;
      this.#releasedAtMs[tail] = nowMs;
    } else {
      this.#ready[this.#readyCount++] = value;
    }
    return true;
  }

  /** Not lent; some of these may still be resting. */
  get free(): number {
    return this.#readyCount + this.#restingCount;
  }

  #wakeRested(nowMs: number): void {
    while (this.#restingCount > 0 && nowMs - this.#releasedAtMs[this.#restingHead]! >= this.#restMs) {
      this.#ready[this.#readyCount++] = this.#resting[this.#restingHead]!;
      this.#restingHead = (this.#restingHead + 1) % this.#count;
      this.#restingCount--;
    }
  }
}
