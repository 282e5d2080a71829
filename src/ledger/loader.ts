/**
 * From the journal to PostgreSQL, every share exactly once. In flow segments and the durable mark, out flow rows, sums and a
 * status. It must never load past what an fdatasync has covered, never move the mark without the rows, never step over a
 * segment that is not there, and never delete what it has not loaded.
 *
 *   open session > read the database's mark > rebuild the segment's definitions up to it > batch > batch > ...
 *        ^                                                                              |
 *        '-------- any error: throw the session away, wait, begin again ----------------'
 *
 * There is no other recovery: after a lost COMMIT answer, a killed backend or another loader at work on the same instance the
 * database's mark is read again, and the mark is the truth.
 */

import { unlink } from 'node:fs/promises';
import { LIMITS } from '../../config/limits.ts';
import type { JournalPosition } from '../journal/journal.ts';
import { deletableSegments, listSegments } from '../journal/segment-files.ts';
import { messageOf } from '../kit/edge-error.ts';
import type { LatencyRecord } from '../kit/latency-record.ts';
import type { DatabaseSession } from './database-session.ts';
import { LoadedThrough } from './loaded-through.ts';
import { BATCH_DEADLINE_MS, CONNECT_DEADLINE_MS, type Flight, LoaderLanes } from './loader-lanes.ts';
import { INITIAL_STATUS, type LoaderLog, type LoaderState, type LoaderStatus } from './loader-status.ts';
import { type ReadOutcome, SegmentSource } from './segment-source.ts';
import type { ShareBatch } from './share-batch.ts';
import { isUnreachable } from './stores/postgres.ts';

export interface LoaderOptions {
  readonly journalDirectory: string;
  readonly instanceName: string;
  readonly databaseUrl: string;
  /** Next slot of the live segment that is not yet durable; undefined until the journal has opened it. */
  readonly durablePosition: () => JournalPosition | undefined;
  /** Unix ms before which every share has its answer; 0 = unknown. Read before the durable mark. */
  readonly answeredThroughMs?: () => number;
  /** How old shares are when their rows are committed. */
  readonly commitTimes?: LatencyRecord | undefined;
  readonly retainMs: number;
  readonly log: LoaderLog;
  readonly rowsMax?: number;
  readonly intervalMs?: number;
}

/** A batch as it was read, and what was known of the journal then. */
interface Reading {
  readonly read: ReadOutcome;
  readonly batch: ShareBatch;
  readonly answeredMs: number;
  readonly mark: JournalPosition;
  /** It is on its way already. */
  readonly flight?: Flight;
}

export type StepOutcome = 'full batch' | 'batch' | 'idle' | 'failed';

/** From a hiccup to an outage: a backlog should begin to shrink two seconds after its server is back. */
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 2_000;
const GAP_REMEDY =
  'put the missing segment files back, or, if they are gone for good, set segment and slot of this instance in journal_progress to where loading shall go on';
const RETENTION_INTERVAL_MS = 60_000;
/** While nothing is mined: a settlement waits for this, and a second is nothing to it. */
const THROUGH_INTERVAL_MS = 1_000;
/** The next start looks into the journal's last minute for what may not be credited again: twice that stays in any case. */
const RETAIN_MIN_MS = 2 * LIMITS.replayWindowMs;

/**
 * A backlog goes in batches of eight times the bound: what a batch costs beside its rows (locks, sums of all workers, the commit)
 * is then paid eight times less often. Measured on two shared cores with 1,000 workers: 432,000 to 554,000 rows/s with 20,000 rows, 623,000 with
 * 40,000, no more with 60,000. Without a backlog a batch holds what 250 ms brought, whatever the bound.
 */
export const LOADER_ROWS_MAX = LIMITS.loaderRowsMax * 8;

export class Loader {
  readonly #options: LoaderOptions;
  readonly #source: SegmentSource;
  readonly #lanes: LoaderLanes;
  readonly #intervalMs: number;
  /** The database's mark while we are sure of it; undefined = read it before anything else. */
  #committed: JournalPosition | undefined;
  /** The batch that set out before the one before it was committed. */
  #following: Reading | undefined;
  /** The last one that we knew. */
  #knownMark: JournalPosition | undefined;
  readonly #through = new LoadedThrough();
  #throughAtMs = Number.NEGATIVE_INFINITY;
  #state: LoaderState = 'starting';
  #fault = '';
  #loadedRecords = 0;
  #loadedHere = 0;
  #batches = 0;
  #damagedRecords = 0;
  #missingRecords = 0;
  #unattributedRecords = 0;
  #retryMs = 0;
  #retiredAtMs = Number.NEGATIVE_INFINITY;
  #closing = false;
  #wake: () => void = () => {};
  #running: Promise<void> | undefined;
  #drains: { readonly target: JournalPosition; readonly resolve: (done: boolean) => void }[] = [];

  constructor(options: LoaderOptions) {
    this.#options = options;
    const rowsMax = options.rowsMax ?? LOADER_ROWS_MAX;
    this.#intervalMs = options.intervalMs ?? LIMITS.loaderIntervalMs;
    this.#source = new SegmentSource(options.journalDirectory, rowsMax);
    const { databaseUrl, instanceName, log } = options;
    this.#lanes = new LoaderLanes({ databaseUrl, instanceName, log });
  }

