import { describe, expect, it } from 'vitest';
import { type Announcement, JobFeed } from '../../../src/templates/job-feed.ts';
import { JobRegistry } from '../../../src/templates/job-registry.ts';
import { ManualTime } from '../../kit/manual-time.ts';
import { sampleTemplate } from '../../kit/sample-template.ts';

function build(groups = [{ intervalMs: 250, portIndexes: [0] }]) {
  const time = new ManualTime();
  const registry = new JobRegistry({
    slots: 64,
    jobLifeMs: 12_000,
    firstJobId: 1,
    onRegister: () => {},
    onRetire: () => {},
  });
  const sent: { atMs: number; portIndex: number; job: Announcement }[] = [];
  const feed = new JobFeed({
    registry,
    groups,
    announce: (portIndex, job) => sent.push({ atMs: time.nowMs, portIndex, job }),
    clock: () => time.nowMs,
    schedule: time.schedule,
    keepAliveMs: 20_000,
    stallMs: 2_000,
  });
  return { time, registry, sent, feed };
}

describe('the job feed', () => {
  it('sends the first template at once', () => {
    const { feed, sent } = build();
    feed.onTemplate(sampleTemplate(1));
    expect(sent.map((one) => one.atMs)).toEqual([0]);
  });

  it('sends at most one job per interval and ends on the newest template', () => {
    const { feed, sent, time } = build();
    for (let n = 0; n < 40; n++) {
      feed.onTemplate(sampleTemplate(n));
      time.advance(50);
    }
    time.advance(250);
    for (let n = 1; n < sent.length; n++)
      expect(sent[n]!.atMs - sent[n - 1]!.atMs).toBeGreaterThanOrEqual(250);
    expect(sent.length).toBeLessThanOrEqual(2_250 / 250 + 1);
    expect(sent.at(-1)!.job.timestampMs).toBe(sampleTemplate(39).timestampMs);
  });

  it('gives each pace its own rhythm and equal work one job id', () => {
    const { feed, sent, time } = build([
      { intervalMs: 100, portIndexes: [0] },
      { intervalMs: 1000, portIndexes: [1, 2] },
    ]);
    for (let n = 0; n < 20; n++) {
      feed.onTemplate(sampleTemplate(n));
      time.advance(100);
    }
    const byPort = (port: number) => sent.filter((one) => one.portIndex === port);
    expect(byPort(0).length).toBeGreaterThan(15);
    expect(byPort(1).length).toBeLessThanOrEqual(3);
    expect(byPort(1).map((one) => one.job.jobId)).toEqual(byPort(2).map((one) => one.job.jobId));
    const first = sent.filter((one) => one.atMs === 0).map((one) => one.job.jobId);
    expect(new Set(first).size).toBe(1);
  });

  it('announces nothing for a repeated template but keeps its job alive', () => {
    const { feed, sent, time, registry } = build();
    feed.onTemplate(sampleTemplate(1));
    time.advance(10_000);
    feed.onTemplate(sampleTemplate(1));
    time.advance(5_000);
    expect(sent.length).toBe(1);
    expect(registry.stateOf(sent[0]!.job.jobId, time.nowMs)).toBe('live');
  });

  it('repeats the job when the node is silent, but lets it go stale', () => {
    const { feed, sent, time, registry } = build();
    feed.onTemplate(sampleTemplate(1));
    time.advance(30_001);
    expect(sent.length).toBe(2);
    expect(sent[1]!.job.jobId).toBe(sent[0]!.job.jobId);
    expect(registry.stateOf(sent[0]!.job.jobId, time.nowMs)).toBe('stale');
    expect(feed.stalled(time.nowMs)).toBe(true);
  });

  it('is silent once closed', () => {
    const { feed, sent, time } = build();
    feed.onTemplate(sampleTemplate(1));
    feed.onTemplate(sampleTemplate(2));
    feed.close();
    time.advance(60_000);
    feed.onTemplate(sampleTemplate(3));
    expect(sent.length).toBe(1);
  });
});
