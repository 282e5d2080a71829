/**
 * Extranonces: the first two bytes of a miner's 64-bit nonce. Every live connection has its own, so no two of them ever try
 * the same nonce on the same work. Pure: the time is an argument.
 *
 * Two bytes is the only size that all known ASICs take and that still leaves 2^48 nonces, 14 s for the fastest of them.
 * Values are lent from a queue and go to its end when they come back, where they rest for as long as a job that the old owner
 * knew may live: a late share of a closed connection can then never fall into a new connection's range.
 */

export const EXTRANONCE_BYTES = 2;
/** What is left to the miner: the second parameter of set_extranonce. */
export const EXTRANONCE_REST_BYTES = 8 - EXTRANONCE_BYTES;

/**
 * Zero is never lent: some clients strip leading zeros of a full nonce, and with extranonce 0000 the rest would then look like a
 * short nonce that still wants its extranonce in front. With 0001 and up, what is left has 13 digits or more.
 */
const EXTRANONCE_FIRST = 1;
const EXTRANONCE_LAST = 0xffff;
export const EXTRANONCE_COUNT = EXTRANONCE_LAST - EXTRANONCE_FIRST + 1;

/** Lower case, even, zero-padded: `0001`. */
export function extranonceHex(value: number): string {
  return value.toString(16).padStart(EXTRANONCE_BYTES * 2, '0');
}

export class ExtranoncePool {
  readonly #restMs: number;
  /** Ring of free values in the order of their release; the head has rested longest. */
  readonly #queue = new Uint16Array(EXTRANONCE_COUNT);
  readonly #releasedAtMs = new Float64Array(EXTRANONCE_COUNT);
  readonly #lent = new Uint8Array(EXTRANONCE_LAST + 1);
  #head = 0;
  #waiting = EXTRANONCE_COUNT;

  /**
   * @param restMs the life of a job.
   * @param startAt in [0, 1): where in the range to begin. A random start keeps a restarted engine from handing out at once what
   * miners of its previous life are still hashing on.
   */
  constructor(restMs: number, startAt = 0) {
    this.#restMs = restMs;
    const offset = Math.floor(startAt * EXTRANONCE_COUNT);
    for (let index = 0; index < EXTRANONCE_COUNT; index++) {
      this.#queue[index] = EXTRANONCE_FIRST + ((index + offset) % EXTRANONCE_COUNT);
      this.#releasedAtMs[index] = Number.NEGATIVE_INFINITY;
    }
  }

  /** A value that nobody has, or 0 when all are lent or resting. */
  acquire(nowMs: number): number {
    if (this.#waiting === 0) return 0;
    if (nowMs - this.#releasedAtMs[this.#head]! < this.#restMs) return 0;
    const value = this.#queue[this.#head]!;
    this.#head = (this.#head + 1) % EXTRANONCE_COUNT;
    this.#waiting--;
    this.#lent[value] = 1;
    return value;
  }

  /** False for a value that is not lent: giving it back twice would put it into two hands. */
  release(value: number, nowMs: number): boolean {
    if (this.#lent[value] !== 1) return false;
    this.#lent[value] = 0;
    const tail = (this.#head + this.#waiting) % EXTRANONCE_COUNT;
    this.#queue[tail] = value;
    this.#releasedAtMs[tail] = nowMs;
    this.#waiting++;
    return true;
  }

  /** Not lent; some of these may still be resting. */
  get free(): number {
    return this.#waiting;
  }
}
