import { isAccepted, Verdict } from '../../src/domain/share.ts';
import {
  PENDING,
  type ReplySink,
  type ShareIntake,
  type SubmittingSession,
} from '../../src/validation/intake.ts';

export interface ScriptedSubmission {
  readonly slot: number;
  readonly generation: number;
  readonly workerRef: number;
  readonly jobId: number;
  readonly nonce: bigint;
  readonly requestIdKind: number;
  readonly requestId: number;
  readonly difficultyLog2: number;
}

/**
 * A small intake for tests of the session room: it knows some jobs, remembers nonces, and judges by a script. Answers come in a
 * later turn, or when the test says so.
 */
export class ScriptedIntake implements ShareIntake {
  saturated = false;
  /** True: answers wait for `answerAll`. */
  holdsAnswers = false;
  /** What refused submissions are explained with. */
  hashDifficulty = 0.25;
  jobAgeMs = 1_500;
  readonly jobs = new Set<number>();
  readonly refusals: number[] = [];
  readonly submissions: ScriptedSubmission[] = [];
  verdictOf: (submission: ScriptedSubmission) => number = () => Verdict.Share;
  sink: ReplySink | undefined;
  readonly #seen = new Set<string>();
  #waiting: ScriptedSubmission[] = [];

  submit(
    session: SubmittingSession,
    jobId: number,
    nonceLo: number,
    nonceHi: number,
    requestIdKind: number,
    requestId: number,
  ): number {
    const nonce = (BigInt(nonceHi) << 32n) | BigInt(nonceLo);
    const { slot, generation, workerRef } = session;
    const difficultyLog2 = session.difficultyLog2For(jobId);
    const submission = {
      slot,
      generation,
      workerRef,
      jobId,
      nonce,
      requestIdKind,
      requestId,
      difficultyLog2,
    };
    this.submissions.push(submission);
    if (!this.jobs.has(jobId)) return Verdict.UnknownJob;
    const identity = `${jobId}:${nonce}`;
    if (this.#seen.has(identity)) return Verdict.Duplicate;
    this.#seen.add(identity);
    if (this.#waiting.push(submission) === 1 && !this.holdsAnswers) setImmediate(() => this.answerAll());
    return PENDING;
  }

  refused(verdict: number): void {
    this.refusals.push(verdict);
  }

  answerAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      const { slot, generation, requestIdKind, requestId, difficultyLog2, jobId } = one;
      const verdict = this.verdictOf(one);
      if (!isAccepted(verdict)) {
        const { hashDifficulty, jobAgeMs } = this;
        this.sink!.explain(slot, generation, verdict, jobId, difficultyLog2, hashDifficulty, jobAgeMs);
      }
      this.sink!.reply(slot, generation, requestIdKind, requestId, verdict, difficultyLog2);
    }
    this.sink!.flush();
  }
}
