/**
 * Up to when every share has its answer, as unix ms, readable from any thread. The engine sets it now and then; the loader reads it
 * BEFORE the durable mark: whatever was received before it and counts then lies below that mark.
 *
 *   share received --> judged --> journal --> on disk --> answered          oldest share on this way = where the mark stands
 *
 * A bound on how long a share can be under way would not do: a disk may hang for a minute, and the share counts all the same.
 */

/** Clocks are read a moment apart and one of them is slewed; a record's own time is rounded. */
const SLACK_MS = 1_000;

export class AnsweredMark {
  readonly buffer: SharedArrayBuffer;
  readonly #cell: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#cell = new BigInt64Array(buffer);
  }

  /** Unix ms; 0 until it was set for the first time. */
  read(): number {
    return Number(Atomics.load(this.#cell, 0));
  }

  /**
   * @param nowUnixMs and @param nowMs of the same moment; @param oldestUnderWayMs monotonic like `nowMs`, Infinity = none.
   * A wall clock that was put back takes the mark back with it: shares to come will carry earlier times.
   */
  set(nowUnixMs: number, nowMs: number, oldestUnderWayMs: number): void {
    const ageMs = Math.max(0, nowMs - oldestUnderWayMs);
    Atomics.store(this.#cell, 0, BigInt(Math.floor(nowUnixMs - ageMs - SLACK_MS)));
  }
}
