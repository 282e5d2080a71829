/**
 * Memory that the main thread and the writer thread share: the ring of slots, the control words, the writer's figures and the
 * durable mark. One writer to each word:
 *
 *   main    BELL (adds one and wakes), HEAD, COMMAND, RESUME_AT, PREPARED, PREPARE_FAILED
 *   thread  DURABLE, DOORBELL (main clears it), COMMAND back to none once it has resumed
 *
 * HEAD and DURABLE are sequences modulo 2^32: the ring is far smaller, so differences say everything. Sequence s lies in ring
 * slot (s - 1) mod size. Slots above DURABLE up to HEAD are the thread's, the rest are the main thread's.
 */
import { SLOT_BYTES, SLOT_WORDS } from './record-layout.ts';

export const Control = {
  Bell: 0,
  Head: 1,
  Durable: 2,
  Doorbell: 3,
  Command: 4,
  ResumeAt: 5,
  /** Highest segment number whose file is preallocated and fsynced. */
  Prepared: 6,
  /** Segment that cannot be prepared: the thread must not wait for it any longer. 0 = none. */
  PrepareFailed: 7,
} as const;
const CONTROL_WORDS = 16;

export const Command = { None: 0, Resume: 1, Close: 2 } as const;

/** Upper bounds of the fdatasync histogram, seconds: 50 us to 10 s. The last bucket is everything above. */
export const SYNC_BOUNDS_S = [
  0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
] as const;

/** Doubles written by the thread alone; a reader may see a figure a commit old, never a wrong one. */
export const Figure = {
  Commits: 0,
  Records: 1,
  Bytes: 2,
  SyncSeconds: 3,
  BusyMs: 4,
  FirstBucket: 5,
} as const;
const FIGURE_COUNT = Figure.FirstBucket + SYNC_BOUNDS_S.length + 1;

export interface RingBuffers {
  readonly control: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
  readonly figures: SharedArrayBuffer;
  readonly mark: SharedArrayBuffer;
}

export function allocateRing(ringSlots: number, markBuffer: SharedArrayBuffer): RingBuffers {
  if (ringSlots < 64 || (ringSlots & (ringSlots - 1)) !== 0) {
    throw new RangeError(`journal ring of ${ringSlots} slots: expected a power of two from 64`);
  }
  return {
    control: new SharedArrayBuffer(CONTROL_WORDS * 4),
    slots: new SharedArrayBuffer(ringSlots * SLOT_BYTES),
    figures: new SharedArrayBuffer(FIGURE_COUNT * 8),
    mark: markBuffer,
  };
}

/** The views of one side. */
export class RingMemory {
  readonly buffers: RingBuffers;
  readonly control: Int32Array;
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  readonly figures: Float64Array;
  readonly slots: number;
  readonly mask: number;

  constructor(buffers: RingBuffers) {
    this.buffers = buffers;
    this.control = new Int32Array(buffers.control);
    this.words = new Uint32Array(buffers.slots);
    this.bytes = new Uint8Array(buffers.slots);
    this.figures = new Float64Array(buffers.figures);
    this.slots = buffers.slots.byteLength / SLOT_BYTES;
    this.mask = this.slots - 1;
  }

  /** First word of the slot that holds a sequence. */
  wordsOf(sequence: number): number {
    return ((sequence - 1) & this.mask) * SLOT_WORDS;
  }

  /** Wakes the writer thread; whatever it shall see must be stored before. */
  ring(): void {
    Atomics.add(this.control, Control.Bell, 1);
    Atomics.notify(this.control, Control.Bell);
  }

  set(cell: number, value: number): void {
    Atomics.store(this.control, cell, value | 0);
  }

  get(cell: number): number {
    return Atomics.load(this.control, cell);
  }
}
