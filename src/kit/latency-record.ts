/**
 * Latencies in log-linear counters, as HdrHistogram has them, in one typed array: recording is two adds, and another thread may
 * fill it. Pure.
 *
 *   us   0 ... 31 | 32 33 ... 63 | 64 66 ... 126 | 128 132 ... 252 | ...   each power of two in 32 steps: never more than 3.2 % off
 *
 * One set of counters since the start serves both readers: Prometheus takes them as they are, a window takes what came on top of
 * a copy of a minute ago.
 */

const STEPS_LOG2 = 5;
const STEPS = 1 << STEPS_LOG2;
/** 2^31 us are 35 minutes: whoever waited longer is counted there. */
const US_MAX = 2 ** 31 - 1;
const COUNTERS = (31 - STEPS_LOG2 + 1) * STEPS;
/** Behind the counters: sum of all latencies, ms. */
const SUM = COUNTERS;

export const LATENCY_RECORD_BYTES = (COUNTERS + 1) * Float64Array.BYTES_PER_ELEMENT;

export class LatencyRecord {
  readonly #counts: Float64Array;

  /** @param memory of LATENCY_RECORD_BYTES, where another thread shall record: one alone, adds are not atomic */
  constructor(memory: SharedArrayBuffer | ArrayBuffer = new ArrayBuffer(LATENCY_RECORD_BYTES)) {
    this.#counts = new Float64Array(memory);
  }

  /** A clock that stepped back counts as no time at all. */
  record(ms: number, count = 1): void {
    const us = ms > 0 ? Math.min(US_MAX, ms * 1_000) | 0 : 0;
    this.#counts[indexOf(us)]! += count;
    this.#counts[SUM]! += ms > 0 ? ms * count : 0;
  }

  get sumSeconds(): number {
    return this.#counts[SUM]! / 1_000;
  }

  get count(): number {
    return this.countUpTo(Number.POSITIVE_INFINITY);
  }

  /** How many took no longer than so many seconds, to the 3.2 % that counters are wide. */
  countUpTo(seconds: number): number {
    const us = seconds * 1e6;
    const last = us >= US_MAX ? COUNTERS - 1 : indexOf(Math.round(us));
    let count = 0;
    for (let index = 0; index <= last; index++) count += this.#counts[index]!;
    return count;
  }

  /** For a window: the counters as they stand. */
  copyTo(target: Float64Array): void {
    target.set(this.#counts.subarray(0, COUNTERS));
  }
}

export interface LatencyQuantiles {
  readonly count: number;
  /** By the quantiles that were asked for, ms; 0 where nothing was counted. */
  readonly atMs: readonly number[];
  readonly maxMs: number;
}

/** The last minute of a record: `turn` it every so often, and it forgets what is `turns` turns old. */
export class LatencyWindow {
  readonly #record: LatencyRecord;
  readonly #copies: Float64Array[];
  readonly #now = new Float64Array(COUNTERS);
  #oldest = 0;

  constructor(record: LatencyRecord, turns: number) {
    this.#record = record;
    this.#copies = Array.from({ length: turns }, () => new Float64Array(COUNTERS));
    for (const copy of this.#copies) record.copyTo(copy);
  }

  turn(): void {
    this.#record.copyTo(this.#copies[this.#oldest]!);
    this.#oldest = (this.#oldest + 1) % this.#copies.length;
  }

  /** @param quantiles rising, in 0..1 */
  quantiles(quantiles: readonly number[]): LatencyQuantiles {
    const now = this.#now;
    const before = this.#copies[this.#oldest]!;
    this.#record.copyTo(now);
    let count = 0;
    let last = -1;
    for (let index = 0; index < COUNTERS; index++) {
      const came = now[index]! - before[index]!;
      count += came;
      if (came > 0) last = index;
    }
    const atMs: number[] = [];
    let passed = 0;
    let index = 0;
    for (const quantile of quantiles) {
      const wanted = quantile * count;
      while (index < last && passed + now[index]! - before[index]! < wanted) {
        passed += now[index]! - before[index]!;
        index++;
      }
      atMs.push(last < 0 ? 0 : upperEdgeMs(index));
    }
    return { count, atMs, maxMs: last < 0 ? 0 : upperEdgeMs(last) };
  }
}

function indexOf(us: number): number {
  if (us < STEPS) return us;
  const shift = 31 - Math.clz32(us) - STEPS_LOG2;
  return (shift << STEPS_LOG2) + (us >> shift);
}

/** The longest latency that its counter can mean. */
function upperEdgeMs(index: number): number {
  if (index < 2 * STEPS) return (index + 1) / 1_000;
  const shift = (index >> STEPS_LOG2) - 1;
  return (((index & (STEPS - 1)) + STEPS + 1) * 2 ** shift) / 1_000;
}
