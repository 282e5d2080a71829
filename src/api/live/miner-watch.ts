/**
 * What the topic of a miner says: its connections now. Made for watched miners only, when something of theirs has changed, at most once a
 * second each; and all of them every ten seconds, since a miner that stops changes nothing and yet its hashrate falls.
 */
import { HashrateWindow } from '../../domain/hashrate.ts';
import type { EngineFeed, LiveWorker } from '../../live/engine-feed.ts';
import { type LiveHub, MINER_PREFIX } from './live-hub.ts';

/** The largest farms have more; their page reads the rest where it is in pages. */
const WORKERS_MAX = 100;
const RATE_WINDOW_S = 60;
/** Connected and without a share for so long, as the page of workers has it. */
const IDLE_AFTER_MS = 600_000;
const REFRESH_EVERY_MS = 10_000;
/** What one round may make: with more watched miners than this changing at once, some are told a second later. */
const ROUND_MAX = 1_000;
/** A farm's text is up to 20 kB of JSON to make: so many in one go, then whoever else waits for this core. */
const SLICE_MINERS = 32;
const SLICE_EVERY_MS = 5;
const NOBODY: ReadonlySet<string> = new Set();

export interface MinerLive {
  readonly address: string;
  readonly connections: number;
  /** H/s of accepted shares in the last minute. */
  readonly hashrate: number;
  /** null = none on these connections. */
  readonly lastShareAt: string | null;
  /** At most 100, the last heard of first. */
  readonly workers: readonly WorkerLive[];
}

export interface WorkerLive {
  readonly name: string;
  readonly state: 'online' | 'idle';
  readonly lastShareAt: string | null;
  readonly difficulty: number;
  readonly port: string;
  readonly accepted: number;
  readonly rejected: Readonly<Record<string, number>>;
}

/** Work of one miner, from sums that begin anew with each connection. */
class RateMeter {
  readonly #window: HashrateWindow;
  #sums: Map<string, number> | undefined;

  constructor(nowMs: number) {
    this.#window = new HashrateWindow(RATE_WINDOW_S, nowMs);
  }

  /** H/s. Work from before the first look is not counted. */
  look(workers: readonly LiveWorker[], nowMs: number): number {
    const before = this.#sums;
    const sums = new Map<string, number>();
    for (const { instance, connectedAtUnixMs, worker, creditedDifficulty } of workers) {
      const key = `${instance} ${connectedAtUnixMs} ${worker}`;
      sums.set(key, (sums.get(key) ?? 0) + creditedDifficulty);
    }
    this.#sums = sums;
    if (before)
      for (const [key, sum] of sums) this.#window.add(Math.max(0, sum - (before.get(key) ?? 0)), nowMs);
    return this.#window.rate(RATE_WINDOW_S, nowMs);
  }
}

export class MinerWatch {
  readonly #hub: LiveHub;
  readonly #feed: EngineFeed;
  readonly #nowMs: () => number;
  readonly #meters = new Map<string, RateMeter>();
  readonly #due = new Set<string>();
  readonly #endings: (() => void)[];
  #refreshedAtMs: number;
  #leftInRound = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(hub: LiveHub, feed: EngineFeed, nowMs: () => number) {
    this.#hub = hub;
    this.#feed = feed;
    this.#nowMs = nowMs;
    this.#refreshedAtMs = nowMs();
    hub.onWanted = (topic) => {
      if (topic.startsWith(MINER_PREFIX)) this.#tell(topic.slice(MINER_PREFIX.length));
    };
    this.#endings = [feed.onChanged((addresses) => this.#round(addresses))];
  }

  /** Once a second: where nobody's connections change, everybody's turn comes all the same. */
  tick(): void {
    this.#round(NOBODY);
  }

  close(): void {
    for (const end of this.#endings) end();
    clearTimeout(this.#timer);
    this.#hub.onWanted = () => {};
  }

  #round(changed: ReadonlySet<string>): void {
    const nowMs = this.#nowMs();
    const everybody = nowMs - this.#refreshedAtMs >= REFRESH_EVERY_MS;
    if (everybody) this.#refreshedAtMs = nowMs;
    const watched = new Set(this.#hub.watchedMiners());
    for (const address of watched) if (everybody || changed.has(address)) this.#due.add(address);
    for (const address of this.#meters.keys()) if (!watched.has(address)) this.#meters.delete(address);
    this.#leftInRound = ROUND_MAX;
    if (!this.#timer) this.#slice();
  }

  readonly #slice = (): void => {
    this.#timer = undefined;
    let told = 0;
    for (const address of this.#due) {
      if (told === SLICE_MINERS || this.#leftInRound === 0) break;
      this.#due.delete(address);
      if (!this.#hub.wanted(MINER_PREFIX + address)) continue;
      this.#tell(address);
      told++;
      this.#leftInRound--;
    }
    if (this.#due.size > 0 && this.#leftInRound > 0) this.#timer = setTimeout(this.#slice, SLICE_EVERY_MS);
  };

  #tell(address: string): void {
    const nowMs = this.#nowMs();
    const workers = this.#feed.workersOf(address);
    let meter = this.#meters.get(address);
    if (!meter) this.#meters.set(address, (meter = new RateMeter(nowMs)));
    this.#hub.publish(MINER_PREFIX + address, minerLive(address, workers, meter.look(workers, nowMs), nowMs));
  }
}

function minerLive(
  address: string,
  connections: readonly LiveWorker[],
  hashrate: number,
  nowMs: number,
): MinerLive {
  const lately = [...connections].sort((one, other) => other.lastShareAtUnixMs - one.lastShareAtUnixMs);
  return {
    address,
    connections: connections.length,
    hashrate,
    lastShareAt: momentOf(lately[0]?.lastShareAtUnixMs ?? 0),
    workers: lately.slice(0, WORKERS_MAX).map((one) => ({
      name: one.worker,
      state: nowMs - Math.max(one.lastShareAtUnixMs, 0) < IDLE_AFTER_MS ? 'online' : 'idle',
      lastShareAt: momentOf(one.lastShareAtUnixMs),
      difficulty: one.difficulty,
      port: one.port,
      accepted: one.accepted,
      rejected: one.rejected,
    })),
  };
}

function momentOf(unixMs: number): string | null {
  return unixMs > 0 ? new Date(unixMs).toISOString() : null;
}
