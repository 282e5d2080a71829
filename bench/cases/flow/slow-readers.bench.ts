/**
 * A part of the miners log in and never read again, so that what they are sent fills the kernel's buffers and then the server's. The
 * others must not notice: what their answers and jobs wait, against the same server without such company, in turns.
 */
import { type CaseContext, type CaseResult, defineCase, type Measure } from '../../lib/bench-case.ts';
import { Contest, type Turn } from '../../lib/contest.ts';
import { connections, JOBS_PER_SECOND, ROUNDS, rate, TIME, WARM_UP } from '../../lib/flow-parameters.ts';
import { histogramOf, percentilesOf } from '../../lib/load-generator.ts';

const SERVERS = ['naive', 'engine'] as const;
const MEBIBYTE = 2 ** 20;

const parameters = {
  connections: connections(1000, 40),
  stalled: { unit: '%', text: 'of them that never read', real: 30, smoke: 30, min: 1, max: 99 },
  rate: rate(2000),
  // As many as a port may be told to send.
  jobsPerSecond: { ...JOBS_PER_SECOND, real: 20 },
  rounds: { ...ROUNDS, real: 3 },
  time: TIME,
  // 64 KiB here and 80 there have to be filled before anything is felt.
  warmUp: { ...WARM_UP, real: 15 },
};

interface Pair {
  readonly without: Turn;
  readonly among: Turn;
  readonly grownMib: number;
}

async function playPair(contest: Contest, index: number, values: CaseContext<typeof parameters>['values']) {
  const server = contest.servers[index]!;
  const stalled = Math.ceil((values.connections * values.stalled) / 100);
  const plan = {
    seconds: values.time,
    warmUpSeconds: values.warmUp,
    load: { loop: 'open', sharesPerSecond: values.rate, churnPerSecond: 0 },
  } as const;
  const alone = { ...plan, connections: values.connections - stalled };
  const crowd = { ...plan, connections: values.connections, target: { stalled } };
  const without = await contest.playTurn(server, alone);
  contest.check(without, alone);
  const before = server.memory().rssBytes;
  const among = await contest.playTurn(server, {
    ...crowd,
    meanwhile: async () => server.memory().rssBytes,
  });
  contest.check(among, crowd);
  return { without, among, grownMib: (among.meanwhile - before) / MEBIBYTE };
}

const answerP99Ms = (turn: Turn): number => percentilesOf(histogramOf(turn.report.latency)).p99Ms;
const jobP99Ms = (turn: Turn): number => percentilesOf(histogramOf(turn.report.jobAge)).p99Ms;

async function run({ values, progress }: CaseContext<typeof parameters>): Promise<CaseResult> {
  const contest = await Contest.open({
    servers: SERVERS,
    jobsPerSecond: values.jobsPerSecond,
    oneCore: false,
  });
  const played: Record<(typeof SERVERS)[number], Pair[]> = { naive: [], engine: [] };
  try {
    for (let round = 0; round < values.rounds; round++) {
      const order = round % 2 === 0 ? SERVERS : SERVERS.toReversed();
      for (const [place, name] of order.entries()) {
        const pair = await playPair(contest, SERVERS.indexOf(name), values);
        played[name].push(pair);
        progress(
          round * SERVERS.length + place + 1,
          values.rounds * SERVERS.length,
          `${name}: jobs' p99 ${jobP99Ms(pair.without).toFixed(1)} ms, among them ${jobP99Ms(pair.among).toFixed(1)}`,
        );
      }
    }
  } finally {
    await contest.close();
  }
  const each = (
    what: string,
    unit: string,
    better: Measure['better'],
    read: (pair: Pair) => number,
  ): Measure[] =>
    SERVERS.map((name) => ({ name: `${name}.${what}`, unit, better, values: played[name].map(read) }));
  return {
    measures: [
      ...each('job_p99_ms_without', 'ms', 'lower', ({ without }) => jobP99Ms(without)),
      ...each('job_p99_ms_among', 'ms', 'lower', ({ among }) => jobP99Ms(among)),
      ...each('answer_p99_ms_without', 'ms', 'lower', ({ without }) => answerP99Ms(without)),
      ...each('answer_p99_ms_among', 'ms', 'lower', ({ among }) => answerP99Ms(among)),
      ...each('rss_grown_mib', 'MiB', 'lower', ({ grownMib }) => grownMib),
      ...each('slow_closed', '', 'neither', ({ among }) => among.report.stalledClosed),
      {
        name: 'ratio.engine_job_p99',
        unit: '',
        better: 'lower',
        values: played.engine.map(({ among, without }) => jobP99Ms(among) / jobP99Ms(without)),
      },
      {
        name: 'ratio.job_p99_among',
        unit: '',
        better: 'higher',
        values: played.naive.map(
          ({ among }, round) => jobP99Ms(among) / jobP99Ms(played.engine[round]!.among),
        ),
      },
    ],
    distributions: [],
    checksum: `miners ${values.connections}`,
    invalid: contest.invalid,
    notes: contest.notes,
  };
}

export default defineCase({
  kind: 'flow',
  title: 'miners that never read: what the others notice of them, against the naive server',
  parameters,
  run,
});
