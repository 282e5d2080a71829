/**
 * Which difficulty a job was given at. A change of difficulty reaches the miner with the next job; shares on earlier jobs are
 * still made for the old one and must be judged, and credited, at it. Pure.
 */
import type { DifficultyLog2 } from '../../domain/target.ts';

/** Changes remembered. At one change per several seconds, older ones belong to jobs that have expired. */
const CHANGES = 4;

export class DifficultyHistory {
  /** Newest first. */
  readonly #firstJobId = new Float64Array(CHANGES);
  readonly #log2 = new Int8Array(CHANGES);
  #known = 0;

  /** Forgets the past: a new connection. */
  reset(log2: DifficultyLog2): void {
    this.#known = 1;
    this.#firstJobId[0] = 0;
    this.#log2[0] = log2;
  }

  get current(): DifficultyLog2 {
    return this.#log2[0]!;
  }

  /** From the job `firstJobId` on. Job ids only grow. */
  change(log2: DifficultyLog2, firstJobId: number): void {
    this.#firstJobId.copyWithin(1, 0, CHANGES - 1);
    this.#log2.copyWithin(1, 0, CHANGES - 1);
    this.#firstJobId[0] = firstJobId;
    this.#log2[0] = log2;
    this.#known = Math.min(CHANGES, this.#known + 1);
  }

  at(jobId: number): DifficultyLog2 {
    const last = this.#known - 1;
    for (let index = 0; index < last; index++)
      if (jobId >= this.#firstJobId[index]!) return this.#log2[index]!;
    // Older than all we remember: the oldest, which is the nearest.
    return this.#log2[last]!;
  }
}
