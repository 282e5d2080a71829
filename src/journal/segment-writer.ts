/**
 * One open segment file, as the writer thread uses it: blocking calls, every return value checked. After the first failure the
 * file is never touched again: the kernel may have dropped the dirty pages of a failed fdatasync and report success next time.
 */
import { closeSync, fdatasyncSync, fstatSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultPlan } from './fault-plan.ts';
import type { Durability } from './journal.ts';
import { SLOT_BYTES, segmentFileName } from './record-layout.ts';
import { Figure, SYNC_BOUNDS_S } from './ring-memory.ts';

export class SegmentWriter {
  readonly #directory: string;
  readonly #figures: Float64Array;
  readonly #faults: FaultPlan;
  readonly #durability: Durability;
  #file = -1;
  /** Number of the segment that is or was last open; 0 = none yet. */
  segment = 0;
  /** Slots written and synced. */
  slot = 0;

  constructor(directory: string, durability: Durability, figures: Float64Array, faults: FaultPlan) {
    this.#directory = directory;
    this.#durability = durability;
    this.#figures = figures;
    this.#faults = faults;
  }

  get isOpen(): boolean {
    return this.#file >= 0;
  }

  /** Opens a preallocated segment that has never been written. */
  open(segment: number): void {
    this.close();
    this.segment = segment;
    this.slot = 0;
    this.#faults.meet('open');
    const file = openSync(join(this.#directory, segmentFileName(segment)), 'r+');
    this.#file = file;
    if (fstatSync(file).size === 0) throw new Error(`segment ${segment} is not preallocated`);
  }

  /** Writes slots at `this.slot + ahead`. A short write is a failure: the next call would say ENOSPC. */
  write(bytes: Uint8Array, fromSlot: number, slots: number, ahead: number): void {
    const fault = this.#faults.meet('write');
    if (fault === 'CRASH') process.exit(70);
    const wanted = slots * SLOT_BYTES;
    const asked = fault === 'SHORT' ? wanted >> 1 : wanted;
    const position = (this.slot + ahead) * SLOT_BYTES;
    const written = writeSync(this.#file, bytes, fromSlot * SLOT_BYTES, asked, position);
    if (written !== wanted) throw new Error(`short write: ${written} of ${wanted} bytes`);
    this.#figures[Figure.Bytes]! += wanted;
  }

  /** Returns only after an fdatasync that returned 0, unless the operator has chosen to do without. */
  sync(slots: number): void {
    const startedMs = performance.now();
    this.#faults.meet('sync');
    if (this.#durability === 'fsync') fdatasyncSync(this.#file);
    const seconds = (performance.now() - startedMs) / 1000;
    this.slot += slots;
    const figures = this.#figures;
    figures[Figure.Commits]! += 1;
    figures[Figure.Records]! += slots;
    figures[Figure.SyncSeconds]! += seconds;
    let bucket = 0;
    while (bucket < SYNC_BOUNDS_S.length && seconds > SYNC_BOUNDS_S[bucket]!) bucket++;
    figures[Figure.FirstBucket + bucket]! += 1;
  }

  close(): void {
    if (this.#file < 0) return;
    const file = this.#file;
    this.#file = -1;
    closeSync(file);
  }
}
