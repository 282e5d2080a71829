/** What crosses between the main thread and the operator's: reports once a second, the configuration when it changes, orders and answers. */
import type { OperatorPlace } from '../../config/operator-terms.ts';
import type { ConfigurationView, OperatorStatus, ReloadAnswer } from '../api/operator/status-schema.ts';
import type { Told } from '../live/verdict.ts';

export interface OperatorThreadData {
  readonly place: OperatorPlace;
  /** sha256; the token itself stays in the main thread. */
  readonly tokenHash: Uint8Array;
  readonly databaseUrl: string;
  readonly banFile: string | undefined;
  readonly service: OperatorStatus['service'];
  readonly engines: readonly Told[];
  readonly configuration: ConfigurationView;
}

export type ToOperatorThread =
  | { readonly kind: 'engines'; readonly engines: readonly Told[] }
  | { readonly kind: 'configuration'; readonly view: ConfigurationView }
  | { readonly kind: 'reloaded'; readonly id: number; readonly answer: ReloadAnswer }
  | { readonly kind: 'close' };

export type FromOperatorThread =
  | { readonly kind: 'listening'; readonly address: string }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly remedy: string }
  | { readonly kind: 'reload'; readonly id: number; readonly dryRun: boolean }
  /** The list of bans has changed. */
  | { readonly kind: 'bans' }
  | { readonly kind: 'note'; readonly who: string; readonly what: string; readonly outcome: string };
