/**
 * How often somebody may ask: a bucket of tokens for each key, filled at a steady rate. Pure; time is an argument.
 *
 * In: a key and the time. Out: whether it may. It must never grow with the number of askers: beyond `keysMax` the bucket that was
 * used longest ago is forgotten, which at worst gives its owner a full one. Who has that many addresses had no limit before either.
 */

export interface BucketRule {
  /** Tokens of a full bucket. */
  readonly burst: number;
  readonly perMinute: number;
  readonly keysMax: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

const MS_PER_MINUTE = 60_000;

export class TokenBuckets {
  readonly #rule: BucketRule;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(rule: BucketRule) {
    this.#rule = rule;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token. A clock that goes backwards fills nothing and empties nothing. */
  take(key: string, nowMs: number): boolean {
    const { burst, perMinute, keysMax } = this.#rule;
    const known = this.#buckets.get(key);
    const elapsedMs = known ? Math.max(0, nowMs - known.atMs) : 0;
    const filled = known ? known.tokens + (elapsedMs * perMinute) / MS_PER_MINUTE : burst;
    const tokens = Math.min(burst, filled);
    const may = tokens >= 1;
    this.#buckets.delete(key);
    if (this.#buckets.size >= keysMax) this.#buckets.delete(this.#buckets.keys().next().value!);
    this.#buckets.set(key, {
      tokens: may ? tokens - 1 : tokens,
      atMs: known ? Math.max(known.atMs, nowMs) : nowMs,
    });
    return may;
  }

  /** Whole seconds until a refused key has its next token, for `retry-after`. */
  get secondsPerToken(): number {
    return Math.ceil(60 / this.#rule.perMinute);
  }
}
