/** What the configuration says of the pool and everybody may know. Plain data: it crosses to the API thread. Never a secret. */
import type { SettingsTerms } from '../account-settings.ts';

export interface PoolTerms extends SettingsTerms {
  /** Holds for accounts that asked for none. */
  readonly defaultThresholdSompi: bigint;
  readonly version: string;
  /** What to type into a miner's user field, e.g. `kaspa:YOUR_ADDRESS.RIG`. */
  readonly loginFormat: string;
  readonly ports: readonly PortTerms[];
  readonly schemes: readonly SchemeTerms[];
  readonly maturityDaa: number;
  readonly payoutIntervalSeconds: number;
  readonly explorer: ExplorerTerms;
}

/** Addresses with `{txid}` and `{hash}` in them, '' = there is none. */
export interface ExplorerTerms {
  readonly transaction: string;
  readonly block: string;
}

export interface PortTerms {
  readonly label: string;
  readonly host: string;
  /** As configured: 0 = whatever was free, which only the engine knows. */
  readonly port: number;
  readonly tls: boolean;
  readonly transport: 'tcp' | 'websocket';
  readonly difficulty: number;
  readonly difficultyMin: number;
  readonly difficultyMax: number;
  /** null: difficulty does not vary by itself. */
  readonly sharesPerMinute: number | null;
  readonly scheme: string;
  readonly extranonceBytes: number;
}

export interface SchemeTerms {
  readonly scheme: string;
  readonly feePercent: number;
  readonly finderBonusPercent: number;
  readonly windowDifficulties: number | null;
  readonly roundMinutes: number | null;
}
