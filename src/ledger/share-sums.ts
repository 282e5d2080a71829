/**
 * The sums of one batch: shares and exact work per worker, pot and minute. Pure.
 *
 * Work is 2^(32 + d) hashes a share, up to 2^94: beyond a double, and a bigint addition per share would cost more than the
 * rest of the row. A worker's shares of one minute nearly all have one difficulty, so runs of equal difficulty are counted
 * as plain numbers and turned into work once per run.
 */
import { workOfShare } from '../domain/target.ts';

interface Sum {
  shares: number;
  work: bigint;
  runDifficulty: number;
  runShares: number;
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

export const MINUTE_MS = 60_000;
/** A worker and a pot as one number: a Map of two levels would cost a look-up more for every share. Ids stay below 2^45. */
const POTS_MAX = 256;

export class ShareSums {
  /** By minute, then by `workerId * POTS_MAX + pot`. */
  readonly #minutes = new Map<number, Map<number, Sum>>();
  #minute = -1;
  #sums: Map<number, Sum> = new Map();

  add(receivedAtMs: number, workerId: number, pot: number, difficultyLog2: number): void {
    const minute = Math.floor(receivedAtMs / MINUTE_MS);
    // Shares come in the order of their time, so the minute hardly ever changes.
    if (minute !== this.#minute) this.#turnTo(minute);
    const key = workerId * POTS_MAX + pot;
    const sum = this.#sums.get(key);
    if (sum === undefined) {
      this.#sums.set(key, { shares: 1, work: 0n, runDifficulty: difficultyLog2, runShares: 1 });
      return;
    }
    sum.shares++;
    if (sum.runDifficulty === difficultyLog2) {
      sum.runShares++;
      return;
    }
    endRun(sum);
    sum.runDifficulty = difficultyLog2;
    sum.runShares = 1;
  }

  clear(): void {
    this.#minutes.clear();
    this.#minute = -1;
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
        endRun(sum);
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

  #turnTo(minute: number): void {
    let sums = this.#minutes.get(minute);
    if (sums === undefined) {
      sums = new Map();
      this.#minutes.set(minute, sums);
    }
    this.#minute = minute;
    this.#sums = sums;
  }
}

function endRun(sum: Sum): void {
  sum.work += workOfShare(sum.runDifficulty) * BigInt(sum.runShares);
  sum.runShares = 0;
}

function byKey(a: readonly [number, unknown], b: readonly [number, unknown]): number {
  return a[0] - b[0];
}

function literal(values: readonly (number | bigint)[]): string {
  return `{${values.join(',')}}`;
}
