/**
 * The load process: many miners' connections over real TCP, driven by the commands of a bench.
 *
 * A process of its own, so that its turns and its garbage never stand between a server's answer and the clock, and so that its
 * CPU can be told from the server's. It watches its own schedule: a run in which the generator fell behind measured the
 * generator.
 */
import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { RawStreams } from '../../src/stratum/socket/raw-adapter.ts';
import { tryRawStreams } from '../../src/stratum/socket/raw-trial.ts';
import { LoadConnection, type LoadRoom } from './load-connection.ts';
import {
  LATE_MS,
  type LoadAnswer,
  type LoadCommand,
  type LoadPlan,
  type LoadReport,
  type LoadTarget,
  noCounts,
} from './load-messages.ts';
import { Pacer } from './pacer.ts';
import { ShareGrinder } from './share-grinder.ts';

/** Logging in at the same time: a server accepts one connection a loop turn, more would only wait in its backlog. */
const OPENING_MAX = 64;
const OPEN_TIMEOUT_MS = 30_000;
/** Small steps: each is a pause for the answers that are timed. */
const LISTEN_STEP_MS = 5;
const LISTEN_ROUND_MS = 1_000;
/** Between two looks at the schedule of an open loop. */
const PACE_MS = 0.25;
const HALT_TIMEOUT_MS = 10_000;
const RECONNECT_AFTER_MS = 200;
/** Three digits up to a minute: answers later than that are the same failure. */
const LATENCY_US_MAX = 60_000_000;

function newHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: 3,
  });
}

class Load implements LoadRoom {
  readonly host: string;
  readonly port: number;
  readonly streams: RawStreams | undefined;
  readonly grinder = new ShareGrinder();
  counts = noCounts();
  inFlight = 0;
  readonly #connections: LoadConnection[];
  /** Those that submit. */
  readonly #sending: readonly LoadConnection[];
  /** Those that only listen, and are read now and then. */
  readonly #listening: readonly LoadConnection[];
  readonly #target: LoadTarget;
  #listenTurn = 0;
  #plan: LoadPlan | undefined;
  #latency = newHistogram();
  #lag = newHistogram();
  #jobAge = newHistogram();
  #ready = 0;
  /** Logged in and not closed since. */
  #alive = 0;
  #opened = 0;
  #openedMs = 0;
  /** The first so many do not read. */
  readonly #stalled: number;
  #closing = false;
  #onProgress: () => void = () => {};
  /** A connection that the server closed: no run with one counts. */
  #fault: Error | undefined;
  #timers: NodeJS.Timeout[] = [];
  #listenTimer: NodeJS.Timeout | undefined;
  #pacer: Pacer | undefined;
  #nextDueMs = 0;
  #turn = 0;
  #churned = 0;

