/**
 * Jobs and nothing else: every miner is sent each of them, and only listens. Skew is the time from the first arrival of a job at any
 * miner to its arrival at each; a server that sends in slices to keep shares quick has more of it and is not worse for that.
 */
import { defineCase } from '../../lib/bench-case.ts';
import { Contest, measureOf, mergedHistogram, ratioOf, type Turn } from '../../lib/contest.ts';
import { connections, JOBS_PER_SECOND, ONE_CORE, ROUNDS, TIME, WARM_UP } from '../../lib/flow-parameters.ts';
import { histogramOf, percentilesOf } from '../../lib/load-generator.ts';

const cpuPerWrite = (turn: Turn): number => turn.cpuUs / turn.jobs;
const skew = (turn: Turn) => percentilesOf(histogramOf(turn.report.jobAge));

export default defineCase({
  kind: 'flow',
  title: 'CPU per job write and skew of the fan-out, against the naive server and a plain send loop',
  parameters: {
    connections: connections(10_000, 50),
    jobsPerSecond: JOBS_PER_SECOND,
    oneCore: ONE_CORE,
    rounds: { ...ROUNDS, real: 3 },
    time: TIME,
    warmUp: WARM_UP,
  },
  async run({ values, progress }) {
    const contest = await Contest.open({
      servers: ['naive', 'engine', 'limit'],
      jobsPerSecond: values.jobsPerSecond,
      oneCore: values.oneCore === 1,
    });
    try {
      const plan = {
        connections: values.connections,
        seconds: values.time,
        warmUpSeconds: values.warmUp,
        load: { loop: 'none', churnPerSecond: 0 },
      } as const;
      const played = await contest.play(values.rounds, plan, progress);
      return {
        measures: [
          ...measureOf(played, 'cpu_us_per_write', 'us', 'lower', cpuPerWrite),
          ...measureOf(
            played,
            'main_core_busy',
            '%',
            'lower',
            (turn) => turn.mainCpuUs / turn.seconds / 10_000,
          ),
          ...measureOf(played, 'jobs_per_second', '/s', 'higher', (turn) => turn.report.jobs / turn.seconds),
          ...measureOf(played, 'skew_p50_ms', 'ms', 'neither', (turn) => skew(turn).p50Ms),
          ...measureOf(played, 'skew_p99_ms', 'ms', 'lower', (turn) => skew(turn).p99Ms),
          ...measureOf(played, 'skew_max_ms', 'ms', 'lower', (turn) => skew(turn).maxMs),
          ratioOf(played, 'cpu_per_write', 'higher', 'naive', 'engine', cpuPerWrite),
          ratioOf(played, 'cpu_per_write_to_limit', 'lower', 'engine', 'limit', cpuPerWrite),
        ],
        distributions: contest.servers.map(({ name }) => ({
          name: `${name}.job_skew`,
          histogram: mergedHistogram(played, name, (report) => report.jobAge),
        })),
        checksum: `miners ${values.connections}`,
        invalid: contest.invalid,
        notes: contest.notes,
      };
    } finally {
      await contest.close();
    }
  },
});
