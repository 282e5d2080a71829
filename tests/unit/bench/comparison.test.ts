import { describe, expect, it } from 'vitest';
import { compareMeasure } from '../../../bench/lib/comparison.ts';
import { seededRandom } from '../../../bench/lib/seeded-random.ts';

const random = seededRandom(3);
const around = (centre: number, spread: number, better: 'lower' | 'higher' | 'neither' = 'lower') => ({
  name: 'x',
  unit: 'us',
  better,
  values: Array.from({ length: 15 }, () => centre + spread * (random() - 0.5)),
});

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
    const zero = { name: 'x', unit: '', better: 'lower' as const, values: [0, 0] };
    expect(compareMeasure(zero, zero).verdict).toBe('no difference');
  });
});
