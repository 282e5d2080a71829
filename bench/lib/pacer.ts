/**
 * A clock that is finer than the event loop's. Its timers come in whole milliseconds, so a schedule kept by them is late by 0.6 ms on
 * average, which an open loop would charge to the server. A thread that sleeps on a futex is exact to some 60 us.
 */
import { Worker } from 'node:worker_threads';

export interface PacerData {
  readonly words: SharedArrayBuffer;
  readonly stepMs: number;
}

/** Indexes of the words: 1 while it runs, and 1 from a step until it was taken. */
export const PACER_RUNS = 0;
export const PACER_AWAKE = 1;
const WORDS_BYTES = 8;

export class Pacer {
  readonly #words = new Int32Array(new SharedArrayBuffer(WORDS_BYTES));
  readonly #worker: Worker;

  constructor(stepMs: number, onStep: () => void) {
    Atomics.store(this.#words, PACER_RUNS, 1);
    const data: PacerData = { words: this.#words.buffer as SharedArrayBuffer, stepMs };
    this.#worker = new Worker(new URL('./pacer.thread.js', import.meta.url), { workerData: data });
    this.#worker.on('message', () => {
      Atomics.store(this.#words, PACER_AWAKE, 0);
      if (Atomics.load(this.#words, PACER_RUNS) === 1) onStep();
    });
  }

  stop(): void {
    Atomics.store(this.#words, PACER_RUNS, 0);
    Atomics.notify(this.#words, PACER_RUNS);
  }
}
