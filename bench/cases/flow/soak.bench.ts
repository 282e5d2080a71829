/**
 * Memory over time: the engine alone under a moderate load, with miners that come and go, and its resident memory every 10 s.
 *
 *   npm run bench -- soak [--minutes 10] [--rate 2000] [--connections 500] [--churn 5] [--sample-seconds 10] [--warm-up-seconds 20]
 *
 * First comes a closed loop at full speed for some seconds: at a moderate load the young generation of each thread's heap grows to
 * its size in steps of up to 16 MB that lie minutes apart, which is not a leak and would look like one. Then the load is set,
 * the first fifth is left out, and over the rest a line is fitted; its slope is given in MB/h. Ten minutes cannot tell a slow
 * leak from noise: read the slope beside the spread of the samples, and give it an hour when in doubt.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { caseOutput, numberOption } from '../../lib/case-output.ts';
import { minerAddresses, startEngine } from '../../lib/engine-under-test.ts';
import { histogramOf, keptSchedule, LoadGenerator, percentilesOf } from '../../lib/load-generator.ts';
import { type LoadReport, noCounts } from '../../lib/load-messages.ts';
import { slope } from '../../lib/statistics.ts';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '2000' },
    connections: { type: 'string', default: '500' },
    churn: { type: 'string', default: '5' },
    'sample-seconds': { type: 'string', default: '10' },
    'warm-up-seconds': { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
});
const minutes = numberOption('minutes', options.minutes, 0.01);
const sampleSeconds = numberOption('sample-seconds', options['sample-seconds'], 0.1);
const warmUpSeconds = numberOption('warm-up-seconds', options['warm-up-seconds'], 0);
const connections = numberOption('connections', options.connections, 1);
const plan = {
  loop: 'open' as const,
  sharesPerSecond: numberOption('rate', options.rate, 1),
  churnPerSecond: numberOption('churn', options.churn, 0),
};
const JOBS_PER_SECOND = 10;
const WARM_UP_PART = 0.2;
const COUNTED = [
  ...(['sent', 'answeredTrue', 'answeredFalse', 'lost', 'reconnects'] as const),
  ...(['scheduled', 'late', 'shed'] as const),
];
const MEBIBYTE = 2 ** 20;
const MS_PER_HOUR = 3_600_000;

interface Sample {
  readonly atMs: number;
  readonly rssMb: number;
  readonly anonymousMb: number;
}

const output = caseOutput(options.json);
output.progress('starting PostgreSQL, simulated node, engine ...');
const engine = await startEngine({ jobsPerSecond: JOBS_PER_SECOND });
const generator = new LoadGenerator();
try {
  await generator.open({ host: '127.0.0.1', port: engine.port, connections, addresses: minerAddresses() });
  const total = noCounts();
  const count = (report: LoadReport): void => {
    for (const key of COUNTED) total[key] += report[key];
  };
  await generator.start({ loop: 'closed', depth: 1, churnPerSecond: 0 });
  await delay(warmUpSeconds * 1_000);
  count(await generator.halt());
  await generator.start(plan);
  const startedMs = performance.now();
  const samples: Sample[] = [];
  let worstP99Ms = 0;
  while (performance.now() - startedMs < minutes * 60_000) {
    await delay(sampleSeconds * 1_000);
    const report = await generator.mark();
    const { rssBytes, anonymousBytes } = engine.memory();
    const sample = {
      atMs: performance.now() - startedMs,
      rssMb: rssBytes / MEBIBYTE,
      anonymousMb: anonymousBytes / MEBIBYTE,
    };
    samples.push(sample);
    count(report);
    const { p99Ms } = percentilesOf(histogramOf(report.latency));
    worstP99Ms = Math.max(worstP99Ms, p99Ms);
    output.progress(
      `${(sample.atMs / 1_000).toFixed(0).padStart(5)} s  RSS ${sample.rssMb.toFixed(1)} MB` +
        `  anonymous ${sample.anonymousMb.toFixed(1)} MB  p99 ${p99Ms.toFixed(1)} ms`,
    );
  }
  count(await generator.halt());
  count(await generator.close());
  const valid = keptSchedule(total);
  await engine.settled();
  const { database } = await engine.snapshot();
  const steady = samples.filter((sample) => sample.atMs >= WARM_UP_PART * minutes * 60_000);
  const line = (key: 'rssMb' | 'anonymousMb'): number =>
    slope(steady.map((sample) => [sample.atMs / MS_PER_HOUR, sample[key]] as const));
  const ends = [samples[0]!, steady[0] ?? samples[0]!, samples.at(-1)!].map((sample) =>
    sample.rssMb.toFixed(1),
  );
  const spreadMb =
    Math.max(...steady.map(({ rssMb }) => rssMb)) - Math.min(...steady.map(({ rssMb }) => rssMb));
  const text = [
    `${minutes} min, ${connections} connections, ${plan.sharesPerSecond} shares/s, ${plan.churnPerSecond} reconnects/s, open loop${valid ? '' : ' (INVALID: the generator fell behind)'}`,
    `RSS MB: first ${ends[0]}, after warm-up ${ends[1]}, last ${ends[2]}; spread after warm-up ${spreadMb.toFixed(1)}`,
    `slope after warm-up: ${line('rssMb').toFixed(1)} MB/h (anonymous memory ${line('anonymousMb').toFixed(1)} MB/h)`,
    `shares: sent ${total.sent}, answered true ${total.answeredTrue}, false ${total.answeredFalse}, lost with their connection ${total.lost}; in PostgreSQL ${database.loaded}`,
    `reconnects ${total.reconnects}; worst p99 of any ${sampleSeconds} s: ${worstP99Ms.toFixed(1)} ms`,
  ].join('\n');
  output.result(text, {
    minutes,
    warmUpSeconds,
    connections,
    ...plan,
    valid,
    samples,
    rssSlopeMbPerHour: line('rssMb'),
    anonymousSlopeMbPerHour: line('anonymousMb'),
    spreadMb,
    worstP99Ms,
    sent: total.sent,
    answeredTrue: total.answeredTrue,
    answeredFalse: total.answeredFalse,
    lost: total.lost,
    reconnects: total.reconnects,
    stored: database.loaded,
  });
} finally {
  await generator.end();
  await engine.stop();
}
