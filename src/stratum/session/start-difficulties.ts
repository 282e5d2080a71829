/**
 * Where a miner begins on a port with variable difficulty: at what its worker had when it last left, else at what its model needs, else
 * nowhere in particular. A rig that reconnects every hour then sends no burst of easy shares every hour. Bounded, and forgotten in a day.
 */

import type { DifficultyLog2 } from '../../domain/target.ts';
import { BoundedTable } from '../../kit/bounded-table.ts';

/**
 * Words of user agents that name a model, and the power of two at which it sends some 20 to 40 shares a minute. Most firmware says only
 * whose it is, so this is a table of few; the first that fits counts, so longer words stand first.
 */
const MODELS: readonly (readonly [string, DifficultyLog2])[] = [
  ['ks0 ultra', 8],
  ['ks0ultra', 8],
  ['ks0 pro', 7],
  ['ks0pro', 7],
  ['ks0', 6],
  ['ks1', 9],
  ['ks2', 10],
  ['ka-box', 10],
  ['kabox', 10],
  ['ks3l', 11],
  ['ks3m', 11],
  ['ks3', 12],
  ['ka1m', 12],
  ['ks5m', 14],
  ['ks5l', 13],
  ['ks5', 13],
  // Bitmain's KS3 has 8.3 TH/s and its KS5 21; the agent does not tell which it is.
  ['godminer', 13],
  ['antminer', 13],
  ['bitmain', 13],
];

const FORGOTTEN_AFTER_MS = 24 * 3_600_000;

interface Remembered {
  readonly log2: DifficultyLog2;
  readonly atMs: number;
}

export class StartDifficulties {
  readonly #remembered: BoundedTable<Remembered>;

  constructor(workersMax: number) {
    this.#remembered = new BoundedTable(workersMax, isForgotten);
  }

  /** @param worker address and name; undefined: nothing is known. */
  of(worker: string, userAgent: string, nowMs: number): DifficultyLog2 | undefined {
    const remembered = this.#remembered.get(worker);
    if (remembered !== undefined && !isForgotten(remembered, nowMs)) return remembered.log2;
    return modelDifficulty(userAgent);
  }

  remember(worker: string, log2: DifficultyLog2, nowMs: number): void {
    this.#remembered.set(worker, { log2, atMs: nowMs }, nowMs);
  }
}

export function modelDifficulty(userAgent: string): DifficultyLog2 | undefined {
  const agent = userAgent.toLowerCase();
  return MODELS.find(([word]) => agent.includes(word))?.[1];
}

function isForgotten({ atMs }: Remembered, nowMs: number): boolean {
  return nowMs - atMs > FORGOTTEN_AFTER_MS;
}
