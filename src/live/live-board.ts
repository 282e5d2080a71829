/**
 * The board: numbers of every session of an engine, in memory that threads share. The main thread writes rows in its pass, others read
 * them whenever they like; nobody waits and nothing is sent. One row per stratum slot, one column per field, so that looking for what
 * has changed is a walk over one array.
 *
 *   sequence | tick | generation | port | difficulty | connected | lastShare | accepted | credited | rejected x 16
 *
 * A row is being written while its sequence is odd. A reader that meets one, or finds another sequence afterwards, reads again; gives
 * up after a few times, and takes the row as it is next time. Numbers cannot be torn in themselves, and all of a row are of one
 * connection as long as its generation is, so the worst that a processor which reorders reads could show is a count of a second ago.
 */
import { VERDICTS } from '../domain/share.ts';

/** Room for verdicts to come. */
export const VERDICT_COLUMNS = 16;
/** Of one session, all columns together. */
export const ROW_BYTES = 4 + 4 + 4 + 4 + 4 + 8 + 8 + 4 + 8 + 4 * VERDICT_COLUMNS;
const READ_TRIES = 8;

/** Free to be used again: numbers are copied into it. */
export interface BoardRow {
  /** 0 = nobody is logged in on this slot. */
  generation: number;
  portIndex: number;
  difficultyLog2: number;
  connectedAtUnixMs: number;
  /** 0 = none yet. */
  lastShareAtUnixMs: number;
  accepted: number;
  creditedDifficulty: number;
  readonly rejected: Uint32Array;
}

export function newBoardRow(): BoardRow {
  return {
    ...{ generation: 0, portIndex: 0, difficultyLog2: 0, connectedAtUnixMs: 0, lastShareAtUnixMs: 0 },
    ...{ accepted: 0, creditedDifficulty: 0, rejected: new Uint32Array(VERDICT_COLUMNS) },
  };
}

export class LiveBoard {
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  /** [0] tick, [1] slots in use: none behind it was ever written. */
  readonly #head: Int32Array;
  readonly #connectedAt: Float64Array;
  readonly #lastShareAt: Float64Array;
  readonly #credited: Float64Array;
  readonly #sequence: Int32Array;
  readonly #tick: Int32Array;
  readonly #generation: Uint32Array;
  readonly #port: Int32Array;
  readonly #difficulty: Int32Array;
  readonly #accepted: Uint32Array;
  readonly #rejected: Uint32Array;

