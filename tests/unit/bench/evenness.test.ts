import { describe, expect, it } from 'vitest';
import { evennessOf, measureEvenness } from '../../../bench/lib/evenness.ts';

describe('The evenness of cores', () => {
  it('counts windows below half of a core’s own median pace', () => {
    const { slowPart } = evennessOf(
      [
        [100, 100, 40, 100],
        [10, 10, 10, 10],
      ],
      10,
    );
    expect(slowPart).toBe(1 / 8);
  });

  it('tells cores that are slow together from one that waits for its turn', () => {
    const one = [100, 100, 10, 10, 100, 10, 100, 100];
    const other = [100, 10, 10, 10, 100, 100, 100, 100];
    expect(evennessOf([one, other], 10).longestSlowMs).toBe(20);
    expect(evennessOf([one, [100, 100, 100, 100, 100, 100, 100, 100]], 10).longestSlowMs).toBe(0);
  });

  it('is measured on every core', async () => {
    const { slowPart, longestSlowMs } = await measureEvenness(0.1, 10);
    expect(slowPart).toBeGreaterThanOrEqual(0);
    expect(longestSlowMs).toBeLessThanOrEqual(100);
  });
});
