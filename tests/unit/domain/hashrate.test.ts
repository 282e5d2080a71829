import { describe, expect, it } from 'vitest';
import { HashrateWindow } from '../../../src/domain/hashrate.ts';

describe('hashrate', () => {
  it('is credited difficulty x 2^32 over the seconds of the window', () => {
    const window = new HashrateWindow(3600, 0);
    for (let second = 0; second < 600; second++) window.add(2, second * 1000);
    expect(window.rate(60, 599_999)).toBeCloseTo(2 * 2 ** 32, -6);
  });

  it('divides by the time lived when that is shorter than the window', () => {
    const window = new HashrateWindow(3600, 0);
    window.add(10, 5_000);
    expect(window.rate(600, 10_000)).toBe((10 * 2 ** 32) / 10);
  });

  it('forgets what left the window', () => {
    const window = new HashrateWindow(100, 0);
    window.add(1000, 1_000);
    expect(window.rate(60, 90_000)).toBe(0);
    expect(window.rate(60, 1_000_000)).toBe(0);
  });
});
