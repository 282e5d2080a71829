/**
 * Resident memory of a server per miner that is logged in, is sent jobs and says nothing. Each figure is of a fresh process: before,
 * it has served and lost some hundred miners, so that code and heaps that every first miner costs are not charged to the rest.
 * Buffers of the kernel are not in it (docs/SCALING.md has those).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { defineCase } from '../../lib/bench-case.ts';
import { Contest } from '../../lib/contest.ts';
import { minerAddresses } from '../../lib/engine-under-test.ts';
import { connections, JOBS_PER_SECOND, ROUNDS, TIME, WARM_UP } from '../../lib/flow-parameters.ts';
import { median } from '../../lib/statistics.ts';

const SERVERS = ['naive', 'engine'] as const;
const SAMPLES = 8;
const KIBIBYTE = 1024;

/** Medians, since a heap breathes. */
async function residentBytes(contest: Contest, seconds: number): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    await delay((seconds * 1_000) / SAMPLES);
    samples.push(contest.servers[0]!.memory().rssBytes);
  }
  return median(samples);
}

async function hold(contest: Contest, miners: number): Promise<void> {
  const { port } = contest.servers[0]!;
  await contest.generator.open({
    host: '127.0.0.1',
    port,
    connections: miners,
    addresses: minerAddresses(),
  });
  await contest.generator.start({ loop: 'none', churnPerSecond: 0 });
}

export default defineCase({
  kind: 'flow',
  title: 'resident memory per idle miner, all state, against the naive server',
  parameters: {
    connections: connections(10_000, 200),
    first: { unit: '', text: 'miners before, for what the first ones cost', real: 500, smoke: 20, min: 1 },
    jobsPerSecond: JOBS_PER_SECOND,
    rounds: { ...ROUNDS, real: 3 },
    time: { ...TIME, real: 4 },
    warmUp: { ...WARM_UP, real: 3 },
  },
  async run({ values, progress }) {
    const kibPerMiner: Record<(typeof SERVERS)[number], number[]> = { naive: [], engine: [] };
    for (let round = 0; round < values.rounds; round++) {
      for (const [place, name] of (round % 2 === 0 ? SERVERS : SERVERS.toReversed()).entries()) {
        const contest = await Contest.open({
          servers: [name],
          jobsPerSecond: values.jobsPerSecond,
          oneCore: false,
        });
        try {
          await hold(contest, values.first);
          await delay(values.warmUp * 1_000);
          await contest.generator.close();
          const before = await residentBytes(contest, values.time / 2);
          await hold(contest, values.connections);
          await delay(values.warmUp * 1_000);
          const bytes = (await residentBytes(contest, values.time)) - before;
          await contest.generator.close();
          kibPerMiner[name].push(bytes / values.connections / KIBIBYTE);
        } finally {
          await contest.close();
        }
        progress(
          round * SERVERS.length + place + 1,
          values.rounds * SERVERS.length,
          `${name}: ${kibPerMiner[name].at(-1)!.toFixed(1)} KiB a miner`,
        );
      }
    }
    return {
      measures: [
        ...SERVERS.map((name) => ({
          name: `${name}.kib_per_miner`,
          unit: 'KiB',
          better: 'lower' as const,
          values: kibPerMiner[name],
        })),
        {
          name: 'ratio.kib_per_miner',
          unit: '',
          better: 'higher',
          values: kibPerMiner.naive.map((kib, round) => kib / kibPerMiner.engine[round]!),
        },
      ],
      distributions: [],
      checksum: `miners ${values.connections}`,
      invalid: [],
      notes: [],
    };
  },
});
