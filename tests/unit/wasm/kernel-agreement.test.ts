import { expect, it } from 'vitest';
import { countMismatches } from '../../../bench/lib/kernel-agreement.ts';

it('agrees with the official SDK on 100,000 random pairs of header and nonce', () => {
  const agreement = countMismatches(100_000, 2_000, 'agreement');
  expect(agreement).toEqual({ pairs: 100_000, headers: 50, mismatches: 0, examples: [] });
});
