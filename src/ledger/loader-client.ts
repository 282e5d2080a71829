/**
 * The loader as the main thread sees it. In flow where things are, out flows a status. The thread behind it may die at any
 * instant without losing or doubling a share (the database's mark says where to go on), so a dead one is simply replaced.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { LIMITS } from '../../config/limits.ts';
import { messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import type { Registry } from '../kit/metrics.ts';
import { registerLoaderMetrics } from './ledger-metrics.ts';
import { LOADER_ROWS_MAX } from './loader.ts';
import {
  INITIAL_STATUS,
  type LoaderReply,
  type LoaderRequest,
  type LoaderStatus,
  type LoaderThreadData,
} from './loader-status.ts';
import type { RefusalBatch } from './refusal-tally.ts';

export interface LoaderClientOptions {
  readonly journalDirectory: string;
  readonly instanceName: string;
  readonly databaseUrl: string;
  /** The buffer of the journal's DurableMark. */
  readonly durableMark: SharedArrayBuffer;
  /** The buffer of an AnsweredMark; without one nothing is said of `loaded_through`. */
  readonly answeredMark?: SharedArrayBuffer;
  /** Memory of a LatencyRecord: how old shares are when their rows are committed. */
  readonly commitTimes?: SharedArrayBuffer;
  /** How long a segment is kept after its last write once it is in the database. */
  readonly retainMs?: number;
  readonly log: Logger;
  readonly registry?: Registry;
  readonly rowsMax?: number;
  readonly intervalMs?: number;
}

/** A database restored from last night's backup finds its records still here. */
const RETAIN_MS = 24 * 3_600_000;
const RESTART_FIRST_MS = 100;
const RESTART_MAX_MS = 5_000;
/** A thread that lived this long has not died of what killed the one before. */
const HEALTHY_AFTER_MS = 60_000;
/** For the batch in progress; afterwards the thread is ended, which is safe at any instant. */
const CLOSE_DEADLINE_MS = 5_000;

export function startLoader(options: LoaderClientOptions): LoaderClient {
  return new LoaderClient(options);
}

interface Drain {
  readonly id: number;
  readonly untilMs: number;
  readonly resolve: (done: boolean) => void;
}

export class LoaderClient {
  readonly #options: LoaderClientOptions;
  readonly #listeners = new Set<(status: LoaderStatus) => void>();
  readonly #drains = new Map<number, Drain>();
  #worker: Worker | undefined;
  #status: LoaderStatus = INITIAL_STATUS;
  #restarts = 0;
  #restartMs = 0;
  #nextDrain = 1;
  #noting: { readonly sequence: number; readonly resolve: (done: boolean) => void } | undefined;
  #closing = false;
  #restartTimer: NodeJS.Timeout | undefined;

  constructor(options: LoaderClientOptions) {
    this.#options = options;
    if (options.registry) registerLoaderMetrics(options.registry, this);
    this.#spawn();
  }

  status(): LoaderStatus {
    return this.#status;
  }

  /** Cumulative ms that the thread has worked since it was started; 0 while there is none. */
  get busyMs(): number {
    return this.#worker?.performance.eventLoopUtilization().active ?? 0;
  }

  /** Threads that died and were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Called about once a second. Returns a function that ends it. */
  onStatus(listener: (status: LoaderStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** True once everything that is durable in the journal now is in the database; false when the deadline comes first. */
  drain(deadlineMs: number): Promise<boolean> {
    if (this.#closing) return Promise.resolve(false);
    const id = this.#nextDrain++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#drained(id, false), deadlineMs);
      const drain: Drain = {
        id,
        untilMs: performance.now() + deadlineMs,
        resolve: (done) => {
          clearTimeout(timer);
          resolve(done);
        },
      };
      this.#drains.set(id, drain);
      this.#askDrain(drain);
    });
  }

  /** True once the database has the batch; false: it is to be handed over again, in its turn. One at a time. */
  noteRefusals(batch: RefusalBatch): Promise<boolean> {
    if (this.#closing || !this.#worker) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#noting = { sequence: batch.sequence, resolve };
      this.#post({ type: 'refusals', batch });
    });
  }

