/**
 * The rescue of shares that name the wrong job: some firmware, when jobs come fast, hands in a nonce that was found on the job before
 * under the id of the job after. In flow a record that is too easy for the job it names, out flow the same record as a share of an
 * earlier job, or nothing.
 *
 * Every try is a whole hash, so it is a lever for whoever hands in rubbish: the session room says whose records are tried at all, and
 * no more than some jobs are. A share is judged, and credited, at the difficulty that the session was given that other job at; and it
 * is a duplicate there when it was paid there before.
 */
import { JOB_ID_MAX } from '../domain/job.ts';
import { Verdict } from '../domain/share.ts';
import type { JobRegistry } from '../templates/job-registry.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_FLAGS,
  OFFSET_NONCE,
  OFFSET_SESSION_GENERATION,
  OFFSET_SESSION_SLOT,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
  RECORD_BYTES,
  RECORD_FLAG_STALE,
} from './batch-layout.ts';
import type { RecordJudge } from './batcher.ts';
import { DuplicateProbe } from './duplicates.ts';
import type { ReplySink } from './intake.ts';
import type { JobDuplicates } from './share-intake.ts';
import type { ValidationMetrics } from './validation-metrics.ts';

/**
 * Easier shares than this are not looked for: a nonce would be one of some earlier job by mere chance, more often than once in 100,000,
 * and every miss would buy eight tickets. Ports for machines are far above it.
 */
const DIFFICULTY_LOG2_LEAST = -12;

export interface JobRescueOptions {
  readonly registry: JobRegistry;
  readonly duplicates: JobDuplicates;
  readonly judge: RecordJudge;
  readonly sessions: Pick<ReplySink, 'rescueDifficulty'>;
  readonly metrics: ValidationMetrics;
  /** Earlier jobs that one record is tried on. */
  readonly jobsMax: number;
}

export class JobRescue {
  readonly #options: JobRescueOptions;
  readonly #tries: Uint8Array;
  readonly #view: DataView;

  constructor(options: JobRescueOptions) {
    this.#options = options;
    this.#tries = new Uint8Array(options.jobsMax * RECORD_BYTES);
    this.#view = new DataView(this.#tries.buffer);
  }

  /**
   * The verdict on a record that is too easy for its job. Share or block: the record now is one of the job that it was found on.
   */
  judgeElsewhere(records: Uint8Array, at: number, nowMs: number): Verdict {
    const count = this.#layDown(records, at, nowMs);
    if (count === 0) return Verdict.LowDifficulty;
    const { judge, metrics, duplicates } = this.#options;
    metrics.rescueHashes.inc(count);
    judge.judge(this.#tries, count);
    for (let index = 0; index < count; index++) {
      const from = index * RECORD_BYTES;
      const verdict = this.#view.getUint8(from + OFFSET_VERDICT);
      if (verdict !== Verdict.Share && verdict !== Verdict.Block) continue;
      const probe = duplicates.add(
        this.#view.getUint32(from + OFFSET_TEMPLATE_SLOT, true),
        this.#view.getUint32(from + OFFSET_NONCE, true),
        this.#view.getUint32(from + OFFSET_NONCE + 4, true),
      );
      if (probe === DuplicateProbe.Seen) return Verdict.Duplicate;
      if (probe !== DuplicateProbe.New) return Verdict.LowDifficulty;
      records.set(this.#tries.subarray(from, from + RECORD_BYTES), at);
      metrics.rescued.inc();
      return verdict;
    }
    return Verdict.LowDifficulty;
  }

  /** Copies of the record, each on one earlier job that this session was given and that still lives, the latest first. */
  #layDown(records: Uint8Array, at: number, nowMs: number): number {
    const { registry, sessions, jobsMax } = this.#options;
    const view = new DataView(records.buffer, records.byteOffset + at, RECORD_BYTES);
    const named = view.getUint32(OFFSET_TEMPLATE_SEQUENCE, true);
    const session = view.getUint32(OFFSET_SESSION_SLOT, true);
    const generation = view.getUint32(OFFSET_SESSION_GENERATION, true);
    let count = 0;
    for (let back = 1; back <= jobsMax; back++) {
      const jobId = named > back ? named - back : named - back + JOB_ID_MAX;
      const slot = registry.slotOf(jobId);
      if (slot < 0 || registry.isStale(slot, nowMs)) continue;
      const difficulty = sessions.rescueDifficulty(session, generation, jobId);
      if (difficulty < DIFFICULTY_LOG2_LEAST) break;
      const to = count++ * RECORD_BYTES;
      this.#tries.set(records.subarray(at, at + RECORD_BYTES), to);
      this.#view.setUint32(to + OFFSET_TEMPLATE_SLOT, slot, true);
      this.#view.setUint32(to + OFFSET_TEMPLATE_SEQUENCE, jobId, true);
      this.#view.setInt8(to + OFFSET_DIFFICULTY_LOG2, difficulty);
      this.#view.setUint8(to + OFFSET_VERDICT, 0);
      const flags = this.#view.getUint8(to + OFFSET_FLAGS);
      this.#view.setUint8(to + OFFSET_FLAGS, flags & ~RECORD_FLAG_STALE);
    }
    return count;
  }
}
