/**
 * Records into the ring. In flow the fields of shares and blocks; out flow slots, each with the names that its segment does not
 * define yet in front of it. It counts the slots of the segment, so it is what decides which record opens the next one. It must
 * never write over a slot that the disk does not hold yet, and never let a record use a name before its definition.
 */
import { LIMITS } from '../../config/limits.ts';
import type { JournalBlock } from './journal.ts';
import {
  BLOCK_SLOTS,
  DEFINITION_TEXT_BYTES,
  FORMAT_VERSION,
  HEADER_SLOTS,
  JOB_TEXT_BYTES,
  SLOTS_PER_SEGMENT,
  SlotKind,
} from './record-layout.ts';
import { JobTable, type JournalJob, WorkerTable } from './reference-table.ts';
import { allocateRing, RingMemory } from './ring-memory.ts';
import type { SegmentChain } from './segment-chain.ts';
import { encodeBlock, encodeCleanEnd, encodeDefinition, encodeHeader, encodeShare } from './slot-codec.ts';

const JOB_PARTS = Math.ceil(JOB_TEXT_BYTES / DEFINITION_TEXT_BYTES);
/** The last slot of a segment is kept for a clean end. */
const CLEAN_END_SLOTS = 1;
/** A header, one record with the longest names, a clean end, and room to be of use. */
const SEGMENT_SLOTS_MIN = 64;
const WORD = 2 ** 32;

export interface AppenderOptions {
  readonly instanceName: string;
  readonly bootUnixMs: number;
  readonly ringSlots?: number | undefined;
  readonly slotsPerSegment?: number | undefined;
  readonly chain: SegmentChain;
  readonly mark: SharedArrayBuffer;
  readonly clock: () => number;
  /** A header went into the ring: the writer thread may ask for that segment's file at any moment. */
  readonly onSegment: (segment: number) => void;
  /** The owner named a worker or a job that is not there (any more). */
  readonly onUnknown: (workerRef: number, jobId: number) => void;
}

