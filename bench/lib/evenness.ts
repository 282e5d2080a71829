/** Whether this machine's cores run evenly when nobody else uses them: on a rented one a neighbour may take their pace, which no counter shows. */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { median } from './statistics.ts';

export interface EvennessData {
  readonly windowMs: number;
  readonly windows: number;
  /** By the clock of the day, so that all threads mean the same window. */
  readonly startMs: number;
}

export interface Evenness {
  /** Of all windows of all cores, those at less than half of their core's median pace: 0 to 1. */
  readonly slowPart: number;
  /** The longest row of windows that were slow on every core at once: that is not a scheduler's doing. */
  readonly longestSlowMs: number;
}

/** Threads need this long before all of them count. */
const START_MS = 300;
const SLOW = 0.5;

/** @param counts of each core, one per window */
export function evennessOf(counts: readonly (readonly number[])[], windowMs: number): Evenness {
  const slow = counts.map((core) => {
    const bound = median(core) * SLOW;
    return core.map((count) => count < bound);
  });
  const all = slow.flat();
  let row = 0;
  let longest = 0;
  for (let window = 0; window < (slow[0]?.length ?? 0); window++) {
    row = slow.every((core) => core[window]) ? row + 1 : 0;
    longest = Math.max(longest, row);
  }
  return {
    slowPart: all.filter(Boolean).length / Math.max(1, all.length),
    longestSlowMs: longest * windowMs,
  };
}

export async function measureEvenness(seconds: number, windowMs: number): Promise<Evenness> {
  const data: EvennessData = {
    windowMs,
    windows: Math.max(1, Math.round((seconds * 1_000) / windowMs)),
    startMs: performance.timeOrigin + performance.now() + START_MS,
  };
  const threads = Array.from(
    { length: availableParallelism() },
    () => new Worker(new URL('./evenness.thread.js', import.meta.url), { workerData: data }),
  );
  // Both asked for at once: a thread may be gone before the last one has counted.
  const counts = await Promise.all(
    threads.map(async (thread) => {
      const [[core]] = await Promise.all([once(thread, 'message'), once(thread, 'exit')]);
      return core as number[];
    }),
  );
  return evennessOf(counts, windowMs);
}