  constructor(target: LoadTarget, streams: RawStreams | undefined) {
    this.streams = streams;
    this.#target = target;
    this.#stalled = target.stalled ?? 0;
    this.host = target.host;
    this.port = target.port;
    this.#connections = Array.from({ length: target.connections }, (_, index) => {
      return new LoadConnection(this, index, target.addresses[index % target.addresses.length]!);
    });
    const reading = this.#connections.slice(this.#stalled);
    const stride = reading.length / Math.min(reading.length, target.prompt ?? reading.length);
    const isPrompt = (index: number): boolean => Math.floor(index % stride) === 0;
    this.#sending = reading.filter((_, index) => isPrompt(index));
    this.#listening = reading.filter((_, index) => !isPrompt(index));
  }

  async open(): Promise<void> {
    const startedMs = performance.now();
    const { openingMax = OPENING_MAX, openTimeoutMs = OPEN_TIMEOUT_MS, partial = false } = this.#target;
    const opened = this.#until('all connections are logged in', openTimeoutMs, () => {
      while (this.#opened < this.#connections.length && this.#opened - this.#ready < openingMax) {
        this.#connections[this.#opened++]!.open();
      }
      return this.#ready === this.#connections.length;
    });
    await (partial ? opened.catch(() => {}) : opened);
    this.#openedMs = performance.now() - startedMs;
    for (const connection of this.#connections.slice(0, this.#stalled)) connection.stall();
    if (this.#listening.length === 0) return;
    for (const connection of this.#listening) connection.onlyListens();
    this.#listenTimer = setInterval(() => this.#listenOn(), LISTEN_STEP_MS);
  }

  start(plan: LoadPlan): void {
    this.#plan = plan;
    this.#nextDueMs = performance.now();
    if (plan.loop === 'closed') for (const connection of this.#sending) this.#fill(connection, plan.depth);
    else if (plan.loop === 'open')
      this.#pacer = new Pacer(PACE_MS, () => this.#sendDue(plan.sharesPerSecond));
    if (plan.churnPerSecond > 0) {
      this.#timers.push(setInterval(() => this.#churn(), 1_000 / plan.churnPerSecond));
    }
  }

  /** Nothing more is sent; resolves when everything is answered, or cannot be. */
  async halt(): Promise<void> {
    this.#plan = undefined;
    this.#pacer?.stop();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    await this.#until('all submissions are answered', HALT_TIMEOUT_MS, () => this.inFlight === 0).catch(
      () => {},
    );
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#listenTimer);
    for (const [index, connection] of this.#connections.entries()) connection.close(index >= this.#stalled);
    await this.#until('all connections are closed', HALT_TIMEOUT_MS, () => this.#alive === 0);
  }

  report(): LoadReport {
    if (this.#fault) throw this.#fault;
    const { user, system } = process.cpuUsage();
    const report = {
      ...this.counts,
      atMs: performance.now(),
      inFlight: this.inFlight,
      cpuUs: user + system,
      latency: encodeIntoCompressedBase64(this.#latency),
      lag: encodeIntoCompressedBase64(this.#lag),
      jobAge: encodeIntoCompressedBase64(this.#jobAge),
      openedMs: this.#openedMs,
      loggedIn: this.#ready,
    };
    this.counts = noCounts();
    this.#latency.reset();
    this.#lag.reset();
    this.#jobAge.reset();
    return report;
  }

  // --- what connections tell

  recordLatency(us: number): void {
    this.#latency.recordValue(Math.min(LATENCY_US_MAX, Math.max(1, Math.round(us))));
  }

  recordJobAge(us: number): void {
    this.#jobAge.recordValue(Math.min(LATENCY_US_MAX, Math.max(1, Math.round(us))));
  }

  onReady(connection: LoadConnection): void {
    this.#ready++;
    this.#alive++;
    if (this.#plan?.loop === 'closed') this.#fill(connection, this.#plan.depth);
    this.#onProgress();
  }

  onAnswers(connection: LoadConnection, answers: number, nowMs: number): void {
    if (this.#plan?.loop === 'closed') {
      for (let i = 0; i < answers; i++) connection.submit(nowMs);
      connection.writeOut();
    } else if (this.#plan === undefined && this.inFlight === 0) this.#onProgress();
  }

  onClosed(connection: LoadConnection, error: Error | undefined, wasReady = false): void {
    if (wasReady) this.#alive--;
    if (this.#closing) {
      this.#onProgress();
      return;
    }
    if (wasReady) this.#ready--;
    if (this.#stalled > 0 && this.#connections.indexOf(connection) < this.#stalled)
      this.counts.stalledClosed++;
    else if (this.#target.partial) {
      // As a miner does.
      this.counts.reconnects++;
      setTimeout(() => {
        if (!this.#closing) connection.open();
      }, RECONNECT_AFTER_MS);
    } else if (this.#plan?.churnPerSecond || this.#churned > 0) {
      this.counts.reconnects++;
      connection.open();
    } else {
      this.#fault ??= error ?? new Error('the server closed a connection');
      this.#onProgress();
    }
  }

  // --- driving

  #fill(connection: LoadConnection, depth: number): void {
    const nowMs = performance.now();
    for (let i = 0; i < depth; i++) connection.submit(nowMs);
    connection.writeOut();
  }

  /** One share after the other in equal steps, each on the next connection; all that are due leave now. */
  #sendDue(sharesPerSecond: number): void {
    const nowMs = performance.now();
    const stepMs = 1_000 / sharesPerSecond;
    for (; this.#nextDueMs <= nowMs; this.#nextDueMs += stepMs) {
      const lagMs = nowMs - this.#nextDueMs;
      this.counts.scheduled++;
      if (lagMs > LATE_MS) this.counts.late++;
      this.#lag.recordValue(Math.min(LATENCY_US_MAX, Math.round(lagMs * 1_000)));
      const connection = this.#nextReady();
      if (connection?.submit(this.#nextDueMs)) connection.writeOut();
      else this.counts.shed++;
    }
  }

  #nextReady(): LoadConnection | undefined {
    const sending = this.#sending;
    for (let tries = 0; tries < sending.length; tries++) {
      const connection = sending[this.#turn++ % sending.length]!;
      if (connection.ready) return connection;
    }
    return undefined;
  }

  /** The next of those that are read now and then, so that each has its turn once in `LISTEN_ROUND_MS`. */
  #listenOn(): void {
    const listening = this.#listening;
    for (let due = Math.ceil((listening.length * LISTEN_STEP_MS) / LISTEN_ROUND_MS); due > 0; due--)
      listening[this.#listenTurn++ % listening.length]!.listenOnce();
  }

  /** By turns polite and rude: half of the connections that real miners lose end without a goodbye. */
  #churn(): void {
    const connection = this.#connections[this.#churned % this.#connections.length]!;
    connection.close(this.#churned++ % 2 === 0);
  }

  #until(what: string, timeoutMs: number, look: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: Error): void => {
        clearTimeout(timer);
        this.#onProgress = () => {};
        if (error) reject(error);
        else resolve();
      };
      const timer = setTimeout(
        () => end(new Error(`waited ${timeoutMs} ms in vain until ${what}`)),
        timeoutMs,
      );
      this.#onProgress = () => {
        if (this.#fault) end(this.#fault);
        else if (look()) end();
      };
      this.#onProgress();
    });
  }
}

let load: Load | undefined;

async function obey(command: LoadCommand): Promise<LoadReport> {
  if (command.kind === 'open') {
    load = new Load(command.target, await tryRawStreams());
    await load.open();
    return load.report();
  }
  if (!load) throw new Error('no connections are open');
  if (command.kind === 'start') {
    const before = load.report();
    load.start(command.plan);
    return before;
  }
  if (command.kind === 'halt') await load.halt();
  else if (command.kind === 'close') await load.close();
  return load.report();
}

function answer(message: LoadAnswer): void {
  if (process.connected) process.send?.(message);
}

process.on('message', (command: LoadCommand) => {
  obey(command).then(
    (report) => answer({ kind: 'done', report }),
    (error: unknown) =>
      answer({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
