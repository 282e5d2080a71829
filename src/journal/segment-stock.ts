/**
 * Segment files made ahead of time: zeros written and fsynced piece by piece on libuv's threads, so that the writer thread only
 * ever overwrites blocks that the file system has already given away. An fdatasync of such a block changes no metadata.
 */
import { open, unlink } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { FaultPlan } from './fault-plan.ts';
import { SLOT_BYTES } from './record-layout.ts';
import { segmentPath } from './segment-files.ts';

/** Synced every MiB: one fsync of 16 MiB would make the commits on the same disk wait behind it. */
const PIECE_BYTES = 1 << 20;
/** And not one after the other: back to back they still hold up every commit until the segment is done. */
const PIECE_PAUSE_MS = 20;

export class SegmentStock {
  readonly #directory: string;
  readonly #sizeBytes: number;
  readonly #faults: FaultPlan;
  #prepared: number;
  #chain: Promise<void> = Promise.resolve();

  /** @param last highest segment that exists already. */
  constructor(directory: string, slots: number, last: number, faults: FaultPlan) {
    this.#directory = directory;
    this.#sizeBytes = slots * SLOT_BYTES;
    this.#prepared = last;
    this.#faults = faults;
  }

  /** Every segment up to this number has its file. */
  get preparedThrough(): number {
    return this.#prepared;
  }

  /**
   * One after the other; resolves when `segment` is on disk, rejects with the file system's error.
   * @param isAwaited looked at after every piece: somebody needs the file, so there are no pauses
   */
  prepare(segment: number, isAwaited: () => boolean = () => true): Promise<void> {
    const made = this.#chain.then(async () => {
      while (this.#prepared < segment) {
        await this.#make(this.#prepared + 1, isAwaited);
        this.#prepared += 1;
      }
    });
    this.#chain = made.catch(() => undefined);
    return made;
  }

  /** Takes back every file from `segment` on: nothing in them was ever acknowledged. */
  discardFrom(segment: number): Promise<void> {
    const done = this.#chain.then(async () => {
      for (; this.#prepared >= segment; this.#prepared--) {
        await unlink(segmentPath(this.#directory, this.#prepared)).catch(() => undefined);
      }
      await syncDirectory(this.#directory).catch(() => undefined);
    });
    this.#chain = done;
    return done;
  }

  async #make(segment: number, isAwaited: () => boolean): Promise<void> {
    const path = segmentPath(this.#directory, segment);
    this.#faults.meet('prepare');
    // Left by a take-back that failed; numbers above the newest opened segment are ours alone.
    await unlink(path).catch(() => undefined);
    try {
      const file = await open(path, 'wx', 0o640);
      try {
        const zeros = new Uint8Array(Math.min(PIECE_BYTES, this.#sizeBytes));
        for (let at = 0; at < this.#sizeBytes; ) {
          const piece = Math.min(zeros.length, this.#sizeBytes - at);
          const { bytesWritten } = await file.write(zeros, 0, piece, at);
          if (bytesWritten !== piece) throw new Error(`short write: ${bytesWritten} of ${piece} bytes`);
          at += piece;
          await file.datasync();
          if (!isAwaited()) await pause(PIECE_PAUSE_MS);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await syncDirectory(this.#directory);
    } catch (thrown) {
      await unlink(path).catch(() => undefined);
      throw thrown;
    }
  }
}

/** A new file's name is durable only after this. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