  #noted(sequence: number | undefined, done: boolean): void {
    const noting = this.#noting;
    if (noting === undefined || (sequence !== undefined && noting.sequence !== sequence)) return;
    this.#noting = undefined;
    noting.resolve(done);
  }

  /** Asks the thread instead of waiting for its next second; the last known status when it has none to give. */
  refresh(): Promise<LoaderStatus> {
    if (!this.#worker) return Promise.resolve(this.#status);
    return new Promise((resolve) => {
      const end = this.onStatus((status) => {
        end();
        resolve(status);
      });
      this.#post({ type: 'status' });
    });
  }

  /** Ends the thread in whatever it is doing; another takes over. Resolves when it is gone. */
  async restart(): Promise<void> {
    await this.#worker?.terminate();
  }

  /** Does not drain. What is not loaded stays in the journal for the next start. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    clearTimeout(this.#restartTimer);
    const worker = this.#worker;
    if (worker) {
      const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      this.#post({ type: 'close' });
      const cancel = new AbortController();
      await Promise.race([
        gone,
        delay(CLOSE_DEADLINE_MS, undefined, { signal: cancel.signal }).catch(() => {}),
      ]);
      cancel.abort();
      await worker.terminate();
    }
    for (const id of [...this.#drains.keys()]) this.#drained(id, false);
    this.#accept({ ...this.#status, state: 'stopped', rowsPerSecond: 0 });
  }

  #spawn(): void {
    const options = this.#options;
    const workerData: LoaderThreadData = {
      journalDirectory: options.journalDirectory,
      instanceName: options.instanceName,
      databaseUrl: options.databaseUrl,
      durableMark: options.durableMark,
      answeredMark: options.answeredMark,
      commitTimes: options.commitTimes,
      retainMs: options.retainMs ?? RETAIN_MS,
      rowsMax: options.rowsMax ?? LOADER_ROWS_MAX,
      intervalMs: options.intervalMs ?? LIMITS.loaderIntervalMs,
    };
    const worker = new Worker(new URL('./loader.thread.js', import.meta.url), { workerData, name: 'loader' });
    const bornMs = performance.now();
    let reason = 'it ended';
    worker.on('message', (message: LoaderReply) => this.#receive(message));
    worker.on('error', (error) => {
      reason = messageOf(error);
    });
    worker.once('exit', () => {
      this.#worker = undefined;
      this.#noted(undefined, false);
      if (!this.#closing) this.#replace(reason, performance.now() - bornMs);
    });
    this.#worker = worker;
    for (const drain of this.#drains.values()) this.#askDrain(drain);
  }

  #replace(reason: string, livedMs: number): void {
    this.#restarts++;
    if (livedMs > HEALTHY_AFTER_MS) this.#restartMs = 0;
    this.#restartMs = Math.min(Math.max(this.#restartMs * 2, RESTART_FIRST_MS), RESTART_MAX_MS);
    this.#options.log.error(
      { reason, restartMs: this.#restartMs },
      'the loader thread died; starting another',
    );
    this.#accept({
      ...this.#status,
      state: 'failing',
      fault: `the loader thread died: ${reason}`,
      rowsPerSecond: 0,
    });
    this.#restartTimer = setTimeout(() => this.#spawn(), this.#restartMs);
  }

  #receive(message: LoaderReply): void {
    if (message.type === 'status') this.#accept(message.status);
    else if (message.type === 'drained') this.#drained(message.id, message.done);
    else if (message.type === 'noted') this.#noted(message.sequence, message.done);
    else this.#options.log[message.level](message.fields, message.message);
  }

  #accept(status: LoaderStatus): void {
    this.#status = status;
    for (const listener of this.#listeners) listener(status);
  }

  #askDrain(drain: Drain): void {
    const deadlineMs = Math.max(0, drain.untilMs - performance.now());
    this.#post({ type: 'drain', id: drain.id, deadlineMs });
  }

  #drained(id: number, done: boolean): void {
    const drain = this.#drains.get(id);
    this.#drains.delete(id);
    drain?.resolve(done);
  }

  #post(request: LoaderRequest): void {
    this.#worker?.postMessage(request);
  }
}
