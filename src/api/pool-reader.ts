/**
 * Everything that can be asked of the pool, answered: from the boards in memory where many ask, by one bounded question to the database
 * where few do. It merges and bounds; figures are made in the ledger's room.
 */
import { LRUCache } from 'lru-cache';
import { EdgeError } from '../kit/edge-error.ts';
import { readSettlement } from '../ledger/settlement/settlement-reader.ts';
import type { Database } from '../ledger/stores/postgres.ts';
import type { Boards } from '../ledger/views/boards.ts';
import { ChainPaceMeter } from '../ledger/views/chain-pace.ts';
import * as lists from '../ledger/views/list-rows.ts';
import { type MinerOf, minerFacts, workerFacts } from '../ledger/views/miner-facts.ts';
import { minerSeries } from '../ledger/views/miner-series.ts';
import { poolSummary } from '../ledger/views/pool-summary.ts';
import type { PoolTerms } from '../ledger/views/pool-terms.ts';
import { diarySentence, refusalWords } from '../ledger/views/refusal-words.ts';
import { gridOf, readPoolSeries, type SeriesGrid } from '../ledger/views/series-rows.ts';
import { type EngineFeed, FeedUnavailable } from '../live/engine-feed.ts';
import type { PoolSnapshot } from '../live/pool-snapshot.ts';
import { type CursorKind, cursorOf, keyOfCursor } from './cursor.ts';
import { type AmountRow, type PoolReads, ReadUnavailable } from './pool-reads.ts';
import { QuestionBound } from './question-bound.ts';
import type { PageOf, PageQuery, Range } from './schemas/field.ts';
import type {
  MinerPayment,
  MinerReward,
  MinerSeries,
  MinerView,
  Refusals,
  WorkerView,
} from './schemas/miner.ts';
import type { BlockRow, PayoutRow, PoolSeries, PoolView } from './schemas/pool.ts';

export interface PoolReaderOptions {
  /** Absent: there is no database, so nothing but the pool itself is known. */
  readonly sql?: Database;
  readonly boards?: Boards;
  readonly live: EngineFeed;
  readonly terms: PoolTerms;
  /** Unix ms. */
  readonly wallClock: () => number;
}

/** Engines tell once a second. */
const POOL_LIFE_MS = 250;
/** Lists change when a block is found or a payout made; whoever looks at one looks again in seconds. */
const ANSWER_LIFE_MS = 3_000;
/** A chart's step is a minute at least; sums of it cost the database more. */
const SERIES_LIFE_MS = 20_000;
const ANSWERS_MAX = 2_000;

/** An answer, wrapped: the cache takes no undefined. */
interface Kept {
  readonly value: unknown;
}

export class PoolReader implements PoolReads {
  readonly #options: PoolReaderOptions;
  readonly #bound = new QuestionBound();
  readonly #pace = new ChainPaceMeter();
  readonly #answers: LRUCache<string, Kept, () => Promise<unknown>>;
  #pool: { readonly view: PoolView; readonly atMs: number; readonly of: readonly PoolSnapshot[] } | undefined;

