/**
 * The arena of batches: `slots` batches of `recordsPerBatch` records in one SharedArrayBuffer, and behind them, for each slot, how
 * long its last judging took. Allocated once, recycled; when no slot is free the sockets stop being read, it never grows.
 */
import { RECORD_BYTES } from './batch-layout.ts';

const JUDGING_BYTES = Float64Array.BYTES_PER_ELEMENT;

export class BatchArena {
  readonly shared: SharedArrayBuffer;
  readonly recordsPerBatch: number;
  readonly slots: number;
  readonly #free: number[];
  readonly #judgingMs: Float64Array;

  constructor(slots: number, recordsPerBatch: number) {
    this.slots = slots;
    this.recordsPerBatch = recordsPerBatch;
    this.shared = new SharedArrayBuffer(slots * (recordsPerBatch * RECORD_BYTES + JUDGING_BYTES));
    this.#judgingMs = batchJudgingMs(this.shared, recordsPerBatch);
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

  /** Of the slot's last batch that a thread has judged, by the thread's own clock. */
  judgingMs(slot: number): number {
    return this.#judgingMs[slot]!;
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

/** One number for each slot, written by the thread that judged it. */
export function batchJudgingMs(shared: SharedArrayBuffer, recordsPerBatch: number): Float64Array {
  const slots = shared.byteLength / (recordsPerBatch * RECORD_BYTES + JUDGING_BYTES);
  return new Float64Array(shared, slots * recordsPerBatch * RECORD_BYTES, slots);
}
