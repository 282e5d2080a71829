/**
 * Memory over time: miners that come and go, shares by the clock. The slope is fitted through the samples after the first fifth, in
 * which heaps and tables find their size. `rss_mib` has every sample in order.
 *
 * Jobs and snapshots outlive V8's young generation, and what has become of them is only collected every five to ten minutes: teeth of some
 * 7 MiB, through which a line of 24 minutes is uncertain by as many MiB an hour. `rss_floor_slope` is fitted through the lowest sample of
 * each sixth, so that it sees what stays.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type CaseContext, type CaseResult, defineCase } from '../../lib/bench-case.ts';
import { minerAddresses, startEngine } from '../../lib/engine-under-test.ts';
import { connections, JOBS_PER_SECOND, rate } from '../../lib/flow-parameters.ts';
import {
  behindOf,
  histogramOf,
  keptSchedule,
  LoadGenerator,
  percentilesOf,
} from '../../lib/load-generator.ts';
import { type LoadReport, noCounts } from '../../lib/load-messages.ts';
import { floors, slope } from '../../lib/statistics.ts';

const parameters = {
  connections: connections(1000),
  // Half of what one process here carries with its generator and its PostgreSQL beside it.
  rate: rate(15_000),
  churn: { unit: '/s', text: 'connections that end and come back', real: 5, smoke: 10, min: 0, max: 1_000 },
  jobsPerSecond: JOBS_PER_SECOND,
  minutes: { unit: 'min', text: 'length', real: 30, smoke: 0.03, min: 0.01 },
  sample: { unit: 's', text: 'between samples', real: 10, smoke: 0.3, min: 0.1 },
  warmUp: { unit: 's', text: 'at full speed before it', real: 20, smoke: 0.3, min: 0 },
};
/** Of the samples, at the beginning: they are shown, not fitted. */
const SETTLING_PART = 0.2;
/** Of four minutes each: no shorter than a tooth. */
const FLOORS = 6;
const COUNTED = [
  ...(['sent', 'answeredTrue', 'answeredFalse', 'lost', 'reconnects'] as const),
  ...(['scheduled', 'late', 'shed'] as const),
];
const MEBIBYTE = 2 ** 20;
const MS_PER_HOUR = 3_600_000;
const MS_PER_MINUTE = 60_000;

interface Sample {
  readonly atMs: number;
  readonly rssMib: number;
  readonly anonymousMib: number;
  readonly p99Ms: number;
}

async function run({ values, progress }: CaseContext<typeof parameters>): Promise<CaseResult> {
  const engine = await startEngine({ jobsPerSecond: values.jobsPerSecond });
  const generator = new LoadGenerator();
  const total = noCounts();
  const samples: Sample[] = [];
  let stored: number;
  const count = (report: LoadReport): void => {
    for (const key of COUNTED) total[key] += report[key];
  };
  try {
    await generator.open({
      host: '127.0.0.1',
      port: engine.port,
      connections: values.connections,
      addresses: minerAddresses(),
    });
    await generator.start({ loop: 'closed', depth: 1, churnPerSecond: 0 });
    await delay(values.warmUp * 1_000);
    count(await generator.halt());
    await generator.start({ loop: 'open', sharesPerSecond: values.rate, churnPerSecond: values.churn });
    const startedMs = performance.now();
    const lengthMs = values.minutes * MS_PER_MINUTE;
    for (let atMs = 0; atMs < lengthMs; ) {
      await delay(values.sample * 1_000);
      const report = await generator.mark();
      const { rssBytes, anonymousBytes } = engine.memory();
      atMs = performance.now() - startedMs;
      const { p99Ms } = percentilesOf(histogramOf(report.latency));
      count(report);
      samples.push({ atMs, rssMib: rssBytes / MEBIBYTE, anonymousMib: anonymousBytes / MEBIBYTE, p99Ms });
      progress(
        Math.min(atMs, lengthMs),
        lengthMs,
        `RSS ${(rssBytes / MEBIBYTE).toFixed(1)} MiB, p99 ${p99Ms.toFixed(1)} ms`,
      );
    }
    count(await generator.halt());
    count(await generator.close());
    await engine.settled();
    stored = (await engine.snapshot()).database.loaded;
  } finally {
    await generator.end();
    await engine.stop();
  }
  return resultOf(samples, total, stored);
}

function resultOf(
  samples: readonly Sample[],
  total: ReturnType<typeof noCounts>,
  stored: number,
): CaseResult {
  const steady = samples.slice(Math.floor(samples.length * SETTLING_PART));
  const pointsOf = (key: 'rssMib' | 'anonymousMib') =>
    steady.map((sample) => [sample.atMs / MS_PER_HOUR, sample[key]] as const);
  const rss = steady.map(({ rssMib }) => rssMib);
  const invalid: string[] = [];
  if (!keptSchedule(total))
    invalid.push(`the generator fell behind by ${(behindOf(total) * 100).toFixed(0)} %`);
  if (total.answeredFalse > 0) invalid.push(`${total.answeredFalse} shares were refused`);
  // What was in flight when its connection closed may be stored without an answer that arrived.
  if (stored < total.answeredTrue || stored > total.answeredTrue + total.lost)
    invalid.push(
      `${total.answeredTrue} answered true, ${total.lost} lost in flight, ${stored} in PostgreSQL`,
    );
  const one = (name: string, unit: string, better: 'lower' | 'higher' | 'neither', value: number) => ({
    name: `engine.${name}`,
    unit,
    better,
    values: [value],
  });
  return {
    measures: [
      one('rss_slope_mib_per_hour', 'MiB/h', 'lower', slope(pointsOf('rssMib'))),
      one('anonymous_slope_mib_per_hour', 'MiB/h', 'lower', slope(pointsOf('anonymousMib'))),
      one('rss_floor_slope_mib_per_hour', 'MiB/h', 'lower', slope(floors(pointsOf('rssMib'), FLOORS))),
      one('rss_spread_mib', 'MiB', 'lower', Math.max(...rss) - Math.min(...rss)),
      one('worst_p99_ms', 'ms', 'lower', Math.max(...samples.map(({ p99Ms }) => p99Ms))),
      one('answered', '', 'neither', total.answeredTrue),
      one('stored', '', 'neither', stored),
      one('reconnects', '', 'neither', total.reconnects),
      { name: 'engine.rss_mib', unit: 'MiB', better: 'lower', values: samples.map(({ rssMib }) => rssMib) },
    ],
    distributions: [],
    checksum: `refused ${total.answeredFalse}`,
    invalid,
    notes: [
      'The engine alone: two servers at a time would disturb each other, and in turns neither would soak.',
    ],
  };
}

export default defineCase({
  kind: 'flow',
  title: 'memory of the engine over half an hour at half load, with miners coming and going',
  parameters,
  run,
});
