import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../../../src/domain/token-bucket.ts';

const rule = { burst: 3, perMinute: 6, keysMax: 4 };

describe('a token bucket', () => {
  it('gives its burst at once, then one token in each span', () => {
    const buckets = new TokenBuckets(rule);
    expect([0, 0, 0, 0].map((at) => buckets.take('a', at))).toEqual([true, true, true, false]);
    expect(buckets.take('a', 9_999)).toBe(false);
    expect(buckets.take('a', 10_000)).toBe(true);
    expect(buckets.take('a', 10_001)).toBe(false);
    expect(buckets.secondsPerToken).toBe(10);
  });

  it('counts every key for itself', () => {
    const buckets = new TokenBuckets(rule);
    for (let i = 0; i < 4; i++) buckets.take('a', 0);
    expect(buckets.take('b', 0)).toBe(true);
  });

  it('gives nothing for a clock that goes backwards', () => {
    const buckets = new TokenBuckets(rule);
    for (let i = 0; i < 3; i++) buckets.take('a', 60_000);
    expect(buckets.take('a', 0)).toBe(false);
    expect(buckets.take('a', 60_001)).toBe(false);
  });

  it('forgets the one that was used longest ago when there are too many', () => {
    const buckets = new TokenBuckets(rule);
    for (let i = 0; i < 3; i++) buckets.take('busy', 0);
    for (let i = 0; i < 1_000; i++) {
      buckets.take(`stranger ${i}`, 0);
      // Refused, but heard: who keeps asking is not forgotten.
      expect(buckets.take('busy', 0)).toBe(false);
    }
    expect(buckets.size).toBe(4);
  });

  it('never gives more than burst and rate allow', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 200 }), (pauses) => {
        const buckets = new TokenBuckets(rule);
        let now = 0;
        let given = 0;
        for (const pause of pauses) {
          now += pause;
          if (buckets.take('a', now)) given++;
        }
        expect(given).toBeLessThanOrEqual(3 + now / 10_000 + 1e-9);
      }),
    );
  });
});
