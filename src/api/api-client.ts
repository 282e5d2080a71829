/**
 * The main thread's side of the API: starts the thread, feeds it, answers its scrapes, starts another when it dies.
 *
 * In: a function that makes the snapshot, the metrics registry. Out: a URL. It must never make the engine wait: everything is
 * a message, and a thread that is gone costs a log line.
 *
 *   starting --listening--> serving --died--> pausing (250 ms, doubling to 10 s) --> starting
 *   any --close--> closed.   A first start that fails is the caller's to report; later ones are tried for ever.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { LIMITS } from '../../config/limits.ts';
import { EdgeError, type EdgeErrorCode, messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import type { Registry } from '../kit/metrics.ts';
import type { PoolTerms } from '../ledger/views/pool-terms.ts';
import type { PoolSnapshot } from '../live/pool-snapshot.ts';
import type { Arrival } from '../live/roster.ts';
import type { EngineChoice } from './engine-choice.ts';
import type { HttpEngineName } from './http-engine.ts';
import type { LiveSource, LiveThreadData, ToLiveDesk } from './live-desk.ts';
import type { MetricsJson } from './scrape.ts';
import type { ApiThreadData, FromApiThread, ToApiThread } from './thread-messages.ts';

export interface ApiOptions {
  /** Loopback unless said otherwise: nothing here asks who is there. */
  readonly host?: string;
  readonly port: number;
  readonly engine?: EngineChoice;
  readonly registry: Registry;
  /** Called every `snapshotIntervalMs`; must be cheap. */
  readonly snapshot: () => PoolSnapshot;
  readonly terms: PoolTerms;
  /** Sessions and what only the operator may see; absent: it knows neither. */
  readonly live?: LiveSource;
  /** Default true. False: no HTTP port; what there is to know goes over the live socket. */
  readonly enabled?: boolean;
  /** For the thread's own connections; absent: it answers nothing that is in the database. */
  readonly databaseUrl?: string;
  /** Sites whose pages may read the JSON interface and open live sockets; `*` = all. */
  readonly allowOrigins?: readonly string[];
  readonly liveClientsMax?: number;
  readonly log: Logger;
  readonly snapshotIntervalMs?: number;
  readonly scrapeTimeoutMs?: number;
}

export interface ApiHandle {
  /** Stays the same over restarts of the thread; '' where no port is opened. */
  readonly url: string;
  readonly engine: HttpEngineName;
  /** How often the thread died and came back. */
  readonly restarts: number;
  /** Cumulative ms that the thread has worked since it was started; 0 while there is none. */
  readonly busyMs: number;
  /** Tells the thread of sessions that logged in. */
  arrived(arrivals: readonly Arrival[]): void;
  close(): Promise<void>;
  /** For drills: the thread dies as by a bug of its own. */
  crashThread(): void;
}

const SNAPSHOT_INTERVAL_MS = 1_000;
/** As the configuration has it by default. */
const LIVE_CLIENTS_MAX = LIMITS.liveClients;
/** Prometheus gives up after 10 s; a main thread that is silent for two is in trouble anyway. */
const SCRAPE_TIMEOUT_MS = 2_000;
const STALE_AFTER_INTERVALS = 5;
const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 10_000;
/** A thread that lived this long died of something new. */
const BACKOFF_FORGET_MS = 60_000;
/** Closing takes milliseconds; a thread stuck for longer is left to the end of the process. */
const CLOSE_PATIENCE_MS = 2_000;

interface Thread {
  readonly worker: Worker;
  readonly closedFlag: Int32Array;
  readonly startedAtMs: number;
}
type Listening = Extract<FromApiThread, { kind: 'listening' }>;

export async function startApi(options: ApiOptions): Promise<ApiHandle> {
  const client = new ApiClient(options);
  await client.open();
  return client;
}

