/**
 * Names that records carry as numbers: workers and jobs. In flow strings and hashes, out flow small references and the text of
 * their definitions. It must never give a reference to somebody else while a record that means the former holder can still
 * come: then one miner's share would be another's. Pure but for the clock it is given.
 */
import { EdgeError } from '../kit/edge-error.ts';
import { DEFINITION_PARTS_MAX, DEFINITION_TEXT_BYTES, JOB_TEXT_BYTES } from './record-layout.ts';
import { definitionParts, workerText } from './slot-codec.ts';

/** A share of a closed session may still be with a validator: deadline 1 s, two retries, and ample room. */
const QUARANTINE_MS = 30_000;
/** Jobs retired most recently: a share judged while its job left the ring still finds its definition. */
const RETIRED_JOBS_KEPT = 64;
const NEVER = -1;

interface Departure {
  readonly ref: number;
  readonly stamp: number;
  readonly atMs: number;
}

export class WorkerTable {
  readonly #clock: () => number;
  readonly #refs = new Map<string, number>();
  readonly #keys: string[] = [''];
  readonly #texts: Uint8Array[] = [new Uint8Array(0)];
  readonly #holders: number[] = [0];
  readonly #parts: number[] = [0];
  /** Opening (see ShareJournal) in whose segment the definition stands. */
  readonly #definedIn: number[] = [NEVER];
  /** Raised by every acquire, so that a departure that was called off is seen to be void. */
  readonly #stamps: number[] = [0];
  readonly #free: number[] = [];
  #departed: Departure[] = [];
  #departedHead = 0;
  /** Departed, but defined in the segment that is being written: they wait for the next one. One to a reference. */
  readonly #parked = new Map<number, Departure>();

  /** @param clock monotonic ms. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#refs.size;
  }

  /** Departures that have not been looked at again: as many as sessions that left within the quarantine, or so. */
  get departures(): number {
    return this.#departed.length - this.#departedHead + this.#parked.size;
  }

  acquire(address: string, workerName: string, opening: number): number {
    // For known names as well: rigs that come and go under the same name would otherwise leave a departure each time.
    this.#reclaim(opening);
    const key = `${address}\0${workerName}`;
    const known = this.#refs.get(key);
    if (known !== undefined) {
      this.#holders[known]! += 1;
      this.#stamps[known]! += 1;
      return known;
    }
    const text = workerText(address, workerName);
    if (address.includes('\0') || text.length > DEFINITION_PARTS_MAX * DEFINITION_TEXT_BYTES) {
      throw new EdgeError(
        'SLUICE_JOURNAL_NAME',
        `address and worker name of ${text.length} bytes do not fit a journal definition`,
        'Sessions bound both; this is a fault of the engine.',
      );
    }
    const ref = this.#free.pop() ?? this.#keys.length;
    this.#refs.set(key, ref);
    this.#keys[ref] = key;
    this.#texts[ref] = text;
    this.#parts[ref] = definitionParts(text);
    this.#holders[ref] = 1;
    this.#definedIn[ref] = NEVER;
    this.#stamps[ref] = (this.#stamps[ref] ?? 0) + 1;
    return ref;
  }

  release(ref: number): void {
    if (!this.isKnown(ref) || this.#holders[ref] === 0) return;
    this.#holders[ref]! -= 1;
    if (this.#holders[ref] === 0) {
      this.#departed.push({ ref, stamp: this.#stamps[ref]!, atMs: this.#clock() });
    }
  }

  isKnown(ref: number): boolean {
    return ref > 0 && (this.#parts[ref] ?? 0) > 0;
  }

  isDefinedIn(ref: number, opening: number): boolean {
    return this.#definedIn[ref] === opening;
  }

  markDefined(ref: number, opening: number): void {
    this.#definedIn[ref] = opening;
  }

  textOf(ref: number): Uint8Array {
    return this.#texts[ref]!;
  }

  partsOf(ref: number): number {
    return this.#parts[ref]!;
  }

  /** A new segment: who is defined only in older ones may go. */
  segmentOpened(): void {
    for (const departure of this.#parked.values()) this.#departed.push(departure);
    this.#parked.clear();
  }

  #reclaim(opening: number): void {
    const dueMs = this.#clock() - QUARANTINE_MS;
    while (this.#departedHead < this.#departed.length) {
      const departure = this.#departed[this.#departedHead]!;
      if (departure.atMs > dueMs) break;
      this.#departedHead++;
      const { ref, stamp } = departure;
      if (this.#stamps[ref] !== stamp || this.#holders[ref]! > 0) continue;
      if (this.#definedIn[ref] === opening) {
        this.#parked.set(ref, departure);
        continue;
      }
      this.#refs.delete(this.#keys[ref]!);
      this.#keys[ref] = '';
      this.#parts[ref] = 0;
      this.#free.push(ref);
    }
    if (this.#departedHead > 1024 && this.#departedHead * 2 > this.#departed.length) {
      this.#departed = this.#departed.slice(this.#departedHead);
      this.#departedHead = 0;
    }
  }
}

export interface JournalJob {
  readonly jobId: number;
  /** prePowHash and timestamp, as the definition carries them. */
  readonly text: Uint8Array;
  definedIn: number;
}

export class JobTable {
  readonly #jobs = new Map<number, JournalJob>();
  readonly #retired: number[] = [];
  #last: JournalJob | undefined;

  register(jobId: number, prePowHash: Uint8Array, timestampMs: bigint): void {
    const text = new Uint8Array(JOB_TEXT_BYTES);
    text.set(prePowHash.subarray(0, 32));
    new DataView(text.buffer).setBigUint64(32, BigInt.asUintN(64, timestampMs), true);
    const retired = this.#retired.indexOf(jobId);
    if (retired >= 0) this.#retired.splice(retired, 1);
    const known = this.#jobs.get(jobId);
    // A definition stands once in a segment: the same job again changes nothing, another one under its id is defined anew.
    if (known && Buffer.compare(known.text, text) === 0) return;
    this.#jobs.set(jobId, { jobId, text, definedIn: NEVER });
    this.#last = undefined;
  }

  retire(jobId: number): void {
    if (!this.#jobs.has(jobId)) return;
    this.#retired.push(jobId);
    if (this.#retired.length <= RETIRED_JOBS_KEPT) return;
    this.#jobs.delete(this.#retired.shift()!);
    this.#last = undefined;
  }

  /** Shares of one turn are mostly of one job. */
  find(jobId: number): JournalJob | undefined {
    if (this.#last?.jobId === jobId) return this.#last;
    const job = this.#jobs.get(jobId);
    if (job) this.#last = job;
    return job;
  }
}
