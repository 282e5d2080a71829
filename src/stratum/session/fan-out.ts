/**
 * The fan-out of one port: a job to every authorized session.
 *
 * One socket write costs 6-8 us, so a loop over 8,000 sockets would hold up every share for 50 ms. The list is walked in slices
 * of time, one per turn of the event loop, behind the answers that wait. A newer job overtakes the one in progress: the walk
 * goes on where it was and ends one full round later, so the last in the list is never starved and nobody gets a job twice.
 * A session that is answered meanwhile gets its job in the same write. So the first walk passes over those that wait for an
 * answer, and a second one, some ms later, serves whoever has still not got it:
 *
 *   idle --announce--> patient walk --nobody waits--> idle
 *                        |      ^                       ^
 *                 some wait     +--announce--+          |
 *                        v                   |          |
 *                      pause ----------------+--> impatient walk --announce--> impatient walk ...
 */
import type { JobLines } from '../protocol/job-lines.ts';
import type { StratumMetrics } from '../stratum-metrics.ts';
import type { Session } from './session.ts';

/** Sessions between two looks at the clock (45 ns a look, 7 us a session). */
const SESSIONS_PER_CLOCK = 8;
/**
 * Under load turns grow, and a fixed slice per turn would starve the jobs: a slice may take this share of the last turn, up to
 * so many slices.
 */
const SHARE_OF_TURN = 0.25;
const SLICES_MAX = 4;
/** Answers take as long as a group commit, about 1 ms; a disk that takes longer must not keep work from miners. */
const ANSWER_WAIT_MS = 4;
/** Jobs whose announcement is remembered: more than live at once. */
const REMEMBERED = 256;

export interface FanOutOptions {
  readonly sliceMs: number;
  readonly metrics: StratumMetrics;
  readonly clock: () => number;
  /** Answers go out before jobs. */
  readonly flushReplies: () => void;
}

export class FanOut {
  readonly #options: FanOutOptions;
  readonly #members: Session[] = [];
  #lines: JobLines | undefined;
  #announcement = 0;
  #cursor = 0;
  /** Steps left in this round; 0 = nothing in progress. */
  #left = 0;
  #scheduled = false;
  #sliceEndedAtMs = 0;
  /** This walk passes over sessions that are about to be answered. */
  #patient = true;
  #passedOver = false;
  readonly #jobIds = new Uint32Array(REMEMBERED);
  readonly #announcedAtMs = new Float64Array(REMEMBERED);
  #pause: NodeJS.Timeout | undefined;

  constructor(options: FanOutOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#members.length;
  }

  /** The newest job; a session that logs in gets it at once. */
  get current(): JobLines | undefined {
    return this.#lines;
  }

  /** The same job may be announced again, to keep links alive: it is sent again. */
  announce(lines: JobLines): void {
    if (this.#left > 0) this.#options.metrics.jobsOvertaken.inc();
    // Who is overtaken has no time for a second walk.
    this.#patient = this.#left === 0;
    this.#lines = lines;
    this.#remember(lines.jobId);
    this.#announcement++;
    this.#walk();
  }

  /** When the job was announced here first; NaN = never, or long ago. Monotonic ms. */
  announcedAtMs(jobId: number): number {
    const place = jobId % REMEMBERED;
    return jobId !== 0 && this.#jobIds[place] === jobId ? this.#announcedAtMs[place]! : Number.NaN;
  }

  /** The session has the current job, if there is one. */
  join(session: Session): void {
    if (session.memberIndex >= 0) return;
    session.memberIndex = this.#members.length;
    session.announcement = this.#announcement;
    this.#members.push(session);
  }

  leave(session: Session): void {
    const index = session.memberIndex;
    if (index < 0) return;
    session.memberIndex = -1;
    const last = this.#members.pop()!;
    if (last !== session) {
      this.#members[index] = last;
      last.memberIndex = index;
      // The last may have moved behind the cursor: one more round finds it, and passes over those that are served.
      if (this.#left > 0) this.#left = this.#members.length;
    }
  }

  /** A session that was skipped can take bytes again. */
  catchUp(session: Session): void {
    if (this.#lines !== undefined && session.memberIndex >= 0) session.offerJob(this.#lines);
  }

  /** Something is about to be said to the session: if its job is still to come, both leave in one write. */
  joinAnswer(session: Session): void {
    if (session.announcement === this.#announcement || session.memberIndex < 0) return;
    if (this.#lines === undefined) return;
    session.announcement = this.#announcement;
    session.offerJob(this.#lines);
  }

  /** For the end: no timer of ours is left. */
  close(): void {
    clearTimeout(this.#pause);
    this.#left = 0;
  }

  #remember(jobId: number): void {
    const place = jobId % REMEMBERED;
    if (this.#jobIds[place] === jobId) return;
    this.#jobIds[place] = jobId;
    this.#announcedAtMs[place] = this.#options.clock();
  }

  #walk(): void {
    clearTimeout(this.#pause);
    this.#passedOver = false;
    this.#left = this.#members.length;
    this.#sliceEndedAtMs = 0;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#left === 0) return;
    this.#scheduled = true;
    setImmediate(this.#slice);
  }

  #finishWalk(): void {
    if (!this.#passedOver) return;
    this.#pause = setTimeout(() => {
      this.#patient = false;
      this.#walk();
    }, ANSWER_WAIT_MS);
  }

  readonly #slice = (): void => {
    this.#scheduled = false;
    const { clock, sliceMs, flushReplies } = this.#options;
    flushReplies();
    const startedAtMs = clock();
    const turnMs = this.#sliceEndedAtMs === 0 ? 0 : startedAtMs - this.#sliceEndedAtMs;
    const budgetMs = Math.min(SLICES_MAX * sliceMs, Math.max(sliceMs, SHARE_OF_TURN * turnMs));
    let served = 0;
    while (this.#left > 0 && this.#lines !== undefined) {
      if (this.#cursor >= this.#members.length) this.#cursor = 0;
      const session = this.#members[this.#cursor++];
      this.#left--;
      if (session === undefined || session.announcement === this.#announcement) continue;
      if (this.#patient && session.pending > 0) {
        this.#passedOver = true;
        continue;
      }
      session.announcement = this.#announcement;
      session.offerJob(this.#lines);
      served++;
      if (served % SESSIONS_PER_CLOCK === 0 && clock() - startedAtMs >= budgetMs) break;
    }
    this.#sliceEndedAtMs = clock();
    if (this.#left === 0) this.#finishWalk();
    else this.#schedule();
  };
}
