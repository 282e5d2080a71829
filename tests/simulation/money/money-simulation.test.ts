import { describe, expect, it } from 'vitest';
import { runSeeds } from './run-seeds.ts';
import { SABOTAGES, type Sabotage } from './sabotage.ts';
import { World } from './world.ts';

/** 1,000 seeds: `npm run test:money-sim -- --seeds 1000`. */
const SEEDS = 40;
/** A sabotage that more storms than these do not show is one that the simulation cannot see. */
const SEEDS_UNTIL_FOUND = 12;

describe('the simulated payers', () => {
  it('pay everybody once and nobody twice, in any weather', { timeout: 120_000 }, async () => {
    const totals = await runSeeds({ first: 1, count: SEEDS });
    expect(totals.failed.map(({ seed, violations, trace }) => ({ seed, violations, trace }))).toEqual([]);
    // The storms were storms.
    expect(totals.payments).toBeGreaterThan(SEEDS * 80);
    expect(totals.reorgs).toBeGreaterThan(SEEDS * 5);
    expect(totals.deepestReorg).toBeGreaterThan(100);
    expect(totals.drops).toBeGreaterThan(SEEDS);
    expect(totals.timeoutsAfterSuccess).toBeGreaterThan(SEEDS);
    expect(totals.databaseFaults).toBeGreaterThan(SEEDS);
    expect(Object.keys(totals.crashesAt).length).toBeGreaterThanOrEqual(12);
  });

  it('do the same again when a seed is run again', { timeout: 60_000 }, async () => {
    expect(await new World(7).run()).toEqual(await new World(7).run());
  });
});

describe('the simulation', () => {
  it.each(Object.keys(SABOTAGES) as Sabotage[])(
    'finds a payer that %s',
    { timeout: 60_000 },
    async (sabotage) => {
      const isEnough = ({ failed }: { failed: readonly unknown[] }): boolean => failed.length > 0;
      const totals = await runSeeds({ first: 1, count: SEEDS_UNTIL_FOUND, sabotage, isEnough });
      expect(totals.failed.length).toBeGreaterThan(0);
    },
  );
});
