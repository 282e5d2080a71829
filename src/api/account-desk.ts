/**
 * What the API may ask the database about accounts: a few connections of its own, each statement bounded in time, so many questions at
 * once and no more. In: an address, or signed settings. Out: what the ledger's room says, or `Unavailable`. It computes nothing.
 *
 * It lives in the API thread: neither a slow database nor the SDK's signature check costs the main thread anything.
 */
import { TokenBuckets } from '../domain/token-bucket.ts';
import {
  applySignedSettings,
  type SettingsOutcome,
  type SettingsTerms,
  type SignedSettings,
} from '../ledger/account-settings.ts';
import { type AccountView, viewAccount } from '../ledger/account-view.ts';
import { type Database, openDatabase } from '../ledger/stores/postgres.ts';

/** As it crosses to the API thread. */
export interface AccountTerms extends SettingsTerms {
  readonly databaseUrl: string;
  /** Holds for accounts that asked for none. */
  readonly defaultThresholdSompi: bigint;
}

/** The database is away or slow, or too many ask at once: the same to who asked. */
class Unavailable extends Error {}

const CONNECTIONS = 2;
const STATEMENT_TIMEOUT_MS = 2_000;
/** Also bounds the waiting for a connection, which no statement time-out does. */
const ANSWER_DEADLINE_MS = 3_000;
/** Two connections answer hundreds a second; who comes on top of this is better told at once. */
const QUESTIONS_MAX = 32;

/** A dashboard asks once in some seconds; a farm behind one address has some of them. */
const VIEWS_PER_CLIENT = { burst: 60, perMinute: 120, keysMax: 10_000 };
/** A signature is checked in half a millisecond: one client may cost us 10 ms a minute. */
const CHANGES_PER_CLIENT = { burst: 10, perMinute: 10, keysMax: 10_000 };
const CHANGES_PER_ACCOUNT = { burst: 5, perMinute: 0.2, keysMax: 10_000 };

export class AccountDesk {
  readonly terms: AccountTerms;
  readonly #sql: Database;
  readonly #wallClock: () => number;
  readonly #views = new TokenBuckets(VIEWS_PER_CLIENT);
  readonly #changes = new TokenBuckets(CHANGES_PER_CLIENT);
  readonly #accounts = new TokenBuckets(CHANGES_PER_ACCOUNT);
  #questions = 0;

  constructor(terms: AccountTerms, wallClock: () => number) {
    this.terms = terms;
    this.#wallClock = wallClock;
    this.#sql = openDatabase(terms.databaseUrl, {
      applicationName: 'sluice api',
      max: CONNECTIONS,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      connectTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
  }

  /** Unix ms. */
  get nowMs(): number {
    return this.#wallClock();
  }

  /** 0 = go on, else the seconds after which to come again. */
  mustWait(what: 'view' | 'change', client: string): number {
    const buckets = what === 'view' ? this.#views : this.#changes;
    return buckets.take(client, this.nowMs) ? 0 : buckets.secondsPerToken;
  }

  /** @throws Unavailable */
  view(address: string): Promise<AccountView | undefined> {
    return this.#bounded(() => viewAccount(this.#sql, address));
  }

  /** @throws Unavailable */
  apply(given: SignedSettings): Promise<SettingsOutcome> {
    const { nowMs } = this;
    return this.#bounded(() =>
      applySignedSettings(this.#sql, given, this.terms, nowMs, (address) =>
        this.#accounts.take(address, nowMs),
      ),
    );
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 0 }).catch(() => {});
  }

  /** A question counts until the database is done with it, however long ago its asker was sent away. */
  async #bounded<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#questions >= QUESTIONS_MAX) throw new Unavailable('too many questions at once');
    this.#questions++;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(reject, ANSWER_DEADLINE_MS, new Unavailable('no answer in time'));
    });
    const asked = ask().finally(() => this.#questions--);
    try {
      return await Promise.race([asked, deadline]);
    } catch (thrown) {
      if (thrown instanceof Unavailable) throw thrown;
      throw new Unavailable('the database did not answer', { cause: thrown });
    } finally {
      clearTimeout(timer);
      asked.catch(() => {});
    }
  }
}
