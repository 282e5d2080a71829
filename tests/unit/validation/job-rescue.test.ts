import { beforeEach, describe, expect, it } from 'vitest';
import { workIdentity } from '../../../src/domain/job.ts';
import { Verdict } from '../../../src/domain/share.ts';
import { DIFFICULTY_FORGOTTEN } from '../../../src/domain/target.ts';
import { createRegistry } from '../../../src/kit/metrics.ts';
import { JobRegistry } from '../../../src/templates/job-registry.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_NONCE,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_VERDICT,
  RECORD_BYTES,
} from '../../../src/validation/batch-layout.ts';
import { JobRescue } from '../../../src/validation/job-rescue.ts';
import { JobDuplicates } from '../../../src/validation/share-intake.ts';
import { ValidationMetrics } from '../../../src/validation/validation-metrics.ts';
import { sampleTemplate } from '../../kit/sample-template.ts';

const SLOTS = 64;
const JOB_LIFE_MS = 1_000;
const JOBS_MAX = 8;

let duplicates: JobDuplicates;
let jobs: JobRegistry;
let metrics: ValidationMetrics;
let rescue: JobRescue;
/** By job: what a hash on it comes to. */
let verdicts: Map<number, number>;
let difficulties: Map<number, number>;
let tried: number[];

beforeEach(() => {
  duplicates = new JobDuplicates(SLOTS, 1_000, new Map());
  jobs = new JobRegistry({
    slots: SLOTS,
    jobLifeMs: JOB_LIFE_MS,
    firstJobId: 1,
    onRegister: (slot, _jobId, template) =>
      duplicates.open(slot, workIdentity(template.prePowHash, template.timestampMs)),
    onRetire: () => {},
  });
  for (let job = 1; job <= 20; job++) jobs.jobOf(sampleTemplate(job), 100 * job);
  metrics = new ValidationMetrics(createRegistry());
  verdicts = new Map();
  difficulties = new Map();
  tried = [];
  rescue = new JobRescue({
    registry: jobs,
    duplicates,
    judge: {
      judge: (records, count) => {
        const view = new DataView(records.buffer, records.byteOffset);
        for (let index = 0; index < count; index++) {
          const jobId = view.getUint32(index * RECORD_BYTES + OFFSET_TEMPLATE_SEQUENCE, true);
          tried.push(jobId);
          view.setUint8(index * RECORD_BYTES + OFFSET_VERDICT, verdicts.get(jobId) ?? Verdict.LowDifficulty);
        }
      },
    },
    sessions: { rescueDifficulty: (_slot, _generation, jobId) => difficulties.get(jobId) ?? 4 },
    metrics,
    jobsMax: JOBS_MAX,
  });
});

/** The second of two records, so that nobody takes the first for it. */
function recordOf(jobId: number, nonce: bigint): DataView {
  const view = new DataView(new ArrayBuffer(2 * RECORD_BYTES));
  view.setUint32(RECORD_BYTES + OFFSET_TEMPLATE_SEQUENCE, jobId, true);
  view.setBigUint64(RECORD_BYTES + OFFSET_NONCE, nonce, true);
  view.setInt8(RECORD_BYTES + OFFSET_DIFFICULTY_LOG2, 9);
  return view;
}

const judge = (view: DataView, nowMs = 2_000) =>
  rescue.judgeElsewhere(new Uint8Array(view.buffer), RECORD_BYTES, nowMs);

describe('the rescue of a share that names the wrong job', () => {
  it('finds the earlier job that it was made on, and makes it a share of that one', () => {
    verdicts.set(17, Verdict.Share);
    difficulties.set(17, 6);
    const record = recordOf(20, 7n);
    expect(judge(record)).toBe(Verdict.Share);
    expect(record.getUint32(RECORD_BYTES + OFFSET_TEMPLATE_SEQUENCE, true)).toBe(17);
    // Judged, and credited, at what that job was given at.
    expect(record.getInt8(RECORD_BYTES + OFFSET_DIFFICULTY_LOG2)).toBe(6);
    expect(metrics.rescued.value).toBe(1);
  });

  it('finds a block as well', () => {
    verdicts.set(19, Verdict.Block);
    expect(judge(recordOf(20, 7n))).toBe(Verdict.Block);
  });

  it('costs so many hashes at most, on the latest jobs, and none on those that have expired', () => {
    expect(judge(recordOf(20, 7n))).toBe(Verdict.LowDifficulty);
    expect(tried).toEqual([19, 18, 17, 16, 15, 14, 13, 12]);
    expect(metrics.rescueHashes.value).toBe(JOBS_MAX);
    tried = [];
    expect(judge(recordOf(20, 7n), 1_800 + JOB_LIFE_MS)).toBe(Verdict.LowDifficulty);
    expect(tried).toEqual([19, 18]);
  });

  it('tries nothing for a session that may not be rescued, nor before the jobs that it was given', () => {
    difficulties.set(18, DIFFICULTY_FORGOTTEN);
    judge(recordOf(20, 7n));
    expect(tried).toEqual([19]);
    difficulties.set(19, DIFFICULTY_FORGOTTEN);
    judge(recordOf(20, 7n));
    expect(tried).toEqual([19]);
    const record = recordOf(20, 7n);
    const before = record.buffer.slice(0);
    judge(record);
    expect(Buffer.from(record.buffer)).toEqual(Buffer.from(before));
  });

  it('tries nothing where a share is so easy that any hash may be one', () => {
    for (let job = 1; job <= 20; job++) difficulties.set(job, -13);
    verdicts.set(19, Verdict.Share);
    expect(judge(recordOf(20, 7n))).toBe(Verdict.LowDifficulty);
    expect(tried).toEqual([]);
  });

  it('never pays a nonce a second time, under whatever id it comes', () => {
    verdicts.set(17, Verdict.Share);
    expect(judge(recordOf(20, 7n))).toBe(Verdict.Share);
    expect(judge(recordOf(19, 7n))).toBe(Verdict.Duplicate);
    expect(judge(recordOf(20, 8n))).toBe(Verdict.Share);
    expect(metrics.rescued.value).toBe(2);
  });
});
