/**
 * Submit latency at a set rate, while every miner is sent ten jobs a second: the engine and the naive server in turns.
 *
 *   npm run bench -- latency [--rate 5000] [--connections 2000] [--rounds 3] [--seconds 8] [--jobs-per-second 10]
 *
 * An open loop: shares leave by the clock whether or not earlier ones were answered, and each one's latency counts from when it
 * was meant to leave, so a server that stalls cannot hide it. The generator looks at the clock once a millisecond, so about
 * 0.6 ms of every figure are its own; `lag` says how late it was, and a run in which it fell behind is INVALID.
 */
import { parseArgs } from 'node:util';
import type { Histogram } from 'hdr-histogram-js';
import { caseOutput, numberOption, table } from '../../lib/case-output.ts';
import { playRounds, startContest, type Turn, turnOf } from '../../lib/contest.ts';
import { behindOf, histogramOf, keptSchedule, percentilesOf } from '../../lib/load-generator.ts';
import { median } from '../../lib/statistics.ts';

const { values: options } = parseArgs({
  options: {
    rate: { type: 'string', default: '5000' },
    connections: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    'warm-up-seconds': { type: 'string', default: '2' },
    'jobs-per-second': { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = numberOption('rounds', options.rounds, 1);
const jobsPerSecond = numberOption('jobs-per-second', options['jobs-per-second'], 0.1);
const plan = {
  connections: numberOption('connections', options.connections, 1),
  seconds: numberOption('seconds', options.seconds, 0.1),
  warmUpSeconds: numberOption('warm-up-seconds', options['warm-up-seconds'], 0),
  load: { loop: 'open' as const, sharesPerSecond: numberOption('rate', options.rate, 1), churnPerSecond: 0 },
};
const GOAL_P99_MS = 50;

/** Of all rounds together: a percentile of percentiles would be no percentile. */
function merged(turns: readonly Turn[], key: 'latency' | 'lag'): Histogram {
  const [first, ...others] = turns.map((turn) => histogramOf(turn.report[key]));
  for (const other of others) first!.add(other);
  return first!;
}

function figuresOf(turns: readonly Turn[]) {
  const seconds = turns.reduce((sum, turn) => sum + turn.seconds, 0);
  const jobs = turns.reduce((sum, turn) => sum + turn.report.jobs, 0);
  return {
    latency: percentilesOf(merged(turns, 'latency')),
    generatorLag: percentilesOf(merged(turns, 'lag')),
    behind: Math.max(...turns.map((turn) => behindOf(turn.report))),
    valid: turns.every((turn) => keptSchedule(turn.report)),
    answeredPerSecond: turns.reduce((sum, turn) => sum + turn.report.answeredTrue, 0) / seconds,
    rejected: turns.reduce((sum, turn) => sum + turn.report.answeredFalse, 0),
    jobsPerMinerPerSecond: jobs / plan.connections / seconds,
    cpuUsPerShare: median(turns.map((turn) => turn.cpuUsPerShare)),
  };
}

type Figures = ReturnType<typeof figuresOf>;

function cells(name: string, { latency, ...figures }: Figures): string[] {
  return [
    name,
    latency.p50Ms.toFixed(2),
    latency.p99Ms.toFixed(2),
    latency.p999Ms.toFixed(2),
    latency.maxMs.toFixed(1),
    figures.answeredPerSecond.toFixed(0),
    figures.jobsPerMinerPerSecond.toFixed(1),
    figures.cpuUsPerShare.toFixed(1),
    `${figures.generatorLag.p99Ms.toFixed(1)} ms`,
    figures.valid ? 'kept' : `INVALID, ${(100 * figures.behind).toFixed(0)} % behind`,
  ];
}

const output = caseOutput(options.json);
const contest = await startContest(jobsPerSecond, output);
try {
  const played = await playRounds(contest, rounds, plan, (turn, round) => {
    const { p50Ms, p99Ms } = percentilesOf(histogramOf(turn.report.latency));
    const what = `round ${round + 1}  ${turn.server.padEnd(7)}`;
    output.progress(`${what} p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms`);
  });
  const naive = figuresOf(played.map((turns) => turnOf(turns, 'naive')));
  const engine = figuresOf(played.map((turns) => turnOf(turns, 'engine')));
  const met = engine.valid && engine.latency.p99Ms < GOAL_P99_MS;
  const text = [
    `${rounds} rounds of ${plan.seconds} s, ${plan.connections} connections, ${plan.load.sharesPerSecond} shares/s, open loop`,
    table([
      [
        '',
        'p50 ms',
        'p99 ms',
        'p99.9',
        'max',
        'shares/s',
        'jobs/s a miner',
        'CPU us/share',
        'lag p99',
        'schedule',
      ],
      cells('naive', naive),
      cells('engine', engine),
    ]),
    `engine p99 ${engine.latency.p99Ms.toFixed(2)} ms; goal below ${GOAL_P99_MS} ms: ${met ? 'met' : 'MISSED'}`,
  ].join('\n');
  output.result(text, { rounds, ...plan, jobsPerSecond, naive, engine, goalP99Ms: GOAL_P99_MS });
} finally {
  await contest.stop();
}
