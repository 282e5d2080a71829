import { build } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { LATENCY_RECORD_BYTES, LatencyRecord, LatencyWindow } from '../../../src/kit/latency-record.ts';
import { createRegistry, LATENCY_BOUNDS_S, LatencyFamily } from '../../../src/kit/metrics.ts';

const COUNTER_WIDTH = 1.032;

function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

describe('a latency record', () => {
  it('agrees with HdrHistogram to the width of a counter', () => {
    const record = new LatencyRecord();
    const window = new LatencyWindow(record, 12);
    const hdr = build({ numberOfSignificantValueDigits: 4, highestTrackableValue: 2 ** 31 });
    const next = random(7);
    for (let n = 0; n < 20_000; n++) {
      const us = Math.round(10 ** (7 * next()));
      record.record(us / 1_000);
      hdr.recordValue(us);
    }
    const quantiles = [0.01, 0.5, 0.9, 0.99, 0.999, 1];
    const ours = window.quantiles(quantiles);
    expect(ours.count).toBe(20_000);
    for (const [index, quantile] of quantiles.entries()) {
      const theirsMs = hdr.getValueAtPercentile(100 * quantile) / 1_000;
      expect(ours.atMs[index]! - 0.001, `p${quantile}`).toBeLessThanOrEqual(theirsMs * COUNTER_WIDTH);
      expect(ours.atMs[index]!, `p${quantile}`).toBeGreaterThanOrEqual(theirsMs / COUNTER_WIDTH);
    }
    expect(ours.maxMs).toBe(ours.atMs.at(-1));
  });

  it('takes time that ran backwards for none, and hours for the longest it knows', () => {
    const record = new LatencyRecord();
    const window = new LatencyWindow(record, 2);
    record.record(-5);
    record.record(Number.NaN);
    record.record(7_200_000);
    expect(record.count).toBe(3);
    expect(record.countUpTo(0.001)).toBe(2);
    expect(window.quantiles([1]).maxMs).toBeGreaterThan(2_000_000);
  });

  it('counts a batch at once', () => {
    const record = new LatencyRecord();
    record.record(2, 500);
    expect([record.count, record.sumSeconds]).toEqual([500, 1]);
  });

  it('is read by another view of the same memory', () => {
    const memory = new SharedArrayBuffer(LATENCY_RECORD_BYTES);
    new LatencyRecord(memory).record(3, 4);
    expect(new LatencyRecord(memory).count).toBe(4);
  });

  it('forgets in its window what is older than its turns, and in its sum nothing', () => {
    const record = new LatencyRecord();
    const window = new LatencyWindow(record, 3);
    record.record(100);
    window.turn();
    record.record(1);
    expect(window.quantiles([0.5]).count).toBe(2);
    window.turn();
    window.turn();
    expect(window.quantiles([0.5]).count).toBe(1);
    window.turn();
    expect(window.quantiles([0.5])).toEqual({ count: 0, atMs: [0], maxMs: 0 });
    expect(record.count).toBe(2);
  });
});

describe('a family of latencies', () => {
  it('exports cumulative buckets of each, their sum and their count', async () => {
    const registry = createRegistry();
    const hash = new LatencyRecord();
    new LatencyFamily(registry, { name: 'stage_seconds', help: 'test' }, 'stage', {
      hash,
      reply: new LatencyRecord(),
    });
    hash.record(0.04, 3);
    hash.record(7);
    hash.record(60_000);
    const text = await registry.metrics();
    expect(text).toContain('stage_seconds_bucket{le="0.00005",stage="hash"} 3');
    expect(text).toContain('stage_seconds_bucket{le="0.01",stage="hash"} 4');
    expect(text).toContain('stage_seconds_bucket{le="+Inf",stage="hash"} 5');
    expect(text).toContain('stage_seconds_count{stage="hash"} 5');
    expect(text).toContain('stage_seconds_count{stage="reply"} 0');
    expect(text.match(/_bucket\{/g)).toHaveLength(2 * (LATENCY_BOUNDS_S.length + 1));
  });
});
