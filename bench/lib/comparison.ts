/**
 * Two sets of rounds against each other. The medians' ratio alone is a rumour on a noisy machine, so it comes with an interval: the
 * rounds of both sides are drawn again and again with replacement (bootstrap), and when 95 % of the ratios lie on both sides of 1,
 * there is no difference that these rounds could show.
 */
import type { Measure } from './bench-case.ts';
import { seededRandom } from './seeded-random.ts';
import { median } from './statistics.ts';

export type Verdict = 'better' | 'worse' | 'changed' | 'no difference';

export interface Compared {
  readonly name: string;
  readonly unit: string;
  readonly before: number;
  readonly after: number;
  /** after / before, and the 95 % interval around it. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly verdict: Verdict;
}

const DRAWS = 4_000;
const TAIL = 0.025;
/** Fixed: the same records give the same verdict. */
const SEED = 7;

/** Measures that both sides have, in the order of `after`. Pure. */
export function compareMeasures(before: readonly Measure[], after: readonly Measure[]): Compared[] {
  return after.flatMap((measure) => {
    const other = before.find(({ name }) => name === measure.name);
    return other === undefined ? [] : [compareMeasure(other, measure)];
  });
}

export function compareMeasure(before: Measure, after: Measure): Compared {
  const [low, high] = interval(before.values, after.values);
  return {
    name: after.name,
    unit: after.unit,
    before: median(before.values),
    after: median(after.values),
    ratio: median(after.values) / median(before.values),
    low,
    high,
    verdict: verdictOf(after.better, low, high),
  };
}

function interval(before: readonly number[], after: readonly number[]): [number, number] {
  const random = seededRandom(SEED);
  const draw = (values: readonly number[]): number =>
    median(values.map(() => values[Math.floor(random() * values.length)]!));
  const ratios = Array.from({ length: DRAWS }, () => draw(after) / draw(before)).sort((a, b) => a - b);
  const at = (part: number): number => ratios[Math.min(DRAWS - 1, Math.floor(part * DRAWS))]!;
  return [at(TAIL), at(1 - TAIL)];
}

function verdictOf(better: Measure['better'], low: number, high: number): Verdict {
  // Written so that a NaN (0 by 0) is no difference.
  if (!(low > 1 || high < 1)) return 'no difference';
  if (better === 'neither') return 'changed';
  return low > 1 === (better === 'higher') ? 'better' : 'worse';
}
