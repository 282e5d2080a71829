/**
 * Which difficulty a job was given at. A change of difficulty reaches the miner with the next job; shares on earlier jobs are
 * still made for the old one and must be judged, and credited, at it. Pure.
 *
 * It must be exact or say that it does not know. Who can move the difficulty of a job after having hashed on it picks, for
 * every hash, the greatest one that it meets, or a smaller one for those that failed: both pay a multiple of the work done.
 * An earlier form answered with the oldest difficulty it remembered, and five logins a second were enough to choose that one.
 */
import { isEarlierJob } from '../../domain/job.ts';
import { DIFFICULTY_FORGOTTEN, type DifficultyLog2 } from '../../domain/target.ts';

/** Changes remembered. At one change per several seconds, older ones belong to jobs that have expired. */
const CHANGES = 4;
/** Not a job id: from the beginning. */
const ALL_JOBS = 0;

export class DifficultyHistory {
  /** Newest first. */
  readonly #firstJobId = new Float64Array(CHANGES);
  readonly #log2 = new Int8Array(CHANGES);
  #known = 0;

  /** Forgets the past: a new connection. */
  reset(log2: DifficultyLog2): void {
    this.#known = 1;
    this.#firstJobId[0] = ALL_JOBS;
    this.#log2[0] = log2;
  }

  get current(): DifficultyLog2 {
    return this.#log2[0]!;
  }

  /** From the job `firstJobId` on, which nobody on this connection has seen before. */
  change(log2: DifficultyLog2, firstJobId: number): void {
    this.#firstJobId.copyWithin(1, 0, CHANGES - 1);
    this.#log2.copyWithin(1, 0, CHANGES - 1);
    this.#firstJobId[0] = firstJobId;
    this.#log2[0] = log2;
    this.#known = Math.min(CHANGES, this.#known + 1);
  }

  /** DIFFICULTY_FORGOTTEN for a job from before the changes that are remembered. */
  at(jobId: number): DifficultyLog2 {
    for (let index = 0; index < this.#known; index++) {
      const first = this.#firstJobId[index]!;
      if (first === ALL_JOBS || !isEarlierJob(jobId, first)) return this.#log2[index]!;
    }
    return DIFFICULTY_FORGOTTEN;
  }
}
