/** A point of the checklist, as a check that can be run. */
import type { Lab } from './lab.ts';

/**
 * `early`: begins with the run and may take minutes beside the others. `main`: one after the other. `alone`: disturbs others, or is
 * disturbed. `verdict`: judges what was heard. `last`: the server does not survive it.
 */
export type Phase = 'early' | 'main' | 'alone' | 'verdict' | 'last';
export const PHASES: readonly Phase[] = ['early', 'main', 'alone', 'verdict', 'last'];

export interface Point {
  /** Of the checklist; docs/CONFORMANCE.md lists them. */
  readonly number: number;
  readonly title: string;
  readonly phase: Phase;
  /** Returns a note for the report, throws Unmet or NotApplicable. */
  check(lab: Lab): Promise<string>;
}

/** Most points: on their own connections, in the row of the main ones. */
export function point(number: number, title: string, check: Point['check'], phase: Phase = 'main'): Point {
  return { number, title, phase, check };
}
