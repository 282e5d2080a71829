/** Every scheme by its name and by the number of its pot. */

import { POTS, type SchemeName } from '../../domain/pot.ts';
import { points } from './points.ts';
import { pplns } from './pplns.ts';
import { fpps, pps } from './pps.ts';
import { prop } from './prop.ts';
import type { Scheme } from './scheme.ts';
import { solo } from './solo.ts';

export const SCHEMES: Readonly<Record<SchemeName, Scheme>> = { pplns, prop, solo, pps, fpps, points };

const byPot = new Map<number, Scheme>(Object.values(SCHEMES).map((scheme) => [POTS[scheme.name], scheme]));

export function schemeOfPot(pot: number): Scheme {
  const scheme = byPot.get(pot);
  if (!scheme) throw new RangeError(`no scheme has the pot ${pot}`);
  return scheme;
}
