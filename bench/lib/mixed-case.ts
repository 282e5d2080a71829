/** Fan-out and submissions together, as `mixed` and `overload` need it: answers by the clock while every miner is sent jobs. */
import type { CaseContext, CaseResult, ParameterTable } from './bench-case.ts';
import { Contest, measureOf, mergedHistogram, ratioOf, type Turn } from './contest.ts';
import { connections, JOBS_PER_SECOND, ONE_CORE, ROUNDS, rate, TIME, WARM_UP } from './flow-parameters.ts';
import { histogramOf, percentilesOf } from './load-generator.ts';

const answers = (turn: Turn) => percentilesOf(histogramOf(turn.report.latency));
const ages = (turn: Turn) => percentilesOf(histogramOf(turn.report.jobAge));

export function mixedParameters(miners: number, sharesPerSecond: number) {
  return {
    connections: connections(miners, 50),
    prompt: {
      unit: '',
      text: 'of them that submit and read at once; the others read once a second',
      real: 1000,
      smoke: 20,
      min: 1,
    },
    rate: rate(sharesPerSecond),
    jobsPerSecond: JOBS_PER_SECOND,
    oneCore: { ...ONE_CORE, real: 1 },
    rounds: { ...ROUNDS, real: 3 },
    time: TIME,
    warmUp: WARM_UP,
  } satisfies ParameterTable;
}

export async function playMixed({
  values,
  progress,
}: CaseContext<ReturnType<typeof mixedParameters>>): Promise<CaseResult> {
  const { jobsPerSecond } = values;
  const contest = await Contest.open({
    servers: ['naive', 'engine'],
    jobsPerSecond,
    oneCore: values.oneCore === 1,
  });
  try {
    const plan = {
      connections: values.connections,
      seconds: values.time,
      warmUpSeconds: values.warmUp,
      load: { loop: 'open', sharesPerSecond: values.rate, churnPerSecond: 0 },
      // A server that is too busy to take them all in has as many as it took.
      target: { prompt: values.prompt, partial: true },
    } as const;
    const played = await contest.play(values.rounds, plan, progress);
    return {
      measures: [
        ...measureOf(played, 'p50_ms', 'ms', 'lower', (turn) => answers(turn).p50Ms),
        ...measureOf(played, 'p99_ms', 'ms', 'lower', (turn) => answers(turn).p99Ms),
        ...measureOf(
          played,
          'answered',
          '',
          'higher',
          (turn) => turn.report.answeredTrue / turn.report.scheduled,
        ),
        ...measureOf(played, 'logged_in', '', 'higher', (turn) => turn.report.loggedIn),
        ...measureOf(played, 'jobs_delivered', '/s', 'higher', (turn) => turn.report.jobs / turn.seconds),
        ...measureOf(played, 'job_age_p99_ms', 'ms', 'lower', (turn) => ages(turn).p99Ms),
        // From a job's first arrival to its last, in intervals: the generator's own delay is in it, so it is an upper bound.
        ...measureOf(
          played,
          'job_age_max_intervals',
          '',
          'lower',
          (turn) => (ages(turn).maxMs / 1_000) * jobsPerSecond,
        ),
        ...measureOf(
          played,
          'main_core_busy',
          '%',
          'lower',
          (turn) => turn.mainCpuUs / turn.seconds / 10_000,
        ),
        ratioOf(played, 'p99', 'higher', 'naive', 'engine', (turn) => answers(turn).p99Ms),
      ],
      distributions: (['engine', 'naive'] as const).flatMap((server) => [
        {
          name: `${server}.submit_to_answer`,
          histogram: mergedHistogram(played, server, (report) => report.latency),
        },
        { name: `${server}.job_age`, histogram: mergedHistogram(played, server, (report) => report.jobAge) },
      ]),
      checksum: `miners ${values.connections}`,
      invalid: contest.invalid,
      notes: contest.notes,
    };
  } finally {
    await contest.close();
  }
}
