import { describe, expect, it } from 'vitest';
import { BOUNDS, LIMITS } from '../../../config/limits.ts';
import { boundsObject, boundsText } from '../../../src/app/bounds-table.ts';
import { curveOf } from '../../../src/app/capacity-measure.ts';
import { memoryBound, totalBytes } from '../../../src/app/memory-bound.ts';

describe('the bounds', () => {
  it('have a number, a unit and a sentence each, and all are printed', () => {
    const text = boundsText(1_000, 4);
    for (const [name, { value, unit, why }] of Object.entries(BOUNDS)) {
      expect(Number.isFinite(value), name).toBe(true);
      expect(unit, name).not.toBe('');
      expect(why, name).toMatch(/^[A-Z].*\.$/s);
      expect(text).toContain(`${value} ${unit}  ${why}`);
    }
    expect(Object.keys(LIMITS)).toEqual(Object.keys(BOUNDS));
  });

  it('come to a memory that grows with connections, and whose worst is never less than the usual', () => {
    const [few, many] = [100, 10_000].map((connections) => memoryBound(connections, 4));
    for (const part of many!) expect(part.worstBytes).toBeGreaterThanOrEqual(part.usualBytes);
    for (const which of ['usualBytes', 'worstBytes'] as const)
      expect(totalBytes(many!, which)).toBeGreaterThan(totalBytes(few!, which));
  });

  it('are JSON as well', () => {
    expect(JSON.parse(JSON.stringify(boundsObject(10, 4)))).toMatchObject({
      connections: 10,
      bounds: BOUNDS,
    });
  });
});

describe('the measured costs', () => {
  const idle = { mainUs: 10_000, otherUs: 5_000, jobs: 0, shares: 0, rssBytes: 200e6 };
  const load = (jobs: number, shares: number) => ({
    ...{ jobs, shares, rssBytes: 208e6 },
    mainUs: idle.mainUs + jobs * 7 + shares * 12,
    otherUs: idle.otherUs + shares * 4,
  });

  it('are found again in two loads that were made of them', () => {
    const curve = curveOf(idle, load(8_000, 400), load(2_000, 6_000));
    expect(curve.sendUs).toBeCloseTo(7);
    expect(curve.shareMainUs).toBeCloseTo(12);
    expect(curve.shareOtherUs).toBeCloseTo(4);
    expect(curve.minerBytes).toBeCloseTo(10_000);
  });

  it('are refused when more work cost less', () => {
    expect(() => curveOf(idle, { ...load(8_000, 400), mainUs: 0 }, load(2_000, 6_000))).toThrow(/no sense/);
  });
});
