/**
 * SEAM: what readers know of running engines, wherever they run: in the same process (`own-engine`) or behind Unix sockets
 * (`socket-feed`). Everything is at most a second or two old, and asking costs an engine nothing, but for diaries.
 */
import type { EngineReport } from './engine-report.ts';

/** One connection that is logged in. Names and agents are what miners chose to send: data, never markup. */
export interface LiveWorker {
  readonly instance: string;
  readonly worker: string;
  readonly agent: string;
  readonly dialect: string;
  readonly portIndex: number;
  /** Label of the port; '' until its engine has reported. */
  readonly port: string;
  /** Of the shares it is asked for now. */
  readonly difficulty: number;
  readonly connectedAtUnixMs: number;
  /** 0 = none on this connection. */
  readonly lastShareAtUnixMs: number;
  readonly accepted: number;
  /** Verdict label -> count on this connection; labels with 0 are absent. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Sum of the difficulties that accepted shares were credited at. */
  readonly creditedDifficulty: number;
}

export interface LiveCounts {
  readonly connections: number;
  /** Distinct payout addresses, and (address, worker) pairs. */
  readonly addresses: number;
  readonly workers: number;
}

/** What is not known is absent. */
export interface LiveDiaryEvent {
  readonly kind: string;
  readonly msAgo: number;
  readonly verdict?: string;
  readonly jobId?: number;
  readonly askedLog2?: number;
  readonly hashDifficulty?: number;
  readonly jobAgeMs?: number;
}

export interface LiveDiary {
  readonly instance: string;
  readonly worker: string;
  readonly agent: string;
  readonly dialect: string;
  readonly portIndex: number;
  readonly port: string;
  readonly secondsConnected: number;
  readonly difficulty: number;
  readonly roundTripMs?: number;
  /** Oldest first. */
  readonly events: readonly LiveDiaryEvent[];
}

/** An engine did not answer in time, or too many are asking. */
export class FeedUnavailable extends Error {}

export interface EngineFeed {
  /** The last report of each engine that was heard of in the last 5 s, by instance. */
  engines(): readonly EngineReport[];
  /** @param address canonical. At most LIVE_WORKERS_MAX connections, those with the most refusals first when there are more. */
  workersOf(address: string): readonly LiveWorker[];
  counts(): LiveCounts;
  /**
   * Of at most LIVE_DIARIES_MAX connections of the address, those with the most refusals.
   * @throws FeedUnavailable
   */
  diariesOf(address: string): Promise<readonly LiveDiary[]>;
  /** The metrics of one engine in Prometheus's text format; undefined: no such engine. @throws FeedUnavailable */
  metricsOf(instance: string): Promise<string | undefined>;
  /** Calls back about once a second and engine. Returns a function that ends it. */
  onReport(listener: (report: EngineReport) => void): () => void;
  /** Calls back about once a second with the addresses whose connections have changed. Returns a function that ends it. */
  onChanged(listener: (addresses: ReadonlySet<string>) => void): () => void;
}

/** A page of rigs; a farm with more has them in the database. */
export const LIVE_WORKERS_MAX = 10_000;
/** Each is 20 events: what fits on a page. */
export const LIVE_DIARIES_MAX = 20;
/** Five reports that did not come. */
export const REPORT_STALE_MS = 5_000;
