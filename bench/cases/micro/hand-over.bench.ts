/**
 * What it costs the main thread to have shares judged by the pool and to get the verdicts back: batches of an arena slot's number,
 * two in flight per thread, what comes meanwhile waits for the next. Against it the pool as it is usually used, one `run` a share.
 *
 * CPU of the thread by its own clock, over a span in which its ticks of 4 ms are nothing; threads hash for real beside it.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { Piscina } from 'piscina';
import { LIMITS } from '../../../config/limits.ts';
import { silentLogger } from '../../../src/kit/log.ts';
import { projectFileUrl } from '../../../src/kit/project-root.ts';
import { StageLatencies } from '../../../src/live/stage-latencies.ts';
import { JobRegistry } from '../../../src/templates/job-registry.ts';
import { BatchArena } from '../../../src/validation/batch-arena.ts';
import { Batcher } from '../../../src/validation/batcher.ts';
import { ValidatorThreads } from '../../../src/validation/validator-threads.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { networkNeverMet } from '../../lib/bench-template.ts';
import { mainThreadCpuUs } from '../../lib/process-usage.ts';

interface Span {
  readonly shares: number;
  readonly mainUs: number;
  readonly seconds: number;
}

async function span(seconds: number, play: (until: number) => Promise<number>): Promise<Span> {
  const startedMs = performance.now();
  const mainUs = mainThreadCpuUs(process.pid);
  const shares = await play(startedMs + seconds * 1_000);
  return {
    shares,
    mainUs: mainThreadCpuUs(process.pid) - mainUs,
    seconds: (performance.now() - startedMs) / 1_000,
  };
}

/** A pool with a job in every thread's reach, loaded. */
async function openPool(threadCount: number) {
  const arena = new BatchArena(LIMITS.batchSlots, LIMITS.batchRecordsMax);
  const jobs = new JobRegistry({
    ...{ slots: LIMITS.jobRingSlots, jobLifeMs: LIMITS.jobLifeMs, firstJobId: 1 },
    ...{ onRegister: () => {}, onRetire: () => {} },
  });
  const jobId = jobs.jobOf(networkNeverMet(1), 0);
  const workerFile = projectFileUrl('dist', 'workers', 'validate.worker.js');
  const threads = new ValidatorThreads({
    ...{ arena, templateMemory: jobs.templateMemory, threads: threadCount, workerFile, log: silentLogger },
    batchesPerThread: LIMITS.batchesPerThread,
    batchDeadlineMs: LIMITS.batchDeadlineMs,
    batchRetriesMax: LIMITS.batchRetriesMax,
  });
  await threads.judge(0, 0);
  return { arena, jobs, jobId, threads };
}

type Pool = Awaited<ReturnType<typeof openPool>>;

/** As many as the threads can judge: each turn fills what the batch of a turn can hold, as long as the arena has room. */
async function throughBatches({ arena, jobs, jobId, threads }: Pool, perTurn: number, until: number) {
  let settled = 0;
  let given = 0;
  const batcher = new Batcher({
    arena,
    threads,
    inline: { judge: () => {} },
    inlineRecordsMax: 0,
    settle: (_records, count) => {
      settled += count;
    },
    onRelease: () => {},
    atEndOfTurn: setImmediate,
    clock: () => performance.now(),
    stages: new StageLatencies(),
  });
  const session = { slot: 7, generation: 3, workerRef: 9 } as Parameters<Batcher['append']>[0];
  const slot = jobs.slotOf(jobId);
  while (performance.now() < until || settled < given) {
    if (performance.now() < until && !batcher.saturated) {
      for (let i = 0; i < perTurn; i++, given++) {
        if (!batcher.append(session, slot, jobId, given >>> 0, 1, -31, 0, 0, i, 5)) break;
      }
    }
    await turn();
  }
  return settled;
}

async function oneByOne(pool: Piscina, inFlight: number, until: number): Promise<number> {
  let settled = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      await pool.run({ slot: 0, count: 1 });
      settled++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return settled;
}

function naivePool({ arena, jobs }: Pool, threads: number): Piscina {
  return new Piscina({
    filename: projectFileUrl('dist', 'workers', 'validate.worker.js').href,
    workerData: {
      arena: arena.shared,
      recordsPerBatch: arena.recordsPerBatch,
      templates: jobs.templateMemory.buffer,
    },
    ...{ minThreads: threads, maxThreads: threads, concurrentTasksPerWorker: 2 },
  });
}

const one = (name: string, unit: string, better: 'lower' | 'higher' | 'neither', values: number[]) => ({
  name,
  unit,
  better,
  values,
});

export default defineCase({
  kind: 'micro',
  title: 'main-thread CPU per share judged by the pool, in batches, against one `run` a share',
  parameters: {
    threads: { unit: '', text: 'validator threads', real: 1, smoke: 1, min: 1, max: 64 },
    perTurn: {
      unit: 'shares',
      text: 'of a turn of the loop, at most',
      real: 256,
      smoke: 256,
      min: 1,
      max: 1_024,
    },
    inFlight: { unit: '', text: 'runs of the naive way at a time', real: 64, smoke: 16, min: 1, max: 10_000 },
    time: { unit: 's', text: 'of each way in a round', real: 1.5, smoke: 0.3, min: 0.1 },
    rounds: { unit: '', text: 'turns of both', real: 5, smoke: 1, min: 1 },
  },
  async run({ values, progress }) {
    const pool = await openPool(values.threads);
    const naive = naivePool(pool, values.threads);
    const spans: Record<'engine' | 'naive', Span[]> = { engine: [], naive: [] };
    const sides = {
      engine: () => span(values.time, (until) => throughBatches(pool, values.perTurn, until)),
      naive: () => span(values.time, (until) => oneByOne(naive, values.inFlight, until)),
    };
    try {
      for (let round = -1; round < values.rounds; round++) {
        for (const side of round % 2 === 0
          ? (['engine', 'naive'] as const)
          : (['naive', 'engine'] as const)) {
          const played = await sides[side]();
          if (round >= 0) spans[side].push(played);
        }
        progress(round + 2, values.rounds + 1, `round ${round + 1}`);
      }
    } finally {
      await naive.destroy();
      await pool.threads.close();
    }
    const perShare = (played: readonly Span[]): number[] =>
      played.map(({ mainUs, shares }) => mainUs / shares);
    const perSecond = (played: readonly Span[]): number[] =>
      played.map(({ shares, seconds }) => shares / seconds);
    return {
      measures: [
        one('engine.main_us_per_share', 'us', 'lower', perShare(spans.engine)),
        one('naive.main_us_per_share', 'us', 'lower', perShare(spans.naive)),
        one('engine.shares_per_second', '/s', 'higher', perSecond(spans.engine)),
        one('naive.shares_per_second', '/s', 'higher', perSecond(spans.naive)),
        one(
          'ratio.main_us_per_share',
          '',
          'higher',
          perShare(spans.naive).map((us, round) => us / perShare(spans.engine)[round]!),
        ),
      ],
      distributions: [],
      checksum: 'every share that was given came back',
      invalid: [],
      notes: ['The main thread spins while it waits for the threads, so its figure is an upper bound.'],
    };
  },
});
