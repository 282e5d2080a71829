import { describe, expect, it } from 'vitest';
import { isEarlierJob, JOB_ID_MAX } from '../../../src/domain/job.ts';

describe('job ids', () => {
  it('are ordered by age, also round the end of their circle', () => {
    expect(isEarlierJob(5, 6)).toBe(true);
    expect(isEarlierJob(6, 5)).toBe(false);
    expect(isEarlierJob(6, 6)).toBe(false);
    expect(isEarlierJob(JOB_ID_MAX, 1)).toBe(true);
    expect(isEarlierJob(JOB_ID_MAX - 200, 56)).toBe(true);
    expect(isEarlierJob(1, JOB_ID_MAX)).toBe(false);
  });
});
