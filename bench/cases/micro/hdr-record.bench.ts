/** A latency into a histogram: HdrHistogram as the load generator has it, ours of 17 bounds and of the stages, prom-client's own. */
import { build } from 'hdr-histogram-js';
import { Histogram as PromHistogram, Registry } from 'prom-client';
import { LatencyRecord } from '../../../src/kit/latency-record.ts';
import { createRegistry, Histogram, LATENCY_BOUNDS_S } from '../../../src/kit/metrics.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { MICRO_PARAMETERS, playRounds } from '../../lib/micro-rounds.ts';
import { seededRandom } from '../../lib/seeded-random.ts';

const VALUES = 1_024;
const US_PER_S = 1e6;

export default defineCase({
  kind: 'micro',
  title:
    'a latency recorded: HdrHistogram, the histograms of the metrics and of the stages, and that of prom-client',
  parameters: MICRO_PARAMETERS,
  run: (context) => {
    const random = seededRandom(context.seed);
    // From 0.1 ms to 1 s, most of them small.
    const us = Int32Array.from({ length: VALUES }, () => Math.round(100 * 10 ** (4 * random() ** 3)));
    const hdr = build({
      bitBucketSize: 32,
      highestTrackableValue: 60_000_000,
      numberOfSignificantValueDigits: 3,
    });
    const ours = new Histogram(createRegistry(), { name: 'ours', help: 'bench' });
    const stage = new LatencyRecord();
    const theirs = new PromHistogram({
      ...{ name: 'theirs', help: 'bench', buckets: [...LATENCY_BOUNDS_S] },
      registers: [new Registry()],
    });
    const each = (name: string, record: (value: number) => void) => ({
      name,
      operations: VALUES,
      agrees: 'values',
      run: () => {
        for (let i = 0; i < VALUES; i++) record(us[i]!);
        return VALUES;
      },
    });
    return playRounds(
      context,
      [
        each('hdr', (value) => hdr.recordValue(value)),
        each('stage', (value) => stage.record(value / 1_000)),
        each('engine', (value) => ours.observe(value / US_PER_S)),
        each('prom_client', (value) => theirs.observe(value / US_PER_S)),
      ],
      [{ name: 'prom_client', above: 'prom_client', below: 'engine' }],
    );
  },
});
