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
import { STRATUM_LIMITS } from '../stratum-limits.ts';

/** A miner may ask for another difficulty as well, though not in a loop. */
const WISHES = 3;
/**
 * Difficulties remembered. Variable difficulty changes it once a sweep at most, so older ones belong to jobs that have expired. With
 * 4 of them a machine that went from 1 to 2^40 in five seconds lost what it found on its first jobs.
 */
export const DIFFICULTIES_KEPT =
  1 + Math.ceil(STRATUM_LIMITS.extranonceRestMs / STRATUM_LIMITS.sweepIntervalMs) + WISHES;
/** Not a job id: from the beginning. */
const ALL_JOBS = 0;

interface Earlier {
  readonly log2: DifficultyLog2;
  readonly firstJobId: number;
}

/** What stands now is in two plain numbers, since it is asked for every share; what stood before is seldom there and seldom asked. */
export class DifficultyHistory {
  #current: DifficultyLog2 = 0;
  #firstJobId = ALL_JOBS;
  /** Newest first. */
  #earlier: readonly Earlier[] | undefined;

  /** Forgets the past: a new connection. */
  reset(log2: DifficultyLog2): void {
    this.#current = log2;
    this.#firstJobId = ALL_JOBS;
    this.#earlier = undefined;
  }

  get current(): DifficultyLog2 {
    return this.#current;
  }

  /** From the job `firstJobId` on, which nobody on this connection has seen before. */
  change(log2: DifficultyLog2, firstJobId: number): void {
    const before = { log2: this.#current, firstJobId: this.#firstJobId };
    this.#earlier = [before, ...(this.#earlier ?? [])].slice(0, DIFFICULTIES_KEPT - 1);
    this.#current = log2;
    this.#firstJobId = firstJobId;
  }

  /** DIFFICULTY_FORGOTTEN for a job from before the changes that are remembered. */
  at(jobId: number): DifficultyLog2 {
    if (holds(this.#firstJobId, jobId)) return this.#current;
    for (const { log2, firstJobId } of this.#earlier ?? []) if (holds(firstJobId, jobId)) return log2;
    return DIFFICULTY_FORGOTTEN;
  }
}

function holds(firstJobId: number, jobId: number): boolean {
  return firstJobId === ALL_JOBS || !isEarlierJob(jobId, firstJobId);
}
