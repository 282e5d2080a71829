/**
 * SEAM of the suite: what a case is. A case file `bench/cases/<kind>/<name>.bench.ts` has one as its default export; `run.ts` lists
 * it, `case-process.ts` runs it in a process of its own, `record.ts` makes a line of what it returns. A case measures and returns;
 * it never prints a table, never writes a file, never decides whether it was good.
 */
import type { Histogram } from 'hdr-histogram-js';

/** One number that a case can be given: `--connections 5000`. */
export interface Parameter {
  /** '' for a count. */
  readonly unit: string;
  /** One line for `--help`. */
  readonly text: string;
  readonly real: number;
  /** In `npm test`: as small as the case still says something. */
  readonly smoke: number;
  readonly min: number;
  readonly max?: number;
}

/** Keys are camelCase here and kebab-case on the command line. */
export type ParameterTable = Readonly<Record<string, Parameter>>;
export type Values<T extends ParameterTable> = { readonly [Key in keyof T]: number };

/** A figure, once per round. Medians, intervals and verdicts are made of these by others. */
export interface Measure {
  /** `<who>.<what>`: `engine.cpu_us_per_share`, `ratio.cpu_per_share`. A ratio is taken within each round. */
  readonly name: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher' | 'neither';
  readonly values: readonly number[];
}

/** All rounds together. Recorded in us. */
export interface Distribution {
  /** `engine.submit_to_answer`. */
  readonly name: string;
  readonly histogram: Histogram;
}

export interface CaseResult {
  readonly measures: readonly Measure[];
  readonly distributions: readonly Distribution[];
  /** Of what was really done or counted; the case has verified it. The same seed and parameters give the same where the work is fixed. */
  readonly checksum: string;
  /** Why the run says nothing: the generator fell behind, a share was lost. Empty = valid. */
  readonly invalid: readonly string[];
  /** What a reader must know: a limit server that could not be compiled, a pin that was not to be had. */
  readonly notes: readonly string[];
}

export interface CaseContext<T extends ParameterTable> {
  readonly values: Values<T>;
  readonly seed: number;
  readonly smoke: boolean;
  /** Parts whose name does not match are left out; undefined = all. */
  readonly filter: RegExp | undefined;
  /** In [0, 1), from the seed. */
  readonly random: () => number;
  /** `done` of `total` steps are over; `text` says what the next is, or what the last came to. */
  readonly progress: (done: number, total: number, text: string) => void;
}

export interface BenchCase<T extends ParameterTable = ParameterTable> {
  readonly kind: 'micro' | 'flow';
  /** The line of the list: what is measured, against what. */
  readonly title: string;
  readonly parameters: T;
  /** Why it cannot run on this machine, where it needs what not every machine has: then it is not run, which is no failure. */
  readonly missing?: () => string | undefined;
  run(context: CaseContext<T>): Promise<CaseResult>;
}

export function defineCase<const T extends ParameterTable>(benchCase: BenchCase<T>): BenchCase<T> {
  return benchCase;
}
