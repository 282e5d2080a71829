/**
 * The journal's main-thread side. In flow accepted shares, found blocks and the names they use; out flow slots in the ring to
 * the writer thread and, once per finished commit, the sequence that is durable. It must never report a sequence that no
 * fdatasync covers, never wait for the disk, and never let a record use a name that its segment does not define.
 *
 *   opening --header durable--> available --onFailure--> down --new segment's header durable--> available ...
 *                                    `-------- close() --------'--> closed
 *
 * After a failure the abandoned segment is never touched again, the records above `durableSequence` are cut off by the next
 * header (see record-layout), and fresh segments are tried until one takes its header.
 */
import { EdgeError } from '../kit/edge-error.ts';
import { type Logger, ThrottledLog } from '../kit/log.ts';
import type { Registry } from '../kit/metrics.ts';
import type { DirectoryLock } from './directory-lock.ts';
import { DurableMark } from './durable-mark.ts';
import { FaultPlan, type JournalFault } from './fault-plan.ts';
import type { WriterFailure } from './journal.thread.ts';
import type { Durability, Journal, JournalBlock, JournalListener, JournalPosition } from './journal.ts';
import { registerJournalMetrics } from './journal-metrics.ts';
import { type JournalStart, type OpeningOptions, takeDirectory } from './journal-opening.ts';
import { RecordAppender } from './record-appender.ts';
import { Control, Figure } from './ring-memory.ts';
import { SegmentChain } from './segment-chain.ts';
import { SegmentStock } from './segment-stock.ts';
import { StockKeeper } from './stock-keeper.ts';
import { WriterLink } from './writer-link.ts';

/** Pause between attempts to open a fresh segment. The first comes at once: the next file is usually there already. */
const RETRY_MS = 1_000;

export interface ShareJournalLimits {
  readonly ringSlots?: number;
  readonly slotsPerSegment?: number;
  readonly retryMs?: number;
}

export interface ShareJournalOptions extends OpeningOptions {
  readonly listener: JournalListener;
  /** Default `fsync`. */
  readonly durability?: Durability;
  readonly log: Logger;
  readonly registry?: Registry;
  readonly limits?: ShareJournalLimits;
  /** Monotonic and unix ms; for tests. */
  readonly clock?: () => number;
  readonly wallClock?: () => number;
  /** Only tests pass any. */
  readonly faults?: readonly JournalFault[];
}

type State = 'opening' | 'available' | 'closing' | 'down' | 'closed';

export class ShareJournal implements Journal {
  readonly #options: ShareJournalOptions;
  readonly #records: RecordAppender;
  readonly #mark = new DurableMark();
  readonly #link: WriterLink;
  readonly #stock: SegmentStock;
  readonly #keeper: StockKeeper;
  readonly #lock: DirectoryLock;
  readonly #chain: SegmentChain;
  readonly #retryMs: number;
  readonly #misuse = new ThrottledLog(60_000);
  #state: State = 'opening';
  #fault = 'the journal is being opened';
  /** Highest sequence that the writer thread has been told of. */
  #published = 0;
  #durable = 0;
  #waiters: { sequence: number; settle: (durable: boolean) => void }[] = [];
  #endPause: (() => void) | undefined;
  #recovery: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  failures = 0;

