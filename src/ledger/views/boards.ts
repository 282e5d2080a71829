/**
 * Keeps the boards of work, refusals and money up to date, and reads what pages say of the whole pool: a loop of its own, so that who
 * asks never waits for the database. In: a database. Out: boards, and facts with the time they are of. Reads only.
 *
 *   empty --first reading: spans of 24 h, minutes of the last hour--> filled --every 10 s: what has been loaded since-->
 *   While the database is away the boards stay as they are; whoever reads sees from when.
 */
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { ThrottledLog } from '../../kit/log.ts';
import type { Database } from '../stores/postgres.ts';
import { MoneyBoard } from './money-board.ts';
import {
  blocksOfDay,
  loadedThrough,
  type PotWork,
  packedMinute,
  packedRefusals,
  packedShareSums,
  packedSpan,
  spansRolledThrough,
  stretchesNotRolled,
  workersAfter,
  workersOfIds,
} from './packed-work.ts';
import { type PoolFacts, readPoolFacts } from './pool-facts.ts';
import { RefusalBoard } from './refusal-board.ts';
import { REMEMBERED_MINUTES, SPAN_COLUMNS, SPAN_MINUTES, WorkBoard } from './work-board.ts';

export interface BoardsOptions {
  readonly sql: Database;
  /** Unix ms. */
  readonly wallClock: () => number;
  /** A round that failed; called every half a minute at most. */
  readonly onFault: (error: unknown) => void;
  readonly everyMs?: number;
  readonly workersMax?: number;
}

const MINUTE_MS = 60_000;
const SPAN_MS = SPAN_MINUTES * MINUTE_MS;
const DAY_MS = 86_400_000;
const EVERY_MS = 10_000;
/** Until the first reading: the engine may still be making the tables. */
const FIRST_AGAIN_MS = 1_000;
/** An engine that is behind by more is not waited for: its miners' hashrate reads low until it has caught up. */
const WAIT_FOR_ENGINES_MINUTES = 3;
/** One that has loaded nothing for so long is away, or was taken down: it holds up nothing at all. */
const ENGINE_AWAY_MS = 600_000;
/** The minutes that the board holds, in whole spans. */
const MINUTES_BACK = 60;
/** Sums of a whole day: three seconds of the database's time in a pool of 100,000 workers. */
const REFUSALS_OF_DAY_EVERY_MS = 600_000;
const FACTS_EVERY_MS = 30_000;
/** A round looks for so many that have stopped: 0.1 s of the database's time. All of 100,000 are found eight minutes after a start. */
const FORMER_PER_ROUND = 2_000;
/** Clocks that are kept in step go back by less. */
const CLOCK_BACK_MS = 60_000;

export class Boards {
  readonly work: WorkBoard;
  readonly refusals = new RefusalBoard();
  readonly money = new MoneyBoard();
  readonly #options: BoardsOptions;
  readonly #throttled = new ThrottledLog(30_000);
  readonly #stop = new AbortController();
  #loaded: ReadonlyMap<number, number> = new Map();
  #readToMs = 0;
  /** Minute since 1970 -> work of the whole pool in it; those that the work board holds. */
  readonly #pots = new Map<number, readonly PotWork[]>();
  #refusalsOfDayAtMs = 0;
  #factsAtMs = 0;
  #facts: PoolFacts | undefined;
  /** By row of the work board. */
  #blocks24h: ReadonlyMap<number, number> = new Map();
  #refreshedAtMs = 0;
  /** Up to this id, workers that stopped within a week have been looked for; undefined: all were. Who stops from now on keeps his row. */
  #formerThrough: number | undefined = 0;
  #loop: Promise<void> | undefined;

  constructor(options: BoardsOptions) {
    this.#options = options;
    this.work = new WorkBoard(options.workersMax);
  }

  /** False until everything has been read once. */
  get filled(): boolean {
    return this.#refreshedAtMs > 0;
  }

  /** Unix ms of the last whole reading. */
  get refreshedAtMs(): number {
    return this.#refreshedAtMs;
  }

  get facts(): PoolFacts | undefined {
    return this.#facts;
  }

