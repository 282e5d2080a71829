/**
 * Who has logged in at the console: a random id in a cookie, a token against forged forms beside it, an end in time. Pure but for chance;
 * the time is an argument. Bounded: with more logins than that the oldest one ends.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';

/** A console on a wall, one on a laptop, one at home at three in the morning. */
const SESSIONS_MAX = 16;
const LIFE_MS = 12 * 3_600_000;
/** Nobody guesses 256 bits. */
const ID_BYTES = 32;

export interface OperatorSession {
  readonly id: string;
  /** What every form and script of this session sends along. */
  readonly csrf: string;
  /** On the clock of the caller, which need not be that of the wall. */
  readonly endsAtMs: number;
  /** The how many-th login: names it in the log, and opens nothing. */
  readonly number: number;
}

export class OperatorSessions {
  /** The oldest first. */
  readonly #sessions = new Map<string, OperatorSession>();
  #opened = 0;

  open(nowMs: number): OperatorSession {
    for (const [id, { endsAtMs }] of this.#sessions)
      if (endsAtMs <= nowMs || this.#sessions.size >= SESSIONS_MAX) this.#sessions.delete(id);
    const session = { id: secret(), csrf: secret(), endsAtMs: nowMs + LIFE_MS, number: ++this.#opened };
    this.#sessions.set(session.id, session);
    return session;
  }

  find(id: string, nowMs: number): OperatorSession | undefined {
    const session = this.#sessions.get(id);
    return session && session.endsAtMs > nowMs ? session : undefined;
  }

  close(id: string): void {
    this.#sessions.delete(id);
  }
}

function secret(): string {
  return randomBytes(ID_BYTES).toString('base64url');
}

/** Takes as long for the right one as for any other of its length. */
export function isSameSecret(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}
