/**
 * The process from inside: its threads' use of their cores, its memory and its open files. In flow readings that cost microseconds, once a
 * second; out flow gauges and a part of the engine's report.
 */
import { readFileSync } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { Gauge, ReadCounterFamily, type Registry } from '../kit/metrics.ts';
import type { EngineInside } from '../live/engine-report.ts';

export interface ThreadReading {
  readonly name: string;
  /** Cumulative ms of work since the thread was started; less than before: another thread has taken its place. */
  readonly busyMs: number;
}

export interface ProcessWatchOptions {
  readonly threads: () => readonly ThreadReading[];
  readonly clock: () => number;
}

const LOOK_EVERY_MS = 1_000;
/** Before Linux 6.2 the folder must be read, and with 100,000 sockets open that is work. */
const COUNT_EVERY_MS = 10_000;
const DESCRIPTORS = '/proc/self/fd';
const ENTRIES_AT_ONCE = 1_024;

export class ProcessWatch {
  readonly #options: ProcessWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #lookedAtMs: number;
  #busyMs = new Map<string, number>();
  #threads: EngineInside['threads'] = [];
  #openFiles = 0;
  readonly #openFilesMax = openFilesMax();
  #countedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ProcessWatchOptions) {
    this.#options = options;
    this.#lookedAtMs = options.clock();
  }

  register(registry: Registry): void {
    new ReadCounterFamily(
      registry,
      {
        name: 'sluice_process_thread_busy_seconds_total',
        help: 'Time that each thread has worked; its rate is its part of a core. Of the journal the disk is in it.',
      },
      () =>
        this.#options
          .threads()
          .map(({ name, busyMs }) => ({ labels: { thread: name }, value: busyMs / 1_000 })),
    );
    new ReadCounterFamily(
      registry,
      { name: 'sluice_process_cpu_seconds_total', help: 'CPU time of the engine, all threads.' },
      () => [{ labels: {}, value: cpuSeconds() }],
    );
    const gauge = (name: string, help: string, read: () => number): Gauge =>
      new Gauge(registry, { name: `sluice_process_${name}`, help }, read);
    gauge('resident_bytes', 'Memory of the engine, all threads.', () => process.memoryUsage.rss());
    gauge('heap_used_bytes', 'Heap of the main thread.', () => process.memoryUsage().heapUsed);
    gauge('open_files', 'Open files and sockets, at the last count.', () => this.#openFiles);
    gauge('open_files_max', 'How many the system allows.', () => this.#openFilesMax);
  }

  start(): void {
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  view(): Pick<EngineInside, 'process' | 'threads'> {
    return {
      process: {
        rssBytes: process.memoryUsage.rss(),
        heapUsedBytes: process.memoryUsage().heapUsed,
        cpuSeconds: cpuSeconds(),
        openFiles: this.#openFiles,
        openFilesMax: this.#openFilesMax,
      },
      threads: this.#threads,
    };
  }

  #look(): void {
    const nowMs = this.#options.clock();
    const elapsedMs = Math.max(1, nowMs - this.#lookedAtMs);
    const before = this.#busyMs;
    this.#busyMs = new Map();
    this.#threads = this.#options.threads().map(({ name, busyMs }) => {
      this.#busyMs.set(name, busyMs);
      const worked = busyMs - (before.get(name) ?? busyMs);
      return { name, utilisation: Math.min(1, Math.max(0, worked / elapsedMs)) };
    });
    this.#lookedAtMs = nowMs;
    if (nowMs - this.#countedAtMs < COUNT_EVERY_MS) return;
    this.#countedAtMs = nowMs;
    void this.#countFiles();
  }

  async #countFiles(): Promise<void> {
    try {
      const { size } = await stat(DESCRIPTORS);
      this.#openFiles = size > 0 ? size : await countEntries(DESCRIPTORS);
    } catch {
      // No such folder, or no descriptor left to look with: the last count stands.
    }
  }
}

async function countEntries(path: string): Promise<number> {
  let count = 0;
  for await (const _ of await opendir(path, { bufferSize: ENTRIES_AT_ONCE })) count++;
  return count;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** 0: nobody says. */
function openFilesMax(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