  constructor(options: PoolReaderOptions) {
    this.#options = options;
    this.#answers = new LRUCache<string, Kept, () => Promise<unknown>>({
      max: ANSWERS_MAX,
      ttl: ANSWER_LIFE_MS,
      // One asker's question is everybody's who asks the same meanwhile.
      fetchMethod: async (_key, _stale, { context }) => ({ value: await context() }),
    });
  }

  pool(): PoolView {
    const { live, boards, terms, wallClock } = this.#options;
    const nowMs = wallClock();
    const of = live.engines().map(({ snapshot }) => snapshot);
    // What an engine has just told is shown at once.
    const isNews = !this.#pool || of.some((snapshot, at) => snapshot !== this.#pool!.of[at]);
    if (!isNews && Math.abs(nowMs - this.#pool!.atMs) < POOL_LIFE_MS) return this.#pool!.view;
    const pace = this.#pace.look(live.engines(), nowMs);
    const view = poolSummary(live, boards?.facts, terms, pace, nowMs);
    this.#pool = { view, atMs: nowMs, of };
    return view;
  }

  poolSeries(range: Range): Promise<PoolSeries> {
    return this.#ask(`series ${range}`, SERIES_LIFE_MS, (sql) => readPoolSeries(sql, this.#gridOf(range)));
  }

  blocks(page: PageQuery): Promise<PageOf<BlockRow>> {
    return this.#list('blocks', 'block', page, lists.listBlockRows);
  }

  block(hash: string): Promise<BlockRow | undefined> {
    return this.#ask(`block ${hash}`, ANSWER_LIFE_MS, (sql) => lists.blockRow(sql, hash));
  }

  async settlement(id: string): Promise<string | undefined> {
    // Not kept: of a large pool it is megabytes, and few ask.
    const { sql } = this.#options;
    if (!sql) throw new ReadUnavailable('there is no database');
    return this.#bound.ask(async () => {
      try {
        return `${JSON.stringify(await readSettlement(sql, BigInt(id)))}\n`;
      } catch (error) {
        if (error instanceof EdgeError && error.code === 'SLUICE_SETTLEMENT_UNKNOWN') return undefined;
        throw error;
      }
    });
  }

  payouts(page: PageQuery): Promise<PageOf<PayoutRow>> {
    return this.#list('payouts', 'id', page, lists.listPayoutRows);
  }

  balances(page: PageQuery): Promise<PageOf<AmountRow>> {
    return this.#list('balances', 'address', page, lists.listBalances);
  }

  totals(page: PageQuery): Promise<PageOf<AmountRow>> {
    return this.#list('totals', 'address', page, lists.listTotals);
  }

  async miner(address: string): Promise<MinerView | undefined> {
    const { live, terms } = this.#options;
    const found = await this.#minerOf(address);
    return found && minerFacts(found, this.#boards(), live, terms);
  }

  async workers(address: string, { limit, cursor }: PageQuery): Promise<PageOf<WorkerView> | undefined> {
    const [place = '0'] = keyOfCursor('place', cursor) ?? [];
    const found = await this.#minerOf(address);
    if (!found) return undefined;
    const all = workerFacts(found, this.#boards(), this.#options.live);
    const end = Number(place) + limit;
    return {
      items: all.slice(Number(place), end),
      next: cursorOf('place', end < all.length ? [String(end)] : undefined),
    };
  }

  async minerSeries(address: string, range: Range): Promise<MinerSeries | undefined> {
    const found = await this.#minerOf(address);
    if (!found) return undefined;
    const grid = this.#gridOf(range);
    return this.#ask(`miner ${range} ${address}`, SERIES_LIFE_MS, (sql) =>
      minerSeries(sql, this.#boards().work, found.account, grid),
    );
  }

  async minerPayments(address: string, page: PageQuery): Promise<PageOf<MinerPayment> | undefined> {
    const found = await this.#minerOf(address);
    return (
      found &&
      this.#list(`payments ${address}`, 'id', page, (sql, limit, after) =>
        lists.listPaymentRows(sql, found.account.id, limit, after),
      )
    );
  }

  async minerRewards(address: string, page: PageQuery): Promise<PageOf<MinerReward> | undefined> {
    const found = await this.#minerOf(address);
    return (
      found &&
      this.#list(`rewards ${address}`, 'id', page, (sql, limit, after) =>
        lists.listRewardRows(sql, found.account.id, limit, after),
      )
    );
  }

  async refusals(address: string): Promise<Refusals | undefined> {
    const found = await this.#minerOf(address);
    if (!found) return undefined;
    const counts = this.#boards().refusals.of('h1', found.account.slots);
    const diaries = await this.#options.live.diariesOf(address).catch((thrown: unknown) => {
      if (thrown instanceof FeedUnavailable)
        throw new ReadUnavailable('no engine answered', { cause: thrown });
      throw thrown;
    });
    return {
      reasons: Object.entries(counts)
        .sort(([, a], [, b]) => b - a)
        .map(([verdict, count]) => ({ verdict, count, ...refusalWords(verdict) })),
      connections: diaries.map(
        ({ worker, agent, dialect, port, secondsConnected, difficulty, roundTripMs, events }) => ({
          ...{ worker, agent, dialect, port, secondsConnected, difficulty },
          roundTripMs: roundTripMs ?? null,
          events: events.map((event) => ({
            secondsAgo: Math.round(event.msAgo / 1_000),
            text: diarySentence(event),
            verdict: event.verdict ?? null,
          })),
        }),
      ),
    };
  }

  /** undefined: nobody ever had a share accepted there. Who worked today is on the board; others are looked up. */
  async #minerOf(address: string): Promise<MinerOf | undefined> {
    const boards = this.#boards();
    const account =
      boards.work.account(address) ??
      (await this.#ask(`account ${address}`, ANSWER_LIFE_MS, (sql) => lists.accountRow(sql, address)));
    return account && { account, money: boards.money.of(account.id), atMs: boards.refreshedAtMs };
  }

  /** Ends with the last step of which all engines have loaded everything: one that is half full would look like a fall. */
  #gridOf(range: Range): SeriesGrid {
    const { boards, wallClock } = this.#options;
    const throughMs = boards?.filled ? boards.work.throughMinute * 60_000 : Number.POSITIVE_INFINITY;
    return gridOf(range, Math.min(wallClock(), throughMs));
  }

  #boards(): Boards {
    const { boards } = this.#options;
    if (!boards?.filled) throw new ReadUnavailable('the figures are not read yet');
    return boards;
  }

  async #list<T>(
    name: string,
    kind: CursorKind,
    { limit, cursor }: PageQuery,
    read: (sql: Database, limit: number, after?: lists.RowKey) => Promise<lists.Slice<T>>,
  ): Promise<PageOf<T>> {
    const after = keyOfCursor(kind, cursor);
    return this.#ask(`${name} ${limit} ${cursor ?? ''}`, ANSWER_LIFE_MS, async (sql) => {
      const { items, next } = await read(sql, limit, after);
      return { items, next: cursorOf(kind, next) };
    });
  }

  /** @throws ReadUnavailable */
  async #ask<T>(key: string, lifeMs: number, question: (sql: Database) => Promise<T>): Promise<T> {
    const { sql } = this.#options;
    if (!sql) throw new ReadUnavailable('there is no database');
    const context = (): Promise<unknown> => this.#bound.ask(() => question(sql));
    const kept = await this.#answers.fetch(key, { context, ttl: lifeMs });
    return kept!.value as T;
  }
}
