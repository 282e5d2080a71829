/** Who stands behind a journal reference, for the few places that tell people: blocks and logs. */
import type { Journal } from '../journal/journal.ts';
import type { WorkerRegistry } from '../stratum/stratum-server.ts';

export interface WorkerName {
  readonly address: string;
  readonly workerName: string;
}

/** Passes on to the journal and remembers; references are small integers that the journal recycles, so this stays as small. */
export class WorkerNames implements WorkerRegistry {
  readonly #journal: Journal;
  readonly #names: (WorkerName | undefined)[] = [];

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  acquireWorker(address: string, workerName: string): number {
    const workerRef = this.#journal.acquireWorker(address, workerName);
    this.#names[workerRef] = { address, workerName };
    return workerRef;
  }

  releaseWorker(workerRef: number): void {
    this.#journal.releaseWorker(workerRef);
  }

  nameOf(workerRef: number): WorkerName {
    return this.#names[workerRef] ?? { address: '', workerName: '' };
  }
}
