import { describe, expect, it } from 'vitest';
import { TEMPLATE_BYTES, TEMPLATE_OFFSET_PRE_POW } from '../../../src/domain/template-layout.ts';
import { JobRegistry } from '../../../src/templates/job-registry.ts';
import { sampleTemplate } from '../../kit/sample-template.ts';

function build(slots = 8, firstJobId = 1) {
  const retired: number[] = [];
  const registry = new JobRegistry({
    slots,
    jobLifeMs: 1000,
    firstJobId,
    onRegister: () => {},
    onRetire: (_slot, jobId) => retired.push(jobId),
  });
  return { registry, retired };
}

describe('the job registry', () => {
  it('gives one work one id, however often a node repeats it', () => {
    const { registry } = build();
    const first = registry.jobOf(sampleTemplate(1), 0);
    expect(registry.jobOf(sampleTemplate(1), 50)).toBe(first);
    expect(registry.jobOf(sampleTemplate(2), 60)).toBe(first + 1);
  });

  it('does not take an old id for the job that stands in its slot now', () => {
    const { registry, retired } = build(4);
    const old = registry.jobOf(sampleTemplate(0), 0);
    for (let n = 1; n <= 4; n++) registry.jobOf(sampleTemplate(n), n);
    expect(registry.slotOf(old)).toBe(-1);
    expect(registry.stateOf(old, 5)).toBe('unknown');
    expect(registry.slotOf(old + 4)).toBeGreaterThanOrEqual(0);
    expect(retired).toEqual([old]);
  });

  it('calls ids that were never given out unknown', () => {
    const { registry } = build();
    const newest = registry.jobOf(sampleTemplate(1), 0);
    for (const jobId of [0, newest + 1, newest + 8, 4_294_967_295])
      expect(registry.stateOf(jobId, 1)).toBe('unknown');
  });

  it('lets a job go stale a life after a node last stood behind it', () => {
    const { registry } = build();
    const jobId = registry.jobOf(sampleTemplate(1), 0);
    expect(registry.stateOf(jobId, 1000)).toBe('live');
    expect(registry.stateOf(jobId, 1001)).toBe('stale');
    registry.refresh(jobId, 5000);
    expect(registry.stateOf(jobId, 6000)).toBe('live');
  });

  it('lays the template where the validator threads look for it', () => {
    const { registry } = build(4, 6);
    const template = sampleTemplate(9);
    const slot = registry.slotOf(registry.jobOf(template, 0));
    const at = slot * TEMPLATE_BYTES;
    expect(new DataView(registry.templateMemory.buffer).getUint32(at, true)).toBe(6);
    expect([
      ...registry.templateMemory.subarray(at + TEMPLATE_OFFSET_PRE_POW, at + TEMPLATE_OFFSET_PRE_POW + 32),
    ]).toEqual([...template.prePowHash]);
  });

  it('keeps ids below ten digits and never hands out zero', () => {
    const { registry } = build(8, 999_999_999);
    expect(registry.jobOf(sampleTemplate(1), 0)).toBe(999_999_999);
    expect(registry.jobOf(sampleTemplate(2), 0)).toBe(1);
  });
});
