/**
 * The journal as the loader reads it: batch after batch of durable slots, in order, across segments. In flow files and the
 * durable mark, out flow batches whose every share knows its worker and its job. It must never read past the mark, never
 * skip a segment, and never take for a record what fails its check: such a slot costs itself and nothing else.
 *
 *   seek(mark of the database) > the segment's earlier slots are scanned for definitions > read > read > ...
 */
import { closeSync } from 'node:fs';
import { DIFFICULTY_LOG2_MAX, DIFFICULTY_LOG2_MIN } from '../domain/target.ts';
import type { JournalPosition } from '../journal/journal.ts';
import { OFFSET_JOB, OFFSET_WORKER_REF, SLOT_WORDS, SlotKind } from '../journal/record-layout.ts';
import { isSound } from '../journal/segment-frame.ts';
import { isEmpty, isSealed, kindAt, receivedAt } from '../journal/slot-codec.ts';
import { isLoadableShare, SegmentDefinitions } from './segment-definitions.ts';
import { readSlots, type SegmentFile, SegmentOrder } from './segment-order.ts';
import { ShareBatch } from './share-batch.ts';

/** `full`: there is more to read at once. */
export type ReadOutcome = 'full' | 'some' | 'end' | 'gap';

export interface Lag {
  readonly records: number;
  /** Unix ms of the oldest share that is not loaded; 0 = unknown or none. */
  readonly oldestAtMs: number;
}

const W_WORKER = OFFSET_WORKER_REF / 4;
const W_JOB = OFFSET_JOB / 4;
/** Slots looked at for the oldest share not loaded: a share lies at most two definitions and a block further. */
const PEEK_SLOTS = 64;

export class SegmentSource {
  /** Why the last `read` said 'gap'. */
  gap = '';
  readonly #order: SegmentOrder;
  readonly #definitions = new SegmentDefinitions();
  readonly #slotsMax: number;
  /** Two in turn: while one is written the next is read. */
  readonly #batches: readonly [ShareBatch, ShareBatch];
  #reads = 0;
  #segment: SegmentFile | undefined;
  #position: JournalPosition = { segment: 0, slot: 0 };

  constructor(directory: string, slotsMax: number) {
    this.#order = new SegmentOrder(directory);
    this.#slotsMax = slotsMax;
    this.#batches = [new ShareBatch(slotsMax), new ShareBatch(slotsMax)];
  }

  /** What the last `read` gave; it stays as it is during one more. */
  get batch(): ShareBatch {
    return this.#batches[this.#reads % 2]!;
  }

  oldestSegment(): number | undefined {
    return this.#order.oldest();
  }

