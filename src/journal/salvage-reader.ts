/**
 * Reads a segment's slots. In flow bytes, in pieces of whole slots from slot 0 on; out flow shares and blocks with the names
 * they use. Pure. It must never take a damaged slot for a record, and never lose a good one because of a bad neighbour.
 *
 *   good      the CRC fits, the boot is the segment's, and the sequence is `header sequence + slot`
 *   bad       anything else that is not zero and has a good slot after it; torn if none has
 *   hole      a zero slot with a good one after it. Within a boot nothing follows the first zero slot, so this is damage too
 *
 * Without a readable header the first slot with a fitting CRC tells boot and sequence: its slot number dates all the others.
 */

import { portOf, potOf } from '../domain/pot.ts';
import type { JournalBlock } from './journal.ts';
import {
  DEFINITION_PARTS_MAX,
  HEADER_SLOTS,
  OFFSET_EXTRANONCE,
  OFFSET_JOB,
  OFFSET_NONCE,
  OFFSET_WORKER_REF,
  SLOT_BYTES,
  SLOT_WORDS,
  SlotKind,
} from './record-layout.ts';
import { frameBy, isSound, type SegmentFrame } from './segment-frame.ts';
import {
  byteAAt,
  byteBAt,
  decodeBlock,
  decodeDefinition,
  decodeHeader,
  isEmpty,
  isSealed,
  kindAt,
  partAt,
  receivedAt,
  type SegmentHeader,
  sequenceAt,
  workerOfText,
} from './slot-codec.ts';
import { TextAssembly } from './text-assembly.ts';

export interface WorkerDefinition {
  readonly address: string;
  readonly workerName: string;
}

export interface JobDefinition {
  readonly prePowHash: Uint8Array;
  readonly timestampMs: bigint;
}

/** One object for all shares of a reader, filled anew for each: take what you need before you return. */
export interface ShareRecord {
  slot: number;
  sequence: number;
  verdict: number;
  difficultyLog2: number;
  nonceLo: number;
  nonceHi: number;
  receivedAtUnixMs: number;
  workerRef: number;
  jobId: number;
  extranonce: number;
  portIndex: number;
  pot: number;
}

/** A name is undefined when its definition was lost. */
export interface SalvageSink {
  share?(share: ShareRecord, worker: WorkerDefinition | undefined, job: JobDefinition | undefined): void;
  block?(
    block: JournalBlock,
    worker: WorkerDefinition | undefined,
    job: JobDefinition | undefined,
    slot: number,
  ): void;
}

export interface SalvageReport {
  readonly header: SegmentHeader | undefined;
  readonly bootLow: number | undefined;
  readonly slotsSeen: number;
  readonly good: number;
  readonly bad: number;
  readonly torn: number;
  readonly holes: number;
  /** Beyond the last sequence that counts: refused after a failure, see record-layout. */
  readonly abandoned: number;
  readonly shares: number;
  readonly blocks: number;
  readonly workerDefinitions: number;
  readonly jobDefinitions: number;
  readonly brokenDefinitions: number;
  readonly brokenBlocks: number;
  /** Shares and blocks whose worker or job is not defined before them. */
  readonly undefinedNames: number;
  /** 0 when there is none. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly firstShareUnixMs: number;
  readonly lastShareUnixMs: number;
  readonly cleanEnd: boolean;
  /** The first of the bad slots and holes, at most 32. */
  readonly damagedSlots: readonly number[];
}

