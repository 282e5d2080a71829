/**
 * The seam of reward schemes. A scheme says two things: which window of work a settlement uses, and how its outputs are divided.
 * Pure: whoever implements it sees facts and gives numbers, and never reads a clock, a database or another scheme.
 *
 *   found minute -> unitOf -> unit: blocks of one unit are settled together, when its end is loaded
 *   unit, minutes of work before it, the pot's window before -> windowOf -> window
 *   outputs, work of the window, terms -> divide -> parts, which add up to the outputs to the last sompi
 */
import type { SchemeName } from '../../domain/pot.ts';
import type { Terms } from './terms.ts';

/** From and including, to and without; whole minutes in Unix ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Terms and when they hold. The first policy holds since ever, the last one for ever. */
export interface PolicyInForce extends Span {
  readonly id: bigint;
  readonly terms: Terms;
}

export interface MinuteWork {
  readonly minuteMs: number;
  /** Expected hashes of all accounts of the pot. */
  readonly work: bigint;
}

export interface WindowFacts {
  readonly unit: Span;
  readonly terms: Terms;
  /** Of the pot, newest first, from the unit's end back as far as `reachMs`; minutes without work are left out. */
  readonly minutes: readonly MinuteWork[];
  /** Expected hashes of one block, by the network target of the unit's first block. */
  readonly networkWork: bigint;
  /** End of the pot's last window that ended before this unit's end. */
  readonly previousToMs: number | undefined;
}

export interface DivisionAccount {
  readonly accountId: bigint;
  /** Expected hashes in the window, never negative. */
  readonly work: bigint;
  /** Given by the operator to this account; undefined = tier or scheme. */
  readonly ownFeeBasisPoints: bigint | undefined;
  readonly donationBasisPoints: bigint;
}

export interface RewardOutput {
  readonly amountSompi: bigint;
  readonly finderAccountId: bigint;
}

export interface Division {
  readonly outputs: readonly RewardOutput[];
  readonly dustInSompi: bigint;
  readonly window: Span;
  readonly terms: Terms;
  /** Everybody with work in the window and every finder, each once, in any order. */
  readonly accounts: readonly DivisionAccount[];
}

export interface DividedPart {
  readonly accountId: bigint;
  readonly work: bigint;
  readonly grossSompi: bigint;
  readonly bonusSompi: bigint;
  readonly feeBasisPoints: bigint;
  readonly feeSompi: bigint;
  readonly donationBasisPoints: bigint;
  readonly donationSompi: bigint;
}

/** outputs + dust in = sum of (gross + bonus) + reserve + dust out; credit = gross + bonus - fee - donation. */
export interface Divided {
  /** In the order of the ids. */
  readonly parts: readonly DividedPart[];
  readonly windowWork: bigint;
  readonly feeSompi: bigint;
  readonly donationSompi: bigint;
  readonly reserveSompi: bigint;
  readonly dustOutSompi: bigint;
}

export interface Scheme {
  readonly name: SchemeName;
  /** Does a division read work? PPS has credited it minute by minute, so its blocks wait for nobody. */
  readonly readsWork: boolean;
  /** Wait until every earlier block of the pot is final: the window begins where the last paid one ended. */
  readonly waitsForEarlierBlocks: boolean;
  unitOf(foundMinuteMs: number, policy: PolicyInForce): Span;
  /** How far back from the unit's end minutes must be known. */
  reachMs(terms: Terms): number;
  windowOf(facts: WindowFacts): Span;
  /** @throws RangeError for what cannot be: negative work, an account twice, a finder who is missing */
  divide(division: Division): Divided;
}

export const MS_PER_MINUTE = 60_000;
export const MS_PER_HOUR = 3_600_000;

export function minuteUnit(foundMinuteMs: number): Span {
  return { fromMs: foundMinuteMs, toMs: foundMinuteMs + MS_PER_MINUTE };
}
