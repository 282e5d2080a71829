/**
 * The validator threads: a Piscina pool whose task is a slot number. In flow batch slots, out flows a promise per batch.
 * A thread that dies, hangs or traps is replaced and its batch judged again; the records were never taken out of the arena,
 * so none is lost, and they are settled by one promise, so none is answered twice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
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

/** Terminating a thread in a tight loop took 6 ms here; eight times that. */
const TERMINATION_GRACE_MS = 50;

export class ValidatorThreads implements BatchThreads {
  readonly #options: ValidatorThreadsOptions;
  readonly #piscina: Piscina;
  #inFlight = 0;
  #replaced = 0;
  #faultForTest: ValidatorTask['fault'];

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
  }

  get idle(): boolean {
    return this.#inFlight < this.#options.threads * this.#options.batchesPerThread;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Threads that were given up since the start. */
  get replaced(): number {
    return this.#replaced;
  }

  async judge(slot: number, count: number): Promise<void> {
    this.#inFlight++;
    try {
      for (let attempt = 0; attempt <= this.#options.batchRetriesMax; attempt++) {
        if (await this.#attempt(slot, count)) return;
      }
      this.#markFaulty(slot, count);
    } finally {
      this.#inFlight--;
    }
  }

  /** Makes the next batch meet this fault. */
  injectFaultForTest(fault: 'exit' | 'throw' | 'hang'): void {
    this.#faultForTest = fault;
  }

  async close(): Promise<void> {
    await this.#piscina.destroy();
  }

  async #attempt(slot: number, count: number): Promise<boolean> {
    const abort = new AbortController();
    // Aborting a running task makes Piscina terminate its thread and start another: the cure for a thread that hangs.
    const deadline = setTimeout(() => abort.abort(), this.#options.batchDeadlineMs);
    const fault = this.#faultForTest;
    this.#faultForTest = undefined;
    const task: ValidatorTask = fault ? { slot, count, fault } : { slot, count };
    try {
      await this.#piscina.run(task, { signal: abort.signal });
      return true;
    } catch (error) {
      this.#replaced++;
      this.#options.log.error(
        { slot, count, fault: messageOf(error) },
        'batch lost its validator thread, judged again',
      );
      // A thread that is being terminated may still write verdicts for a few ms. They would be the same ones, but the slot
      // must not have moved on to another batch by then.
      await sleep(TERMINATION_GRACE_MS);
      return false;
    } finally {
      clearTimeout(deadline);
    }
  }

  #markFaulty(slot: number, count: number): void {
    const records = this.#options.arena.records(slot);
    for (let index = 0; index < count; index++)
      records[index * RECORD_BYTES + OFFSET_VERDICT] = Verdict.EngineFault;
    this.#options.log.fatal({ slot, count }, 'batch could not be judged by any thread');
  }
}
