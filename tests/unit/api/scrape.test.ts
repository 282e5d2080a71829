import { describe, expect, it } from 'vitest';
import { type MetricsJson, mergeMetrics, Scrape } from '../../../src/api/scrape.ts';
import { CounterFamily, createRegistry, Gauge, Histogram } from '../../../src/kit/metrics.ts';

async function jsonOf(registry: ReturnType<typeof createRegistry>): Promise<MetricsJson> {
  return structuredClone(await registry.getMetricsAsJSON()) as unknown as MetricsJson;
}

describe('a scrape', () => {
  it('joins the metrics of both threads, with labels, buckets and all', async () => {
    const main = createRegistry();
    new CounterFamily(main, { name: 'sluice_shares_total', help: 'Shares.' }, 'verdict', [
      'share',
      'block',
    ]).inc(0, 7);
    new Histogram(main, { name: 'sluice_wait_seconds', help: 'Wait.' }, [0.1, 1]).observe(0.5);
    const own = createRegistry();
    new Gauge(own, { name: 'sluice_api_live_clients', help: 'Live.' }, () => 3);
    const text = await mergeMetrics([await jsonOf(main), await jsonOf(own)]);
    expect(text).toContain('sluice_shares_total{verdict="share"} 7');
    expect(text).toContain('sluice_wait_seconds_bucket{le="0.1"} 0');
    expect(text).toContain('sluice_wait_seconds_bucket{le="+Inf"} 1');
    expect(text).toContain('sluice_wait_seconds_sum 0.5');
    expect(text).toContain('sluice_api_live_clients 3');
  });

  it('keeps metrics that prom-client would leave out of a sum', async () => {
    const one = [
      { name: 'start', help: 'h', type: 'gauge', aggregator: 'omit', values: [{ value: 5, labels: {} }] },
    ];
    expect(await mergeMetrics([one])).toContain('start 5');
  });

  it('asks the main thread once for all who ask at the same time', async () => {
    const asked: number[] = [];
    const scrape = new Scrape(createRegistry(), (id) => asked.push(id), 10_000);
    const all = [scrape.render(), scrape.render(), scrape.render()];
    scrape.answer(asked[0]!, []);
    expect(await Promise.all(all)).toHaveLength(3);
    expect(asked).toEqual([1]);
  });

  it('gives up when no answer comes, and takes no late one for the next', async () => {
    const asked: number[] = [];
    const scrape = new Scrape(createRegistry(), (id) => asked.push(id), 5);
    expect(await scrape.render()).toBeUndefined();
    const next = scrape.render();
    scrape.answer(1, [{ name: 'late' }]);
    scrape.answer(2, undefined);
    expect(await next).toBeUndefined();
    expect(asked).toEqual([1, 2]);
  });
});
