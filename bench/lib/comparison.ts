/**
 * Two sets of rounds against each other. The medians' ratio alone is a rumour on a noisy machine, so it comes with an interval: the
 * rounds are drawn again and again with replacement (bootstrap), and when 95 % of the draws lie on both sides of "the same", there is
 * no difference that these rounds could show. Figures that reach zero have no ratio; for them it is the difference that counts.
 */
import type { Measure } from './bench-case.ts';
import { seededRandom } from './seeded-random.ts';
import { median } from './statistics.ts';

export type Verdict = 'better' | 'worse' | 'changed' | 'no difference' | 'too few rounds';

export interface Compared {
  readonly name: string;
  readonly unit: string;
  readonly before: number;
  readonly after: number;
  /** What `effect` and its interval are: after / before, or after - before. */
  readonly by: 'ratio' | 'difference';
  readonly effect: number;
  /** The 95 % interval around it. */
  readonly low: number;
  readonly high: number;
  readonly verdict: Verdict;
}

const DRAWS = 4_000;
const TAIL = 0.025;
/** Fixed: the same records give the same verdict. */
const SEED = 7;
/** On each side. The interval of a single round has no width, and would be sure of anything. */
const ROUNDS_MIN = 3;
/** All of five rounds on one side by chance: one in sixteen. Of three: one in four, which is no verdict. */
const PAIRS_MIN = 5;

/** Measures that both sides have, in the order of `after`. Pure. */
export function compareMeasures(before: readonly Measure[], after: readonly Measure[]): Compared[] {
  return inBoth(before, after).map(([left, right]) => compareMeasure(left, right));
}

/** For rounds that know nothing of each other: two records. */
export function compareMeasure(before: Measure, after: Measure): Compared {
  const by = scaleOf(before, after);
  const random = seededRandom(SEED);
  const bounds = interval(() =>
    effectOf(by, median(redrawn(before.values, random)), median(redrawn(after.values, random))),
  );
  const enough = Math.min(before.values.length, after.values.length) >= ROUNDS_MIN;
  const effect = effectOf(by, median(before.values), median(after.values));
  return compared(before, after, { by, effect, bounds, enough });
}

/**
 * For turns taken side by side, the n-th of `before` with the n-th of `after`: what the machine did meanwhile met both, so the effect
 * is taken within each pair. One value a turn: rounds inside a process share its luck and would make the interval too narrow.
 */
export function comparePaired(before: readonly Measure[], after: readonly Measure[]): Compared[] {
  return inBoth(before, after).map(([left, right]) => {
    const by = scaleOf(left, right);
    const pairs = Math.min(left.values.length, right.values.length);
    const effects = Array.from({ length: pairs }, (_, at) =>
      effectOf(by, left.values[at]!, right.values[at]!),
    );
    const random = seededRandom(SEED);
    const bounds = interval(() => median(redrawn(effects, random)));
    return compared(left, right, { by, effect: median(effects), bounds, enough: pairs >= PAIRS_MIN });
  });
}

function inBoth(before: readonly Measure[], after: readonly Measure[]): [Measure, Measure][] {
  return after.flatMap((measure) => {
    const other = before.find(({ name }) => name === measure.name);
    return other === undefined || other.values.length === 0 || measure.values.length === 0
      ? []
      : [[other, measure] as [Measure, Measure]];
  });
}

function scaleOf(before: Measure, after: Measure): Compared['by'] {
  return [...before.values, ...after.values].every((value) => value > 0) ? 'ratio' : 'difference';
}

function effectOf(by: Compared['by'], before: number, after: number): number {
  return by === 'ratio' ? after / before : after - before;
}

function redrawn(values: readonly number[], random: () => number): number[] {
  return values.map(() => values[Math.floor(random() * values.length)]!);
}

function interval(draw: () => number): [number, number] {
  const drawn = Array.from({ length: DRAWS }, draw).sort((a, b) => a - b);
  const at = (part: number): number => drawn[Math.min(DRAWS - 1, Math.floor(part * DRAWS))]!;
  return [at(TAIL), at(1 - TAIL)];
}

interface Finding {
  readonly by: Compared['by'];
  readonly effect: number;
  readonly bounds: readonly [number, number];
  readonly enough: boolean;
}

function compared(before: Measure, after: Measure, { by, effect, bounds, enough }: Finding): Compared {
  const [low, high] = bounds;
  return {
    name: after.name,
    unit: after.unit,
    before: median(before.values),
    after: median(after.values),
    ...{ by, effect, low, high },
    verdict: enough ? verdictOf(after.better, by === 'ratio' ? 1 : 0, low, high) : 'too few rounds',
  };
}

function verdictOf(better: Measure['better'], same: number, low: number, high: number): Verdict {
  // Written so that a NaN is no difference.
  if (!(low > same || high < same)) return 'no difference';
  if (better === 'neither') return 'changed';
  return low > same === (better === 'higher') ? 'better' : 'worse';
}
