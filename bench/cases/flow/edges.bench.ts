/**
 * One engine, and several behind the same port with the same PostgreSQL, in turns under the same load. On a machine of two cores this
 * says what a second one costs, not what it brings: generator and database have no core of their own here.
 *
 * In a closed loop both sides take what the machine gives: one engine has all connections and large batches, of several each has its part
 * of them and small ones, and that is in the ratio. With a rate per engine each has the same load on both sides, as in a pool that grows:
 * what is left in the ratio is what they do to each other.
 */
import { defineCase, type Measure } from '../../lib/bench-case.ts';
import {
  Contest,
  cpuPerShare,
  measureOf,
  sharesPerSecond,
  type Turn,
  type TurnPlan,
} from '../../lib/contest.ts';
import { connections, DEPTH, JOBS_PER_SECOND, ROUNDS, TIME, WARM_UP } from '../../lib/flow-parameters.ts';

const SIDES = ['one', 'several'] as const;

export default defineCase({
  kind: 'flow',
  title: 'several engines behind one port against one: CPU per share',
  parameters: {
    connections: connections(1000),
    depth: DEPTH,
    ratePerEdge: {
      unit: '/s',
      text: 'shares by the clock to each engine, with so many connections each; 0 = a closed loop over all connections',
      real: 0,
      smoke: 0,
      min: 0,
      max: 1_000_000,
    },
    edges: { unit: '', text: 'engines', real: 2, smoke: 2, min: 1, max: 16 },
    jobsPerSecond: JOBS_PER_SECOND,
    rounds: ROUNDS,
    time: TIME,
    warmUp: WARM_UP,
  },
  async run({ values, progress }) {
    const { jobsPerSecond, edges } = values;
    const contests: Contest[] = [];
    const played: Record<(typeof SIDES)[number], Turn[][]> = { one: [], several: [] };
    const planFor = (count: number): TurnPlan => ({
      connections: values.ratePerEdge > 0 ? values.connections * count : values.connections,
      seconds: values.time,
      warmUpSeconds: values.warmUp,
      load:
        values.ratePerEdge > 0
          ? { loop: 'open', sharesPerSecond: values.ratePerEdge * count, churnPerSecond: 0 }
          : { loop: 'closed', depth: values.depth, churnPerSecond: 0 },
    });
    const counts = [1, edges];
    try {
      for (const count of counts)
        contests.push(
          await Contest.open({ servers: ['engine'], jobsPerSecond, oneCore: false, edges: count }),
        );
      for (let round = -1; round < values.rounds; round++) {
        for (const [place, side] of (round % 2 === 0 ? SIDES : SIDES.toReversed()).entries()) {
          const contest = contests[SIDES.indexOf(side)]!;
          const plan = planFor(counts[SIDES.indexOf(side)]!);
          const turn = await contest.playTurn(contest.servers[0]!, plan);
          contest.check(turn, plan);
          if (round >= 0) played[side].push([turn]);
          progress(
            (round + 1) * SIDES.length + place + 1,
            (values.rounds + 1) * SIDES.length,
            `${side}: ${cpuPerShare(turn).toFixed(2)} us a share`,
          );
        }
      }
    } finally {
      for (const contest of contests) await contest.close();
    }
    const ratio = (name: string, read: (turn: Turn) => number, better: Measure['better']): Measure => ({
      name: `ratio.${name}`,
      unit: '',
      better,
      values: played.several.map(([turn], round) => read(turn!) / read(played.one[round]![0]!)),
    });
    return {
      measures: [
        ...SIDES.flatMap((side) =>
          [
            ...measureOf(played[side], 'cpu_us_per_share', 'us', 'lower', cpuPerShare),
            ...measureOf(played[side], 'shares_per_second', '/s', 'higher', sharesPerSecond),
          ].map((one) => ({ ...one, name: one.name.replace('engine', side) })),
        ),
        ratio('cpu_per_share', cpuPerShare, 'lower'),
        ratio('shares_per_second', sharesPerSecond, 'higher'),
      ],
      distributions: [],
      checksum: `edges ${edges}`,
      invalid: contests.flatMap((contest) => contest.invalid),
      notes: [],
    };
  },
});
