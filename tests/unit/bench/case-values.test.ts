import { describe, expect, it } from 'vitest';
import { optionOf, readValue, readValues } from '../../../bench/lib/case-values.ts';

const count = { unit: '', text: '', real: 10, smoke: 2, min: 1, max: 60 };
const seconds = { unit: 's', text: '', real: 5, smoke: 0.5, min: 0.1 };

describe('the numbers of a case', () => {
  it('are its own, or what was written', () => {
    const table = { warmUp: seconds, depth: count };
    expect(readValues(table, {}, false)).toEqual({ warmUp: 5, depth: 10 });
    expect(readValues(table, { 'warm-up': '1.5' }, true)).toEqual({ warmUp: 1.5, depth: 2 });
    expect(optionOf('warmUp')).toBe('warm-up');
  });

  it('are refused with what is possible', () => {
    for (const text of ['', ' ', 'x', '0', '61', '1.5', 'NaN', 'Infinity', '-1'])
      expect(() => readValue('depth', count, text), text).toThrow(
        `--depth takes a whole number from 1 to 60, not "${text}"`,
      );
    expect(() => readValue('warmUp', seconds, '0')).toThrow('--warm-up takes a number of at least 0.1 (s)');
  });
});