  /** Blocks that a worker found in 24 hours, by its row on the work board. */
  blocks24h(slots: readonly number[]): number {
    return slots.reduce((sum, slot) => sum + (this.#blocks24h.get(slot) ?? 0), 0);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  /** One round; the loop's, and the tests'. */
  async refresh(): Promise<void> {
    const { sql, wallClock } = this.#options;
    const nowMs = wallClock();
    if (nowMs < this.#readToMs - CLOCK_BACK_MS) this.#rewind(nowMs);
    await this.#readWork(nowMs);
    await this.#readRefusals(nowMs);
    await this.money.refresh(sql);
    if (nowMs - this.#factsAtMs >= FACTS_EVERY_MS) {
      this.#facts = await readPoolFacts(sql, this.#pots);
      const found = [...(await blocksOfDay(sql))].map(
        ([id, count]) => [this.work.slotOf(id) ?? -1, count] as const,
      );
      this.#blocks24h = new Map(found);
      this.#factsAtMs = nowMs;
    }
    const isFirst = !this.filled;
    this.#refreshedAtMs = nowMs;
    // Last: the figures are of now, even where a slow disk cannot say who was here a week ago.
    if (!isFirst) await this.#readFormer(nowMs);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { onFault, everyMs = EVERY_MS } = this.#options;
    while (!signal.aborted) {
      try {
        await this.refresh();
      } catch (error) {
        if (!signal.aborted) this.#throttled.once('boards', performance.now(), () => onFault(error));
      }
      const pauseMs = this.filled ? everyMs : Math.min(everyMs, FIRST_AGAIN_MS);
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** The clock was put back: all that was read since is read again. */
  #rewind(nowMs: number): void {
    this.work.rewind(Math.floor(nowMs / MINUTE_MS));
    this.#pots.clear();
    this.#loaded = new Map();
    this.#readToMs = 0;
    this.#refusalsOfDayAtMs = 0;
    this.#factsAtMs = 0;
  }

  /** What engines may have loaded since the last round, at least the minute under way. */
  async #readWork(nowMs: number): Promise<void> {
    const { sql } = this.#options;
    const loaded = await loadedThrough(sql);
    const from = Math.max(this.#unreadFrom(loaded), nowMs - DAY_MS - SPAN_MS);
    const minutesFrom = Math.floor((nowMs - MINUTES_BACK * MINUTE_MS) / SPAN_MS) * SPAN_MS;
    if (from < minutesFrom) await this.#readSpans(from, minutesFrom);
    const first = Math.floor(Math.max(from, minutesFrom) / MINUTE_MS);
    const last = Math.floor(nowMs / MINUTE_MS);
    await this.#each(
      first,
      last + 1,
      (minute) => packedMinute(sql, minute * MINUTE_MS),
      async (minute, { packed, pots }) => {
        for (const piece of packed) await this.#introduce(piece);
        this.work.setMinute(minute, ...packed);
        this.#pots.set(minute, pots);
      },
    );
    for (const minute of this.#pots.keys()) if (minute < minutesFrom / MINUTE_MS) this.#pots.delete(minute);
    const working = [...loaded.values()].filter((ms) => nowMs - ms < ENGINE_AWAY_MS);
    const waited = Math.min(last, ...working.map((ms) => Math.floor(ms / MINUTE_MS)));
    await this.work.settle(Math.max(waited, last - WAIT_FOR_ENGINES_MINUTES), () => setImmediate());
    this.#loaded = loaded;
    this.#readToMs = nowMs;
  }

  /** Everything before it has been read, with all that was in it. */
  #unreadFrom(loaded: ReadonlyMap<number, number>): number {
    let from = this.#readToMs;
    for (const [instance, through] of loaded) {
      const before = this.#loaded.get(instance) ?? 0;
      // One that stands still adds nothing, however long ago it stopped.
      if (through !== before) from = Math.min(from, before);
    }
    return from;
  }

  /** From the rollup as far as it goes, then from the minutes. */
  async #readSpans(fromMs: number, toMs: number): Promise<void> {
    const { sql } = this.#options;
    const rolledMs = (await spansRolledThrough(sql))?.getTime() ?? 0;
    const late = await stretchesNotRolled(sql);
    const isRolled = (atMs: number): boolean =>
      atMs + SPAN_MS <= rolledMs && !late.some((stretch) => stretch.fromMs <= atMs && atMs < stretch.toMs);
    const read = (span: number): Promise<Buffer> => {
      const atMs = span * SPAN_MS;
      return isRolled(atMs)
        ? packedSpan(sql, new Date(atMs))
        : packedShareSums(sql, new Date(atMs), new Date(atMs + SPAN_MS));
    };
    await this.#each(Math.floor(fromMs / SPAN_MS), Math.ceil(toMs / SPAN_MS), read, async (span, packed) => {
      await this.#introduce(packed);
      this.work.setSpan(span, packed);
    });
  }

  /** One after the other: while one is taken in, the database is at the next. Two of 100,000 workers, 5 MB each, are in memory then. */
  async #each<T>(
    from: number,
    to: number,
    read: (at: number) => Promise<T>,
    take: (at: number, what: T) => Promise<void>,
  ): Promise<void> {
    let next = from < to ? read(from) : undefined;
    for (let at = from; next && !this.#stop.signal.aborted; at++) {
      const what = await next;
      next = at + 1 < to ? read(at + 1) : undefined;
      // Its fault is heard when it is awaited, and of no use when this one ends first.
      next?.catch(() => {});
      await take(at, what);
    }
  }

  async #introduce(packed: Buffer): Promise<void> {
    const strangers = this.work.strangersIn(packed);
    if (strangers.length === 0) return;
    for (const worker of await workersOfIds(this.#options.sql, strangers)) this.work.add(worker);
  }

  /** After the first round, some in each: pages need not wait for those that have stopped. */
  async #readFormer(nowMs: number): Promise<void> {
    if (this.#formerThrough === undefined) return;
    const since = new Date(nowMs - REMEMBERED_MINUTES * MINUTE_MS);
    const found = await workersAfter(this.#options.sql, this.#formerThrough, FORMER_PER_ROUND, since);
    for (const { lastSpanMs, ...worker } of found) {
      if (lastSpanMs === null || this.work.slotOf(worker.id) !== undefined) continue;
      if (!this.work.remember(worker, lastSpanMs / MINUTE_MS + SPAN_MINUTES - 1)) break;
    }
    this.#formerThrough = found.length < FORMER_PER_ROUND ? undefined : found.at(-1)!.id;
  }

  async #readRefusals(nowMs: number): Promise<void> {
    const { sql } = this.#options;
    const slotOf = (id: number): number | undefined => this.work.slotOf(id);
    const spansBack = (spans: number): Date => new Date((Math.floor(nowMs / SPAN_MS) - spans) * SPAN_MS);
    this.refusals.replace('h1', await packedRefusals(sql, spansBack(6)), slotOf);
    if (nowMs - this.#refusalsOfDayAtMs < REFUSALS_OF_DAY_EVERY_MS) return;
    // Just before: what stood at their rows is not shown as somebody else's.
    this.work.forgetIdle();
    this.refusals.replace('h24', await packedRefusals(sql, spansBack(SPAN_COLUMNS - 1)), slotOf);
    this.#refusalsOfDayAtMs = nowMs;
  }
}
