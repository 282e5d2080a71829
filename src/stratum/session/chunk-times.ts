/**
 * How long a chunk of bytes takes from its socket to its last line: one chunk in 16 that carries submissions, since a look at the clock
 * on either side costs as much as a line. Counted for each of its lines, so that large chunks weigh what they carry.
 */
import type { CounterFamily } from '../../kit/metrics.ts';
import type { StageLatencies } from '../../live/stage-latencies.ts';

/** A power of two. Sockets take turns, so every sixteenth chunk is another miner's. */
const ONE_IN = 16;
/** Of the lines' counter: those that the scanner for submissions read. */
const SUBMISSIONS = 0;

export class ChunkTimes {
  readonly #lines: Float64Array;
  readonly #clock: () => number;
  readonly #stages: StageLatencies | undefined;
  #chunks = 0;
  /** NaN: nobody looks at this chunk. */
  #sinceMs = Number.NaN;
  #linesBefore = 0;

  constructor(lines: CounterFamily, clock: () => number, stages: StageLatencies | undefined) {
    this.#lines = lines.counts;
    this.#clock = clock;
    this.#stages = stages;
  }

  begin(): void {
    if ((++this.#chunks & (ONE_IN - 1)) !== 0 || this.#stages === undefined) return;
    this.#linesBefore = this.#lines[SUBMISSIONS]!;
    this.#sinceMs = this.#clock();
  }

  end(): void {
    if (Number.isNaN(this.#sinceMs)) return;
    const lines = this.#lines[SUBMISSIONS]! - this.#linesBefore;
    if (lines > 0) this.#stages!.parse.record(this.#clock() - this.#sinceMs, lines);
    this.#sinceMs = Number.NaN;
  }
}
