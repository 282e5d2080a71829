/**
 * A session's score: the points of the verdict table, added up. An accepted share repays what the table says, so a rig that is refused
 * now and then stays at zero, and one whose submissions are mostly refused reaches the limit after some dozens of them. Pure.
 */
import { VERDICTS, Verdict } from '../../domain/share.ts';

/** Of one accepted share. */
const REPAID = -VERDICTS[Verdict.Share]!.score;

export class Conduct {
  #points = 0;
  #acceptedBefore = 0;

  reset(): void {
    this.#points = 0;
    this.#acceptedBefore = 0;
  }

  /**
   * Looked at only when something was refused, so that an accepted share costs nothing.
   * @param accepted shares of the session so far
   * @returns the points that it comes to
   */
  refused(verdict: number, accepted: number): number {
    const left = Math.max(0, this.#points - REPAID * (accepted - this.#acceptedBefore));
    this.#acceptedBefore = accepted;
    this.#points = left + VERDICTS[verdict]!.score;
    return this.#points;
  }
}
