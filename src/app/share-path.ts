/** The rooms between a session and the journal, built and tied: jobs, duplicates, batches, threads, verdicts, intake. */
import { LIMITS } from '../../config/limits.ts';
import { createKaspaNonceKernel } from '../../workers/kernels/kaspa-nonce.ts';
import type { Chain } from '../chains/chain.ts';
import type { HashrateWindow } from '../domain/hashrate.ts';
import { workIdentity } from '../domain/job.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../kit/log.ts';
import type { Registry } from '../kit/metrics.ts';
import { projectFileUrl } from '../kit/project-root.ts';
import type { StageLatencies } from '../live/stage-latencies.ts';
import { JobRegistry } from '../templates/job-registry.ts';
import { BatchArena } from '../validation/batch-arena.ts';
import { Batcher } from '../validation/batcher.ts';
import type { ReplySink } from '../validation/intake.ts';
import { JobRescue } from '../validation/job-rescue.ts';
import { Intake, JobDuplicates, type SeenWork } from '../validation/share-intake.ts';
import { ValidationMetrics } from '../validation/validation-metrics.ts';
import { ValidatorThreads } from '../validation/validator-threads.ts';
import { type FoundBlock, Verdicts } from '../validation/verdicts.ts';

export interface SharePathOptions {
  readonly threads: number;
  readonly inlineRecordsMax: number;
  /** Start of the engine, unix ms: job ids begin where time stands. */
  readonly bootUnixMs: number;
  readonly seenWork: SeenWork;
  readonly chain: Chain;
  readonly journal: Journal;
  /** The pot of each stratum port, by its index. */
  readonly pots?: readonly number[];
  readonly replies: ReplySink;
  readonly hashrate: HashrateWindow;
  readonly registry: Registry;
  readonly stages: StageLatencies;
  readonly log: Logger;
  readonly clock: () => number;
  readonly wallClock: () => number;
  readonly onBlock: (block: FoundBlock) => void;
}

export interface SharePath {
  readonly jobs: JobRegistry;
  readonly intake: Intake;
  readonly verdicts: Verdicts;
  readonly threads: ValidatorThreads;
  readonly metrics: ValidationMetrics;
  /** Every submission that was taken has its verdict, and nothing waits for the journal. */
  idle(): boolean;
  /** Monotonic ms of the oldest submission that is neither refused nor on disk; Infinity when there is none. */
  oldestUnderWayMs(): number;
}

/** Job ids of two starts less than this apart may meet; a restart takes longer, and the ids of 4 jobs/s have passed on. */
const JOB_IDS_PER_SECOND = 10;
const JOB_ID_SPAN = 900_000_000;

export function buildSharePath(options: SharePathOptions): SharePath {
  const { chain, journal, registry, log, clock } = options;
  const duplicates = new JobDuplicates(LIMITS.jobRingSlots, LIMITS.duplicateEntriesMax, options.seenWork);
  const jobs = new JobRegistry({
    slots: LIMITS.jobRingSlots,
    jobLifeMs: LIMITS.jobLifeMs,
    firstJobId: 1 + (Math.floor((options.bootUnixMs / 1000) * JOB_IDS_PER_SECOND) % JOB_ID_SPAN),
    onRegister: (slot, jobId, template) => {
      duplicates.open(slot, workIdentity(template.prePowHash, template.timestampMs));
      journal.registerJob(jobId, template.prePowHash, template.timestampMs);
    },
    onRetire: (_slot, jobId) => journal.retireJob(jobId),
  });
  const arena = new BatchArena(LIMITS.batchSlots, LIMITS.batchRecordsMax);
  const threads = new ValidatorThreads({
    arena,
    templateMemory: jobs.templateMemory,
    threads: options.threads,
    batchesPerThread: LIMITS.batchesPerThread,
    batchDeadlineMs: LIMITS.batchDeadlineMs,
    batchRetriesMax: LIMITS.batchRetriesMax,
    workerFile: projectFileUrl('dist', 'workers', 'validate.worker.js'),
    log,
  });
  const metrics = new ValidationMetrics(registry);
  const inline = createKaspaNonceKernel(jobs.templateMemory);
  const rescue = new JobRescue({
    ...{ registry: jobs, duplicates, judge: inline, sessions: options.replies, metrics },
    jobsMax: LIMITS.rescueJobs,
  });
  const verdicts = new Verdicts({
    ...options,
    rescue,
    registry: jobs,
    duplicates,
    metrics,
    confirmCandidate: (template, nonce) => chain.confirmCandidate(template, nonce),
    pendingMax: LIMITS.journalRingSlots,
    onReleased: () => intake.checkRelief(),
  });
  const batcher = new Batcher({
    arena,
    inline,
    threads,
    inlineRecordsMax: options.inlineRecordsMax,
    settle: (records, count) => verdicts.settle(records, count),
    onRelease: () => intake.checkRelief(),
    atEndOfTurn: setImmediate,
    clock,
    stages: options.stages,
  });
  const intake: Intake = new Intake({
    registry: jobs,
    batcher,
    duplicates,
    metrics,
    clock,
    // A journal that is down refuses at once whatever its ring holds: a miner that is held would never be told.
    downstreamSaturated: () =>
      verdicts.saturated || (journal.available && journal.fill > LIMITS.journalRingHighWater),
    onRelieved: () => options.replies.onRelieved(),
  });
  metrics.watch(registry, {
    waitingForJournal: () => verdicts.waiting,
    freeBatches: () => arena.freeSlots,
    inlineBatches: () => batcher.inlineBatches,
    threadBatches: () => batcher.threadBatches,
    threadsReplaced: () => threads.replaced,
  });
  const idle = () => arena.freeSlots === arena.slots && verdicts.waiting === 0;
  const oldestUnderWayMs = () => Math.min(batcher.oldestReceivedAtMs, verdicts.oldestReceivedAtMs);
  return { jobs, intake, verdicts, threads, metrics, idle, oldestUnderWayMs };
}
