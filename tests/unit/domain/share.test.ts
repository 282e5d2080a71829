import { describe, expect, it } from 'vitest';
import { isAccepted, VERDICTS, Verdict } from '../../../src/domain/share.ts';

describe('the verdict table', () => {
  it('has one row per code, without gaps and in order', () => {
    expect(VERDICTS.map((row) => row.code)).toEqual(VERDICTS.map((_, index) => index));
    expect(Object.values(Verdict).sort((a, b) => a - b)).toEqual(VERDICTS.map((row) => row.code));
  });

  it('answers only with codes that every miner can parse', () => {
    for (const row of VERDICTS) {
      expect([0, 20, 21, 22, 23, 24, 25]).toContain(row.wireCode);
      expect(row.wireText === '').toBe(row.wireCode === 0);
    }
  });

  it('credits exactly what it answers with true', () => {
    for (const row of VERDICTS) {
      expect(isAccepted(row.code)).toBe(row.wireCode === 0);
      expect(row.credited === 'never').toBe(row.wireCode !== 0);
    }
  });

  it('never answers an ordinary bad share with 20, which one miner takes as fatal', () => {
    for (const verdict of [Verdict.LowDifficulty, Verdict.StaleJob, Verdict.UnknownJob, Verdict.Duplicate]) {
      expect(VERDICTS[verdict]!.wireCode).not.toBe(20);
    }
  });

  it('gives every row a metric label of its own', () => {
    expect(new Set(VERDICTS.map((row) => row.metricLabel)).size).toBe(VERDICTS.length);
  });
});
