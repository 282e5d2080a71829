/**
 * An open loop: shares leave by the clock whatever a server does, and latency counts from when each was meant to leave. The generator
 * looks at its clock once a millisecond: half of that is in every figure. A server that cannot carry the rate shows it in `carried`.
 * The C echo has its turn, too: what it shows is the machine and the generator, and no server on them can do better.
 */
import { defineCase } from '../../lib/bench-case.ts';
import { Contest, measureOf, mergedHistogram, ratioOf, type Turn } from '../../lib/contest.ts';
import {
  connections,
  JOBS_PER_SECOND,
  ONE_CORE,
  ROUNDS,
  rate,
  TIME,
  WARM_UP,
} from '../../lib/flow-parameters.ts';
import { histogramOf, percentilesOf } from '../../lib/load-generator.ts';

const percentiles = (turn: Turn) => percentilesOf(histogramOf(turn.report.latency));
/** Part of what was due in the measured time that was answered in it. */
const carried = (turn: Turn): number => turn.report.answeredTrue / turn.report.scheduled;

export default defineCase({
  kind: 'flow',
  title:
    'latency of durable shares under a set rate, from the intended send time, against the naive server and the socket limit',
  parameters: {
    connections: connections(1000),
    rate: rate(30_000),
    jobsPerSecond: JOBS_PER_SECOND,
    oneCore: ONE_CORE,
    rounds: ROUNDS,
    time: TIME,
    warmUp: WARM_UP,
  },
  async run({ values, progress }) {
    const { jobsPerSecond } = values;
    const contest = await Contest.open({
      servers: ['naive', 'engine', 'limit'],
      jobsPerSecond,
      oneCore: values.oneCore === 1,
    });
    try {
      const plan = {
        connections: values.connections,
        seconds: values.time,
        warmUpSeconds: values.warmUp,
        load: { loop: 'open', sharesPerSecond: values.rate, churnPerSecond: 0 },
      } as const;
      const played = await contest.play(values.rounds, plan, progress);
      return {
        measures: [
          ...measureOf(played, 'p50_ms', 'ms', 'lower', (turn) => percentiles(turn).p50Ms),
          ...measureOf(played, 'p99_ms', 'ms', 'lower', (turn) => percentiles(turn).p99Ms),
          ...measureOf(played, 'p999_ms', 'ms', 'lower', (turn) => percentiles(turn).p999Ms),
          ...measureOf(played, 'carried', '', 'higher', carried),
          ...measureOf(played, 'cpu_us_per_share', 'us', 'lower', (turn) => turn.cpuUs / turn.answered),
          ratioOf(played, 'p99', 'higher', 'naive', 'engine', (turn) => percentiles(turn).p99Ms),
          ratioOf(played, 'p99_to_limit', 'lower', 'engine', 'limit', (turn) => percentiles(turn).p99Ms),
        ],
        distributions: (['engine', 'naive', 'limit'] as const).map((server) => ({
          name: `${server}.submit_to_answer`,
          histogram: mergedHistogram(played, server, (report) => report.latency),
        })),
        checksum: `refused ${played.flat().reduce((sum, turn) => sum + turn.report.answeredFalse, 0)}`,
        invalid: contest.invalid,
        notes: contest.notes,
      };
    } finally {
      await contest.close();
    }
  },
});
