/**
 * One batch between journal and database: raw share slots, the entries their references stand for, blocks, and the two
 * positions it leads from and to. Pure. The slots are kept as bytes and become COPY rows only when the ids are known.
 */
import { portOf, potOf } from '../domain/pot.ts';
import { VERDICTS } from '../domain/share.ts';
import type { JournalPosition } from '../journal/journal.ts';
import { OFFSET_EXTRANONCE, OFFSET_NONCE, SLOT_WORDS } from '../journal/record-layout.ts';
import { byteAAt, byteBAt, receivedAt } from '../journal/slot-codec.ts';
import type { LatencyRecord } from '../kit/latency-record.ts';
import { POSTGRES_EPOCH_MS, type ShareCopyBuffer } from './binary-copy.ts';
import type { ShareSum, ShareSums } from './share-sums.ts';

/** What a worker reference of the journal stands for. `id` counts only while `epoch` is the identities' own. */
export interface WorkerEntry {
  readonly address: string;
  readonly name: string;
  /** Its definition could not be read: a stand-in. */
  readonly lost: boolean;
  id: number;
  epoch: number;
  /** Serial number of the last batch that it is in: a mark costs a compare, a Set a look-up, for every share. */
  batch: number;
  /** Where its last share was added; it says itself what it is the sum of. */
  sum: ShareSum | undefined;
}

export interface JobEntry {
  /** Lower-case hex. */
  readonly prePowHash: string;
  readonly timestampMs: bigint;
  readonly lost: boolean;
  id: number;
  epoch: number;
  batch: number;
}

export interface LoadedBlock {
  /** Lower-case hex. */
  readonly blockHash: string;
  readonly nonce: bigint;
  readonly foundAtUnixMs: number;
  readonly worker: WorkerEntry;
  readonly job: JobEntry;
  readonly pot: number;
  readonly daaScore: bigint;
  readonly blueScore: bigint;
  readonly bits: number;
}

/** Values of `shares.credit`. */
export const CREDIT_NOW = 0;
const CREDIT_CODES = { now: CREDIT_NOW, 'after-confirmation': 1, never: 2 } as const;
const CREDIT_OF_VERDICT = Uint8Array.from(VERDICTS, (row) => CREDIT_CODES[row.credited]);

export const DAY_MS = 86_400_000;
/** A host clock that is off by decades must not stop the loader with a date that PostgreSQL or a double cannot hold. */
const RECEIVED_AT_MAX_MS = Date.UTC(2200, 0, 1) - 1;
const W_NONCE = OFFSET_NONCE / 4;
/** Extranonce in the low half of its word, port and pot in the high one. */
const W_EXTRANONCE = OFFSET_EXTRANONCE / 4;

export class ShareBatch {
  from: JournalPosition = { segment: 0, slot: 0 };
  to: JournalPosition = { segment: 0, slot: 0 };
  /** Boot of the segment, unsigned 32 bits. */
  boot = 0;
  shares = 0;
  /** Unix ms: with this batch every share received before is in the database. 0 = nothing can be said. */
  throughMs = 0;
  /** Slots that carry something and are no record, slots that carry nothing, and shares with a lost definition. */
  damaged = 0;
  missing = 0;
  unattributed = 0;
  readonly blocks: LoadedBlock[] = [];
  /** UTC days of the shares, as days since 1970. */
  readonly days = new Set<number>();
  readonly workers: WorkerEntry[] = [];
  readonly jobs: JobEntry[] = [];

  /** The slots as they were read; the source fills it. */
  readonly words: Uint32Array;
  readonly #slots: Int32Array;
  readonly #workerOf: WorkerEntry[] = [];
  readonly #jobOf: JobEntry[] = [];
  #serial = 0;
  /** The day of the last share, as unix ms. */
  #dayFromMs = 0;
  #dayToMs = 0;

  constructor(slotsMax: number) {
    this.words = new Uint32Array(slotsMax * SLOT_WORDS);
    this.#slots = new Int32Array(slotsMax);
  }

