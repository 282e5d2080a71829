/**
 * So many a second, and a burst at once: tokens that are taken and grow again with time. Pure; the time is an argument, and a clock that
 * steps back costs nobody a token: growing goes on from where it now stands.
 */

export interface Rate {
  /** Infinity = no limit. */
  readonly perSecond: number;
  readonly burst: number;
}

export const NO_LIMIT: Rate = {
  perSecond: Number.POSITIVE_INFINITY,
  burst: Number.POSITIVE_INFINITY,
};

const MS_PER_SECOND = 1_000;

export class TokenBucket {
  #tokens: number;
  #atMs: number;

  /** Full. */
  constructor({ burst }: Rate, nowMs: number) {
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** False: none is left. The rate is not kept: there are ten thousands of buckets and few rates. After another one the bucket goes on from what is in it. */
  take(rate: Rate, nowMs: number): boolean {
    this.#grow(rate, nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Full again: nothing is lost when it is forgotten. */
  isFull(rate: Rate, nowMs: number): boolean {
    this.#grow(rate, nowMs);
    return this.#tokens >= rate.burst;
  }

  #grow({ perSecond, burst }: Rate, nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs;
    this.#atMs = nowMs;
    if (!Number.isFinite(perSecond)) this.#tokens = burst;
    // NaN, of a clock that is none, is not above anything.
    else if (elapsedMs > 0)
      this.#tokens = Math.min(burst, this.#tokens + (elapsedMs * perSecond) / MS_PER_SECOND);
  }
}
