/**
 * What crosses between the main thread and the API thread. A snapshot a second, one question per scrape, and of each session its names,
 * once: nothing of it is per share.
 */

import type { PoolTerms } from '../ledger/views/pool-terms.ts';
import type { LiveConnection } from '../live/engine-board.ts';
import type { EngineInside } from '../live/engine-report.ts';
import type { PoolSnapshot } from '../live/pool-snapshot.ts';
import type { EngineChoice } from './engine-choice.ts';
import type { HttpEngineName } from './http-engine.ts';
import type { LiveThreadData, ToLiveDesk } from './live-desk.ts';
import type { MetricsJson } from './scrape.ts';

export interface ApiThreadData {
  readonly host: string;
  readonly port: number;
  readonly engine: EngineChoice;
  readonly snapshot: PoolSnapshot;
  readonly inside: EngineInside | undefined;
  readonly terms: PoolTerms;
  /** Absent: it knows no sessions. */
  readonly live: LiveThreadData | undefined;
  /** False: no HTTP port is opened; the live socket is all there is. */
  readonly servesHttp: boolean;
  /** undefined: there is none, so nothing is known but what the engine tells. */
  readonly databaseUrl: string | undefined;
  readonly staleAfterMs: number;
  readonly allowOrigins: readonly string[];
  readonly liveClientsMax: number;
  readonly scrapeTimeoutMs: number;
  /** One Int32: 0 = the server is open (or may be), 1 = closed, the thread may be ended without harm. */
  readonly closedFlag: SharedArrayBuffer;
}

export type ToApiThread =
  | { readonly kind: 'snapshot'; readonly snapshot: PoolSnapshot; readonly inside: EngineInside | undefined }
  | ToLiveDesk
  /** `metrics` undefined: they could not be gathered. */
  | { readonly kind: 'metrics'; readonly id: number; readonly metrics: MetricsJson | undefined }
  | { readonly kind: 'close' }
  /** For drills: die as by a bug. */
  | { readonly kind: 'crash' };

export type FromApiThread =
  | {
      readonly kind: 'listening';
      readonly port: number;
      readonly engine: HttpEngineName;
      readonly remark: string;
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly remedy: string }
  | { readonly kind: 'metrics'; readonly id: number }
  | { readonly kind: 'diaries'; readonly id: number; readonly connections: readonly LiveConnection[] }
  | { readonly kind: 'live fault'; readonly message: string }
  /** The database was not read; told now and then. */
  | { readonly kind: 'fault'; readonly message: string }
  | { readonly kind: 'crashed'; readonly message: string };
