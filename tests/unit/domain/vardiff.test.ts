import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../bench/lib/seeded-random.ts';
import { silentStep, type VardiffRules, vardiffStep, vardiffWindowMs } from '../../../src/domain/vardiff.ts';

const RULES: VardiffRules = { sharesPerMinute: 20, minLog2: 6, maxLog2: 24 };
const SWEEP_MS = 1_000;

/** A number of events at that mean: exact for few, normal for many. */
function poisson(random: () => number, mean: number): number {
  if (mean > 60) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  let product = random();
  let count = 0;
  for (const floor = Math.exp(-mean); product > floor; count++) product *= random();
  return count;
}

interface Life {
  readonly log2: number;
  readonly changes: number;
}

/** A miner whose shares of difficulty 2^ideal come at the target's rate, looked at once a second as the engine does. */
function live(rules: VardiffRules, start: number, ideal: number, seconds: number, seed = 5): Life {
  const random = seededRandom(seed);
  let log2 = start;
  let sinceMs = 0;
  let shares = 0;
  let changes = 0;
  for (let nowMs = SWEEP_MS; nowMs <= seconds * 1_000; nowMs += SWEEP_MS) {
    shares += poisson(random, (rules.sharesPerMinute / 60) * 2 ** (ideal - log2));
    const next = vardiffStep(rules, log2, shares, nowMs - sinceMs);
    if (next === log2 && nowMs - sinceMs <= vardiffWindowMs(rules.sharesPerMinute)) continue;
    if (next !== log2) changes++;
    log2 = next;
    sinceMs = nowMs;
    shares = 0;
  }
  return { log2, changes };
}

describe('variable difficulty', () => {
  it('brings a new ASIC from 64 to 131072 in less than a minute', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { log2, changes } = live(RULES, 6, 17, 59, seed);
      expect(Math.abs(log2 - 17), `seed ${seed}`).toBeLessThanOrEqual(1);
      expect(changes).toBeLessThan(8);
    }
  });

  it('brings a small miner down from far too much', () => {
    for (let seed = 1; seed <= 20; seed++)
      expect(Math.abs(live(RULES, 20, 8, 600, seed).log2 - 8), `seed ${seed}`).toBeLessThanOrEqual(1);
  });

  it('steps down who says nothing, to the bound and not below it', () => {
    const silent = live({ ...RULES, minLog2: 10 }, 20, -40, 900);
    expect(silent.log2).toBe(10);
  });

  it('steps down who says nothing also where only a share in minutes is wanted', () => {
    for (const sharesPerMinute of [0.5, 1, 2, 4]) {
      const hours = 4 / sharesPerMinute;
      const silent = live({ ...RULES, sharesPerMinute }, 20, -40, hours * 3_600);
      expect(silent.log2, `${sharesPerMinute} a minute`).toBeLessThan(12);
    }
  });

  it('leaves a miner in peace that has what it should, for hours, also between two powers of two', () => {
    for (const sharesPerMinute of [2, 20, 120])
      for (const ideal of [12, 12.25, 12.5, 12.75]) {
        let changes = 0;
        const rules = { ...RULES, sharesPerMinute };
        for (let seed = 1; seed <= 20; seed++) changes += live(rules, 12, ideal, 4 * 3_600, seed).changes;
        // Twenty miners, four hours each: less than one change an hour and miner.
        expect(changes, `ideal ${ideal} at ${sharesPerMinute} a minute`).toBeLessThan(80);
      }
  });

  it('keeps within its bounds, and comes back into them', () => {
    expect(vardiffStep(RULES, 24, 1e6, 1_000)).toBe(24);
    expect(vardiffStep(RULES, 6, 0, 1e6)).toBe(6);
    expect(vardiffStep({ ...RULES, minLog2: 10 }, 6, 0, 1_000)).toBe(10);
  });

  it('does nothing when the clock stands or steps back', () => {
    expect(vardiffStep(RULES, 12, 500, 0)).toBe(12);
    expect(vardiffStep(RULES, 12, 500, -60_000)).toBe(12);
    expect(vardiffStep(RULES, 12, 500, Number.NaN)).toBe(12);
  });

  it('leaves a silent miner a minute, then takes one step in thirty seconds', () => {
    expect(silentStep(12, 9, 59_000, 59_000)).toBe(12);
    expect(silentStep(12, 9, 60_000, 60_000)).toBe(11);
    expect(silentStep(12, 9, 29_000, 200_000)).toBe(12);
    expect(silentStep(12, 9, 30_000, 200_000)).toBe(11);
    expect(silentStep(12, 12, 90_000, 90_000)).toBe(12);
  });

  it('never steps down for more work, nor up for less', () => {
    for (const elapsedMs of [1_000, 10_000, 60_000, 120_000]) {
      let before = -Infinity;
      for (let shares = 0; shares < 4_000; shares += 7) {
        const next = vardiffStep(RULES, 14, shares, elapsedMs);
        expect(next).toBeGreaterThanOrEqual(before);
        before = next;
      }
    }
  });
});
