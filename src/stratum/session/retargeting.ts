/**
 * Variable difficulty at work: looks at every authorized session of a port that has it, once a sweep, and lets the next job bring another
 * difficulty. A retarget costs nobody a share: those for jobs that were given before are judged and credited at the difficulty that
 * they were given with.
 *
 * A session is measured by the work that it was credited, not by counting shares: in the moment of a change it sends of both kinds.
 */
import { VARDIFF_WINDOW_MS, type VardiffRules, vardiffStep } from '../../domain/vardiff.ts';
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
    if (rules === undefined || session.difficultyFixed || session.difficultyIsChanging) return;
    const elapsedMs = nowMs - session.windowSinceMs;
    const current = session.difficultyLog2;
    const shares = (session.creditedDifficulty - session.windowCredited) / 2 ** current;
    const next = vardiffStep(rules, current, shares, elapsedMs);
    if (next !== current) {
      this.#metrics.retargeted(next > current);
      session.changeDifficulty(next);
      session.beginWindow(nowMs);
    } else if (elapsedMs > VARDIFF_WINDOW_MS || elapsedMs < 0) session.beginWindow(nowMs);
  }
}
