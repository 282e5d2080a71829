import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { basisPointsOf, kasOf, sompiOf } from '../../../src/domain/money.ts';
import { splitReward } from '../../../src/ledger/schemes/split.ts';

const window = fc
  .uniqueArray(fc.bigInt({ min: 1n, max: 1_000_000n }), { maxLength: 40 })
  .chain((ids) =>
    fc
      .array(fc.bigInt({ min: 0n, max: 1n << 94n }), { minLength: ids.length, maxLength: ids.length })
      .map((work) => ids.map((accountId, index) => ({ accountId, work: work[index]! }))),
  );
const reward = fc.bigInt({ min: 0n, max: 10n ** 18n });
const fee = fc.bigInt({ min: 0n, max: 10_000n });

describe('a split', () => {
  it('adds up to the reward, to the last sompi', () => {
    fc.assert(
      fc.property(reward, fee, window, (sompi, points, shares) => {
        const { feeSompi, parts, unclaimedSompi } = splitReward(sompi, points, shares);
        expect(parts.reduce((sum, part) => sum + part.sompi, feeSompi + unclaimedSompi)).toBe(sompi);
        for (const part of parts) expect(part.sompi).toBeGreaterThan(0n);
      }),
    );
  });

  it('does not depend on the order of the window', () => {
    fc.assert(
      fc.property(reward, fee, window, (sompi, points, shares) => {
        expect(splitReward(sompi, points, shares.toReversed())).toEqual(splitReward(sompi, points, shares));
      }),
    );
  });

  it('gives each its share of the work, less than one sompi off', () => {
    fc.assert(
      fc.property(reward, window, (sompi, shares) => {
        const all = shares.reduce((sum, { work }) => sum + work, 0n);
        fc.pre(all > 0n);
        const given = new Map(
          splitReward(sompi, 0n, shares).parts.map((part) => [part.accountId, part.sompi]),
        );
        for (const { accountId, work } of shares) {
          const off = (given.get(accountId) ?? 0n) * all - sompi * work;
          expect(off > -all && off < all).toBe(true);
        }
      }),
    );
  });

  it('never gives more to less work', () => {
    fc.assert(
      fc.property(reward, window, (sompi, shares) => {
        const given = new Map(
          splitReward(sompi, 0n, shares).parts.map((part) => [part.accountId, part.sompi]),
        );
        const sorted = shares.toSorted((a, b) => (a.work < b.work ? -1 : 1));
        for (let i = 1; i < sorted.length; i++) {
          if (sorted[i - 1]!.work === sorted[i]!.work) continue;
          const [less, more] = [sorted[i - 1]!, sorted[i]!].map(
            ({ accountId }) => given.get(accountId) ?? 0n,
          );
          expect(more! >= less!).toBe(true);
        }
      }),
    );
  });

  it('keeps apart what nobody has worked for', () => {
    expect(splitReward(100n, 100n, [])).toEqual({ feeSompi: 1n, parts: [], unclaimedSompi: 99n });
    expect(splitReward(100n, 0n, [{ accountId: 1n, work: 0n }]).unclaimedSompi).toBe(100n);
  });

  it('gives the odd sompi to the largest remainders, and to the lower id when they are equal', () => {
    const equal = [3n, 1n, 2n].map((accountId) => ({ accountId, work: 1n }));
    expect(splitReward(5n, 0n, equal).parts).toEqual([
      { accountId: 1n, sompi: 2n },
      { accountId: 2n, sompi: 2n },
      { accountId: 3n, sompi: 1n },
    ]);
  });

  it('refuses what cannot be', () => {
    expect(() => splitReward(-1n, 0n, [])).toThrow(RangeError);
    expect(() => splitReward(1n, 10_001n, [])).toThrow(RangeError);
    expect(() => splitReward(1n, 0n, [{ accountId: 1n, work: -1n }])).toThrow(/negative/);
    expect(() =>
      splitReward(
        1n,
        0n,
        [1n, 1n].map((accountId) => ({ accountId, work: 1n })),
      ),
    ).toThrow(/twice/);
  });
});

describe('amounts on the command line', () => {
  it('are read and printed exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n }), (sompi) => {
        expect(sompiOf(kasOf(sompi))).toBe(sompi);
      }),
    );
    expect([sompiOf('12.5'), sompiOf('0.00000001'), basisPointsOf('1.25'), basisPointsOf('100')]).toEqual([
      1_250_000_000n,
      1n,
      125n,
      10_000n,
    ]);
    for (const text of ['', '-1', '1e3', '0.000000001', '.5', '1,5'])
      expect(sompiOf(text), text).toBeUndefined();
    for (const text of ['101', '-1', '1.255', 'x']) expect(basisPointsOf(text), text).toBeUndefined();
  });
});
