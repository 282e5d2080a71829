/**
 * Settings that accounts sign, taken to the database: so many changes of one client and of one account, each question bounded. In: what a
 * stranger sent. Out: what the ledger's room says of it, or `ReadUnavailable`.
 *
 * It lives beside the HTTP server: neither a slow database nor the SDK's signature check costs an engine's main thread anything.
 */
import { TokenBuckets } from '../domain/token-bucket.ts';
import {
  applySignedSettings,
  type SettingsOutcome,
  type SignedSettings,
} from '../ledger/account-settings.ts';
import type { Database } from '../ledger/stores/postgres.ts';
import type { PoolTerms } from '../ledger/views/pool-terms.ts';
import { QuestionBound } from './question-bound.ts';

/** A signature is checked in half a millisecond: one client may cost us 10 ms a minute. */
const CHANGES_PER_CLIENT = { burst: 10, perMinute: 10, keysMax: 10_000 };
const CHANGES_PER_ACCOUNT = { burst: 5, perMinute: 0.2, keysMax: 10_000 };

export class SettingsDesk {
  readonly terms: PoolTerms;
  readonly #sql: Database;
  readonly #wallClock: () => number;
  readonly #changes = new TokenBuckets(CHANGES_PER_CLIENT);
  readonly #accounts = new TokenBuckets(CHANGES_PER_ACCOUNT);
  readonly #bound = new QuestionBound();

  constructor(sql: Database, terms: PoolTerms, wallClock: () => number) {
    this.terms = terms;
    this.#sql = sql;
    this.#wallClock = wallClock;
  }

  /** Unix ms. */
  get nowMs(): number {
    return this.#wallClock();
  }

  /** 0 = go on, else the seconds after which to come again. */
  mustWait(client: string): number {
    return this.#changes.take(client, this.nowMs) ? 0 : this.#changes.secondsPerToken;
  }

  /** @throws ReadUnavailable */
  apply(given: SignedSettings): Promise<SettingsOutcome> {
    const { nowMs } = this;
    return this.#bound.ask(() =>
      applySignedSettings(this.#sql, given, this.terms, nowMs, (address) =>
        this.#accounts.take(address, nowMs),
      ),
    );
  }
}
