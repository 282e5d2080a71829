import { describe, expect, it } from 'vitest';
import { compareMeasure, comparePaired } from '../../../bench/lib/comparison.ts';
import { seededRandom } from '../../../bench/lib/seeded-random.ts';

const random = seededRandom(3);
const around = (centre: number, spread: number, better: 'lower' | 'higher' | 'neither' = 'lower') => ({
  name: 'x',
  unit: 'us',
  better,
  values: Array.from({ length: 15 }, () => centre + spread * (random() - 0.5)),
});

const measured = (...values: number[]) => ({ name: 'x', unit: 'us', better: 'lower' as const, values });

describe('a comparison', () => {
  it('sees no difference where the rounds differ more than the sides', () => {
    expect(compareMeasure(around(10, 8), around(10.2, 8)).verdict).toBe('no difference');
  });

  it('knows which way is better', () => {
    expect(compareMeasure(around(10, 1), around(5, 1)).verdict).toBe('better');
    expect(compareMeasure(around(10, 1), around(20, 1)).verdict).toBe('worse');
    expect(compareMeasure(around(10, 1), around(20, 1, 'higher')).verdict).toBe('better');
    expect(compareMeasure(around(10, 1), around(20, 1, 'neither')).verdict).toBe('changed');
  });

  it('says the same of the same rounds', () => {
    const [before, after] = [around(10, 4), around(11, 4)];
    expect(compareMeasure(before, after)).toEqual(compareMeasure(before, after));
  });

  it('makes nothing of nothing', () => {
    expect(compareMeasure(measured(0, 0, 0), measured(0, 0, 0)).verdict).toBe('no difference');
  });

  it('is never sure of a single round', () => {
    expect(compareMeasure(measured(10), measured(20)).verdict).toBe('too few rounds');
    expect(compareMeasure(measured(10, 10), measured(20, 20, 20)).verdict).toBe('too few rounds');
  });

  it('takes the difference of figures that reach zero, which have no ratio', () => {
    expect(compareMeasure(measured(0, 0, 0), measured(2, 2, 2))).toMatchObject({
      ...{ by: 'difference', effect: 2, low: 2, high: 2, verdict: 'worse' },
    });
    expect(compareMeasure(measured(-1, -2, 1), measured(1, -2, 0)).verdict).toBe('no difference');
  });
});

describe('turns side by side', () => {
  it('show a difference through what drifts under both', () => {
    const before = measured(10, 20, 40, 80, 160);
    const after = measured(9, 18, 36, 72, 144);
    expect(comparePaired([before], [after])[0]).toMatchObject({
      by: 'ratio',
      effect: 0.9,
      verdict: 'better',
    });
    expect(compareMeasure(before, after).verdict).toBe('no difference');
  });

  it('show none where one turn of five goes the other way', () => {
    expect(comparePaired([measured(10, 10, 10, 10, 10)], [measured(9, 9, 9, 9, 11)])[0]!.verdict).toBe(
      'no difference',
    );
  });

  it('need five of each', () => {
    expect(comparePaired([measured(10, 10, 10, 10)], [measured(9, 9, 9, 9)])[0]!.verdict).toBe(
      'too few rounds',
    );
  });

  it('leave out what only one side measures', () => {
    expect(comparePaired([measured(1)], [{ ...measured(1), name: 'y' }])).toEqual([]);
  });
});
