import { describe, expect, it } from 'vitest';
import { GOALS, standing } from '../../../bench/goals.ts';
import { listCases } from '../../../bench/lib/catalogue.ts';
import { goalsText, keyOf, plannedRuns } from '../../../bench/lib/goals-run.ts';

describe('the goals', () => {
  it('are numbered from 1 without a gap', () => {
    expect(GOALS.map(({ number }) => number)).toEqual(GOALS.map((_, index) => index + 1));
  });

  it('name cases and parameters that exist, within their bounds', async () => {
    const cases = await listCases();
    for (const { case: name, parameters } of plannedRuns(GOALS)) {
      const one = cases.find((other) => other.name === name);
      expect(one, name).toBeDefined();
      for (const [key, value] of Object.entries(parameters)) {
        const { min, max = Infinity } = one!.benchCase.parameters[key]!;
        expect(value >= min && value <= max, `${name} ${key}`).toBe(true);
      }
    }
  });

  it('run a case that several of them need once', () => {
    const keys = plannedRuns(GOALS).map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeLessThan(GOALS.flatMap(({ checks }) => checks).length);
  });

  it('are met at the gate itself, either way round', () => {
    const check = { case: 'x', parameters: {}, measure: 'y', gate: 3 };
    expect(standing({ ...check, direction: 'at least' }, 3)).toBe('met');
    expect(standing({ ...check, direction: 'at least' }, 2.99)).toBe('NOT met');
    expect(standing({ ...check, direction: 'at most' }, 3)).toBe('met');
    expect(standing({ ...check, direction: 'at most' }, undefined)).toBe('not measured');
  });

  it('say of each what is missing when it was not measured', () => {
    const text = goalsText(GOALS.slice(0, 1), new Map());
    expect(text).toContain('kernel: ratio.batch_64');
    expect(text).toContain('not run');
    expect(text).toContain('not measured');
  });
});
