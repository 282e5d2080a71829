/**
 * What an engine tells its operator and nobody else (`EngineInside`), gathered from the rooms. Asking costs microseconds, however many
 * miners there are: what needs a look at all of them is counted every five seconds, in slices of a turn each.
 */
import type { ShareJournal } from '../journal/share-journal.ts';
import { type Logger, recentWarnings } from '../kit/log.ts';
import type { Registry } from '../kit/metrics.ts';
import type { EngineInside } from '../live/engine-report.ts';
import { type StageLatencies, WINDOW_TURN_MS, WINDOW_TURNS } from '../live/stage-latencies.ts';
import { isOver } from '../stratum/fairness/ban.ts';
import type { Stratum } from '../stratum/stratum-server.ts';
import type { JobFeed } from '../templates/job-feed.ts';
import type { Ledger } from './ledger-desk.ts';
import { LoopWatch } from './loop-watch.ts';
import { ProcessWatch, type ThreadReading } from './process-watch.ts';
import type { Renewals } from './renewals.ts';
import { printable, SessionTally } from './session-tally.ts';
import type { SharePath } from './share-path.ts';

export interface EngineInsideOptions {
  readonly stratum: Pick<Stratum, 'visitSlice' | 'closes' | 'unknownHandshakes'>;
  readonly path: Pick<SharePath, 'threads'>;
  readonly feed: Pick<JobFeed, 'received' | 'templateAgeMs' | 'stalled'>;
  readonly journal: Pick<ShareJournal, 'fill' | 'busyMs'>;
  readonly ledger: Pick<Ledger, 'loader'>;
  readonly renewals: Pick<Renewals, 'bans'>;
  readonly stages: StageLatencies;
  /** Of the API's thread; 0 where there is none. */
  readonly apiBusyMs: () => number;
  readonly registry: Registry;
  readonly log: Logger;
  /** Monotonic and unix ms. */
  readonly clock: () => number;
  readonly wallClock: () => number;
}

/** 0.05 ms of a turn, 0.5 where all is cold. */
const SLOTS_PER_SLICE = 1_000;
const BANS_SHOWN = 100;
const HANDSHAKES_SHOWN = 20;
const HANDSHAKE_LINES = 8;
const HANDSHAKE_LINE_LENGTH = 200;
/** A template that never came is this old, since JSON knows no Infinity. */
const NEVER_MS = -1;

export class EngineInsideGatherer {
  readonly #options: EngineInsideOptions;
  readonly #loop = new LoopWatch();
  readonly #process: ProcessWatch;
  /** Of the last pass that was finished. */
  #tally = new SessionTally();
  #passing: SessionTally | undefined;
  /** Templates received, by turns of the window, the oldest first. */
  readonly #received: number[];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: EngineInsideOptions) {
    this.#options = options;
    this.#process = new ProcessWatch({ threads: () => this.#threads(), clock: options.clock });
    this.#received = [options.feed.received];
    options.stages.register(options.registry);
    this.#loop.register(options.registry);
    this.#process.register(options.registry);
  }

  start(): void {
    this.#loop.start();
    this.#process.start();
    this.#turn();
    this.#timer = setInterval(() => this.#turn(), WINDOW_TURN_MS);
    this.#timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#loop.close();
    this.#process.close();
  }

  inside(): EngineInside {
    const { stratum, feed, journal, stages, clock } = this.#options;
    const nowMs = clock();
    const ageMs = feed.templateAgeMs(nowMs);
    return {
      ...this.#process.view(),
      ...this.#loop.view(),
      stages: stages.views(),
      templates: {
        ageMs: Number.isFinite(ageMs) ? Math.round(ageMs) : NEVER_MS,
        lastMinute: feed.received - this.#received[0]!,
        stalled: feed.stalled(nowMs),
      },
      journalFillRatio: journal.fill,
      agents: this.#tally.agents(),
      unknownHandshakes: this.#unknownHandshakes(nowMs),
      slowReaders: this.#tally.slowReaders(),
      closes: stratum.closes(),
      bans: this.#bans(),
      warnings: recentWarnings(this.#options.log).map(({ atUnixMs, level, text }) => ({
        at: new Date(atUnixMs).toISOString(),
        level,
        text,
      })),
    };
  }

  #turn(): void {
    const { stages, feed } = this.#options;
    stages.turn();
    this.#loop.turn();
    this.#received.push(feed.received);
    if (this.#received.length > WINDOW_TURNS) this.#received.shift();
    // The last pass is still under way on a machine that has no turn to spare: one at a time.
    if (this.#passing !== undefined) return;
    this.#passing = new SessionTally();
    this.#pass(this.#passing, 0);
  }

  #pass(tally: SessionTally, from: number): void {
    const { stratum, clock } = this.#options;
    if (this.#closed) return;
    const nowMs = clock();
    const next = stratum.visitSlice(from, SLOTS_PER_SLICE, (session) => tally.visit(session, nowMs));
    if (next > 0) {
      setImmediate(() => this.#pass(tally, next));
      return;
    }
    this.#tally = tally;
    this.#passing = undefined;
  }

  #threads(): readonly ThreadReading[] {
    const { path, journal, ledger, apiBusyMs } = this.#options;
    return [
      { name: 'main', busyMs: this.#loop.busyMs },
      ...path.threads.busyMs().map((busyMs, index) => ({ name: `validator-${index + 1}`, busyMs })),
      { name: 'journal', busyMs: journal.busyMs },
      { name: 'loader', busyMs: ledger.loader?.busyMs ?? 0 },
      { name: 'api', busyMs: apiBusyMs() },
    ];
  }

  #unknownHandshakes(nowMs: number): EngineInside['unknownHandshakes'] {
    const { stratum, wallClock } = this.#options;
    const unixMs = wallClock();
    return stratum
      .unknownHandshakes()
      .slice(-HANDSHAKES_SHOWN)
      .map(({ userAgent, lines, atMs }) => ({
        agent: printable(userAgent),
        at: new Date(unixMs - (nowMs - atMs)).toISOString(),
        lines: lines
          .split('\n')
          .filter((line) => line !== '')
          .slice(0, HANDSHAKE_LINES)
          .map((line) => line.slice(0, HANDSHAKE_LINE_LENGTH)),
      }));
  }

  #bans(): EngineInside['bans'] {
    const { renewals, wallClock } = this.#options;
    const nowUnixMs = wallClock();
    return renewals.bans
      .filter((ban) => !isOver(ban, nowUnixMs))
      .slice(0, BANS_SHOWN)
      .map(({ network, reason, untilUnixMs }) => ({
        network,
        reason,
        until: untilUnixMs === undefined ? '' : new Date(untilUnixMs).toISOString(),
      }));
  }
}
