/**
 * Collects records during a turn of the loop and hands them over at its end ("natural batching"): a few are judged on the
 * spot, many go to the validator threads, and what arrives while all threads are busy makes the next batch larger.
 *
 *   open batch --(end of turn, few)--> judged inline ------------------+
 *       |                                                               v
 *       +--(full, or end of turn)--> waiting --(a thread is free)--> threads --> settle(records, count)
 *
 * No promise, closure or object per record; one promise per pool batch.
 */
import type { StageLatencies } from '../live/stage-latencies.ts';
import type { BatchArena } from './batch-arena.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_FLAGS,
  OFFSET_NONCE,
  OFFSET_RECEIVED_AT,
  OFFSET_REQUEST_ID,
  OFFSET_REQUEST_ID_KIND,
  OFFSET_SESSION_GENERATION,
  OFFSET_SESSION_SLOT,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
  OFFSET_WORKER_REF,
  RECORD_BYTES,
} from './batch-layout.ts';
import type { SubmittingSession } from './intake.ts';

/** Judges records in place: the inline kernel, or one validator thread's. */
export interface RecordJudge {
  judge(records: Uint8Array, count: number): void;
}

export interface BatchThreads {
  /** Could take another batch now. */
  readonly idle: boolean;
  /** Resolves when the slot's records are judged; a batch that no thread could judge is marked by verdict `engine_fault`. */
  judge(slot: number, count: number): Promise<void>;
}

export interface BatcherOptions {
  readonly arena: BatchArena;
  readonly inline: RecordJudge;
  readonly threads: BatchThreads;
  /** 0 = always the threads. */
  readonly inlineRecordsMax: number;
  /** Called with judged records, on the main thread, exactly once per record. */
  readonly settle: (records: Uint8Array, count: number) => void;
  /** A slot came free. */
  readonly onRelease: () => void;
  /** Runs the callback when this turn's input has been read; setImmediate outside tests. */
  readonly atEndOfTurn: (callback: () => void) => void;
  /** Monotonic ms. */
  readonly clock: () => number;
  readonly stages: StageLatencies;
}

interface Waiting {
  readonly slot: number;
  readonly count: number;
}

export class Batcher {
  readonly #options: BatcherOptions;
  readonly #waiting: Waiting[] = [];
  readonly #views: Uint8Array[];
  readonly #dataViews: DataView[];
  /** Of each slot's first record, which is its oldest; Infinity while the slot is free. */
  readonly #firstAtMs: Float64Array;
  /** Of each slot: when the turn of its first record had been read; NaN until then. */
  readonly #readAtMs: Float64Array;
  readonly #endOfTurn: () => void;
  #openSlot = -1;
  #openCount = 0;
  #armed = false;
  /** Of this turn: when it began, and how many submissions it has brought. */
  #turnAtMs = 0;
  #turnRecords = 0;
  #inlineBatches = 0;
  #threadBatches = 0;

  constructor(options: BatcherOptions) {
    this.#options = options;
    this.#views = Array.from({ length: options.arena.slots }, (_, slot) => options.arena.records(slot));
    this.#dataViews = this.#views.map((view) => new DataView(view.buffer, view.byteOffset, view.byteLength));
    this.#firstAtMs = new Float64Array(options.arena.slots).fill(Number.POSITIVE_INFINITY);
    this.#readAtMs = new Float64Array(options.arena.slots).fill(Number.NaN);
    this.#endOfTurn = () => this.#closeTurn();
  }

  get inlineBatches(): number {
    return this.#inlineBatches;
  }

  get threadBatches(): number {
    return this.#threadBatches;
  }

  /** Records of this turn lie in the open batch, and its end is still to come. */
  get collecting(): boolean {
    return this.#armed;
  }