  /**
   * Goes to where the database stands. @param boot what the database says the segment's boot is; undefined when nothing of it
   * is loaded yet.
   * @returns '' or why the journal on disk is not the one that was loaded.
   */
  seek(position: JournalPosition, boot: number | undefined): string {
    this.close();
    this.#order.forget();
    this.#position = position;
    const segment = this.#open();
    // A missing file is `read`'s to report: it knows whether it is needed.
    if (!segment || position.slot === 0) return '';
    if (boot !== undefined && boot !== segment.boot) {
      return `segment ${position.segment} on disk is of boot ${segment.boot}, the one in the database was of boot ${boot}: the journal folder was replaced`;
    }
    const words = this.batch.words;
    for (let from = 0; from < position.slot; from += this.#slotsMax) {
      const count = readSlots(segment.file, words, from, Math.min(this.#slotsMax, position.slot - from));
      this.batch.clear({ segment: position.segment, slot: from }, segment.boot, this.#reads);
      for (let index = 0; index < count; index++) this.#take(segment, index, false);
    }
    return '';
  }

  read(mark: JournalPosition): ReadOutcome {
    for (;;) {
      const { segment: number, slot } = this.#position;
      if (number > mark.segment || (number === mark.segment && slot > mark.slot)) {
        return this.#gap(
          `the database is at segment ${number}, slot ${slot}, and the journal ends at segment ${mark.segment}, slot ${mark.slot}`,
        );
      }
      const segment = this.#open();
      if (!segment) return this.#gap(`segment ${number} is not in the journal folder`);
      const closed = number < mark.segment;
      const succession = closed ? this.#order.succession(segment, mark.segment) : undefined;
      // How much of a closed segment counts is written in the next one's header: without it, not a slot more.
      if (closed && !succession) return this.#gap(`no segment on disk follows segment ${number}`);
      const end = succession ? succession.end : mark.slot;
      if (slot < end) {
        this.#fill(segment, slot, Math.min(this.#slotsMax, end - slot));
        return closed || slot + this.#slotsMax < end ? 'full' : 'some';
      }
      if (!succession) return 'end';
      this.close();
      this.#position = { segment: succession.next, slot: 0 };
    }
  }

  /** What lies between the database's mark and the durable one. */
  lag(committed: JournalPosition, mark: JournalPosition): Lag {
    let { segment: number, slot } = committed;
    let records = 0;
    let oldestAtMs = 0;
    while (number <= mark.segment) {
      const segment = this.#order.open(number);
      if (!segment) break;
      try {
        const succession = number < mark.segment ? this.#order.succession(segment, mark.segment) : undefined;
        const end = succession ? succession.end : number === mark.segment ? mark.slot : slot;
        records += Math.max(0, end - slot);
        oldestAtMs ||= firstShareAt(segment, slot, end);
        if (!succession) break;
        number = succession.next;
        slot = 0;
      } finally {
        closeSync(segment.file);
      }
    }
    return { records, oldestAtMs };
  }

  close(): void {
    if (this.#segment) closeSync(this.#segment.file);
    this.#segment = undefined;
  }

  #gap(reason: string): 'gap' {
    this.gap = reason;
    return 'gap';
  }

  #open(): SegmentFile | undefined {
    if (this.#segment?.number === this.#position.segment) return this.#segment;
    this.close();
    this.#segment = this.#order.open(this.#position.segment);
    this.#definitions.beginSegment(this.#position.segment);
    return this.#segment;
  }

  #fill(segment: SegmentFile, slot: number, wanted: number): void {
    this.#reads++;
    const batch = this.batch;
    batch.clear({ segment: segment.number, slot }, segment.boot, this.#reads);
    const count = readSlots(segment.file, batch.words, slot, wanted);
    for (let index = 0; index < count; index++) this.#take(segment, index, true);
    // A file shorter than its mark: what is not there is missing, and the mark moves on like over any lost slot.
    batch.missing += wanted - count;
    batch.to = { segment: segment.number, slot: slot + wanted };
    this.#position = batch.to;
  }

  /** One slot of the buffer; `loading` is false while definitions are rebuilt from slots that are loaded already. */
  #take(segment: SegmentFile, index: number, loading: boolean): void {
    const batch = this.batch;
    const words = batch.words;
    const at = index * SLOT_WORDS;
    const kind = kindAt(words, at);
    if (!loading && kind === SlotKind.Share) return;
    if (!isSound(words, at, batch.from.slot + index, segment)) {
      if (isEmpty(words, at)) batch.missing++;
      else batch.damaged++;
      return;
    }
    if (kind === SlotKind.Share) this.#takeShare(segment, index, at);
    else if (kind === SlotKind.Worker || kind === SlotKind.Job) this.#definitions.takeDefinition(words, at);
    else if (kind === SlotKind.Block) {
      const block = this.#definitions.takeBlock(words, at);
      if (block === 'torn') batch.damaged++;
      else if (block && loading) batch.addBlock(block);
    }
  }

  #takeShare(segment: SegmentFile, index: number, at: number): void {
    const batch = this.batch;
    const words = batch.words;
    if (!isLoadableShare(words, at, DIFFICULTY_LOG2_MIN, DIFFICULTY_LOG2_MAX)) {
      batch.damaged++;
      return;
    }
    const workerRef = words[at + W_WORKER]!;
    const jobRef = words[at + W_JOB]!;
    const worker =
      this.#definitions.worker(workerRef) ?? this.#definitions.lostWorker(workerRef, segment.boot);
    const job = this.#definitions.job(jobRef) ?? this.#definitions.lostJob(jobRef, segment.boot);
    batch.addShare(index, worker, job);
  }
}

function firstShareAt(segment: SegmentFile, slot: number, end: number): number {
  const count = Math.min(PEEK_SLOTS, end - slot);
  if (count <= 0) return 0;
  const words = new Uint32Array(PEEK_SLOTS * SLOT_WORDS);
  const read = readSlots(segment.file, words, slot, count);
  for (let index = 0; index < read; index++) {
    const at = index * SLOT_WORDS;
    if (kindAt(words, at) === SlotKind.Share && isSealed(words, at)) return receivedAt(words, at);
  }
  return 0;
}