class ApiClient implements ApiHandle {
  readonly #options: ApiOptions;
  readonly #host: string;
  readonly #intervalMs: number;
  #thread: Thread | undefined;
  #listening: Listening | undefined;
  #closing = false;
  #attempts = 0;
  #restarts = 0;
  #ticker: NodeJS.Timeout | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  readonly #onProcessExit = (): void => this.#closeBeforeExit();

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#host = options.host ?? '127.0.0.1';
    this.#intervalMs = options.snapshotIntervalMs ?? SNAPSHOT_INTERVAL_MS;
  }

  get url(): string {
    if (this.#options.enabled === false) return '';
    const host = this.#host.includes(':') ? `[${this.#host}]` : this.#host;
    return `http://${host}:${this.#listening?.port ?? this.#options.port}/`;
  }

  get engine(): HttpEngineName {
    return this.#listening?.engine ?? 'node';
  }

  get restarts(): number {
    return this.#restarts;
  }

  get busyMs(): number {
    return this.#thread?.worker.performance.eventLoopUtilization().active ?? 0;
  }

  async open(): Promise<void> {
    await this.#start(this.#options.port);
    process.on('exit', this.#onProcessExit);
    this.#ticker = setInterval(() => this.#push(), this.#intervalMs);
    this.#ticker.unref();
  }

  crashThread(): void {
    this.#post({ kind: 'crash' });
  }

  arrived(arrivals: readonly Arrival[]): void {
    this.#post({ kind: 'arrived', arrivals });
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#restartTimer);
    process.off('exit', this.#onProcessExit);
    const thread = this.#thread;
    if (!thread) return;
    const exited = once(thread.worker, 'exit');
    this.#post({ kind: 'close' });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_PATIENCE_MS);
    });
    await Promise.race([exited, patience]);
    clearTimeout(timer);
    // Never `terminate()`: with the native server open that aborts the process.
    if (this.#thread === thread) thread.worker.unref();
  }

  /** Resolves when the thread listens, rejects with why it cannot. */
  #start(port: number): Promise<void> {
    const {
      engine = 'auto',
      snapshot,
      terms,
      live,
      databaseUrl,
      scrapeTimeoutMs = SCRAPE_TIMEOUT_MS,
    } = this.#options;
    const { allowOrigins = ['*'], liveClientsMax = LIVE_CLIENTS_MAX } = this.#options;
    const closedFlag = new SharedArrayBuffer(4);
    const workerData: ApiThreadData = {
      host: this.#host,
      port,
      engine,
      snapshot: snapshot(),
      inside: live?.inside(),
      terms,
      databaseUrl,
      live: live && threadData(live),
      servesHttp: this.#options.enabled ?? true,
      staleAfterMs: this.#intervalMs * STALE_AFTER_INTERVALS,
      scrapeTimeoutMs,
      allowOrigins,
      liveClientsMax,
      closedFlag,
    };
    const worker = new Worker(new URL('./api.thread.js', import.meta.url), {
      workerData,
      name: 'sluice-api',
    });
    const thread: Thread = { worker, closedFlag: new Int32Array(closedFlag), startedAtMs: performance.now() };
    this.#thread = thread;
    live?.onBegun();
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromApiThread) => {
        switch (message.kind) {
          case 'fault':
            this.#options.log.warn({ fault: message.message }, 'pages show old figures');
            return;
          case 'listening':
            this.#onListening(message);
            return resolve();
          case 'failed':
            return reject(new EdgeError(message.code as EdgeErrorCode, message.message, message.remedy));
          case 'metrics':
            void this.#answerScrape(worker, message.id);
            return;
          case 'diaries':
            this.#answerDiaries(worker, message);
            return;
          case 'live fault':
            this.#options.log.warn({ fault: message.message }, 'live socket');
            return;
          case 'crashed':
            this.#options.log.error({ fault: message.message }, 'the API thread has crashed');
        }
      });
      worker.on('error', (thrown) => {
        const fault = messageOf(thrown);
        this.#options.log.error({ fault }, 'the API thread failed');
        reject(new EdgeError('SLUICE_HTTP_START', `the API thread failed: ${fault}`, '', thrown));
      });
      worker.on('exit', () => {
        reject(new EdgeError('SLUICE_HTTP_START', 'the API thread ended before it listened'));
        this.#onExit(thread);
      });
    });
  }

  #onListening(message: Listening): void {
    this.#listening = message;
    if (message.remark !== '') this.#options.log.warn({ engine: message.engine }, message.remark);
  }

  #onExit(thread: Thread): void {
    if (this.#thread === thread) this.#thread = undefined;
    // Before the first listening the caller gets the error and decides.
    if (this.#closing || !this.#listening) return;
    if (performance.now() - thread.startedAtMs > BACKOFF_FORGET_MS) this.#attempts = 0;
    const pauseMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** this.#attempts++);
    this.#options.log.warn({ pauseMs }, 'the API thread is gone, the engine goes on; starting another');
    const { port } = this.#listening;
    this.#restartTimer = setTimeout(() => {
      this.#start(port).then(
        () => this.#restarts++,
        (thrown) => this.#options.log.error({ fault: messageOf(thrown) }, 'the API thread did not start'),
      );
    }, pauseMs);
    this.#restartTimer.unref();
  }

  #push(): void {
    if (!this.#thread) return;
    let message: ToApiThread;
    try {
      const { snapshot, live } = this.#options;
      message = { kind: 'snapshot', snapshot: snapshot(), inside: live?.inside() };
    } catch (thrown) {
      // /readyz turns red by itself when nothing is published any more.
      this.#options.log.error({ fault: messageOf(thrown) }, 'no snapshot for the page');
      return;
    }
    this.#post(message);
  }

  #post(message: ToApiThread): void {
    this.#thread?.worker.postMessage(message);
  }

  #answerDiaries(worker: Worker, { id, connections }: Extract<FromApiThread, { kind: 'diaries' }>): void {
    const diaries = this.#options.live?.diaries(connections) ?? [];
    worker.postMessage({ kind: 'diaries', id, diaries } satisfies ToLiveDesk);
  }

  async #answerScrape(worker: Worker, id: number): Promise<void> {
    let metrics: MetricsJson | undefined;
    try {
      metrics = (await this.#options.registry.getMetricsAsJSON()) as unknown as MetricsJson;
    } catch (thrown) {
      this.#options.log.error({ fault: messageOf(thrown) }, 'metrics could not be gathered');
    }
    worker.postMessage({ kind: 'metrics', id, metrics } satisfies ToApiThread);
  }

  /**
   * `process.exit()` and uncaught errors come here without an ordered close. The thread must close its server before the
   * process tears it down, else the exit becomes an abort; it runs on, so blocking this thread for a moment is enough.
   */
  #closeBeforeExit(): void {
    if (!this.#thread) return;
    this.#post({ kind: 'close' });
    Atomics.wait(this.#thread.closedFlag, 0, 0, CLOSE_PATIENCE_MS);
  }
}

/** What of it can cross. */
function threadData({ instance, boardBuffer, capacity, directory }: LiveThreadData): LiveThreadData {
  return { instance, boardBuffer, capacity, directory };
}
