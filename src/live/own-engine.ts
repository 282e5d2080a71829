/**
 * The feed of the engine in this process, for its API thread: the board is shared memory, the rest comes by message. In flow reports and
 * arrivals from the main thread; out, the only question that the main thread is ever asked: diaries, few at a time.
 */

import { EngineBoard, type LiveConnection, type SlotDiary } from './engine-board.ts';
import {
  type EngineFeed,
  FeedUnavailable,
  LIVE_DIARIES_MAX,
  LIVE_WORKERS_MAX,
  type LiveCounts,
  type LiveDiary,
  type LiveWorker,
  REPORT_STALE_MS,
} from './engine-feed.ts';
import type { EngineReport } from './engine-report.ts';
import { Listeners } from './listeners.ts';
import type { LiveBoard } from './live-board.ts';
import { Questions } from './questions.ts';
import { type Arrival, Crowd } from './roster.ts';

export interface OwnEngineOptions {
  readonly instance: string;
  readonly board: LiveBoard;
  /** Asks the main thread; its answer comes by `answered`. */
  readonly askDiaries: (id: number, connections: readonly LiveConnection[]) => void;
  /** This process's own metrics; undefined: they cannot be had. */
  readonly metrics: () => Promise<string | undefined>;
  /** Monotonic ms. */
  readonly clock: () => number;
}

export class OwnEngineFeed implements EngineFeed {
  readonly view: EngineBoard;
  readonly #options: OwnEngineOptions;
  readonly #crowd = new Crowd();
  readonly #questions = new Questions<readonly SlotDiary[]>();
  readonly #reports = new Listeners<EngineReport>();
  readonly #changes = new Listeners<ReadonlySet<string>>();
  #arrivedAddresses = new Set<string>();
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: OwnEngineOptions) {
    this.#options = options;
    this.view = new EngineBoard(options.instance, options.board, this.#crowd);
  }

  arrived(arrivals: readonly Arrival[]): void {
    for (const arrival of arrivals) {
      this.view.roster.arrive(arrival);
      this.#arrivedAddresses.add(arrival.address);
      // The board is ahead of messages: it was written before this one was sent, so who is not on it has left since, and was passed over.
      if (this.view.board.generationAt(arrival.slot) === 0) this.view.roster.leave(arrival.slot);
    }
  }

  reported(report: EngineReport): void {
    this.view.report = report;
    this.#reportedAtMs = this.#options.clock();
    const changed = this.#arrivedAddresses;
    this.#arrivedAddresses = new Set();
    this.view.follow(changed);
    this.#reports.call(report);
    if (changed.size > 0) this.#changes.call(changed);
  }

  answered(id: number, diaries: readonly SlotDiary[]): void {
    this.#questions.answer(id, diaries);
  }

  engines(): readonly EngineReport[] {
    const { report } = this.view;
    const isFresh = this.#options.clock() - this.#reportedAtMs < REPORT_STALE_MS;
    return report !== undefined && isFresh ? [report] : [];
  }

  workersOf(address: string): readonly LiveWorker[] {
    return mostTrouble(this.view.workersOf(address));
  }

  counts(): LiveCounts {
    const { connections, addresses, workers } = this.#crowd;
    return { connections, addresses, workers };
  }

  async diariesOf(address: string): Promise<readonly LiveDiary[]> {
    const connections = this.view
      .troublesOf(address)
      .sort((one, other) => other.refused - one.refused)
      .slice(0, LIVE_DIARIES_MAX)
      .map(({ connection }) => connection);
    const diaries = await this.slotDiaries(connections);
    return diaries.map((diary) => this.view.named(diary)).filter((diary) => diary !== undefined);
  }

  /** @throws FeedUnavailable */
  async slotDiaries(connections: readonly LiveConnection[]): Promise<readonly SlotDiary[]> {
    if (connections.length === 0) return [];
    return this.#questions.ask((id) => this.#options.askDiaries(id, connections));
  }

  async metricsOf(instance: string): Promise<string | undefined> {
    if (instance !== this.#options.instance) return undefined;
    const text = await this.#options.metrics();
    if (text === undefined) throw new FeedUnavailable('the engine does not answer');
    return text;
  }

  onReport(listener: (report: EngineReport) => void): () => void {
    return this.#reports.add(listener);
  }

  onChanged(listener: (addresses: ReadonlySet<string>) => void): () => void {
    return this.#changes.add(listener);
  }
}

/** All of them, unless they are very many. */
export function mostTrouble(workers: LiveWorker[]): LiveWorker[] {
  if (workers.length <= LIVE_WORKERS_MAX) return workers;
  const refused = ({ rejected }: LiveWorker): number =>
    Object.values(rejected).reduce((sum, count) => sum + count, 0);
  return workers.sort((one, other) => refused(other) - refused(one)).slice(0, LIVE_WORKERS_MAX);
}
