/**
 * Variable difficulty at work: looks at every authorized session of a port that has it, once a sweep, and lets the next job bring another
 * difficulty. A retarget costs nobody a share: those for jobs that were given before are judged and credited at the difficulty that
 * they were given with.
 *
 * A session is measured by the work that it was credited, not by counting shares: in the moment of a change it sends of both kinds.
 * Credit is the least that it has done. So it proves that a share is too easy, but too hard only where nothing was kept back for our
 * own sake: when the disk is full or the engine too, easier shares for all would be the last thing to help.
 */
import { silentStep, type VardiffRules, vardiffStep, vardiffWindowMs } from '../../domain/vardiff.ts';
import type { StratumMetrics } from '../stratum-metrics.ts';
import type { Session } from './session.ts';

export class Retargeting {
  /** By port; undefined = its difficulty is fixed. */
  readonly #rules: readonly (VardiffRules | undefined)[];
  readonly #metrics: StratumMetrics;

  constructor(rules: readonly (VardiffRules | undefined)[], metrics: StratumMetrics) {
    this.#rules = rules;
    this.#metrics = metrics;
  }

  /** @param nowMs monotonic */
  look(session: Session, nowMs: number): void {
    const rules = this.#rules[session.portIndex];
    // Who asked for a difficulty has it.
    if (rules === undefined || session.difficultyFixed) return;
    // Measured from when the change is in force: without a node no job brings it, and nobody can send a share meanwhile.
    if (session.difficultyIsChanging) {
      session.beginWindow(nowMs);
      return;
    }
    const elapsedMs = nowMs - session.windowSinceMs;
    const current = session.difficultyLog2;
    const shares = (session.creditedDifficulty - session.windowCredited) / 2 ** current;
    let next = vardiffStep(rules, current, shares, elapsedMs);
    if (session.accepted + session.rejected === 0)
      next = silentStep(current, next, elapsedMs, nowMs - session.authorizedAtMs);
    const isOwed = session.wasHeld || session.pending > 0 || session.framer.holding;
    session.wasHeld = false;
    if (next > current || (next < current && !isOwed && !session.windowBlind)) {
      this.#metrics.retargeted(next > current);
      session.changeDifficulty(next);
      session.beginWindow(nowMs);
      return;
    }
    // What is owed will be credited, and belongs to this window. What was refused will not, and spoils it.
    if (isOwed) return;
    const isOver = elapsedMs > vardiffWindowMs(rules.sharesPerMinute) || elapsedMs < 0;
    if (isOver || next < current) session.beginWindow(nowMs);
  }
}
