/**
 * SEAM: what an engine tells of itself once a second, to whoever shows it: the API thread of its own process, or `sluice api` over a
 * local socket. Plain JSON-safe objects of bounded size, made by `app/`, never per share and never per miner.
 *
 * `snapshot` may be shown to everybody; `inside` is for the operator alone.
 */
import type { PoolSnapshot } from './pool-snapshot.ts';

export interface EngineReport {
  readonly instance: string;
  readonly pid: number;
  readonly snapshot: PoolSnapshot;
  readonly inside: EngineInside;
}

/** Stages of a submission's way, in their order. `commit`: from the answer to the row in PostgreSQL. */
export const STAGES = ['read', 'parse', 'queue', 'hash', 'journal', 'reply', 'commit'] as const;
export type Stage = (typeof STAGES)[number];

/** Of the last minute. */
export interface StageView {
  readonly stage: Stage;
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export interface EngineInside {
  readonly process: {
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly cpuSeconds: number;
    readonly openFiles: number;
    readonly openFilesMax: number;
  };
  /** Main thread. Of the last minute. */
  readonly loop: { readonly delayP99Ms: number; readonly delayMaxMs: number; readonly utilisation: number };
  readonly gc: { readonly pauses: number; readonly pauseSeconds: number; readonly longestMs: number };
  /** Validator threads, journal, loader, API: 0..1 of a core in the last second. */
  readonly threads: readonly { readonly name: string; readonly utilisation: number }[];
  readonly stages: readonly StageView[];
  readonly templates: { readonly ageMs: number; readonly lastMinute: number; readonly stalled: boolean };
  readonly journalFillRatio: number;
  /** Most first; the rest is summed up in one line with agent `other`. */
  readonly agents: readonly {
    readonly agent: string;
    readonly dialect: string;
    readonly connections: number;
  }[];
  readonly unknownHandshakes: readonly {
    readonly agent: string;
    readonly at: string;
    readonly lines: readonly string[];
  }[];
  readonly slowReaders: readonly {
    readonly remoteAddress: string;
    readonly address: string;
    readonly worker: string;
    readonly unsentBytes: number;
    readonly seconds: number;
  }[];
  readonly closes: Readonly<Record<string, number>>;
  readonly bans: readonly { readonly network: string; readonly reason: string; readonly until: string }[];
  /** Newest last, of the log, level warn and above. */
  readonly warnings: readonly { readonly at: string; readonly level: string; readonly text: string }[];
}
