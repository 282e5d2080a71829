/**
 * The score keeper: points for what somebody did, a strike when there are too many, and after each strike a longer wait. Pure; the time is
 * an argument, and a clock that steps back shortens nobody's wait and prolongs none.
 *
 *   quiet --points--> counted --pointsMax--> struck: wait 5 s, 10 s, 20 s ... 10 min --time--> quiet
 *
 * Points fade, and so do strikes, so that a fault that was mended is forgotten; who goes on has it the harder.
 */

export interface PenaltyRules {
  readonly pointsMax: number;
  /** One point fades in so long. */
  readonly pointFadesMs: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** One strike is forgotten after so long without another. */
  readonly strikeFadesMs: number;
}

/** 2^20 times any first wait is beyond every longest one. */
const STRIKES_MAX = 20;
/** What is left of a strike by rounding is none. */
const STRIKE_LEAST = 1e-6;

export class Penalty {
  #points = 0;
  #strikes = 0;
  #waitUntilMs = Number.NEGATIVE_INFINITY;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** True: that was one too many, and a wait begins. */
  add(points: number, rules: PenaltyRules, nowMs: number): boolean {
    this.#fade(rules, nowMs);
    this.#points += points;
    if (this.#points < rules.pointsMax) return false;
    this.strike(rules, nowMs);
    return true;
  }

  strike(rules: PenaltyRules, nowMs: number): void {
    this.#fade(rules, nowMs);
    this.#points = 0;
    // A strike that is half forgotten counts as one.
    this.#strikes = Math.min(STRIKES_MAX, Math.ceil(this.#strikes) + 1);
    const waitMs = Math.min(rules.longestWaitMs, rules.firstWaitMs * 2 ** (this.#strikes - 1));
    this.#waitUntilMs = nowMs + waitMs;
  }

  /** How long it must still wait; 0 = it may come. */
  waitMs(rules: PenaltyRules, nowMs: number): number {
    this.#fade(rules, nowMs);
    return Math.max(0, this.#waitUntilMs - nowMs);
  }

  /** Nothing is held against it any more. */
  isForgotten(rules: PenaltyRules, nowMs: number): boolean {
    this.#fade(rules, nowMs);
    return this.#points === 0 && this.#strikes === 0 && this.#waitUntilMs <= nowMs;
  }

  #fade({ pointFadesMs, strikeFadesMs }: PenaltyRules, nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs;
    this.#atMs = nowMs;
    if (elapsedMs < 0) {
      this.#waitUntilMs += elapsedMs;
      return;
    }
    this.#points = Math.max(0, this.#points - elapsedMs / pointFadesMs);
    // While it waits nothing is forgotten.
    const freeMs = Math.min(elapsedMs, nowMs - this.#waitUntilMs);
    if (freeMs > 0) this.#strikes -= freeMs / strikeFadesMs;
    if (this.#strikes < STRIKE_LEAST) this.#strikes = 0;
  }
}
