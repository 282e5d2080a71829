/**
 * Variable difficulty: how hard a share must be so that a miner sends about so many a minute. Pure; time comes in as a number.
 *
 * Shares come at random, so a rate that was seen is not the rate that is: of n shares the true number is n give or take its root. A step
 * is made when the whole interval around it lies beyond half a step, so a miner whose ideal lies between two powers of two stays
 * where it is. The same rule needs no case for the quick: an ASIC at 2,000 times the rate is certain after a second.
 *
 *   shares x 2^d in a window --> interval of the rate --> [low .. high] against the target
 *        low  > target x 2^0.6   up, by as many steps as are certain
 *        high < target / 2^0.6   down, likewise; nobody heard of for a while is down a step
 */
import type { DifficultyLog2 } from './target.ts';

export interface VardiffRules {
  readonly sharesPerMinute: number;
  readonly minLog2: DifficultyLog2;
  readonly maxLog2: DifficultyLog2;
}

/** A miner changes: what it did so long ago says little of what it does. */
const WINDOW_MS_MIN = 120_000;
/** Wanted shares that a window has room for: enough to know a rate to a quarter, and to know silence for silence at any rate. */
const WINDOW_SHARES = 40;
/** 99 % on either side. */
const SIGMAS = 2.6;
/** Of no share at all: with the true number above this, 99 of 100 windows would have had one. */
const SILENCE = 4.6;
/** In steps. Half a step off is as near as powers of two come; a little more keeps those there in peace. */
const DEAD_BAND = 0.6;
/** Up at once: what is too easy floods. Down in small steps: what is too hard only waits. */
const STEPS_UP_MAX = 8;
const STEPS_DOWN_MAX = 2;
const MS_PER_MINUTE = 60_000;
/** Who has sent nothing yet may still be warming up: a small ASIC that was stepped down early fell into a loop of reconnects. */
const SILENT_START_MS = 60_000;
/** Who still says nothing is stepped down one power of two at a time, no sooner than this after the last. */
const SILENT_STEP_MS = 30_000;

/** Without a step in so long, measuring begins anew; in ms. */
export function vardiffWindowMs(sharesPerMinute: number): number {
  return Math.max(WINDOW_MS_MIN, (WINDOW_SHARES * MS_PER_MINUTE) / sharesPerMinute);
}

/** What becomes of a step for somebody who has sent nothing since the login, not even a share that was refused. */
export function silentStep(
  current: DifficultyLog2,
  next: DifficultyLog2,
  elapsedMs: number,
  sinceLoginMs: number,
): DifficultyLog2 {
  if (next >= current) return next;
  if (elapsedMs < SILENT_STEP_MS || sinceLoginMs < SILENT_START_MS) return current;
  return current - 1;
}

/**
 * The difficulty from now on; the same = no change.
 * @param shares work of the window in shares of the present difficulty: those of an easier job count for less
 */
export function vardiffStep(
  { sharesPerMinute, minLog2, maxLog2 }: VardiffRules,
  current: DifficultyLog2,
  shares: number,
  elapsedMs: number,
): DifficultyLog2 {
  if (!(elapsedMs > 0)) return current;
  const wanted = (sharesPerMinute * elapsedMs) / MS_PER_MINUTE;
  const spread = SIGMAS * Math.sqrt(shares);
  const low = Math.log2((shares - spread) / wanted);
  const high = Math.log2((shares + spread + SILENCE) / wanted);
  let steps = 0;
  // NaN and -Infinity, of few shares, are not above anything.
  if (low > DEAD_BAND) steps = Math.min(STEPS_UP_MAX, Math.max(1, Math.round(low)));
  else if (high < -DEAD_BAND) steps = -Math.min(STEPS_DOWN_MAX, Math.max(1, Math.round(-high)));
  return Math.min(Math.max(current + steps, minLog2), maxLog2);
}
