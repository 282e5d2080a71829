/** The main thread's end of the writer thread: starts it, hears its doorbell, tells it to resume or to end. */
import { Worker } from 'node:worker_threads';
import type { JournalFault } from './fault-plan.ts';
import type { WriterData, WriterFailure } from './journal.thread.ts';
import type { Durability } from './journal.ts';
import { Command, Control, type RingMemory } from './ring-memory.ts';

export interface WriterEvents {
  /** Something became durable. */
  onDoorbell(): void;
  /** `segment` 0: no file was touched. */
  onFailure(failure: WriterFailure): void;
}

export class WriterLink {
  readonly #directory: string;
  readonly #durability: Durability;
  readonly #memory: RingMemory;
  readonly #events: WriterEvents;
  #faults: readonly JournalFault[];
  #worker: Worker | undefined;
  #ending = false;

  constructor(
    directory: string,
    durability: Durability,
    memory: RingMemory,
    faults: readonly JournalFault[],
    events: WriterEvents,
  ) {
    this.#directory = directory;
    this.#durability = durability;
    this.#memory = memory;
    this.#faults = faults;
    this.#events = events;
  }

  /** Goes on after `sequence`: wakes the thread that waits after a failure, or starts one where there is none. */
  resume(sequence: number): void {
    const memory = this.#memory;
    memory.set(Control.Head, sequence);
    memory.set(Control.Durable, sequence);
    if (this.#worker) {
      memory.set(Control.ResumeAt, sequence);
      memory.set(Control.Command, Command.Resume);
      memory.ring();
      return;
    }
    memory.set(Control.Command, Command.None);
    memory.set(Control.Doorbell, 0);
    this.#start(sequence | 0);
  }

  /** All that was published is written first. */
  async end(): Promise<void> {
    this.#ending = true;
    const worker = this.#worker;
    if (!worker) return;
    const gone = new Promise((resolve) => worker.once('exit', resolve));
    this.#memory.set(Control.Command, Command.Close);
    this.#memory.ring();
    await gone;
  }

  #start(startAfter: number): void {
    const workerData: WriterData = {
      directory: this.#directory,
      durability: this.#durability,
      buffers: this.#memory.buffers,
      startAfter,
      faults: this.#faults,
    };
    // A thread that replaces a dead one does not die of the same injected fault again.
    this.#faults = [];
    const worker = new Worker(new URL('./journal.thread.js', import.meta.url), {
      name: 'sluice-journal',
      workerData,
      execArgv: [],
    });
    this.#worker = worker;
    let lastWords = '';
    worker.on('message', (message: number | WriterFailure) => {
      if (typeof message === 'number') {
        // Cleared before DURABLE is read: a commit in between rings again rather than being missed.
        this.#memory.set(Control.Doorbell, 0);
        this.#events.onDoorbell();
      } else {
        this.#events.onFailure(message);
      }
    });
    worker.on('error', (thrown) => {
      lastWords = thrown.message;
    });
    worker.on('exit', (code) => {
      this.#worker = undefined;
      if (this.#ending) return;
      this.#events.onFailure({
        reason: `the journal's writer thread ended (${lastWords || `exit code ${code}`})`,
        // Any segment it had been told of may have been touched.
        segment: Number.POSITIVE_INFINITY,
      });
    });
  }
}
