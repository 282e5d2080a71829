/**
 * The arena of batches: `slots` batches of `recordsPerBatch` records in one SharedArrayBuffer. Allocated once, recycled; when
 * no slot is free the sockets stop being read, it never grows.
 */
import { RECORD_BYTES } from './batch-layout.ts';

export class BatchArena {
  readonly shared: SharedArrayBuffer;
  readonly recordsPerBatch: number;
  readonly slots: number;
  readonly #free: number[];

  constructor(slots: number, recordsPerBatch: number) {
    this.slots = slots;
    this.recordsPerBatch = recordsPerBatch;
    this.shared = new SharedArrayBuffer(slots * recordsPerBatch * RECORD_BYTES);
    this.#free = Array.from({ length: slots }, (_, index) => slots - 1 - index);
  }

  get freeSlots(): number {
    return this.#free.length;
  }

  /** A free slot, or -1. */
  acquire(): number {
    return this.#free.pop() ?? -1;
  }

  release(slot: number): void {
    this.#free.push(slot);
  }

  records(slot: number): Uint8Array {
    return batchRecords(this.shared, slot, this.recordsPerBatch);
  }
}

/** The same view on either side of the thread wall. */
export function batchRecords(shared: SharedArrayBuffer, slot: number, recordsPerBatch: number): Uint8Array {
  const bytes = recordsPerBatch * RECORD_BYTES;
  return new Uint8Array(shared, slot * bytes, bytes);
}
