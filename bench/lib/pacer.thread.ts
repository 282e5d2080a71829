/** The pacer's thread: wakes its parent at every step, unless the parent has not yet come to the one before. */
import { parentPort, workerData } from 'node:worker_threads';
import { PACER_AWAKE, PACER_RUNS, type PacerData } from './pacer.ts';

const { words: shared, stepMs } = workerData as PacerData;
const words = new Int32Array(shared);

let nextMs = performance.now();
while (Atomics.load(words, PACER_RUNS) === 1) {
  nextMs = Math.max(nextMs + stepMs, performance.now());
  Atomics.wait(words, PACER_RUNS, 1, nextMs - performance.now());
  if (Atomics.exchange(words, PACER_AWAKE, 1) === 0) parentPort!.postMessage(0);
}
