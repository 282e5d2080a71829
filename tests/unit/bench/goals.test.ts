import { describe, expect, it } from 'vitest';
import { GOALS, standing } from '../../../bench/goals.ts';
import { listCases } from '../../../bench/lib/catalogue.ts';
import { goalsText, keyOf, lastOf, plannedRuns, smokeParameters } from '../../../bench/lib/goals-run.ts';
import { madeRecord } from './made-record.ts';

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

  it('stand beside what C reaches in the same run, where it takes part', () => {
    const check = { case: 'latency', parameters: {} };
    const record = madeRecord({
      name: 'latency',
      measures: [
        { name: 'engine.p50_ms', unit: 'ms', better: 'lower', values: [0.7] },
        { name: 'engine.p99_ms', unit: 'ms', better: 'lower', values: [74] },
        { name: 'limit.p50_ms', unit: 'ms', better: 'lower', values: [0.2] },
        { name: 'limit.p99_ms', unit: 'ms', better: 'lower', values: [61] },
      ],
    });
    const text = goalsText(
      GOALS.filter(({ number }) => number === 7),
      new Map([[keyOf(check), record]]),
    );
    expect(text).toMatch(/engine\.p99_ms +74\.0 +<= 10\.0 +61\.0 +NOT met/);
  });

  it('are not met at smoke size, whatever the figure', () => {
    const smoke = madeRecord({ name: 'kernel', smoke: true });
    const text = goalsText(GOALS.slice(1, 2), new Map([[keyOf({ case: 'kernel', parameters: {} }), smoke]]));
    expect(text).toContain('smoke size');
    expect(text).toMatch(/not measured$/);
  });

  const table = {
    rounds: { unit: '', text: '', real: 5, smoke: 1, min: 1 },
    oneCore: { unit: '', text: '', real: 0, smoke: 0, min: 0, max: 1 },
  };

  it('keep their switches at smoke size, but not their sizes', () => {
    expect(smokeParameters(table, { rounds: 100, oneCore: 1 })).toEqual({ oneCore: 1 });
  });

  it('take the last whole record of the same parameters', () => {
    const made = {
      name: 'made',
      benchCase: { kind: 'flow', title: '', parameters: table, run: undefined! },
    } as const;
    const parameters = { rounds: 5, oneCore: 1 };
    const [first, last] = [madeRecord({ parameters }), madeRecord({ parameters, seed: 2 })];
    const partial = [madeRecord({ parameters, smoke: true }), madeRecord({ parameters, filter: 'x' })];
    expect(lastOf([first, last, ...partial], made, { oneCore: 1 })).toBe(last);
    expect(lastOf([first, last, ...partial], made, {})).toBe('no record');
  });
});
