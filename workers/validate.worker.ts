/**
 * A validator thread. In flows the number of a batch slot, out flows nothing: the verdicts lie in the records. It must never
 * know of sessions, sockets or the journal.
 */
import { workerData } from 'node:worker_threads';
import { batchJudgingMs, batchRecords } from '../src/validation/batch-arena.ts';
import type { ValidatorTask, ValidatorThreadData } from '../src/validation/validator-threads.ts';
import { createKaspaNonceKernel } from './kernels/kaspa-nonce.ts';

const data = workerData as ValidatorThreadData;
const kernel = createKaspaNonceKernel(new Uint8Array(data.templates));
const judgingMs = batchJudgingMs(data.arena, data.recordsPerBatch);

export default function judge(task: ValidatorTask): undefined | Promise<never> {
  try {
    if (task.fault) meetFault(task.fault);
    const startedMs = performance.now();
    kernel.judge(batchRecords(data.arena, task.slot, data.recordsPerBatch), task.count);
    // The roll call judges nothing, and its slot may be somebody's.
    if (task.count > 0) judgingMs[task.slot] = performance.now() - startedMs;
    return undefined;
  } catch (error) {
    return die(error);
  }
}

/**
 * A kernel that trapped may hold half a template. Answering would keep the thread in the pool, so it ends, unanswered, and
 * before it looks at the next batch.
 */
function die(error: unknown): Promise<never> {
  queueMicrotask(() => {
    throw error;
  });
  return new Promise(() => {});
}

/** Only tests ask for these: the three ways in which a thread leaves its batch behind. */
function meetFault(fault: NonNullable<ValidatorTask['fault']>): void {
  if (fault === 'exit') process.exit(7);
  if (fault === 'throw') throw new Error('asked to fail');
  for (;;);
}
