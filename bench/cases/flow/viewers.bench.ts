/**
 * Very many people look at the pool's page while miners submit by the clock. Miners must not notice: p99 of their answers with all viewers
 * and without any, in turns against the same engine:
 *
 *   without 0 | watched 1 | without 1 | watched 2 | without 2 | ...
 *
 * Their sockets stay open throughout: ten thousand handshakes before each turn would be what is measured. Without means that nobody
 * subscribes.
 * Each watched turn is held against both of its neighbours (their geometric mean), and these against each other: `ratio.p99_by_itself` is
 * what the machine does to the same ratio while nobody looks. Its spread is what a ratio of this run can be trusted to.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type CaseContext, type CaseResult, defineCase } from '../../lib/bench-case.ts';
import { Contest, type Turn } from '../../lib/contest.ts';
import type { EngineUnderTest } from '../../lib/engine-under-test.ts';
import { connections, JOBS_PER_SECOND, ROUNDS, rate, TIME, WARM_UP } from '../../lib/flow-parameters.ts';
import { histogramOf, percentilesOf } from '../../lib/load-generator.ts';
import { Viewers } from '../../lib/viewers.ts';

const parameters = {
  connections: connections(200, 20),
  viewers: {
    unit: '',
    text: 'live sockets on the pool topic, one update a second each',
    real: 10_000,
    smoke: 50,
    min: 1,
    max: 18_000,
  },
  apiProcess: {
    unit: '',
    text: '1 = they look at `sluice api`, a process of its own, as in a large pool; 0 = at the engine',
    real: 0,
    smoke: 0,
    min: 0,
    max: 1,
  },
  rate: rate(2000),
  jobsPerSecond: JOBS_PER_SECOND,
  // Many and short: a stall of the machine is the p99 of a turn, and is to spoil few of them.
  rounds: { ...ROUNDS, real: 30 },
  time: { ...TIME, real: 2.5, smoke: 2.2 },
  warmUp: WARM_UP,
};
type Values = CaseContext<typeof parameters>['values'];

/** Of the updates that are due: a second may fall on either side of both marks. */
const DELIVERED_MIN = 0.8;
/** Ten thousand words of theirs are heard, and what was on its way has come. */
const LOOK_AWAY_MS = 500;

interface Round {
  readonly before: Turn;
  readonly watched: Turn;
  readonly after: Turn;
  readonly updatesPerViewer: number;
  readonly gapP99Ms: number;
}

class Stage {
  readonly contest: Contest;
  readonly #viewers = new Viewers();
  readonly #values: Values;

  constructor(contest: Contest, values: Values) {
    this.contest = contest;
    this.#values = values;
  }

  async playRound(before: Turn): Promise<Round> {
    const watched = await this.#playWatched();
    return { before, ...watched, after: await this.play() };
  }

  async close(): Promise<void> {
    this.#viewers.end();
    await this.contest.close();
  }

  async play(): Promise<Turn> {
    const { connections, time, warmUp, rate } = this.#values;
    const plan = {
      connections,
      seconds: time,
      warmUpSeconds: warmUp,
      load: { loop: 'open', sharesPerSecond: rate, churnPerSecond: 0 },
    } as const;
    const turn = await this.contest.playTurn(this.contest.servers[0]!, plan);
    this.contest.check(turn, plan);
    return turn;
  }

  /** All are there from now on, and watch nothing yet. */
  async openViewers(): Promise<void> {
    const { pagesUrl } = this.contest.servers[0] as EngineUnderTest;
    await this.#viewers.open(pagesUrl, this.#values.viewers);
  }

  async #playWatched(): Promise<Omit<Round, 'before' | 'after'>> {
    const { viewers } = this.#values;
    const before = await this.#viewers.watch();
    const watchedMs = performance.now();
    const watched = await this.play();
    const after = await this.#viewers.lookAway();
    const seconds = (performance.now() - watchedMs) / 1_000;
    await delay(LOOK_AWAY_MS);
    const updates = after.messages - before.messages;
    if (before.open < viewers || after.open < viewers)
      this.contest.invalid.push(`${Math.min(before.open, after.open)} of ${viewers} viewers stayed`);
    else if (updates < viewers * (Math.floor(seconds) - 1) * DELIVERED_MIN)
      this.contest.invalid.push(
        `viewers got ${(updates / viewers).toFixed(1)} updates in ${seconds.toFixed(1)} s`,
      );
    return { watched, updatesPerViewer: updates / viewers / seconds, gapP99Ms: after.gapP99Ms };
  }
}

const p99Ms = (turn: Turn): number => percentilesOf(histogramOf(turn.report.latency)).p99Ms;
const p50Ms = (turn: Turn): number => percentilesOf(histogramOf(turn.report.latency)).p50Ms;
const watchedRatio = ({ before, watched, after }: Round): number =>
  p99Ms(watched) / Math.sqrt(p99Ms(before) * p99Ms(after));
const cpuSecondsPerSecond = (turn: Turn): number => turn.cpuUs / turn.seconds / 1e6;

async function run({ values, progress }: CaseContext<typeof parameters>): Promise<CaseResult> {
  const stage = new Stage(
    await Contest.open({
      servers: ['engine'],
      jobsPerSecond: values.jobsPerSecond,
      oneCore: false,
      apiProcess: values.apiProcess === 1,
    }),
    values,
  );
  const rounds: Round[] = [];
  try {
    await stage.openViewers();
    // The first round is for the compiler.
    let last = await stage.play();
    for (let round = 0; round <= values.rounds; round++) {
      const played = await stage.playRound(last);
      last = played.after;
      if (round > 0) rounds.push(played);
      progress(
        round + 1,
        values.rounds + 1,
        `p99 ${p99Ms(played.watched).toFixed(2)} ms with viewers, then ${p99Ms(played.after).toFixed(2)} without`,
      );
    }
  } finally {
    await stage.close();
  }
  const each = (
    name: string,
    unit: string,
    better: 'lower' | 'higher' | 'neither',
    read: (round: Round) => number,
  ) => {
    return { name, unit, better, values: rounds.map(read) };
  };
  return {
    measures: [
      each('engine.p50_ms_without', 'ms', 'lower', ({ after }) => p50Ms(after)),
      each('engine.p50_ms_watched', 'ms', 'lower', ({ watched }) => p50Ms(watched)),
      each('engine.p99_ms_without', 'ms', 'lower', ({ after }) => p99Ms(after)),
      each('engine.p99_ms_watched', 'ms', 'lower', ({ watched }) => p99Ms(watched)),
      each('engine.cores_without', '', 'lower', ({ after }) => cpuSecondsPerSecond(after)),
      each('engine.cores_watched', '', 'lower', ({ watched }) => cpuSecondsPerSecond(watched)),
      each('viewer.updates', '/s', 'higher', ({ updatesPerViewer }) => updatesPerViewer),
      each('viewer.gap_p99_ms', 'ms', 'lower', ({ gapP99Ms }) => gapP99Ms),
      each('ratio.p99_watched', '', 'lower', (round) => watchedRatio(round)),
      each('ratio.p99_by_itself', '', 'neither', ({ before, after }) => p99Ms(after) / p99Ms(before)),
    ],
    distributions: [],
    checksum: `viewers ${values.viewers}`,
    invalid: stage.contest.invalid,
    notes: stage.contest.notes,
  };
}

export default defineCase({
  kind: 'flow',
  title: "viewers of the pool's page: what miners notice of ten thousand",
  parameters,
  run,
});
