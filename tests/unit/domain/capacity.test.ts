import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CostCurve,
  capacityOf,
  type Demand,
  type Machine,
  RESOURCES,
} from '../../../src/domain/capacity.ts';

const CURVE: CostCurve = {
  ...{ machine: 'test', takenAt: '2026-01-01' },
  ...{ shareMainUs: 12, shareOtherUs: 4, sendUs: 7, databaseShareUs: 3, idleUsPerSecond: 20_000 },
  ...{ processBytes: 200 * 2 ** 20, minerBytes: 8192 },
};
const MACHINE: Machine = { cores: 8, memoryBytes: 32 * 2 ** 30, openFiles: 1_000_000 };
const DEMAND: Demand = { jobsPerSecond: 4, sharesPerMinute: 20 };

describe('capacity', () => {
  it('is what a main thread sends and takes, on an ordinary machine', () => {
    const { endsFirst, minersOfOneProcess, oneProcess } = capacityOf(CURVE, MACHINE, DEMAND);
    expect(endsFirst).toBe('main thread');
    // (0.7 s - 20 ms) / (4 x 7 us + 20/60 x 12 us)
    expect(minersOfOneProcess).toBe(21_250);
    expect(oneProcess.cores).toBeGreaterThan(minersOfOneProcess);
  });

  it('ends with whatever there is least of, and grows when there is more of just that', () => {
    const scarce: Record<string, [Partial<Machine>, Partial<Machine>]> = {
      descriptors: [{ openFiles: 1_500 }, { openFiles: 3_000 }],
      memory: [{ memoryBytes: 400 * 2 ** 20 }, { memoryBytes: 500 * 2 ** 20 }],
      bandwidth: [{ bitsPerSecond: 1e6 }, { bitsPerSecond: 2e6 }],
      cores: [{ cores: 1 }, { cores: 2 }],
    };
    for (const [resource, [little, more]] of Object.entries(scarce)) {
      const demand = resource === 'cores' ? { jobsPerSecond: 0.05, sharesPerMinute: 600 } : DEMAND;
      const least = capacityOf(CURVE, { ...MACHINE, ...little }, demand);
      expect(least.endsFirst).toBe(resource);
      expect(capacityOf(CURVE, { ...MACHINE, ...more }, demand).minersOfOneProcess).toBeGreaterThan(
        least.minersOfOneProcess,
      );
    }
  });

  const machine = fc.record({
    cores: fc.integer({ min: 1, max: 128 }),
    memoryBytes: fc.integer({ min: 2 ** 28, max: 2 ** 40 }),
    openFiles: fc.integer({ min: 600, max: 2 ** 20 }),
  });
  const demand = fc.record({
    jobsPerSecond: fc.double({ min: 0.05, max: 100, noNaN: true }),
    sharesPerMinute: fc.double({ min: 0.01, max: 1_000, noNaN: true }),
  });

  it('never needs fewer processes, cores or bytes for more miners', () => {
    fc.assert(
      fc.property(
        machine,
        demand,
        fc.integer({ min: 1, max: 1e6 }),
        fc.integer({ min: 0, max: 1e6 }),
        (m, d, few, more) => {
          const [small, large] = [few, few + more].map(
            (miners) => capacityOf(CURVE, m, { ...d, miners }).plan,
          );
          for (const what of ['processes', 'cores', 'memoryBytes', 'bitsOutPerSecond', 'rowsPerDay'] as const)
            expect(large![what]).toBeGreaterThanOrEqual(small![what]);
        },
      ),
    );
  });

  it('says of a plan that it fits exactly when the machine carries so many', () => {
    fc.assert(
      fc.property(machine, demand, (m, d) => {
        const { minersOfMachine } = capacityOf(CURVE, m, d);
        expect(capacityOf(CURVE, m, { ...d, miners: minersOfMachine }).plan.fits).toBe(true);
        expect(capacityOf(CURVE, m, { ...d, miners: minersOfMachine + 1 }).plan.fits).toBe(false);
      }),
    );
  });

  it('knows every resource, and no negative number of miners', () => {
    fc.assert(
      fc.property(machine, demand, (m, d) => {
        const { oneProcess, minersOfMachine, minersOfOneProcess } = capacityOf(CURVE, m, d);
        for (const resource of RESOURCES) expect(oneProcess[resource]).toBeGreaterThanOrEqual(0);
        expect(minersOfMachine).toBeGreaterThanOrEqual(minersOfOneProcess);
      }),
    );
  });
});