  /** Rows that this loader has written: the rate comes from here, since the database's own count may jump on a re-read. */
  get loadedHere(): number {
    return this.#loadedHere;
  }

  status(nowUnixMs: number, rowsPerSecond: number): LoaderStatus {
    // Also while the database is away: the lag is what an outage is measured by.
    const known = this.#knownMark;
    const durable = this.#options.durablePosition();
    const lag = known && durable ? this.#source.lag(known, durable) : { records: 0, oldestAtMs: 0 };
    return {
      state: this.#state,
      fault: this.#fault,
      loadedRecords: this.#loadedRecords,
      lagRecords: lag.records,
      lagSeconds: lag.oldestAtMs > 0 ? Math.max(0, (nowUnixMs - lag.oldestAtMs) / 1000) : 0,
      position: known ?? INITIAL_STATUS.position,
      batches: this.#batches,
      rowsPerSecond,
      damagedRecords: this.#damagedRecords,
      missingRecords: this.#missingRecords,
      unattributedRecords: this.#unattributedRecords,
    };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves true once everything that is durable at this moment is in the database, false at the deadline. */
  async drain(deadlineMs: number): Promise<boolean> {
    const target = this.#options.durablePosition();
    if (!target || this.#reached(target)) return true;
    let timer: NodeJS.Timeout | undefined;
    const done = await new Promise<boolean>((resolve) => {
      this.#drains.push({ target, resolve });
      timer = setTimeout(resolve, deadlineMs, false);
      this.#wake();
    });
    clearTimeout(timer);
    this.#drains = this.#drains.filter((drain) => drain.target !== target);
    return done;
  }

  /** Ends after the batch in progress. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    await this.#running;
    for (const drain of this.#drains) drain.resolve(false);
    await this.#lanes.discard();
    this.#source.close();
    this.#state = 'stopped';
  }

  async #run(): Promise<void> {
    while (!this.#closing) {
      const outcome = await this.step();
      this.#answerDrains();
      if (outcome === 'full batch' || (outcome === 'batch' && this.#drains.length > 0)) continue;
      await this.#pause(outcome === 'failed' ? this.#retryMs : this.#intervalMs);
    }
  }

  /** Commits at most one batch. Never throws: what went wrong is in the status. */
  async step(): Promise<StepOutcome> {
    try {
      const outcome = await this.#attempt();
      if (outcome !== 'failed') this.#recovered();
      return outcome;
    } catch (error) {
      this.#following = undefined;
      await this.#lanes.discard();
      this.#failed(isUnreachable(error) ? 'database unreachable' : 'failing', messageOf(error));
      return 'failed';
    }
  }

  async #attempt(): Promise<StepOutcome> {
    if (!this.#lanes.isOpen) this.#committed = undefined;
    const session = await this.#lanes.open();
    if (this.#committed === undefined) {
      const mark = this.#options.durablePosition();
      await session.within(CONNECT_DEADLINE_MS, () => this.#synchronise(session, mark));
    }
    const committed = this.#committed;
    if (!committed) return this.#state === 'gap' ? 'failed' : 'idle';
    const reading = this.#following ?? this.#readNext();
    this.#following = undefined;
    if (!reading) return 'idle';
    if (reading.read === 'gap') {
      this.#failed('gap', `${this.#source.gap}; ${GAP_REMEDY}`);
      // Read afresh next time: the missing file may have been put back.
      this.#committed = undefined;
      return 'failed';
    }
    await this.#retire(committed, reading.mark);
    if (reading.read === 'end') {
      this.#lanes.closeSecond();
      await this.#passOn(session, reading.answeredMs, committed);
      return 'idle';
    }
    return this.#load(reading, committed);
  }

  async #load({ read, batch, flight }: Reading, committed: JournalPosition): Promise<StepOutcome> {
    const ours = flight ?? this.#lanes.launch(batch, committed);
    if (read === 'full') this.#following = await this.#follow(ours);
    if ((await ours.written) === 'moved') {
      this.#options.log(
        'warn',
        { ours: committed },
        'the database is at another mark than we were; going on from its mark',
      );
      this.#following = undefined;
      this.#committed = undefined;
      await this.#lanes.settle();
      return 'batch';
    }
    this.#committed = batch.to;
    if (this.#options.commitTimes) batch.recordAges(this.#options.commitTimes, Date.now());
    if (batch.throughMs > 0) this.#through.clear();
    this.#account(batch);
    return read === 'full' ? 'full batch' : 'batch';
  }

  /** Undefined while the journal has no segment yet. */
  #readNext(): Reading | undefined {
    // In this order: what was answered before the first look is below the mark of the second.
    const answeredMs = this.#options.answeredThroughMs?.() ?? 0;
    const mark = this.#options.durablePosition();
    if (!mark) return undefined;
    this.#through.aim(answeredMs, mark);
    const read = this.#source.read(mark);
    const { batch } = this.#source;
    if (read === 'some') batch.throughMs = answeredMs;
    else if (read === 'full') batch.throughMs = this.#through.reachedBy(batch.to);
    return { read, batch, answeredMs, mark };
  }

  /** While the server works on a batch of a backlog, the next one sets out on the other connection. */
  async #follow(flight: Flight): Promise<Reading | undefined> {
    await flight.sent;
    if (this.#closing || !(await this.#lanes.openSecond())) return undefined;
    const next = this.#tryNext();
    if (next?.read !== 'full' && next?.read !== 'some') return undefined;
    return { ...next, flight: this.#lanes.launch(next.batch, flight.batch.to, flight) };
  }

  /** What is wrong with the next batch must not hold up this one: it is told when it is that one's turn. */
  #tryNext(): Reading | undefined {
    try {
      return this.#readNext();
    } catch {
      return undefined;
    }
  }

  /** Nothing to load: all that was answered before is in the database. */
  async #passOn(session: DatabaseSession, throughMs: number, committed: JournalPosition): Promise<void> {
    this.#through.clear();
    const nowMs = performance.now();
    if (throughMs === 0 || nowMs - this.#throughAtMs < THROUGH_INTERVAL_MS) return;
    this.#throughAtMs = nowMs;
    await session.within(BATCH_DEADLINE_MS, () =>
      this.#lanes.writer.moveThrough(session, this.#lanes.instanceId, committed, throughMs),
    );
  }

  #account(batch: ShareBatch): void {
    this.#knownMark = batch.to;
    this.#loadedRecords += batch.shares;
    this.#loadedHere += batch.shares;
    this.#batches++;
    const { damaged, missing, unattributed } = batch;
    if (damaged + missing + unattributed === 0) return;
    this.#damagedRecords += damaged;
    this.#missingRecords += missing;
    this.#unattributedRecords += unattributed;
    this.#options.log(
      'error',
      { from: batch.from, to: batch.to, damaged, missing, unattributed },
      'the journal is damaged here',
    );
  }

  /** Takes the database's mark as ours; a new instance begins with the oldest segment on the disk. */
  async #synchronise(session: DatabaseSession, mark: JournalPosition | undefined): Promise<void> {
    let progress = await this.#lanes.writer.progress(session, this.#lanes.instanceId);
    if (!progress) {
      const first = this.#source.oldestSegment();
      // No row before there is something to load: which segment is the first is then known.
      if (!mark || first === undefined) return;
      await this.#lanes.writer.begin(session, this.#lanes.instanceId, { segment: first, slot: 0 });
      progress = await this.#lanes.writer.progress(session, this.#lanes.instanceId);
      if (!progress) throw new Error('the mark of this instance cannot be read back');
    }
    this.#loadedRecords = progress.loadedRecords;
    this.#knownMark = progress.position;
    const refusal = this.#source.seek(progress.position, progress.boot);
    if (refusal) return this.#failed('gap', `${refusal}; ${GAP_REMEDY}`);
    this.#committed = progress.position;
  }

  /** Deletes segments that are wholly in the database and old; never the live one, nor one that the mark is still in. */
  async #retire(committed: JournalPosition, mark: JournalPosition): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#retiredAtMs < RETENTION_INTERVAL_MS) return;
    this.#retiredAtMs = nowMs;
    const { journalDirectory, retainMs, log } = this.#options;
    const files = await listSegments(journalDirectory);
    const keptMs = Math.max(retainMs, RETAIN_MIN_MS);
    const deletable = deletableSegments(files, [committed, mark], keptMs, Date.now());
    if (deletable.length === 0) return;
    try {
      for (const file of deletable) await unlink(file.path);
    } catch (error) {
      // A full disk is a worry for later; loading must not stop for it.
      log('warn', { fault: messageOf(error) }, 'a journal segment that is in the database cannot be deleted');
      return;
    }
    log(
      'info',
      { segments: deletable.map((file) => file.segment) },
      'deleted journal segments that are in the database',
    );
  }

  #reached(target: JournalPosition): boolean {
    const at = this.#committed;
    if (!at) return false;
    return at.segment > target.segment || (at.segment === target.segment && at.slot >= target.slot);
  }

  #answerDrains(): void {
    for (const drain of this.#drains) if (this.#reached(drain.target)) drain.resolve(true);
  }

  #pause(ms: number): Promise<void> {
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #recovered(): void {
    if (this.#state !== 'running' && this.#state !== 'starting') {
      this.#options.log('info', { loadedRecords: this.#loadedRecords }, 'the loader runs again');
    }
    this.#state = 'running';
    this.#fault = '';
    this.#retryMs = 0;
  }

  #failed(state: LoaderState, fault: string): void {
    this.#retryMs = Math.min(Math.max(this.#retryMs * 2, RETRY_FIRST_MS), RETRY_MAX_MS);
    // One line per change: an outage is one event, whatever the number of attempts.
    if (this.#state !== state || this.#fault !== fault) {
      this.#options.log(
        state === 'gap' ? 'error' : 'warn',
        { state, fault },
        'the loader cannot go on; shares stay in the journal',
      );
    }
    this.#state = state;
    this.#fault = fault;
  }
}