export class RecordAppender {
  readonly memory: RingMemory;
  readonly workers: WorkerTable;
  readonly jobs = new JobTable();
  readonly slotsPerSegment: number;
  /** Highest sequence handed out. */
  appended = 0;
  /** Ring slots up to this sequence are free again: durable, or abandoned after a failure. */
  released = 0;
  readonly #options: AppenderOptions;
  readonly #boot: number;
  readonly #slotsUsable: number;
  /** Slots of the segment that records go into now. */
  #slot = 0;
  /** Counts segment openings; definitions are remembered by it, since a segment's number can come twice after a failure. */
  #opening = 0;

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.slotsPerSegment = options.slotsPerSegment ?? SLOTS_PER_SEGMENT;
    if (this.slotsPerSegment < SEGMENT_SLOTS_MIN) {
      throw new RangeError(`a segment has at least ${SEGMENT_SLOTS_MIN} slots`);
    }
    this.#slotsUsable = this.slotsPerSegment - CLEAN_END_SLOTS;
    this.#boot = options.bootUnixMs % WORD;
    this.workers = new WorkerTable(options.clock);
    this.memory = new RingMemory(allocateRing(options.ringSlots ?? LIMITS.journalRingSlots, options.mark));
  }

  get fill(): number {
    return (this.appended - this.released) / this.memory.slots;
  }

  acquireWorker(address: string, workerName: string): number {
    return this.workers.acquire(address, workerName, this.#opening);
  }

  /** 0 when the ring has no room. */
  appendShare(
    verdict: number,
    difficultyLog2: number,
    nonceLo: number,
    nonceHi: number,
    receivedAtUnixMs: number,
    workerRef: number,
    jobId: number,
    extranonce: number,
    portAndPot: number,
    powTop: Uint8Array,
    powTopOffset: number,
  ): number {
    if (!this.#admit(workerRef, jobId, 1)) return 0;
    const sequence = ++this.appended;
    this.#slot++;
    const { memory } = this;
    encodeShare(
      memory.words,
      memory.wordsOf(sequence),
      sequence,
      this.#boot,
      verdict,
      difficultyLog2,
      nonceLo,
      nonceHi,
      receivedAtUnixMs,
      workerRef,
      jobId,
      extranonce,
      portAndPot,
      powTop,
      powTopOffset,
    );
    return sequence;
  }

  appendBlock(block: JournalBlock): number {
    if (!this.#admit(block.workerRef, block.jobId, BLOCK_SLOTS)) return 0;
    const sequence = this.appended + 1;
    const { memory } = this;
    const next = memory.wordsOf(sequence + 1);
    encodeBlock(memory.words, memory.wordsOf(sequence), next, sequence, this.#boot, block);
    this.appended += BLOCK_SLOTS;
    this.#slot += BLOCK_SLOTS;
    return this.appended;
  }

  appendCleanEnd(atUnixMs: number): void {
    if (this.fill >= 1) return;
    const sequence = ++this.appended;
    this.#slot++;
    const at = this.memory.wordsOf(sequence);
    encodeCleanEnd(this.memory.words, at, sequence, this.#boot, atUnixMs);
  }

  /** The header of the next segment. */
  openSegment(): void {
    const { instanceName, bootUnixMs, chain } = this.#options;
    const { memory } = this;
    const sequence = this.appended + 1;
    const previous = chain.open(sequence, bootUnixMs);
    encodeHeader(memory.words, memory.wordsOf(sequence), memory.wordsOf(sequence + 1), {
      version: FORMAT_VERSION,
      instanceName,
      segment: chain.current.segment,
      sequence,
      bootUnixMs,
      previousSegment: previous.segment,
      previousBootUnixMs: previous.bootUnixMs,
      previousThrough: previous.through,
      slots: this.slotsPerSegment,
    });
    this.appended += HEADER_SLOTS;
    this.#slot = HEADER_SLOTS;
    this.#opening++;
    this.workers.segmentOpened();
    this.#options.onSegment(chain.current.segment);
  }

  /** Room in ring and segment for a record and for the definitions that it needs, which are written here. */
  #admit(workerRef: number, jobId: number, slots: number): boolean {
    const job = this.jobs.find(jobId);
    if (job === undefined || !this.workers.isKnown(workerRef)) {
      this.#options.onUnknown(workerRef, jobId);
      return false;
    }
    const free = this.memory.slots - (this.appended - this.released);
    const isDefined = this.workers.isDefinedIn(workerRef, this.#opening) && job.definedIn === this.#opening;
    if (isDefined && this.#slot + slots <= this.#slotsUsable) return free >= slots;
    return this.#admitWithDefinitions(workerRef, job, slots, free);
  }

  #admitWithDefinitions(workerRef: number, job: JournalJob, slots: number, free: number): boolean {
    const workerParts = this.workers.partsOf(workerRef);
    const needsWorker = !this.workers.isDefinedIn(workerRef, this.#opening);
    const needsJob = job.definedIn !== this.#opening;
    let needed = slots + (needsWorker ? workerParts : 0) + (needsJob ? JOB_PARTS : 0);
    const rotates = this.#slot + needed > this.#slotsUsable;
    if (rotates) needed = HEADER_SLOTS + workerParts + JOB_PARTS + slots;
    if (free < needed) return false;
    if (rotates) this.openSegment();
    if (rotates || needsWorker) {
      this.#define(SlotKind.Worker, workerRef, this.workers.textOf(workerRef), workerParts);
      this.workers.markDefined(workerRef, this.#opening);
    }
    if (rotates || needsJob) {
      this.#define(SlotKind.Job, job.jobId, job.text, JOB_PARTS);
      job.definedIn = this.#opening;
    }
    return true;
  }

  #define(kind: number, ref: number, text: Uint8Array, parts: number): void {
    for (let part = 0; part < parts; part++) {
      const sequence = ++this.appended;
      this.#slot++;
      const at = this.memory.wordsOf(sequence);
      encodeDefinition(this.memory.words, at, sequence, this.#boot, kind, ref, text, part);
    }
  }
}
