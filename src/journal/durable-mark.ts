/**
 * How far the journal is on disk, as (segment, slot), readable from any thread: the loader reads files up to here and no
 * further. Both halves live in one 64-bit word, so nobody ever sees the slot of one segment with the number of another.
 */
import type { JournalPosition } from './journal.ts';

export class DurableMark {
  readonly buffer: SharedArrayBuffer;
  readonly #cell: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#cell = new BigInt64Array(buffer);
  }

  /** The first slot that is NOT known durable. (0, 0) until the first commit. */
  read(): JournalPosition {
    const packed = Atomics.load(this.#cell, 0);
    return { segment: Number(packed >> 32n), slot: Number(packed & 0xffff_ffffn) };
  }

  /** The writer thread alone, after an fdatasync that returned 0. */
  advance(segment: number, slot: number): void {
    Atomics.store(this.#cell, 0, (BigInt(segment) << 32n) | BigInt(slot));
  }
}
