/**
 * The sums of one batch: shares and exact work per worker, pot and minute. Pure.
 *
 * Work is 2^(32 + d) hashes a share, up to 2^94: beyond a double, and a bigint addition per share would cost more than the
 * rest of the row. A worker's shares of one minute nearly all have one difficulty, so runs of equal difficulty are counted
 * as plain numbers and turned into work once per run.
 */
import { workOfShare } from '../domain/target.ts';

export const MINUTE_MS = 60_000;

/** Shares of one worker, pot and minute. A class: read for every share, so that all of them must have one hidden shape. */
export class ShareSum {
  readonly workerId: number;
  readonly pot: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Of which filling of the sums it is: one of an earlier batch is none any more. */
  readonly filling: number;
  shares = 0;
  work = 0n;
  runDifficulty = 0;
  runShares = 0;

  constructor(workerId: number, pot: number, minute: number, filling: number) {
    this.workerId = workerId;
    this.pot = pot;
    this.fromMs = minute * MINUTE_MS;
    this.toMs = this.fromMs + MINUTE_MS;
    this.filling = filling;
  }

  /** One share more. */
  add(difficultyLog2: number): void {
    this.shares++;
    if (this.runDifficulty !== difficultyLog2) {
      this.endRun();
      this.runDifficulty = difficultyLog2;
    }
    this.runShares++;
  }

  endRun(): void {
    if (this.runShares === 0) return;
    this.work += workOfShare(this.runDifficulty) * BigInt(this.runShares);
    this.runShares = 0;
  }
}

/** Columns as PostgreSQL array literals: built by hand they cost a quarter of what the client's own arrays do. */
export interface SumColumns {
  readonly rows: number;
  readonly minutes: string;
  readonly workerIds: string;
  readonly pots: string;
  readonly shares: string;
  readonly work: string;
}

/** A worker and a pot as one number: a Map of two levels would cost a look-up more for every share. Ids stay below 2^45. */
const POTS_MAX = 256;

/** Shared by all sums, so that a sum of one can never be taken for a sum of another. */
let fillings = 0;

export class ShareSums {
  /** By minute, then by `workerId * POTS_MAX + pot`. */
  readonly #minutes = new Map<number, Map<number, ShareSum>>();
  #filling = ++fillings;

  add(receivedAtMs: number, workerId: number, pot: number, difficultyLog2: number): void {
    this.at(undefined, receivedAtMs, workerId, pot).add(difficultyLog2);
  }

  /** @param last the worker's sum before: nearly always the one that is asked for, and a look at it saves two look-ups. */
  at(last: ShareSum | undefined, receivedAtMs: number, workerId: number, pot: number): ShareSum {
    if (
      last !== undefined &&
      last.filling === this.#filling &&
      receivedAtMs >= last.fromMs &&
      receivedAtMs < last.toMs &&
      last.pot === pot &&
      last.workerId === workerId
    )
      return last;
    return this.#find(Math.floor(receivedAtMs / MINUTE_MS), workerId, pot);
  }

  clear(): void {
    this.#minutes.clear();
    this.#filling = ++fillings;
  }

  /** Rows in the order of the key, so that several loaders lock them in the same order. */
  columns(): SumColumns {
    const minutes: number[] = [];
    const workerIds: number[] = [];
    const pots: number[] = [];
    const shares: number[] = [];
    const work: bigint[] = [];
    for (const [minute, sums] of [...this.#minutes].sort(byKey)) {
      for (const [key, sum] of [...sums].sort(byKey)) {
        sum.endRun();
        minutes.push(minute);
        workerIds.push(Math.floor(key / POTS_MAX));
        pots.push(key % POTS_MAX);
        shares.push(sum.shares);
        work.push(sum.work);
      }
    }
    return {
      rows: minutes.length,
      minutes: literal(minutes),
      workerIds: literal(workerIds),
      pots: literal(pots),
      shares: literal(shares),
      work: literal(work),
    };
  }

  #find(minute: number, workerId: number, pot: number): ShareSum {
    let sums = this.#minutes.get(minute);
    if (sums === undefined) this.#minutes.set(minute, (sums = new Map()));
    const key = workerId * POTS_MAX + pot;
    let sum = sums.get(key);
    if (sum === undefined) sums.set(key, (sum = new ShareSum(workerId, pot, minute, this.#filling)));
    return sum;
  }
}

function byKey(a: readonly [number, unknown], b: readonly [number, unknown]): number {
  return a[0] - b[0];
}

function literal(values: readonly (number | bigint)[]): string {
  return `{${values.join(',')}}`;
}