const DAMAGED_SLOTS_LISTED = 32;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class SegmentReader {
  readonly #sink: SalvageSink;
  readonly #through: number;
  readonly #workers = new Map<number, WorkerDefinition>();
  readonly #jobs = new Map<number, JobDefinition>();
  readonly #texts = new TextAssembly();
  readonly #share: ShareRecord = {
    ...{ slot: 0, sequence: 0, verdict: 0, difficultyLog2: 0, nonceLo: 0, nonceHi: 0 },
    ...{ receivedAtUnixMs: 0, workerRef: 0, jobId: 0, extranonce: 0, portIndex: 0, pot: 0 },
  };
  readonly #report: Mutable<SalvageReport> = {
    ...{
      header: undefined,
      bootLow: undefined,
      slotsSeen: 0,
      good: 0,
      bad: 0,
      torn: 0,
      holes: 0,
      abandoned: 0,
    },
    ...{
      shares: 0,
      blocks: 0,
      workerDefinitions: 0,
      jobDefinitions: 0,
      brokenDefinitions: 0,
      brokenBlocks: 0,
    },
    ...{ undefinedNames: 0, firstSequence: 0, lastSequence: 0, firstShareUnixMs: 0, lastShareUnixMs: 0 },
    ...{ cleanEnd: false, damagedSlots: [] },
  };
  readonly #damaged: number[] = [];
  #frame: SegmentFrame | undefined;
  /** Since the last good slot: counted as bad and holes only when another good one comes. */
  #pendingBad: number[] = [];
  #pendingBadCount = 0;
  #pendingHoles = 0;
  #headerCopy: Uint32Array | undefined;
  /** First part of a block, until its second comes in the very next slot. */
  #blockHead: { words: Uint32Array; slot: number } | undefined;

  /** @param through last sequence that counts, when the next segment's header tells. */
  constructor(sink: SalvageSink = {}, through: number = Number.POSITIVE_INFINITY) {
    this.#sink = sink;
    this.#through = through;
  }

  get header(): SegmentHeader | undefined {
    return this.#report.header;
  }

  /** Pieces in order; all but the last must be whole slots. A slot that is cut off counts as torn. */
  feed(bytes: Uint8Array, firstSlot: number): void {
    const slots = Math.floor(bytes.length / SLOT_BYTES);
    // Not `slice`: of a Buffer that is a view, as unaligned as before.
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
    const words = new Uint32Array(aligned.buffer, aligned.byteOffset, slots * SLOT_WORDS);
    for (let slot = 0; slot < slots; slot++) this.#slot(words, slot * SLOT_WORDS, firstSlot + slot);
    this.#report.slotsSeen = firstSlot + slots;
    if (bytes.length > slots * SLOT_BYTES) this.#suspect(firstSlot + slots);
  }

  finish(): SalvageReport {
    this.#dropBlockHead();
    this.#report.torn = this.#pendingBadCount;
    this.#report.brokenDefinitions = this.#texts.broken;
    return { ...this.#report, damagedSlots: this.#damaged };
  }

  #slot(words: Uint32Array, at: number, slot: number): void {
    if (words[at + 1] === 0 && isEmpty(words, at)) {
      this.#pendingHoles++;
      this.#noteDamage(slot);
      return;
    }
    if (!this.#isGood(words, at, slot)) {
      this.#suspect(slot);
      return;
    }
    const sequence = sequenceAt(words, at);
    if (sequence > this.#through) {
      this.#report.abandoned++;
      return;
    }
    this.#acceptGood(sequence);
    if (this.#blockHead && this.#blockHead.slot !== slot - 1) this.#dropBlockHead();
    this.#record(words, at, slot, sequence);
  }

  #isGood(words: Uint32Array, at: number, slot: number): boolean {
    if (this.#frame === undefined && isSealed(words, at)) {
      this.#frame = frameBy(words, at, slot);
      this.#report.bootLow = this.#frame?.boot;
    }
    return this.#frame !== undefined && isSound(words, at, slot, this.#frame);
  }

  #suspect(slot: number): void {
    this.#pendingBadCount++;
    this.#noteDamage(slot);
  }

  #noteDamage(slot: number): void {
    if (this.#pendingBad.length < DAMAGED_SLOTS_LISTED) this.#pendingBad.push(slot);
  }

  #acceptGood(sequence: number): void {
    const report = this.#report;
    report.good++;
    if (report.firstSequence === 0) report.firstSequence = sequence;
    report.lastSequence = sequence;
    if (this.#pendingBadCount + this.#pendingHoles === 0) return;
    report.bad += this.#pendingBadCount;
    report.holes += this.#pendingHoles;
    this.#damaged.push(...this.#pendingBad.slice(0, DAMAGED_SLOTS_LISTED - this.#damaged.length));
    this.#pendingBad = [];
    this.#pendingBadCount = 0;
    this.#pendingHoles = 0;
  }

  #record(words: Uint32Array, at: number, slot: number, sequence: number): void {
    switch (kindAt(words, at)) {
      case SlotKind.Share:
        this.#shareRecord(words, at, slot, sequence);
        break;
      case SlotKind.Worker:
      case SlotKind.Job:
        this.#definition(words, at, slot);
        break;
      case SlotKind.Block:
        this.#blockRecord(words, at, slot);
        break;
      case SlotKind.CleanEnd:
        this.#report.cleanEnd = true;
        break;
      case SlotKind.Header:
        this.#headerRecord(words, at, slot);
        break;
      default:
        // A kind of a later version: whole, but not ours to judge.
        break;
    }
  }

  #shareRecord(words: Uint32Array, at: number, slot: number, sequence: number): void {
    const report = this.#report;
    const share = this.#share;
    share.slot = slot;
    share.sequence = sequence;
    share.verdict = byteAAt(words, at);
    share.difficultyLog2 = (byteBAt(words, at) << 24) >> 24;
    share.nonceLo = words[at + OFFSET_NONCE / 4]!;
    share.nonceHi = words[at + OFFSET_NONCE / 4 + 1]!;
    share.receivedAtUnixMs = receivedAt(words, at);
    share.workerRef = words[at + OFFSET_WORKER_REF / 4]!;
    share.jobId = words[at + OFFSET_JOB / 4]!;
    share.extranonce = words[at + OFFSET_EXTRANONCE / 4]! & 0xffff;
    share.portIndex = portOf(words[at + OFFSET_EXTRANONCE / 4]! >>> 16);
    share.pot = potOf(words[at + OFFSET_EXTRANONCE / 4]! >>> 16);
    report.shares++;
    // Clocks step: the range is of the earliest and the latest, not of the first and the last.
    if (report.firstShareUnixMs === 0 || share.receivedAtUnixMs < report.firstShareUnixMs) {
      report.firstShareUnixMs = share.receivedAtUnixMs;
    }
    if (share.receivedAtUnixMs > report.lastShareUnixMs) report.lastShareUnixMs = share.receivedAtUnixMs;
    const worker = this.#workers.get(share.workerRef);
    const job = this.#jobs.get(share.jobId);
    if (!worker || !job) report.undefinedNames++;
    this.#sink.share?.(share, worker, job);
  }

  #definition(words: Uint32Array, at: number, slot: number): void {
    const part = decodeDefinition(words, at);
    const isWorker = kindAt(words, at) === SlotKind.Worker;
    // A name that is being defined anew has no meaning until all its parts are here.
    if (part.part === 0) (isWorker ? this.#workers : this.#jobs).delete(part.ref);
    if (part.parts > DEFINITION_PARTS_MAX) return;
    const text = this.#texts.take(kindAt(words, at), part, slot);
    if (!text) return;
    if (isWorker) {
      this.#workers.set(part.ref, workerOfText(text));
      this.#report.workerDefinitions++;
    } else {
      const view = new DataView(text.buffer, text.byteOffset, text.length);
      this.#jobs.set(part.ref, { prePowHash: text.slice(0, 32), timestampMs: view.getBigUint64(32, true) });
      this.#report.jobDefinitions++;
    }
  }

  #blockRecord(words: Uint32Array, at: number, slot: number): void {
    if (partAt(words, at) === 0) {
      this.#dropBlockHead();
      this.#blockHead = { words: words.slice(at, at + SLOT_WORDS), slot };
      return;
    }
    if (!this.#blockHead) {
      this.#report.brokenBlocks++;
      return;
    }
    const pair = new Uint32Array(2 * SLOT_WORDS);
    pair.set(this.#blockHead.words);
    pair.set(words.subarray(at, at + SLOT_WORDS), SLOT_WORDS);
    const block = decodeBlock(pair, 0, SLOT_WORDS);
    const worker = this.#workers.get(block.workerRef);
    const job = this.#jobs.get(block.jobId);
    this.#blockHead = undefined;
    this.#report.blocks++;
    if (!worker || !job) this.#report.undefinedNames++;
    this.#sink.block?.(block, worker, job, slot - 1);
  }

  #dropBlockHead(): void {
    if (!this.#blockHead) return;
    this.#blockHead = undefined;
    this.#report.brokenBlocks++;
  }

  #headerRecord(words: Uint32Array, at: number, slot: number): void {
    if (slot >= HEADER_SLOTS) return;
    const pair = (this.#headerCopy ??= new Uint32Array(HEADER_SLOTS * SLOT_WORDS));
    pair.set(words.subarray(at, at + SLOT_WORDS), slot * SLOT_WORDS);
    const named = kindAt(pair, SLOT_WORDS) === SlotKind.Header;
    this.#report.header = decodeHeader(pair, 0, named ? SLOT_WORDS : undefined);
  }
}
