/**
 * One line in the log for every connection that ended, with all that an operator asks when a miner calls: who, from where, why, for how
 * long, what it was asked and what it did. At most some lines a second, since strangers can make connections end at will; the next line
 * says how many were left out.
 */
import type { Logger } from '../../kit/log.ts';
import { type Rate, TokenBucket } from '../fairness/token-bucket.ts';
import type { CloseReason } from '../stratum-metrics.ts';
import type { Diary, DiaryEvent } from './diary.ts';
import type { Session } from './session.ts';

/** A screen of them a second is more than anybody reads; a burst is a farm that loses its uplink. */
const MINERS: Rate = { perSecond: 10, burst: 100 };
/** Who never logged in is a scan, or a miner that is set up wrongly and comes again. */
const STRANGERS: Rate = { perSecond: 0.2, burst: 3 };
/** The rest of the diary is for whoever asks. */
const EVENTS_IN_LINE = 3;
const MS_PER_SECOND = 1_000;

export interface CloseLogOptions {
  readonly log: Logger;
  readonly clock: () => number;
  readonly diary: Diary;
  /** By port. */
  readonly portLabels: readonly string[];
}

export class CloseLog {
  readonly #options: CloseLogOptions;
  readonly #miners: TokenBucket;
  readonly #strangers: TokenBucket;
  #leftOut = 0;

  constructor(options: CloseLogOptions) {
    this.#options = options;
    this.#miners = new TokenBucket(MINERS, options.clock());
    this.#strangers = new TokenBucket(STRANGERS, options.clock());
  }

  /** While the session still has all that it had. */
  closed(session: Session, reason: CloseReason): void {
    const { log, clock, diary, portLabels } = this.#options;
    if (!log.isLevelEnabled('info')) return;
    const nowMs = clock();
    const { address, worker, userAgent, dialect, accepted, rejected, times } = session;
    const isLoggedIn = address !== '';
    if (!(isLoggedIn ? this.#miners.take(MINERS, nowMs) : this.#strangers.take(STRANGERS, nowMs))) {
      this.#leftOut++;
      return;
    }
    log.info(
      {
        reason,
        port: portLabels[session.portIndex],
        remoteAddress: session.remoteAddress,
        ...(isLoggedIn ? { login: `${address}.${worker}`, difficultyLog2: session.difficultyLog2 } : {}),
        ...(userAgent === '' ? {} : { userAgent, dialect: dialect.name }),
        seconds: Math.round((nowMs - session.connectedAtMs) / MS_PER_SECOND),
        ...{ accepted, rejected },
        ...known('roundTripMs', times.roundTripMs),
        ...known('notifyToShareMs', times.notifyToShareMs),
        events: diary
          .read(session.slot)
          .slice(-EVENTS_IN_LINE)
          .map((event) => eventLine(event, nowMs)),
        ...(this.#leftOut === 0 ? {} : { leftOut: this.#leftOut }),
      },
      'a connection ended',
    );
    this.#leftOut = 0;
  }
}

function known(name: string, ms: number): Readonly<Record<string, number>> {
  return Number.isNaN(ms) ? {} : { [name]: Math.round(ms) };
}

function eventLine({ atMs, ...event }: DiaryEvent, nowMs: number): object {
  return { secondsAgo: Math.round((nowMs - atMs) / MS_PER_SECOND), ...event };
}
