/**
 * The feed of all engines whose sockets lie in a folder, for `sluice api`. In flow a folder, out flows what its engines tell. Engines come
 * and go while it runs: the folder is looked at once a second, and a name that is there is connected to until it is not there any more.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../kit/edge-error.ts';
import type { EngineBoard, LiveConnection } from './engine-board.ts';
import {
  type EngineFeed,
  FeedUnavailable,
  LIVE_DIARIES_MAX,
  type LiveCounts,
  type LiveDiary,
  type LiveWorker,
  REPORT_STALE_MS,
} from './engine-feed.ts';
import type { EngineReport } from './engine-report.ts';
import { Listeners } from './listeners.ts';
import { LiveLink } from './live-link.ts';
import { mostTrouble } from './own-engine.ts';
import { Crowd } from './roster.ts';
import { SOCKET_SUFFIX } from './socket-place.ts';

export interface SocketFeedOptions {
  readonly directory: string;
  /** Something is wrong with a socket or the folder; each once. */
  readonly onFault: (fault: string) => void;
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 1_000;
/** Engines of one machine; a folder with more names is somebody's mistake. */
const ENGINES_MAX = 256;

export class SocketFeed implements EngineFeed {
  readonly #options: SocketFeedOptions;
  readonly #crowd = new Crowd();
  readonly #links = new Map<string, LiveLink>();
  readonly #reports = new Map<string, { readonly report: EngineReport; readonly atMs: number }>();
  readonly #reportListeners = new Listeners<EngineReport>();
  readonly #changeListeners = new Listeners<ReadonlySet<string>>();
  readonly #timer: NodeJS.Timeout;
  #folderFault = '';

  constructor(options: SocketFeedOptions) {
    this.#options = options;
    this.#look();
    this.#timer = setInterval(() => this.#look(), options.lookEveryMs ?? LOOK_EVERY_MS);
  }

  engines(): readonly EngineReport[] {
    const nowMs = performance.now();
    return [...this.#reports.values()]
      .filter(({ atMs }) => nowMs - atMs < REPORT_STALE_MS)
      .map(({ report }) => report);
  }

  workersOf(address: string): readonly LiveWorker[] {
    return mostTrouble(this.#views().flatMap(({ view }) => view.workersOf(address)));
  }

  counts(): LiveCounts {
    const { connections, addresses, workers } = this.#crowd;
    return { connections, addresses, workers };
  }

  async diariesOf(address: string): Promise<readonly LiveDiary[]> {
    const asked = this.#views()
      .flatMap(({ link, view }) => view.troublesOf(address).map((trouble) => ({ ...trouble, link, view })))
      .sort((one, other) => other.refused - one.refused)
      .slice(0, LIVE_DIARIES_MAX);
    const byLink = new Map<LiveLink, { view: EngineBoard; connections: LiveConnection[] }>();
    for (const { link, view, connection } of asked) {
      const known = byLink.get(link);
      if (known === undefined) byLink.set(link, { view, connections: [connection] });
      else known.connections.push(connection);
    }
    const answers = await Promise.allSettled(
      [...byLink].map(async ([link, { view, connections }]) =>
        (await link.diaries(connections)).map((diary) => view.named(diary)),
      ),
    );
    const told = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    // One engine that is silent must not hide what the others say.
    if (answers.length > 0 && answers.every(({ status }) => status === 'rejected'))
      throw new FeedUnavailable('no engine answers');
    return told.filter((diary) => diary !== undefined);
  }

  async metricsOf(instance: string): Promise<string | undefined> {
    const found = this.#views().find(({ view }) => view.instance === instance);
    return found?.link.metrics();
  }

  onReport(listener: (report: EngineReport) => void): () => void {
    return this.#reportListeners.add(listener);
  }

  onChanged(listener: (addresses: ReadonlySet<string>) => void): () => void {
    return this.#changeListeners.add(listener);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #views(): { readonly link: LiveLink; readonly view: EngineBoard }[] {
    return [...this.#links.values()].flatMap((link) => (link.view ? [{ link, view: link.view }] : []));
  }

  #look(): void {
    const names = this.#names();
    if (names === undefined) return;
    for (const name of names) {
      if (this.#links.has(name) || this.#links.size >= ENGINES_MAX) continue;
      this.#links.set(name, this.#linkTo(name));
    }
    for (const [name, link] of this.#links) {
      // A socket whose name is gone may still be read: its engine is stopping, and ends the connection itself.
      if (names.has(name) || link.isConnected) continue;
      link.close();
      this.#links.delete(name);
    }
    for (const [instance, { atMs }] of this.#reports)
      if (performance.now() - atMs > REPORT_STALE_MS) this.#reports.delete(instance);
  }

  /** Undefined: the folder cannot be read, and nothing is known to be gone. */
  #names(): Set<string> | undefined {
    try {
      const names = readdirSync(this.#options.directory).filter(
        (name) => name.endsWith(SOCKET_SUFFIX) && !name.startsWith('.'),
      );
      this.#folderFault = '';
      return new Set(names);
    } catch (error) {
      const fault = messageOf(error);
      if (fault !== this.#folderFault) this.#options.onFault(`${this.#options.directory}: ${fault}`);
      this.#folderFault = fault;
      return undefined;
    }
  }

  #linkTo(name: string): LiveLink {
    return new LiveLink({
      path: join(this.#options.directory, name),
      crowd: this.#crowd,
      onReport: (report, changed) => {
        this.#reports.set(report.instance, { report, atMs: performance.now() });
        this.#reportListeners.call(report);
        if (changed.size > 0) this.#changeListeners.call(changed);
      },
      onLost: (changed) => {
        if (changed.size > 0) this.#changeListeners.call(changed);
      },
      onFault: this.#options.onFault,
    });
  }
}
