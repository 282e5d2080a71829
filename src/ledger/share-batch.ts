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
import type { ShareSums } from './share-sums.ts';

/** What a worker reference of the journal stands for. `id` counts only while `epoch` is the identities' own. */
export interface WorkerEntry {
  readonly address: string;
  readonly name: string;
  /** Its definition could not be read: a stand-in. */
  readonly lost: boolean;
  id: number;
  epoch: number;
}

export interface JobEntry {
  /** Lower-case hex. */
  readonly prePowHash: string;
  readonly timestampMs: bigint;
  readonly lost: boolean;
  id: number;
  epoch: number;
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
  readonly workers = new Set<WorkerEntry>();
  readonly jobs = new Set<JobEntry>();

  /** The slots as they were read; the source fills it. */
  readonly words: Uint32Array;
  readonly #slots: Int32Array;
  readonly #workerOf: WorkerEntry[] = [];
  readonly #jobOf: JobEntry[] = [];

  constructor(slotsMax: number) {
    this.words = new Uint32Array(slotsMax * SLOT_WORDS);
    this.#slots = new Int32Array(slotsMax);
  }

  clear(from: JournalPosition, boot: number): void {
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
    this.workers.clear();
    this.jobs.clear();
  }

  /** @param index of the slot within `words`. */
  addShare(index: number, worker: WorkerEntry, job: JobEntry): void {
    const share = this.shares++;
    this.#slots[share] = index;
    this.#workerOf[share] = worker;
    this.#jobOf[share] = job;
    this.workers.add(worker);
    this.jobs.add(job);
    if (worker.lost || job.lost) this.unattributed++;
    this.days.add(Math.floor(this.#receivedAtMs(index * SLOT_WORDS) / DAY_MS));
  }

  /** How old each share is now. */
  recordAges(ages: LatencyRecord, nowUnixMs: number): void {
    for (let share = 0; share < this.shares; share++)
      ages.record(nowUnixMs - this.#receivedAtMs(this.#slots[share]! * SLOT_WORDS));
  }

  addBlock(block: LoadedBlock): void {
    this.blocks.push(block);
    this.workers.add(block.worker);
    this.jobs.add(block.job);
  }

  /** Rows and sums of all shares. Every entry's id must be known by now. */
  encode(instanceId: number, copy: ShareCopyBuffer, sums: ShareSums): void {
    const words = this.words;
    copy.clear();
    sums.clear();
    for (let share = 0; share < this.shares; share++) {
      const index = this.#slots[share]!;
      const at = index * SLOT_WORDS;
      const verdict = byteAAt(words, at);
      const difficultyLog2 = (byteBAt(words, at) << 24) >> 24;
      const receivedAtMs = this.#receivedAtMs(at);
      const workerId = this.#workerOf[share]!.id;
      const credit = CREDIT_OF_VERDICT[verdict]!;
      const extranonceAndPort = words[at + W_EXTRANONCE]!;
      const pot = potOf(extranonceAndPort >>> 16);
      copy.append(
        receivedAtMs,
        workerId,
        this.#jobOf[share]!.id,
        words[at + W_NONCE]!,
        words[at + W_NONCE + 1]!,
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
      if (credit === CREDIT_NOW) sums.add(receivedAtMs, workerId, pot, difficultyLog2);
    }
  }

  #receivedAtMs(at: number): number {
    return Math.min(Math.max(receivedAt(this.words, at), POSTGRES_EPOCH_MS), RECEIVED_AT_MAX_MS);
  }
}
