/**
 * As after a restart or a broken uplink: thousands of miners connect at once while others go on sending shares by the clock. Served is
 * who has logged in and holds a job. Each turn has a generator of its own for the storm, so that the shares' clock is not disturbed.
 *
 * With `descriptors` the engine runs under the supervisor, which gives it so many copies of the listening socket.
 */
import { type CaseContext, type CaseResult, defineCase } from '../../lib/bench-case.ts';
import { Contest, measureOf, mergedHistogram, ratioOf, type Turn } from '../../lib/contest.ts';
import { minerAddresses } from '../../lib/engine-under-test.ts';
import {
  connections,
  JOBS_PER_SECOND,
  ONE_CORE,
  ROUNDS,
  rate,
  TIME,
  WARM_UP,
} from '../../lib/flow-parameters.ts';
import { histogramOf, LoadGenerator, percentilesOf } from '../../lib/load-generator.ts';
import type { ServerUnderTest } from '../../lib/server-under-test.ts';

const parameters = {
  connects: { unit: '', text: 'that come at once', real: 8000, smoke: 40, min: 1, max: 15_000 },
  connections: connections(1000),
  rate: rate(30_000),
  jobsPerSecond: JOBS_PER_SECOND,
  descriptors: {
    unit: '',
    text: 'copies of the listening socket; 0 = an engine that binds its port itself',
    real: 0,
    smoke: 2,
    min: 0,
    max: 256,
  },
  oneCore: ONE_CORE,
  rounds: { ...ROUNDS, real: 3 },
  time: TIME,
  warmUp: WARM_UP,
};

/** A server that has not served them by then is not waited for. */
const STORM_TIMEOUT_MS = 20_000;
const MS_PER_SECOND = 1_000;

interface Storm {
  readonly seconds: number;
  readonly left: number;
  /** Connections that ended before they were served, and came again. */
  readonly broken: number;
}

/** Seconds until all are served; the time-out when they never are, and then `left` says how many. */
async function storm(server: ServerUnderTest, connects: number): Promise<Storm> {
  const generator = new LoadGenerator();
  try {
    const { openedMs, loggedIn, reconnects } = await generator.open({
      host: '127.0.0.1',
      port: server.port,
      connections: connects,
      addresses: minerAddresses(),
      openingMax: connects,
      openTimeoutMs: STORM_TIMEOUT_MS,
      partial: true,
    });
    await generator.close().catch(() => {});
    return { seconds: openedMs / MS_PER_SECOND, left: connects - loggedIn, broken: reconnects };
  } finally {
    await generator.end();
  }
}

async function run({ values, progress }: CaseContext<typeof parameters>): Promise<CaseResult> {
  const contest = await Contest.open({
    servers: ['naive', 'engine', 'limit'],
    jobsPerSecond: values.jobsPerSecond,
    oneCore: values.oneCore === 1,
    ...(values.descriptors === 0 ? {} : { edges: 1, acceptDescriptors: values.descriptors }),
  });
  const storms: Record<string, Storm[]> = { naive: [], engine: [], limit: [] };
  try {
    const plan = {
      connections: values.connections,
      seconds: values.time,
      warmUpSeconds: values.warmUp,
      load: { loop: 'open', sharesPerSecond: values.rate, churnPerSecond: 0 },
      meanwhile: async (server: ServerUnderTest) => {
        const served = await storm(server, values.connects);
        storms[server.name]!.push(served);
        return served.seconds;
      },
    } as const;
    const played = await contest.play(values.rounds, plan, progress);
    const seconds = (turn: Turn): number => turn.meanwhile;
    const p99 = (turn: Turn): number => percentilesOf(histogramOf(turn.report.latency)).p99Ms;
    return {
      measures: [
        ...measureOf(played, 'all_served_s', 's', 'lower', seconds),
        ...(['left', 'broken'] as const).flatMap((what) =>
          (['naive', 'engine', 'limit'] as const).map((name) => ({
            name: `${name}.${what}`,
            unit: '',
            better: 'lower' as const,
            // The first turn of each was for the compiler.
            values: storms[name]!.slice(1).map((one) => one[what]),
          })),
        ),
        ...measureOf(played, 'answer_p99_ms', 'ms', 'lower', p99),
        ratioOf(played, 'all_served', 'higher', 'naive', 'engine', seconds),
      ],
      distributions: (['engine', 'naive', 'limit'] as const).map((server) => ({
        name: `${server}.submit_to_answer`,
        histogram: mergedHistogram(played, server, (report) => report.latency),
      })),
      checksum: `connects ${values.connects}`,
      invalid: contest.invalid,
      notes: contest.notes,
    };
  } finally {
    await contest.close();
  }
}

export default defineCase({
  kind: 'flow',
  title:
    'thousands of reconnects while shares go on: until all are served, against the naive server and the socket limit',
  parameters,
  run,
});