  /** Monotonic ms of the oldest submission without a verdict; Infinity when there is none. */
  get oldestReceivedAtMs(): number {
    return Math.min(...this.#firstAtMs);
  }

  /** True below a quarter of free slots: sockets stop being read, and what they had already read still fits. */
  get saturated(): boolean {
    return this.#options.arena.freeSlots * 4 < this.#options.arena.slots;
  }

  /** False only when the arena is full in spite of `saturated`; the record was then not taken. */
  append(
    session: SubmittingSession,
    templateSlot: number,
    jobId: number,
    nonceLow: number,
    nonceHigh: number,
    difficultyLog2: number,
    flags: number,
    requestIdKind: number,
    requestId: number,
    receivedAtMs: number,
  ): boolean {
    if (this.#openSlot < 0) {
      this.#openSlot = this.#options.arena.acquire();
      if (this.#openSlot < 0) return false;
      this.#openCount = 0;
      this.#firstAtMs[this.#openSlot] = receivedAtMs;
    }
    const view = this.#dataViews[this.#openSlot]!;
    const at = this.#openCount * RECORD_BYTES;
    view.setUint32(at + OFFSET_NONCE, nonceLow, true);
    view.setUint32(at + OFFSET_NONCE + 4, nonceHigh, true);
    view.setUint32(at + OFFSET_TEMPLATE_SLOT, templateSlot, true);
    view.setUint32(at + OFFSET_TEMPLATE_SEQUENCE, jobId, true);
    view.setInt8(at + OFFSET_DIFFICULTY_LOG2, difficultyLog2);
    view.setUint8(at + OFFSET_VERDICT, 0);
    view.setUint8(at + OFFSET_REQUEST_ID_KIND, requestIdKind);
    view.setUint8(at + OFFSET_FLAGS, flags);
    view.setUint32(at + OFFSET_SESSION_SLOT, session.slot, true);
    view.setUint32(at + OFFSET_SESSION_GENERATION, session.generation, true);
    view.setUint32(at + OFFSET_WORKER_REF, session.workerRef, true);
    view.setFloat64(at + OFFSET_REQUEST_ID, requestId, true);
    view.setFloat64(at + OFFSET_RECEIVED_AT, receivedAtMs, true);
    this.#openCount++;
    this.#turnRecords++;
    if (this.#openCount === this.#options.arena.recordsPerBatch) this.#close();
    if (!this.#armed) {
      this.#armed = true;
      this.#turnAtMs = receivedAtMs;
      this.#options.atEndOfTurn(this.#endOfTurn);
    }
    return true;
  }

  #closeTurn(): void {
    this.#armed = false;
    const nowMs = this.#options.clock();
    if (this.#turnRecords > 0) {
      this.#options.stages.read.record(nowMs - this.#turnAtMs, this.#turnRecords);
      this.#turnRecords = 0;
    }
    for (const { slot } of this.#waiting) this.#markRead(slot, nowMs);
    if (this.#openCount > 0) {
      this.#markRead(this.#openSlot, nowMs);
      const few = this.#openCount <= this.#options.inlineRecordsMax && this.#waiting.length === 0;
      if (few) this.#judgeInline(nowMs);
      // With every thread busy the batch stays open and grows; a finished batch comes back for it.
      else if (this.#options.threads.idle) this.#close();
    }
    this.#dispatch();
  }

  #markRead(slot: number, nowMs: number): void {
    if (Number.isNaN(this.#readAtMs[slot]!)) this.#readAtMs[slot] = nowMs;
  }

  #judgeInline(nowMs: number): void {
    const slot = this.#openSlot;
    const count = this.#openCount;
    // Given up before settling: a settle that appends must open a batch of its own.
    this.#openSlot = -1;
    this.#openCount = 0;
    this.#inlineBatches++;
    const records = this.#views[slot]!;
    this.#options.inline.judge(records, count);
    this.#options.stages.hash.record(this.#options.clock() - nowMs, count);
    this.#options.stages.queue.record(nowMs - this.#readAtMs[slot]!, count);
    this.#options.settle(records, count);
    this.#release(slot);
  }

  #close(): void {
    this.#waiting.push({ slot: this.#openSlot, count: this.#openCount });
    this.#openSlot = -1;
    this.#openCount = 0;
  }

  #dispatch(): void {
    while (this.#waiting.length > 0 && this.#options.threads.idle) {
      const batch = this.#waiting.shift()!;
      this.#threadBatches++;
      // A batch that was full is handed over before the turn's end where a thread comes free.
      this.#markRead(batch.slot, this.#options.clock());
      void this.#options.threads.judge(batch.slot, batch.count).then(() => {
        this.#judgedByThread(batch);
        this.#options.settle(this.#views[batch.slot]!, batch.count);
        this.#release(batch.slot);
        this.#dispatch();
        // What piled up meanwhile goes now: no later turn may come to close it.
        if (this.#waiting.length === 0 && this.#openCount > 0) this.#closeTurn();
      });
    }
  }

  /** Just now. */
  #judgedByThread({ slot, count }: Waiting): void {
    const { stages, clock, arena } = this.#options;
    const judgingMs = arena.judgingMs(slot);
    stages.hash.record(judgingMs, count);
    stages.queue.record(clock() - this.#readAtMs[slot]! - judgingMs, count);
  }

  #release(slot: number): void {
    this.#readAtMs[slot] = Number.NaN;
    this.#firstAtMs[slot] = Number.POSITIVE_INFINITY;
    this.#options.arena.release(slot);
    this.#options.onRelease();
  }
}
