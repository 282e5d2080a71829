/**
 * The validator threads: a Piscina pool whose task is a slot number. In flow batch slots, out flows a promise per batch.
 * A thread that dies, hangs or traps is replaced and its batch judged again; the records were never taken out of the arena,
 * so none is lost, and they are settled by one promise, so none is answered twice.
 */
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { Verdict } from '../domain/share.ts';
import { messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import type { BatchArena } from './batch-arena.ts';
import { OFFSET_VERDICT, RECORD_BYTES } from './batch-layout.ts';
import type { BatchThreads } from './batcher.ts';

export interface ValidatorThreadsOptions {
  readonly arena: BatchArena;
  readonly templateMemory: Uint8Array;
  readonly threads: number;
  readonly batchesPerThread: number;
  readonly batchDeadlineMs: number;
  readonly batchRetriesMax: number;
  /** Compiled entry of the thread. */
  readonly workerFile: URL;
  readonly log: Logger;
}

/** What a validator thread is born with. */
export interface ValidatorThreadData {
  readonly arena: SharedArrayBuffer;
  readonly recordsPerBatch: number;
  readonly templates: SharedArrayBuffer;
}

export interface ValidatorTask {
  /** The slot of a batch to judge; `fault` is only ever set by tests. */
  readonly slot: number;
  readonly count: number;
  readonly fault?: 'exit' | 'throw' | 'hang';
}

/** Judges nothing and so proves that a thread has loaded its kernel. */
const ROLL_CALL: ValidatorTask = { slot: 0, count: 0 };

export class ValidatorThreads implements BatchThreads {
  readonly #options: ValidatorThreadsOptions;
  readonly #piscina: Piscina;
  readonly #loaded: Promise<void>;
  #inFlight = 0;
  #replaced = 0;
  readonly #faultsForTest: NonNullable<ValidatorTask['fault']>[] = [];

  constructor(options: ValidatorThreadsOptions) {
    this.#options = options;
    const data: ValidatorThreadData = {
      arena: options.arena.shared,
      recordsPerBatch: options.arena.recordsPerBatch,
      templates: options.templateMemory.buffer as SharedArrayBuffer,
    };
    this.#piscina = new Piscina({
      filename: options.workerFile.href,
      workerData: data,
      minThreads: options.threads,
      maxThreads: options.threads,
      // Threads hold prepared templates; one that was let go would have to prepare them again.
      idleTimeout: Number.POSITIVE_INFINITY,
      // The batcher never has more in flight than this, so a queue inside Piscina would only hide a fault.
      maxQueue: options.threads * options.batchesPerThread,
      concurrentTasksPerWorker: options.batchesPerThread,
      // 'sync' parks an idle thread in Atomics.wait; templates come by shared memory, so no thread needs its event loop
      // between tasks, but a parked one cannot be asked anything either. Measured: no throughput between the modes.
      atomics: 'disabled',
      recordTiming: false,
      workerHistogram: false,
      trackUnmanagedFds: false,
      closeTimeout: 2_000,
      niceIncrement: 0,
    });
    this.#piscina.on('error', (error) => {
      options.log.error({ fault: messageOf(error) }, 'validator thread failed');
    });
    this.#loaded = this.#rollCall(options.threads);
  }

  get idle(): boolean {
    return this.#inFlight < this.#options.threads * this.#options.batchesPerThread;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Batches that lost their thread since the start. */
  get replaced(): number {
    return this.#replaced;
  }

  /** Cumulative ms that each thread has worked since it was started. */
  busyMs(): readonly number[] {
    return this.#piscina.threads.map((thread) => thread.performance.eventLoopUtilization().active);
  }

  async judge(slot: number, count: number): Promise<void> {
    this.#inFlight++;
    try {
      // A thread takes 0.1 s and more to load on a busy machine; the deadline is for judging only.
      await this.#loaded;
      for (let attempt = 0; attempt <= this.#options.batchRetriesMax; attempt++) {
        if (await this.#attempt(slot, count)) return;
      }
      this.#markFaulty(slot, count);
    } finally {
      this.#inFlight--;
    }
  }

  /** Makes the next attempt at a batch meet this fault; called twice, the next two. */
  injectFaultForTest(fault: 'exit' | 'throw' | 'hang'): void {
    this.#faultsForTest.push(fault);
  }

  async close(): Promise<void> {
    await this.#piscina.destroy();
  }

  async #attempt(slot: number, count: number): Promise<boolean> {
    const abort = new AbortController();
    // Aborting a running task makes Piscina terminate its thread and start another: the cure for a thread that hangs.
    const deadline = setTimeout(() => abort.abort(), this.#options.batchDeadlineMs);
    const fault = this.#faultsForTest.shift();
    const task: ValidatorTask = fault ? { slot, count, fault } : { slot, count };
    const threads = this.#piscina.threads;
    try {
      await this.#piscina.run(task, { signal: abort.signal });
      return true;
    } catch (error) {
      this.#replaced++;
      this.#options.log.error({ slot, count, fault: messageOf(error) }, 'batch lost its validator thread');
      await this.#leftAlone(threads);
      return false;
    } finally {
      clearTimeout(deadline);
    }
  }

  /**
   * A thread that is being terminated may still write into the records, and they may be another batch's by then: so its end
   * is awaited. A pause was tried first, and no pause is long enough on a machine that is busy enough. Then the roll is
   * called, or the next attempt's time would run out while the new thread loads.
   */
  async #leftAlone(before: readonly Worker[]): Promise<void> {
    const now = this.#piscina.threads;
    await Promise.all(before.filter((thread) => !now.includes(thread)).map((thread) => thread.terminate()));
    await this.#rollCall(1);
  }

  async #rollCall(threads: number): Promise<void> {
    const calls = Array.from({ length: threads }, () => this.#piscina.run(ROLL_CALL));
    // One that is answered by the death of its thread has met the fault that the batches will meet, and tell of.
    await Promise.allSettled(calls);
  }

  #markFaulty(slot: number, count: number): void {
    const records = this.#options.arena.records(slot);
    for (let index = 0; index < count; index++)
      records[index * RECORD_BYTES + OFFSET_VERDICT] = Verdict.EngineFault;
    this.#options.log.fatal({ slot, count }, 'batch could not be judged by any thread');
  }
}
