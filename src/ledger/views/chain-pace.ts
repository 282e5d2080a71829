/** How many blocks the chain makes a second: the highest DAA score that nodes tell, looked at over half a minute. Pure. */
import type { EngineReport } from '../../live/engine-report.ts';
import type { ChainPace } from './pool-summary.ts';

const WINDOW_MS = 30_000;
/** Of less the score's own steps would be most of it. */
const SPAN_MIN_MS = 5_000;

export class ChainPaceMeter {
  /** Oldest first. */
  #looks: { readonly score: number; readonly atMs: number }[] = [];

  /** undefined: not looked at for long enough. */
  look(reports: readonly EngineReport[], nowMs: number): ChainPace | undefined {
    const score = Math.max(
      0,
      ...reports.flatMap(({ snapshot }) => snapshot.nodes.map((node) => node.daaScore)),
    );
    const newest = this.#looks.at(-1);
    // A node that begins anew, or a clock that was set: what was seen before says nothing.
    if (newest && (score < newest.score || nowMs < newest.atMs)) this.#looks = [];
    if (score === 0) return undefined;
    this.#looks.push({ score, atMs: nowMs });
    while (this.#looks.length > 2 && nowMs - this.#looks[1]!.atMs >= WINDOW_MS) this.#looks.shift();
    const first = this.#looks[0]!;
    const spanMs = nowMs - first.atMs;
    return spanMs < SPAN_MIN_MS ? undefined : { blocksPerSecond: ((score - first.score) * 1_000) / spanMs };
  }
}
