import { describe, expect, it } from 'vitest';
import { floors, slope } from '../../../bench/lib/statistics.ts';

describe('The slope of a row', () => {
  const teeth = Array.from({ length: 60 }, (_, at) => [at, 100 + ((at + 3) % 10)] as const);

  it('is nothing at the floor of a saw-tooth that only looks as if it rose', () => {
    const shown = teeth.slice(7, 56);
    expect(slope(shown)).not.toBeCloseTo(0, 2);
    expect(slope(floors(shown, 4))).toBeCloseTo(0, 10);
  });

  it('is at its floor what it is without teeth', () => {
    const rising = teeth.map(([at, value]) => [at, value + at * 0.5] as const);
    expect(slope(floors(rising, 6))).toBeCloseTo(0.5, 1);
  });

  it('has as many floors as there are points, at most', () => {
    expect(floors([[1, 2]], 6)).toEqual([[1, 2]]);
    expect(floors([], 6)).toEqual([]);
  });
});
