/**
 * What crosses between the main thread and the API thread. A snapshot a second and one question per scrape: nothing of it is
 * per share, nothing grows with the number of miners.
 */

import type { PoolSnapshot } from '../live/pool-snapshot.ts';
import type { AccountTerms } from './account-desk.ts';
import type { EngineChoice } from './engine-choice.ts';
import type { HttpEngineName } from './http-engine.ts';
import type { MetricsJson } from './scrape.ts';

export interface ApiThreadData {
  readonly host: string;
  readonly port: number;
  readonly engine: EngineChoice;
  readonly snapshot: PoolSnapshot;
  /** undefined: no database to ask about accounts. */
  readonly accounts: AccountTerms | undefined;
  readonly staleAfterMs: number;
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
  | { readonly kind: 'crashed'; readonly message: string };
