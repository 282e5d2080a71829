/**
 * Refused submissions, from the sessions to PostgreSQL: once a minute what sessions came to is summed up and handed to the loader's
 * thread; a batch that was not taken is handed over again. Nothing here runs per submission, and sessions are asked in slices: on a fast
 * chain nearly each of them has a stale share to tell of every minute, and 100,000 of those take 0.2 s.
 *
 *   session ends, or the minute does --count--> tally --batch--> loader's thread --taken--> the next
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../kit/log.ts';
import type { LoaderClient } from '../ledger/loader-client.ts';
import { RefusalTally } from '../ledger/refusal-tally.ts';
import type { SessionView, Stratum } from '../stratum/stratum-server.ts';

export interface RefusalTellerOptions {
  readonly bootUnixMs: number;
  /** By port. */
  readonly pots: readonly number[];
  readonly log: Logger;
  readonly wallClock: () => number;
}

export interface RefusalTellerRooms {
  readonly stratum: Pick<Stratum, 'tellRefusals'>;
  readonly loader: () => Pick<LoaderClient, 'noteRefusals'> | undefined;
}

const TICK_MS = 5_000;
const MINUTE_MS = 60_000;
/** 2 us each where there is something to tell. */
const SLICE_SLOTS = 250;
/** At the end: a database that is there takes milliseconds. */
const FINISH_MS = 5_000;
const FINISH_RETRY_MS = 250;

export class RefusalTeller {
  readonly #options: RefusalTellerOptions;
  readonly #tally: RefusalTally;
  #rooms: RefusalTellerRooms | undefined;
  #timer: NodeJS.Timeout | undefined;
  #minute: number;
  /** When all sessions were asked last; 0 = nothing to send. */
  #askedAtMs = 0;
  #isAsking = false;
  #sending: Promise<boolean> | undefined;

  constructor(options: RefusalTellerOptions) {
    this.#options = options;
    this.#tally = new RefusalTally(options.bootUnixMs);
    this.#minute = Math.floor(options.wallClock() / MINUTE_MS);
  }

  /** For `StratumOptions.onRefusals`. */
  readonly onRefusals = (
    { address, worker, portIndex, accepted }: SessionView,
    verdict: number,
    count: number,
  ): void => {
    const pot = this.#options.pots[portIndex]!;
    this.#tally.add({ address, worker, pot, isProven: accepted > 0 }, verdict, count, this.#countedAtMs());
  };

  start(rooms: RefusalTellerRooms): void {
    this.#rooms = rooms;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Everything that was refused goes to the database, if it is there. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    const rooms = this.#rooms;
    if (rooms === undefined) return;
    await this.#sending;
    for (let at = rooms.stratum.tellRefusals(0, SLICE_SLOTS); at > 0; )
      at = rooms.stratum.tellRefusals(at, SLICE_SLOTS);
    const deadline = performance.now() + FINISH_MS;
    for (;;) {
      this.#askedAtMs = this.#options.wallClock();
      const taken = await this.#send();
      if (taken && this.#tally.waiting === 0 && this.#askedAtMs === 0) return;
      if (performance.now() > deadline) break;
      if (!taken) await delay(FINISH_RETRY_MS);
    }
    this.#options.log.warn('the database is away: refused submissions of the last minute are not in it');
  }

  /** In the tick after a minute's end sessions tell of that minute; who leaves tells of his own. */
  #countedAtMs(): number {
    const nowMs = this.#options.wallClock();
    const minuteStartMs = this.#minute * MINUTE_MS;
    return this.#isTurning ? minuteStartMs - 1 : nowMs;
  }

  #isTurning = false;

  #tick(): void {
    const nowMs = this.#options.wallClock();
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      if (!this.#isAsking) this.#ask(0, nowMs);
    }
    void this.#send();
  }

  #ask(from: number, nowMs: number): void {
    this.#isTurning = true;
    const next = this.#rooms!.stratum.tellRefusals(from, SLICE_SLOTS);
    this.#isTurning = false;
    this.#isAsking = next > 0;
    if (next > 0) {
      setImmediate(() => this.#ask(next, nowMs));
      return;
    }
    this.#askedAtMs = nowMs;
    void this.#send();
  }

  /** True: all that was asked for has been taken. */
  #send(): Promise<boolean> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<boolean> {
    const loader = this.#rooms?.loader();
    if (loader === undefined) return this.#askedAtMs === 0;
    while (this.#askedAtMs > 0) {
      const batch = this.#tally.batch(this.#askedAtMs);
      // It covers what was asked for, unless it is an older one that was not taken yet.
      if (batch.throughUnixMs === this.#askedAtMs) this.#askedAtMs = 0;
      if (!(await loader.noteRefusals(batch))) {
        this.#askedAtMs ||= batch.throughUnixMs;
        return false;
      }
      this.#tally.taken(batch.sequence);
    }
    return true;
  }
}
