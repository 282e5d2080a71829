/**
 * What crosses between the main thread and the API thread. A snapshot a second and one question per scrape: nothing of it is
 * per share, nothing grows with the number of miners.
 */

import type { PoolTerms } from '../ledger/views/pool-terms.ts';
import type { PoolSnapshot } from '../live/pool-snapshot.ts';
import type { EngineChoice } from './engine-choice.ts';
import type { HttpEngineName } from './http-engine.ts';
import type { MetricsJson } from './scrape.ts';

export interface ApiThreadData {
  readonly host: string;
  readonly port: number;
  readonly engine: EngineChoice;
  readonly snapshot: PoolSnapshot;
  readonly terms: PoolTerms;
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
  | { readonly kind: 'snapshot'; readonly snapshot: PoolSnapshot }
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
  /** The database was not read; told now and then. */
  | { readonly kind: 'fault'; readonly message: string }
  | { readonly kind: 'crashed'; readonly message: string };
