/** One thing that `sluice doctor` looked at. */

export type FindingState = 'ok' | 'warn' | 'fail';

export interface Finding {
  readonly area: Area;
  readonly name: string;
  readonly state: FindingState;
  readonly found: string;
  /** What is wanted, and why; '' when all is well. */
  readonly expected: string;
  /** What to do, a command where there is one; '' when all is well. */
  readonly change: string;
}

/** In the order in which they are shown: what a later one needs comes first. */
export const AREAS = [
  'machine',
  'clock',
  'kernel',
  'engine',
  'journal',
  'database',
  'nodes',
  'ports',
  'files',
] as const;
export type Area = (typeof AREAS)[number];

export function ok(area: Area, name: string, found: string): Finding {
  return { area, name, state: 'ok', found, expected: '', change: '' };
}

type Wrong = { found: string; expected: string; change: string };

export function warn(area: Area, name: string, wrong: Wrong): Finding {
  return { area, name, state: 'warn', ...wrong };
}

export function fail(area: Area, name: string, wrong: Wrong): Finding {
  return { area, name, state: 'fail', ...wrong };
}
