/** The formulas of ruin against pools that are played through, block by block, with seeded luck. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../bench/lib/seeded-random.ts';
import {
  type ReserveWalk,
  reserveFor,
  reserveWithin,
  ruinProbability,
  ruinWithin,
} from '../../../src/ledger/reserve/ruin.ts';

const walk: ReserveWalk = {
  blockSompi: 1,
  blocksPerDay: 10,
  luck: 1,
  paidOut: 0.95,
  reserveSompi: 20,
};

/** Part of so many pools that were ruined by then. */
function played(given: ReserveWalk, days: number, pools: number): number {
  const random = seededRandom(20_260_601);
  const rate = given.luck * given.blocksPerDay;
  const perDay = given.paidOut * given.blocksPerDay * given.blockSompi;
  let ruined = 0;
  for (let pool = 0; pool < pools; pool++) {
    let reserve = given.reserveSompi;
    for (let day = 0; ; ) {
      const wait = -Math.log(1 - random()) / rate;
      const left = days - day;
      // Downwards it goes steadily: it is lowest just before the next block.
      if (reserve - Math.min(wait, left) * perDay <= 0) {
        ruined++;
        break;
      }
      if (wait >= left) break;
      day += wait;
      reserve += given.blockSompi - wait * perDay;
    }
  }
  return ruined / pools;
}

describe('the risk of ruin', () => {
  it('is what a thousand pools that are played for a long time show', () => {
    // exp(-q R), q about 0.0984: 14 %. A thousand pools are off by 1.1 % at one standard deviation.
    expect(Math.abs(ruinProbability(walk) - played(walk, 500, 1_000))).toBeLessThan(0.04);
  });

  it('within a time is what pools show that are played so long', () => {
    for (const days of [10, 40]) {
      const shown = played(walk, days, 3_000);
      expect(Math.abs(ruinWithin(walk, days) - shown)).toBeLessThan(0.04);
    }
    const losing = { ...walk, paidOut: 1, reserveSompi: 15 };
    expect(Math.abs(ruinWithin(losing, 30) - played(losing, 30, 3_000))).toBeLessThan(0.04);
  });

  it("comes to Rosenfeld's B ln(1/p) / 2f for a small fee", () => {
    const fee = 0.005;
    const reserve = reserveFor(0.001, { ...walk, paidOut: 1 - fee });
    expect(reserve / (Math.log(1_000) / (2 * fee))).toBeCloseTo(1, 2);
  });

  it('is certain, and no reserve is enough, when as much goes out as comes in', () => {
    const even = { ...walk, paidOut: 1 };
    expect([ruinProbability(even), reserveFor(0.01, even)]).toEqual([1, Number.POSITIVE_INFINITY]);
    expect(ruinProbability({ ...walk, luck: 0.9 })).toBe(1);
  });

  it('falls with the reserve, and the reserve that is named keeps it', () => {
    for (const days of [1, 30, 365]) {
      const reserveSompi = reserveWithin(0.01, walk, days);
      expect(ruinWithin({ ...walk, reserveSompi }, days)).toBeCloseTo(0.01, 6);
      expect(ruinWithin({ ...walk, reserveSompi: reserveSompi * 2 }, days)).toBeLessThan(0.01);
    }
    expect(ruinProbability({ ...walk, reserveSompi: reserveFor(0.001, walk) })).toBeCloseTo(0.001, 9);
  });

  it('stays between nothing and one for reserves and times out of all measure', () => {
    for (const reserveSompi of [0, 1e-9, 1e18])
      for (const paidOut of [0, 0.5, 1, 2])
        for (const days of [1e-6, 1, 1e6]) {
          const probability = ruinWithin({ ...walk, reserveSompi, paidOut }, days);
          expect(probability >= 0 && probability <= 1).toBe(true);
        }
  });
});
