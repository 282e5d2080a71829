/**
 * How many lines a session may still send before it is not read on: one comparison and one subtraction a line, and the sweep, which looks
 * at every session anyway, gives what time has earned. Who has spent it is not refused anything: its lines wait in its socket.
 */
import type { Rate } from '../fairness/token-bucket.ts';

/** No limit: more than any session sends between two sweeps, and still a small integer for the engine that runs this. */
const UNLIMITED = 0x3fff_ffff;
const MS_PER_SECOND = 1_000;

export class LineAllowance {
  /** Lines that may come now. */
  credit = UNLIMITED;
  #burst = UNLIMITED;
  #perSecond: number = UNLIMITED;
  #fraction = 0;
  #waitsSinceMs = Number.NaN;

  /** A new connection. */
  begin({ perSecond, burst }: Rate): void {
    this.#burst = Math.min(UNLIMITED, burst);
    this.#perSecond = Math.min(UNLIMITED, perSecond);
    this.credit = this.#burst;
    this.#fraction = 0;
    this.#waitsSinceMs = Number.NaN;
  }

  /** Spent, and a line of it waits. */
  get isWaiting(): boolean {
    return !Number.isNaN(this.#waitsSinceMs);
  }

  /** A line came and nothing was left. */
  wait(nowMs: number): void {
    if (!this.isWaiting) this.#waitsSinceMs = nowMs;
  }

  /** How long it has sent more than it may, without a sweep that found it with something left; 0 = it has not. */
  waitingMs(nowMs: number): number {
    return this.isWaiting ? Math.max(0, nowMs - this.#waitsSinceMs) : 0;
  }

  /** Call in every sweep. A clock that steps back earns nothing and costs nothing. */
  earn(elapsedMs: number): void {
    // It had something left until now: it keeps to its rate.
    if (this.credit > 0) this.#waitsSinceMs = Number.NaN;
    if (this.#burst === UNLIMITED) {
      this.credit = UNLIMITED;
      return;
    }
    const earned = this.#fraction + (Math.max(0, elapsedMs) * this.#perSecond) / MS_PER_SECOND;
    const whole = Math.floor(earned);
    this.#fraction = earned - whole;
    this.credit = Math.min(this.#burst, this.credit + whole);
  }

  /** The engine stops: what was read must not wait for the clock. */
  lift(): void {
    this.begin({ perSecond: UNLIMITED, burst: UNLIMITED });
  }
}
