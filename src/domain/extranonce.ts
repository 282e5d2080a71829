/**
 * Extranonces: the first two bytes of a miner's 64-bit nonce. Every live connection has its own, so no two of them ever try
 * the same nonce on the same work. Pure: the time is an argument.
 *
 * Two bytes is the only size that all known ASICs take and that still leaves 2^48 nonces, 14 s for the fastest of them.
 * A value that comes back rests for as long as a job that the old owner knew may live: what he was paid for and what the next
 * owner finds can then never be the same nonces on the same work.
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
  readonly #random: () => number;
  /** Values that may be lent at once, in no order: the first `#readyCount`. */
  readonly #ready = new Uint16Array(EXTRANONCE_COUNT);
  #readyCount = EXTRANONCE_COUNT;
  /** Ring of resting values in the order of their release. */
  readonly #resting = new Uint16Array(EXTRANONCE_COUNT);
  readonly #releasedAtMs = new Float64Array(EXTRANONCE_COUNT);
  #restingHead = 0;
  #restingCount = 0;
  readonly #lent = new Uint8Array(EXTRANONCE_LAST + 1);

  /**
   * @param restMs the life of a job.
   * @param random in [0, 1). Nobody may foresee the next value: who could would hash under it before he logs in, and then ask
   * for the difficulty that suits what he found. It also keeps a restarted engine from handing out what miners of its previous
   * life are still hashing on.
   */
  constructor(restMs: number, random: () => number) {
    this.#restMs = restMs;
    this.#random = random;
    for (let index = 0; index < EXTRANONCE_COUNT; index++) this.#ready[index] = EXTRANONCE_FIRST + index;
  }

  /** A value that nobody has, or 0 when all are lent or resting. */
  acquire(nowMs: number): number {
    this.#wakeRested(nowMs);
    if (this.#readyCount === 0) return 0;
    const index = Math.floor(this.#random() * this.#readyCount);
    const value = this.#ready[index]!;
    this.#ready[index] = this.#ready[--this.#readyCount]!;
    this.#lent[value] = 1;
    return value;
  }

  /**
   * False for a value that is not lent: giving it back twice would put it into two hands.
   * @param used shares were credited under it. Others need no rest: there is nothing that a new owner could collide with.
   */
  release(value: number, nowMs: number, used = true): boolean {
    if (this.#lent[value] !== 1) return false;
    this.#lent[value] = 0;
    if (used) {
      const tail = (this.#restingHead + this.#restingCount++) % EXTRANONCE_COUNT;
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
      this.#restingHead = (this.#restingHead + 1) % EXTRANONCE_COUNT;
      this.#restingCount--;
    }
  }
}
