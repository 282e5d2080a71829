/**
 * Points, as Chia pools count them: points are difficulty, without decay or score. Time is cut into rounds of equal length, each with
 * its number; every reward of a round's blocks is divided by the points of that round, and the next round begins at zero. Pure.
 *
 *   round number = floor(Unix minutes / roundMinutes);  a change of terms ends the round that is going on
 */
import { divideByWork } from './divide.ts';
import { MS_PER_MINUTE, type Scheme } from './scheme.ts';

export const points: Scheme = {
  name: 'points',
  readsWork: true,
  waitsForEarlierBlocks: false,
  unitOf: (foundMinuteMs, policy) => {
    const lengthMs = policy.terms.roundMinutes * MS_PER_MINUTE;
    const beginMs = Math.floor(foundMinuteMs / lengthMs) * lengthMs;
    return { fromMs: Math.max(beginMs, policy.fromMs), toMs: Math.min(beginMs + lengthMs, policy.toMs) };
  },
  reachMs: ({ roundMinutes }) => roundMinutes * MS_PER_MINUTE,
  windowOf: ({ unit }) => unit,
  // Work is points x 2^32, so the proportions are the same.
  divide: divideByWork,
};
