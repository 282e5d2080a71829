/**
 * Hashrate by credited work: a ring of one-second bins. Pure: time comes in as a number.
 * hashrate = sum of credited difficulty x 2^32 / seconds.
 */

const HASHES_PER_DIFFICULTY = 2 ** 32;

export class HashrateWindow {
  readonly #difficulty: Float64Array;
  readonly #second: Float64Array;
  readonly #startedAtS: number;

  /** @param seconds longest window that can be asked for. */
  constructor(seconds: number, nowMs: number) {
    this.#difficulty = new Float64Array(seconds + 1);
    this.#second = new Float64Array(seconds + 1).fill(-1);
    this.#startedAtS = nowMs / 1000;
  }

  add(difficulty: number, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const index = second % this.#second.length;
    if (this.#second[index] !== second) {
      this.#second[index] = second;
      this.#difficulty[index] = 0;
    }
    this.#difficulty[index]! += difficulty;
  }

  /** Hashes per second over the last `windowS` seconds, or since the start when that is shorter. */
  rate(windowS: number, nowMs: number): number {
    const now = Math.floor(nowMs / 1000);
    let sum = 0;
    for (let index = 0; index < this.#second.length; index++) {
      const second = this.#second[index]!;
      if (second >= 0 && second > now - windowS && second <= now) sum += this.#difficulty[index]!;
    }
    const lived = Math.max(1, nowMs / 1000 - this.#startedAtS);
    return (sum * HASHES_PER_DIFFICULTY) / Math.min(windowS, lived);
  }
}