  /** @param serial of no batch before */
  clear(from: JournalPosition, boot: number, serial: number): void {
    this.#serial = serial;
    this.from = from;
    this.to = from;
    this.boot = boot;
    this.shares = 0;
    this.throughMs = 0;
    this.damaged = 0;
    this.missing = 0;
    this.unattributed = 0;
    this.blocks.length = 0;
    this.days.clear();
    this.#dayToMs = 0;
    this.workers.length = 0;
    this.jobs.length = 0;
  }

  /** @param index of the slot within `words`. */
  addShare(index: number, worker: WorkerEntry, job: JobEntry): void {
    const share = this.shares++;
    this.#slots[share] = index;
    this.#workerOf[share] = worker;
    this.#jobOf[share] = job;
    if (worker.batch !== this.#serial) this.#addWorker(worker);
    if (job.batch !== this.#serial) this.#addJob(job);
    if (worker.lost || job.lost) this.unattributed++;
    const receivedAtMs = this.#receivedAtMs(index * SLOT_WORDS);
    if (receivedAtMs >= this.#dayToMs || receivedAtMs < this.#dayFromMs) this.#addDay(receivedAtMs);
  }

  #addWorker(worker: WorkerEntry): void {
    if (worker.batch === this.#serial) return;
    worker.batch = this.#serial;
    this.workers.push(worker);
  }

  #addJob(job: JobEntry): void {
    if (job.batch === this.#serial) return;
    job.batch = this.#serial;
    this.jobs.push(job);
  }

  #addDay(receivedAtMs: number): void {
    const day = Math.floor(receivedAtMs / DAY_MS);
    this.days.add(day);
    this.#dayFromMs = day * DAY_MS;
    this.#dayToMs = this.#dayFromMs + DAY_MS;
  }

  /** How old each share is now; those of one millisecond are counted together. */
  recordAges(ages: LatencyRecord, nowUnixMs: number): void {
    let atMs = 0;
    let count = 0;
    for (let share = 0; share < this.shares; share++) {
      const receivedAtMs = this.#receivedAtMs(this.#slots[share]! * SLOT_WORDS);
      if (receivedAtMs !== atMs) {
        if (count > 0) ages.record(nowUnixMs - atMs, count);
        atMs = receivedAtMs;
        count = 0;
      }
      count++;
    }
    if (count > 0) ages.record(nowUnixMs - atMs, count);
  }

  addBlock(block: LoadedBlock): void {
    this.blocks.push(block);
    this.#addWorker(block.worker);
    this.#addJob(block.job);
  }

  /** Rows and sums of the shares in [from, to). Every entry's id must be known by now. */
  encode(instanceId: number, copy: ShareCopyBuffer, sums: ShareSums, from: number, to: number): void {
    const words = this.words;
    for (let share = from; share < to; share++) {
      const index = this.#slots[share]!;
      const at = index * SLOT_WORDS;
      const verdict = byteAAt(words, at);
      const difficultyLog2 = (byteBAt(words, at) << 24) >> 24;
      const receivedAtMs = this.#receivedAtMs(at);
      const worker = this.#workerOf[share]!;
      const credit = CREDIT_OF_VERDICT[verdict]!;
      const extranonceAndPort = words[at + W_EXTRANONCE]!;
      const pot = potOf(extranonceAndPort >>> 16);
      copy.append(
        receivedAtMs,
        worker.id,
        this.#jobOf[share]!.id,
        // As signed words: an unsigned one above 2^31 would be an object in memory.
        words[at + W_NONCE]! | 0,
        words[at + W_NONCE + 1]! | 0,
        this.from.segment,
        this.from.slot + index,
        portOf(extranonceAndPort >>> 16),
        extranonceAndPort & 0xffff,
        instanceId,
        difficultyLog2,
        verdict,
        credit,
        pot,
      );
      if (credit === CREDIT_NOW) {
        worker.sum = sums.at(worker.sum, receivedAtMs, worker.id, pot);
        worker.sum.add(difficultyLog2);
      }
    }
  }

  #receivedAtMs(at: number): number {
    return Math.min(Math.max(receivedAt(this.words, at), POSTGRES_EPOCH_MS), RECEIVED_AT_MAX_MS);
  }
}