  /** @param buffer of a board of this capacity; absent: a new one, of which untouched pages cost nothing */
  constructor(capacity: number, buffer = new SharedArrayBuffer(16 + capacity * ROW_BYTES)) {
    this.buffer = buffer;
    this.capacity = capacity;
    let at = 0;
    const take = (bytes: number): number => {
      at += bytes;
      return at - bytes;
    };
    // Widest first, so that each column is aligned.
    this.#head = new Int32Array(buffer, take(16), 4);
    this.#connectedAt = new Float64Array(buffer, take(8 * capacity), capacity);
    this.#lastShareAt = new Float64Array(buffer, take(8 * capacity), capacity);
    this.#credited = new Float64Array(buffer, take(8 * capacity), capacity);
    this.#sequence = new Int32Array(buffer, take(4 * capacity), capacity);
    this.#tick = new Int32Array(buffer, take(4 * capacity), capacity);
    this.#generation = new Uint32Array(buffer, take(4 * capacity), capacity);
    this.#port = new Int32Array(buffer, take(4 * capacity), capacity);
    this.#difficulty = new Int32Array(buffer, take(4 * capacity), capacity);
    this.#accepted = new Uint32Array(buffer, take(4 * capacity), capacity);
    this.#rejected = new Uint32Array(
      buffer,
      take(4 * VERDICT_COLUMNS * capacity),
      VERDICT_COLUMNS * capacity,
    );
  }

  /** Slots that were ever written. */
  get used(): number {
    return Atomics.load(this.#head, 1);
  }

  /** Nothing is written any more at this tick or an earlier one: what to remember before looking at what has changed. */
  get settledTick(): number {
    const tick = Atomics.load(this.#head, 0);
    return (tick & 1) === 0 ? tick : (tick - 1) | 0;
  }

  /** The tick is odd during a pass. */
  beginPass(): void {
    Atomics.add(this.#head, 0, 1);
  }

  endPass(): void {
    Atomics.add(this.#head, 0, 1);
  }

  generationAt(slot: number): number {
    return this.#generation[slot]!;
  }

  /** Writes the row unless it says the same already. Returns whether it did. */
  write(slot: number, row: BoardRow): boolean {
    if (slot >= this.capacity || this.#says(slot, row)) return false;
    Atomics.add(this.#sequence, slot, 1);
    this.#generation[slot] = row.generation;
    this.#port[slot] = row.portIndex;
    this.#difficulty[slot] = row.difficultyLog2;
    this.#connectedAt[slot] = row.connectedAtUnixMs;
    this.#lastShareAt[slot] = row.lastShareAtUnixMs;
    this.#accepted[slot] = row.accepted;
    this.#credited[slot] = row.creditedDifficulty;
    this.#rejected.set(row.rejected, slot * VERDICT_COLUMNS);
    this.#written(slot);
    return true;
  }

  /** Nobody is on it any more. */
  clear(slot: number): void {
    if (this.#generation[slot] === 0) return;
    Atomics.add(this.#sequence, slot, 1);
    this.#generation[slot] = 0;
    this.#written(slot);
  }

  /** False: it could not be read in one piece; `row` is to be thrown away. */
  read(slot: number, row: BoardRow): boolean {
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const sequence = Atomics.load(this.#sequence, slot);
      if ((sequence & 1) !== 0) continue;
      row.generation = this.#generation[slot]!;
      row.portIndex = this.#port[slot]!;
      row.difficultyLog2 = this.#difficulty[slot]!;
      row.connectedAtUnixMs = this.#connectedAt[slot]!;
      row.lastShareAtUnixMs = this.#lastShareAt[slot]!;
      row.accepted = this.#accepted[slot]!;
      row.creditedDifficulty = this.#credited[slot]!;
      const from = slot * VERDICT_COLUMNS;
      for (let verdict = 0; verdict < VERDICT_COLUMNS; verdict++)
        row.rejected[verdict] = this.#rejected[from + verdict]!;
      if (Atomics.load(this.#sequence, slot) === sequence) return true;
    }
    return false;
  }

  /**
   * Calls `visit` with slots that were written since `tick`, from `from` on, until it returns false. Returns the slot to go on with,
   * or -1 at the end.
   */
  changedSince(tick: number, from: number, visit: (slot: number) => boolean): number {
    const { used } = this;
    // As a difference, so that a tick may pass 2^31.
    for (let slot = from; slot < used; slot++)
      if (((this.#tick[slot]! - tick) | 0) > 0 && !visit(slot)) return slot + 1;
    return -1;
  }

  #says(slot: number, row: BoardRow): boolean {
    if (
      this.#generation[slot] !== row.generation ||
      this.#accepted[slot] !== row.accepted ||
      this.#difficulty[slot] !== row.difficultyLog2 ||
      this.#lastShareAt[slot] !== row.lastShareAtUnixMs ||
      this.#credited[slot] !== row.creditedDifficulty ||
      this.#connectedAt[slot] !== row.connectedAtUnixMs
    )
      return false;
    const from = slot * VERDICT_COLUMNS;
    for (let verdict = 0; verdict < VERDICTS.length; verdict++)
      if (this.#rejected[from + verdict] !== row.rejected[verdict]) return false;
    return true;
  }

  #written(slot: number): void {
    this.#tick[slot] = Atomics.load(this.#head, 0);
    Atomics.add(this.#sequence, slot, 1);
    if (slot >= this.used) Atomics.store(this.#head, 1, slot + 1);
  }
}
