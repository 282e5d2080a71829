/**
 * PPLNS: the last N network difficulties of work, whoever did it and whatever blocks lie between. In flow minutes of work, out flows
 * the window; a block more or less changes nothing of it, which is why nobody gains by coming and going. Pure.
 *
 *   ... [m-3][m-2][m-1][found minute]     walk back, whole minutes, until the sum is at least N x difficulty x 2^32 hashes
 *        <--------- window --------->     the minute that reaches it is in
 */
import { divideByWork } from './divide.ts';
import { MS_PER_HOUR, minuteUnit, type Scheme } from './scheme.ts';

const MICRO = 1_000_000n;

export const pplns: Scheme = {
  name: 'pplns',
  readsWork: true,
  waitsForEarlierBlocks: false,
  unitOf: minuteUnit,
  reachMs: ({ windowHoursMax }) => windowHoursMax * MS_PER_HOUR,
  windowOf: ({ unit, terms, minutes, networkWork }) => {
    const wanted = (networkWork * terms.windowMicroDifficulties) / MICRO;
    let fromMs = unit.fromMs;
    let work = 0n;
    // A young pool runs out of minutes first: then the window begins with its first work, so that mean hashrates mean something.
    for (const minute of minutes) {
      fromMs = Math.min(fromMs, minute.minuteMs);
      work += minute.work;
      if (work >= wanted) break;
    }
    return { fromMs, toMs: unit.toMs };
  },
  divide: divideByWork,
};
