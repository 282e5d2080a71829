/**
 * Two engines in turns: one answers when the disk has the share, the other does not wait for it (`journal.durability: none`, for this
 * bench and for nothing else). What lies between them is the price of "a share answered `true` is never lost".
 */
import { defineCase, type Measure } from '../../lib/bench-case.ts';
import { Contest, cpuPerShare, measureOf, sharesPerSecond, type Turn } from '../../lib/contest.ts';
import {
  connections,
  DEPTH,
  JOBS_PER_SECOND,
  ONE_CORE,
  ROUNDS,
  TIME,
  WARM_UP,
} from '../../lib/flow-parameters.ts';

const KINDS = ['fsync', 'none'] as const;
const NAMES = { fsync: 'durable', none: 'not_durable' };
const PERCENT = 100;

export default defineCase({
  kind: 'flow',
  title: 'what durability costs: the engine against itself without waiting for the disk',
  parameters: {
    connections: connections(1000),
    depth: DEPTH,
    jobsPerSecond: JOBS_PER_SECOND,
    oneCore: ONE_CORE,
    rounds: ROUNDS,
    time: TIME,
    warmUp: WARM_UP,
  },
  async run({ values, progress }) {
    const contests: Contest[] = [];
    const played: Record<(typeof KINDS)[number], Turn[][]> = { fsync: [], none: [] };
    const plan = {
      connections: values.connections,
      seconds: values.time,
      warmUpSeconds: values.warmUp,
      load: { loop: 'closed', depth: values.depth, churnPerSecond: 0 },
    } as const;
    try {
      for (const durability of KINDS) {
        const { jobsPerSecond } = values;
        contests.push(
          await Contest.open({
            servers: ['engine'],
            jobsPerSecond,
            oneCore: values.oneCore === 1,
            durability,
          }),
        );
      }
      // The first turn of each is for the compiler.
      for (let round = -1; round < values.rounds; round++) {
        const order = round % 2 === 0 ? KINDS : KINDS.toReversed();
        for (const [place, kind] of order.entries()) {
          const contest = contests[KINDS.indexOf(kind)]!;
          const turn = await contest.playTurn(contest.servers[0]!, plan);
          contest.check(turn, plan);
          if (round >= 0) played[kind].push([turn]);
          progress(
            (round + 1) * KINDS.length + place + 1,
            (values.rounds + 1) * KINDS.length,
            `${NAMES[kind]}: ${sharesPerSecond(turn).toFixed(0)} shares/s`,
          );
        }
      }
    } finally {
      for (const contest of contests) await contest.close();
    }
    const named = (kind: (typeof KINDS)[number], measures: readonly Measure[]): Measure[] =>
      measures.map((one) => ({ ...one, name: one.name.replace('engine', NAMES[kind]) }));
    const lost = played.fsync.map(([durable], round) => {
      const [without] = played.none[round]!;
      return PERCENT * (1 - sharesPerSecond(durable!) / sharesPerSecond(without!));
    });
    return {
      measures: [
        ...KINDS.flatMap((kind) =>
          named(kind, [
            ...measureOf(played[kind], 'shares_per_second', '/s', 'higher', sharesPerSecond),
            ...measureOf(played[kind], 'cpu_us_per_share', 'us', 'lower', cpuPerShare),
          ]),
        ),
        { name: 'ratio.throughput_lost_percent', unit: '%', better: 'lower', values: lost },
      ],
      distributions: [],
      checksum: `refused ${Object.values(played)
        .flat(2)
        .reduce((sum, turn) => sum + turn.report.answeredFalse, 0)}`,
      invalid: contests.flatMap((contest) => contest.invalid),
      notes: [],
    };
  },
});
