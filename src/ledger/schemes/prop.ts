/**
 * PROP: the work since the last paid block. In flows the end of the window before, out flows the next one; no minute lies in two of
 * them and none between. Pure. Work in a short round is worth more than in a long one, so hoppers gain: offered because it is asked for.
 */
import { divideByWork } from './divide.ts';
import { MS_PER_HOUR, minuteUnit, type Scheme } from './scheme.ts';

export const prop: Scheme = {
  name: 'prop',
  readsWork: true,
  waitsForEarlierBlocks: true,
  unitOf: minuteUnit,
  reachMs: ({ windowHoursMax }) => windowHoursMax * MS_PER_HOUR,
  windowOf: ({ unit, terms, minutes, previousToMs }) => {
    const reach = unit.toMs - terms.windowHoursMax * MS_PER_HOUR;
    // The first round begins with the first work.
    const begin = previousToMs ?? minutes.at(-1)?.minuteMs ?? unit.fromMs;
    return { fromMs: Math.min(unit.fromMs, Math.max(reach, begin)), toMs: unit.toMs };
  },
  divide: divideByWork,
};
