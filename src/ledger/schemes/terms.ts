/**
 * The terms of a pot: what `rewards` in the configuration says, as whole numbers, and the JSON in which `policies.terms` keeps them.
 * SQL reads the same JSON, so large integers are strings and nothing is a fraction. Pure.
 */
import { z } from 'zod';
import { type Config, SCHEME_NAMES } from '../../../config/schema.ts';
import { sompiOf } from '../../domain/money.ts';
import type { SchemeName } from '../../domain/pot.ts';

/** For fee tiers only: one block says nothing of a solo miner's hashrate, an hour does. */
const SOLO_WINDOW_MINUTES = 60;
const HASHES_PER_TERAHASH = 1e12;
const MICRO = 1e6;

const integerText = z.string().regex(/^\d+$/).transform(BigInt);
const basisPoints = z.number().int().min(0).max(10_000).transform(BigInt);

const termsSchema = z.object({
  scheme: z.enum(SCHEME_NAMES),
  feeBasisPoints: basisPoints,
  finderBonusBasisPoints: basisPoints.default(0n),
  /** Highest first, so that the first one that fits is the one. */
  feeTiers: z.array(z.object({ fromHashesPerSecond: integerText, feeBasisPoints: basisPoints })).default([]),
  /** PPLNS: millionths of a network difficulty. */
  windowMicroDifficulties: integerText.default(0n),
  /** PPLNS and PROP: the window reaches no further back. */
  windowHoursMax: z.number().int().min(1).default(168),
  /** SOLO: over which the hashrate for the tiers is taken. */
  windowMinutes: z.number().int().min(1).default(SOLO_WINDOW_MINUTES),
  /** Points. */
  roundMinutes: z.number().int().min(1).default(60),
  /** PPS and FPPS. */
  reserveStopSompi: integerText.default(0n),
});

export type Terms = z.infer<typeof termsSchema>;

/** @throws ZodError when it was not written by `termsJson` */
export function readTerms(json: unknown): Terms {
  return termsSchema.parse(json);
}

/** Only what the scheme uses: a change of anything else is no change of its policy. */
export function termsJson(rewards: Config['rewards'], scheme: SchemeName): Record<string, unknown> {
  return {
    scheme,
    feeBasisPoints: hundredths(rewards[scheme].feePercent),
    feeTiers: rewards.feeTiers
      .toSorted((a, b) => b.fromTerahash - a.fromTerahash)
      .map(({ fromTerahash, feePercent }) => ({
        fromHashesPerSecond: String(BigInt(Math.round(fromTerahash * HASHES_PER_TERAHASH))),
        feeBasisPoints: hundredths(feePercent),
      })),
    ...ownTerms(rewards, scheme),
  };
}

function ownTerms(rewards: Config['rewards'], scheme: SchemeName): Record<string, unknown> {
  switch (scheme) {
    case 'pplns': {
      const { finderBonusPercent, windowDifficulties, windowHoursMax } = rewards.pplns;
      return {
        finderBonusBasisPoints: hundredths(finderBonusPercent),
        windowMicroDifficulties: String(BigInt(Math.max(1, Math.round(windowDifficulties * MICRO)))),
        windowHoursMax,
      };
    }
    case 'prop': {
      const { finderBonusPercent, windowHoursMax } = rewards.prop;
      return { finderBonusBasisPoints: hundredths(finderBonusPercent), windowHoursMax };
    }
    case 'solo':
      return { windowMinutes: SOLO_WINDOW_MINUTES };
    case 'points':
      return { roundMinutes: rewards.points.roundMinutes };
    case 'pps':
    case 'fpps':
      return { reserveStopSompi: String(sompiOf(rewards[scheme].reserveStopKas)) };
  }
}

/** The schema lets only two decimals through, so this rounds a double's noise and no digit. */
function hundredths(percent: number): number {
  return Math.round(percent * 100);
}
