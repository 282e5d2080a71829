/** One core at work: walks through memory and counts its steps in each window. Posts the counts, one per window. */
import { parentPort, workerData } from 'node:worker_threads';
import type { EvennessData } from './evenness.ts';

const { windowMs, windows, startMs } = workerData as EvennessData;
/** More than a core's own caches hold: what slows a server down is most often the memory that a neighbour uses, too. */
const WORDS = 2 ** 21;
const STEPS = 64;
const words = new Int32Array(WORDS);
let at = 1;
const counts: number[] = [];
for (let window = 1; window <= windows; window++) {
  const endMs = startMs + window * windowMs;
  let count = 0;
  while (performance.timeOrigin + performance.now() < endMs) {
    for (let step = 0; step < STEPS; step++) {
      at = (Math.imul(at, 1_664_525) + 1_013_904_223) | 0;
      words[at & (WORDS - 1)]! += 1;
    }
    count++;
  }
  counts.push(count);
}
parentPort!.postMessage(counts);
