/**
 * What the API thread has of running engines: the feed of its own, fed by messages, and the live socket for readers elsewhere.
 */

import { Counter, Gauge, type Registry } from '../kit/metrics.ts';
import type { LiveConnection, SlotDiary } from '../live/engine-board.ts';
import type { EngineInside } from '../live/engine-report.ts';
import { LiveBoard } from '../live/live-board.ts';
import { LiveServer } from '../live/live-server.ts';
import { OwnEngineFeed } from '../live/own-engine.ts';
import type { PoolSnapshot } from '../live/pool-snapshot.ts';
import type { Arrival } from '../live/roster.ts';

/** What crosses to the thread when it starts. */
export interface LiveThreadData {
  readonly instance: string;
  readonly boardBuffer: SharedArrayBuffer;
  readonly capacity: number;
  /** Of the live socket; '' = there is none. */
  readonly directory: string;
}

/** What the main thread gives and does for its API thread. */
export interface LiveSource extends LiveThreadData {
  inside(): EngineInside;
  /** Of those that are still there. */
  diaries(connections: readonly LiveConnection[]): readonly SlotDiary[];
  /** A thread begins and knows nobody: everybody arrives once more. */
  onBegun(): void;
}

export type ToLiveDesk =
  | { readonly kind: 'arrived'; readonly arrivals: readonly Arrival[] }
  | { readonly kind: 'diaries'; readonly id: number; readonly diaries: readonly SlotDiary[] };

export interface LiveDeskOptions extends LiveThreadData {
  readonly askDiaries: (id: number, connections: readonly LiveConnection[]) => void;
  readonly metrics: () => Promise<string | undefined>;
  readonly registry: Registry;
  readonly onFault: (fault: string) => void;
}

export class LiveDesk {
  readonly feed: OwnEngineFeed;
  readonly #instance: string;
  readonly #server: LiveServer | undefined;

  constructor(options: LiveDeskOptions) {
    const { instance, capacity, boardBuffer, directory, askDiaries, metrics, registry, onFault } = options;
    this.#instance = instance;
    const board = new LiveBoard(capacity, boardBuffer);
    this.feed = new OwnEngineFeed({ instance, board, askDiaries, metrics, clock: () => performance.now() });
    const faults = new Counter(registry, {
      name: 'sluice_live_faults_total',
      help: 'Readers of the live socket that were cut because they did not speak as they should, or turned away.',
    });
    const cut = new Counter(registry, {
      name: 'sluice_live_cut_total',
      help: 'Readers of the live socket that were cut because they did not read.',
    });
    new Gauge(
      registry,
      { name: 'sluice_live_readers', help: 'Open connections to the live socket.' },
      () => this.#server?.readers ?? 0,
    );
    if (directory === '') return;
    this.#server = new LiveServer({
      ...{ directory, instance, feed: this.feed },
      onFault: (fault) => {
        faults.inc();
        onFault(fault);
      },
      onCut: () => cut.inc(),
    });
  }

  /** @throws EdgeError SLUICE_LIVE_SOCKET */
  async open(): Promise<void> {
    await this.#server?.open();
  }

  reported(snapshot: PoolSnapshot, inside: EngineInside): void {
    this.feed.reported({ instance: this.#instance, pid: process.pid, snapshot, inside });
  }

  take(message: ToLiveDesk): void {
    if (message.kind === 'arrived') this.feed.arrived(message.arrivals);
    else this.feed.answered(message.id, message.diaries);
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}