  constructor(options: ShareJournalOptions, start: JournalStart) {
    const { directory, limits = {}, clock = () => performance.now(), faults = [], log } = options;
    this.#options = options;
    this.#retryMs = limits.retryMs ?? RETRY_MS;
    this.#lock = start.lock;
    this.#chain = new SegmentChain(start.previous, start.newestSegment);
    this.#records = new RecordAppender({
      instanceName: options.instanceName,
      bootUnixMs: options.bootUnixMs,
      ringSlots: limits.ringSlots,
      slotsPerSegment: limits.slotsPerSegment,
      chain: this.#chain,
      mark: this.#mark.buffer,
      clock,
      onSegment: (segment) => {
        if (this.#state === 'available') this.#keeper.segmentOpened(segment);
      },
      // It let go of a name too early: the share must not go to whoever holds the number next.
      onUnknown: (workerRef, jobId) =>
        this.#misuse.once('unknown', clock(), (swallowed) =>
          log.error({ workerRef, jobId, swallowed }, 'share of an unknown worker or job refused'),
        ),
    });
    const { memory, slotsPerSegment } = this.#records;
    const [prepareFaults, threadFaults] = [true, false].map((own) =>
      faults.filter(({ at }) => (at === 'prepare') === own),
    );
    this.#stock = new SegmentStock(
      directory,
      slotsPerSegment,
      start.newestSegment,
      new FaultPlan(prepareFaults),
    );
    this.#keeper = new StockKeeper(this.#stock, memory, this.#retryMs, log);
    this.#link = new WriterLink(directory, options.durability ?? 'fsync', memory, threadFaults ?? [], {
      onDoorbell: () => this.#collect(),
      onFailure: (failure) => this.#fail(failure),
    });
  }

  get available(): boolean {
    return this.#state === 'available';
  }

  get fault(): string {
    return this.#fault;
  }

  get fill(): number {
    return this.#records.fill;
  }

  get appendedSequence(): number {
    return this.#records.appended;
  }

  get durableSequence(): number {
    return this.#durable;
  }

  /** Number of the segment that records go into. */
  get segment(): number {
    return this.#chain.current.segment;
  }

  get workerNames(): number {
    return this.#records.workers.size;
  }

  /** Cumulative ms that the writer thread has not waited for work; its disk's time is in it. */
  get busyMs(): number {
    return this.#records.memory.figures[Figure.BusyMs]!;
  }

  /** The writer's figures, see ring-memory. */
  get figures(): Float64Array {
    return this.#records.memory.figures;
  }

  /** For `new DurableMark(buffer)` in another thread. */
  get durableMark(): SharedArrayBuffer {
    return this.#mark.buffer;
  }

  durablePosition(): JournalPosition {
    return this.#mark.read();
  }

  acquireWorker(address: string, workerName: string): number {
    return this.#records.acquireWorker(address, workerName);
  }

  releaseWorker(workerRef: number): void {
    this.#records.workers.release(workerRef);
  }

  registerJob(jobId: number, prePowHash: Uint8Array, timestampMs: bigint): void {
    this.#records.jobs.register(jobId, prePowHash, timestampMs);
  }

  retireJob(jobId: number): void {
    this.#records.jobs.retire(jobId);
  }

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
    if (this.#state !== 'available') return 0;
    return this.#records.appendShare(
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
  }

  appendBlock(block: JournalBlock): number {
    return this.#state === 'available' ? this.#records.appendBlock(block) : 0;
  }

  flush(): void {
    if (this.#published === this.#records.appended || this.#state === 'down') return;
    this.#publish();
  }

  #publish(): void {
    const { appended, memory } = this.#records;
    this.#published = appended;
    memory.set(Control.Head, appended);
    memory.ring();
  }

  /** Opens the first segment; `openShareJournal` alone calls it. Rejects when that is not possible. */
  async begin(): Promise<void> {
    await this.#stock.prepare(this.#chain.next);
    this.#records.memory.set(Control.Prepared, this.#stock.preparedThrough);
    this.#link.resume(0);
    if (!(await this.#openSegmentNow())) throw new Error(this.#fault);
    this.#state = 'available';
    this.#fault = '';
    this.#keeper.keep(this.segment);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Header only; true once it is durable. */
  #openSegmentNow(): Promise<boolean> {
    this.#records.openSegment();
    this.#publish();
    return this.#whenDurable(this.#records.appended);
  }

  #whenDurable(sequence: number): Promise<boolean> {
    if (this.#durable >= sequence) return Promise.resolve(true);
    return new Promise((settle) => this.#waiters.push({ sequence, settle }));
  }

  /** DURABLE as the thread published it: differences modulo 2^32 become exact sequences. */
  #collect(): void {
    const advance = (this.#records.memory.get(Control.Durable) - (this.#records.released | 0)) | 0;
    if (advance <= 0) return;
    this.#records.released += advance;
    this.#durable = this.#records.released;
    this.#chain.durableThrough(this.#durable);
    this.#settle((waiter) => waiter.sequence <= this.#durable, true);
    if (this.#state !== 'opening') this.#options.listener.onDurable(this.#durable);
  }

  #settle(which: (waiter: { sequence: number }) => boolean, durable: boolean): void {
    const due = this.#waiters.filter(which);
    this.#waiters = this.#waiters.filter((waiter) => !which(waiter));
    for (const waiter of due) waiter.settle(durable);
  }

  #fail({ reason, segment }: WriterFailure): void {
    this.failures++;
    const serving = this.#state === 'available' || this.#state === 'closing';
    if (serving) this.#collect();
    const fault = this.#keeper.fault && segment === 0 ? `${reason}: ${this.#keeper.fault}` : reason;
    this.#fault = `shares cannot be stored: ${fault}`;
    this.#options.log.error({ fault, durable: this.#durable }, 'journal failed');
    this.#chain.failed(segment);
    if (serving) {
      this.#state = 'down';
      this.#options.listener.onFailure(this.#durable, fault);
    }
    this.#settle(() => true, false);
    if (this.#state === 'down') this.#recovery ??= this.#recover();
  }

  /** Ends when a new segment's header is durable, or the journal is closed. */
  async #recover(): Promise<void> {
    await this.#keeper.stop();
    for (let attempt = 0; this.#closing === undefined; attempt++) {
      if (attempt > 0) await this.#pause();
      try {
        await this.#stock.discardFrom(this.#chain.touchedFrom);
        await this.#stock.prepare(this.#chain.next);
      } catch (thrown) {
        this.#fault = `shares cannot be stored: ${(thrown as Error).message}`;
        continue;
      }
      if (this.#closing !== undefined) break;
      const failures = this.failures;
      this.#records.memory.set(Control.PrepareFailed, 0);
      this.#records.memory.set(Control.Prepared, this.#stock.preparedThrough);
      this.#records.released = this.#records.appended;
      this.#link.resume(this.#records.appended);
      if ((await this.#openSegmentNow()) && failures === this.failures) {
        this.#recovered();
        break;
      }
    }
    this.#recovery = undefined;
  }

  #recovered(): void {
    if (this.#closing !== undefined) return;
    this.#state = 'available';
    this.#fault = '';
    this.#options.log.warn({ segment: this.segment }, 'journal goes on in a fresh segment');
    this.#keeper.keep(this.segment);
    this.#options.listener.onRecovered();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#retryMs);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #close(): Promise<void> {
    const { wallClock = () => Date.now(), log } = this.#options;
    if (this.#state === 'available') {
      this.#records.appendCleanEnd(wallClock());
      this.flush();
      this.#state = 'closing';
      this.#fault = 'the journal is closing';
      await this.#whenDurable(this.#records.appended);
    }
    if (this.#durable < this.#records.appended)
      log.error({ fault: this.#fault }, 'journal closed while it was down');
    this.#state = 'closed';
    this.#fault = 'the journal is closed';
    this.#endPause?.();
    this.#settle(() => true, false);
    await this.#keeper.stop();
    await this.#recovery;
    await this.#link.end();
    // Files that no record went into: the next boot makes its own.
    await this.#stock.discardFrom(this.#chain.unopenedFrom);
    await this.#lock.release();
  }
}

/** Resolves when the first segment is preallocated and its header durable: the next share can be acknowledged. */
export async function openShareJournal(options: ShareJournalOptions): Promise<ShareJournal> {
  const start = await takeDirectory(options);
  let journal: ShareJournal | undefined;
  try {
    journal = new ShareJournal(options, start);
    await journal.begin();
  } catch (thrown) {
    await (journal ? journal.close() : start.lock.release());
    throw new EdgeError(
      'SLUICE_JOURNAL_UNAVAILABLE',
      `the journal in ${options.directory} cannot be opened: ${(thrown as Error).message}`,
      'Check the free space and the health of that disk.',
      thrown,
    );
  }
  if (options.registry) registerJournalMetrics(options.registry, journal);
  return journal;
}
