/**
 * How well the main thread's loop turns: how late its timers are, how much of a core it takes, how long garbage collection stops it.
 *
 * Late is what Node's own timer of 20 ms finds; one of ours costs five times as much (0.6 % of a core against 0.1 %, on a busy machine). Its
 * histogram can only be read whole or forgotten whole, so every turn of the window pours it into a record.
 */
import {
  constants,
  type EventLoopUtilization,
  monitorEventLoopDelay,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import { LatencyRecord, LatencyWindow } from '../kit/latency-record.ts';
import { LatencyFamily, ReadCounterFamily, type Registry } from '../kit/metrics.ts';
import type { EngineInside } from '../live/engine-report.ts';
import { WINDOW_TURNS } from '../live/stage-latencies.ts';

const LOOK_EVERY_MS = 20;
const NS_PER_MS = 1e6;
/** Node's numbers of the kinds of collection, in the order of `KINDS`. */
const KIND_NUMBERS = [
  constants.NODE_PERFORMANCE_GC_MINOR,
  constants.NODE_PERFORMANCE_GC_MAJOR,
  constants.NODE_PERFORMANCE_GC_INCREMENTAL,
  constants.NODE_PERFORMANCE_GC_WEAKCB,
];
const KINDS = ['minor', 'major', 'incremental', 'weak_callbacks'] as const;

interface Pauses {
  count: number;
  ms: number;
  longestMs: number;
}

export class LoopWatch {
  readonly #late = new LatencyRecord();
  readonly #lateLastMinute = new LatencyWindow(this.#late, WINDOW_TURNS);
  readonly #pausesByKind: readonly Pauses[] = KINDS.map(noPauses);
  /** Of the window's turns, the newest last. */
  readonly #pauses: Pauses[] = [noPauses()];
  readonly #uses: EventLoopUtilization[] = [performance.eventLoopUtilization()];
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) this.#paused(entry as unknown as GcEntry);
  });
  readonly #delays = monitorEventLoopDelay({ resolution: LOOK_EVERY_MS });

  register(registry: Registry): void {
    new LatencyFamily(
      registry,
      {
        name: 'sluice_process_loop_delay_seconds',
        help: 'How late timers of the main thread are: how long anything may wait for its turn.',
      },
      'thread',
      { main: this.#late },
    );
    const ofKinds = (read: (pauses: Pauses) => number) => () =>
      KINDS.map((kind, index) => ({ labels: { kind }, value: read(this.#pausesByKind[index]!) }));
    new ReadCounterFamily(
      registry,
      { name: 'sluice_process_gc_pauses_total', help: 'Garbage collections of the main thread, by kind.' },
      ofKinds(({ count }) => count),
    );
    new ReadCounterFamily(
      registry,
      { name: 'sluice_process_gc_pause_seconds_total', help: 'Time that they stopped the main thread.' },
      ofKinds(({ ms }) => ms / 1_000),
    );
  }

  start(): void {
    this.#observer.observe({ entryTypes: ['gc'] });
    this.#delays.enable();
  }

  close(): void {
    this.#observer.disconnect();
    this.#delays.disable();
  }

  /** Every WINDOW_TURN_MS. */
  turn(): void {
    this.#pour();
    this.#lateLastMinute.turn();
    this.#pauses.push(noPauses());
    this.#uses.push(performance.eventLoopUtilization());
    if (this.#pauses.length > WINDOW_TURNS) this.#pauses.shift();
    if (this.#uses.length > WINDOW_TURNS) this.#uses.shift();
  }

  /** Cumulative ms that the main thread has worked. */
  get busyMs(): number {
    return performance.eventLoopUtilization().active;
  }

  view(): Pick<EngineInside, 'loop' | 'gc'> {
    const { atMs, maxMs } = this.#lateLastMinute.quantiles([0.99]);
    const use = performance.eventLoopUtilization(this.#uses[0]!);
    const sum = (read: (pauses: Pauses) => number) => this.#pauses.reduce((all, one) => all + read(one), 0);
    return {
      loop: { delayP99Ms: atMs[0]!, delayMaxMs: maxMs, utilisation: use.utilization },
      gc: {
        pauses: sum(({ count }) => count),
        pauseSeconds: sum(({ ms }) => ms) / 1_000,
        longestMs: Math.max(...this.#pauses.map(({ longestMs }) => longestMs)),
      },
    };
  }

  /** It holds the time from look to look, and gives it out as quantiles: 0, 50, 75, 87.5 % and so on, up to the longest. */
  #pour(): void {
    const { count, percentiles } = this.#delays;
    let poured = 0;
    for (const [percentile, ns] of percentiles) {
      const upTo = Math.round((percentile / 100) * count);
      if (upTo > poured) this.#late.record(ns / NS_PER_MS - LOOK_EVERY_MS, upTo - poured);
      poured = upTo;
    }
    this.#delays.reset();
  }

  #paused({ duration, detail }: GcEntry): void {
    const kind = KIND_NUMBERS.indexOf(detail.kind);
    for (const pauses of [this.#pausesByKind[kind], this.#pauses.at(-1)]) {
      if (pauses === undefined) continue;
      pauses.count++;
      pauses.ms += duration;
      pauses.longestMs = Math.max(pauses.longestMs, duration);
    }
  }
}

interface GcEntry {
  readonly duration: number;
  readonly detail: { readonly kind: number };
}

function noPauses(): Pauses {
  return { count: 0, ms: 0, longestMs: 0 };
}
