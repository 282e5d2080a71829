/**
 * The engine's end of the live socket, in its API thread: whoever reads gets what has changed once a second, and answers. In flow the
 * own feed, out flow frames. The engine waits for no reader: what a slow one has missed is not kept for it, since the board says at
 * any time what is new to it; one that reads nothing at all is cut.
 *
 *   reader:  hello <-> hello > everything > once a second: report, arrivals, rows that changed since its last ones
 */

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../kit/edge-error.ts';
import type { LiveConnection } from './engine-board.ts';
import { FeedUnavailable, LIVE_DIARIES_MAX } from './engine-feed.ts';
import { type BoardRow, newBoardRow } from './live-board.ts';
import {
  ARRIVALS_PER_FRAME,
  asRecord,
  ENGINE_FRAME_BYTES_MAX,
  FrameCutter,
  FrameFault,
  FrameKind,
  isIndex,
  jsonFrame,
  LIVE_MAGIC,
  LIVE_VERSION,
  READER_FRAME_BYTES_MAX,
  ROWS_PER_FRAME,
  readHello,
  readJson,
  rowsFrame,
} from './live-frames.ts';
import type { OwnEngineFeed } from './own-engine.ts';
import type { Arrival } from './roster.ts';
import {
  inodeOf,
  leavePlace,
  noListening,
  type SocketPlace,
  socketPlace,
  takePlace,
} from './socket-place.ts';

export interface LiveServerOptions {
  readonly directory: string;
  readonly instance: string;
  readonly feed: OwnEngineFeed;
  readonly onFault: (fault: string) => void;
  readonly onCut: () => void;
}

/** `sluice api`, its successor during an upgrade, `sluice status` of some operators. */
const READERS_MAX = 16;
/** What a reader may leave unread before it gets no more for now. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** The same where it asks for more: two of the longest answers. */
const UNANSWERED_BYTES_MAX = 2 * ENGINE_FRAME_BYTES_MAX;
/** Without a byte taken for so long it is not slow but stuck. */
const STUCK_MS = 10_000;
/** To say hello. */
const HELLO_MS = 2_000;
/** Under way for one reader. */
const QUESTIONS_MAX = 32;

export class LiveServer {
  readonly #options: LiveServerOptions;
  readonly #readers = new Set<Reader>();
  #server: Server | undefined;
  #place: SocketPlace | undefined;
  #inode = 0;
  #endFeed: () => void = () => {};

  constructor(options: LiveServerOptions) {
    this.#options = options;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** @throws EdgeError SLUICE_LIVE_SOCKET */
  async open(): Promise<void> {
    const { directory, instance, feed } = this.#options;
    const place = await socketPlace(directory, instance);
    const server = createServer((socket) => this.#take(socket));
    server.listen(place.temporaryPath);
    try {
      await once(server, 'listening');
      // One that could not be accepted, for want of descriptors: unheard it would end the thread.
      server.on('error', (error) => this.#options.onFault(`a live reader was lost: ${error.message}`));
      takePlace(place);
    } catch (error) {
      server.close();
      throw noListening(place, error);
    }
    this.#place = place;
    this.#inode = inodeOf(place);
    this.#server = server;
    this.#endFeed = feed.onReport(() => {
      for (const reader of this.#readers) reader.update();
    });
  }

  async close(): Promise<void> {
    this.#endFeed();
    if (this.#place) leavePlace(this.#place, this.#inode);
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const reader of this.#readers) reader.end();
    await closed;
  }

  #take(socket: Socket): void {
    const { onFault, onCut } = this.#options;
    if (this.#readers.size >= READERS_MAX) {
      socket.destroy();
      onFault(`a live reader was turned away: there are ${READERS_MAX} already`);
      return;
    }
    const reader = new Reader(socket, this.#options, (fault, isStuck) => {
      this.#readers.delete(reader);
      if (isStuck) onCut();
      if (fault !== '') onFault(`a live reader was cut: ${fault}`);
    });
    this.#readers.add(reader);
  }
}

class Reader {
  readonly #socket: Socket;
  readonly #options: LiveServerOptions;
  readonly #onGone: (fault: string, isStuck: boolean) => void;
  #hasGreeted = false;
  #questions = 0;
  /** What it has: arrivals up to that one, rows of up to that tick. */
  #told = 0;
  #tick = 0;
  /** A round that its backlog interrupted goes on from here; undefined: none is under way. */
  #round: { arrivals: number; rows: number; readonly told: number; readonly tick: number } | undefined;
  #unreadSinceMs = Number.NaN;
  #lastTaken = 0;
  #isGone = false;

  constructor(socket: Socket, options: LiveServerOptions, onGone: (fault: string, isStuck: boolean) => void) {
    this.#socket = socket;
    this.#options = options;
    this.#onGone = onGone;
    const cutter = new FrameCutter(READER_FRAME_BYTES_MAX, (kind, payload) => this.#frame(kind, payload));
    const helloTimer = setTimeout(() => {
      if (!this.#hasGreeted) this.#cut('it said nothing');
    }, HELLO_MS);
    socket.on('data', (chunk: Buffer) => {
      if (this.#isGone) return;
      try {
        cutter.push(chunk);
      } catch (error) {
        // A fault of ours in handling a frame costs this reader its connection, and nobody else anything.
        this.#cut(messageOf(error));
      }
    });
    socket.on('drain', () => this.#goOn());
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(helloTimer);
      this.#gone('', false);
    });
  }

  /** What is new goes out, or as much of it as it takes. */
  update(): void {
    if (!this.#hasGreeted || this.#isGone) return;
    if (this.#isStuck()) {
      this.#cut('it does not read', true);
      return;
    }
    if (this.#socket.writableLength > UNREAD_BYTES_MAX) return;
    const { view } = this.#options.feed;
    if (view.report !== undefined) this.#socket.write(jsonFrame(FrameKind.Report, view.report));
    this.#round ??= { arrivals: 0, rows: 0, told: view.roster.told, tick: view.board.settledTick };
    this.#goOn();
  }

  end(): void {
    this.#socket.destroy();
  }

  #goOn(): void {
    const round = this.#round;
    if (round === undefined || this.#isGone) return;
    const { view } = this.#options.feed;
    while (round.arrivals >= 0) {
      if (this.#socket.writableLength > UNREAD_BYTES_MAX) return;
      round.arrivals = this.#sendArrivals(round.arrivals);
    }
    while (round.rows >= 0) {
      if (this.#socket.writableLength > UNREAD_BYTES_MAX) return;
      const rows: { slot: number; row: BoardRow }[] = [];
      round.rows = view.board.changedSince(this.#tick, round.rows, (slot) => {
        const row = newBoardRow();
        if (view.board.read(slot, row)) rows.push({ slot, row });
        return rows.length < ROWS_PER_FRAME;
      });
      if (rows.length > 0) this.#socket.write(rowsFrame(rows));
    }
    this.#told = round.told;
    this.#tick = round.tick;
    this.#round = undefined;
  }

  /** Returns the slot to go on with, -1 at the end. */
  #sendArrivals(from: number): number {
    const { roster } = this.#options.feed.view;
    const arrivals: Arrival[] = [];
    let slot = from;
    for (; slot < roster.used && arrivals.length < ARRIVALS_PER_FRAME; slot++) {
      const arrival = roster.toldAt(slot) > this.#told ? roster.at(slot) : undefined;
      if (arrival !== undefined) arrivals.push(arrival);
    }
    if (arrivals.length > 0) this.#socket.write(jsonFrame(FrameKind.Arrivals, arrivals));
    return slot < roster.used ? slot : -1;
  }

  /** @throws FrameFault */
  #frame(kind: FrameKind, payload: Buffer): void {
    if (!this.#hasGreeted) {
      if (kind !== FrameKind.Hello) throw new FrameFault('it does not say hello');
      readHello(payload);
      this.#hasGreeted = true;
      const { instance, feed } = this.#options;
      const { capacity } = feed.view.board;
      this.#socket.write(
        jsonFrame(FrameKind.Hello, { magic: LIVE_MAGIC, version: LIVE_VERSION, instance, capacity }),
      );
      this.update();
      return;
    }
    if (kind !== FrameKind.Question) throw new FrameFault(`a reader does not send frames of kind ${kind}`);
    void this.#answer(asRecord(readJson(payload)));
  }

  async #answer({ id, about, connections }: Record<string, unknown>): Promise<void> {
    if (!isIndex(id, 2 ** 32)) {
      this.#cut('a question without number');
      return;
    }
    let answer: Readonly<Record<string, unknown>>;
    if (this.#questions >= QUESTIONS_MAX) answer = { id, fault: 'too many are asking the engine' };
    else {
      this.#questions++;
      answer = await this.#find(about, connections).then(
        (value) => ({ id, value }),
        (error: unknown) => ({
          id,
          fault: error instanceof FeedUnavailable ? error.message : 'the engine cannot answer that',
        }),
      );
      this.#questions--;
    }
    if (this.#isGone) return;
    if (this.#socket.writableLength > UNANSWERED_BYTES_MAX) this.#cut('it asks and does not read', true);
    else this.#socket.write(jsonFrame(FrameKind.Answer, answer));
  }

  async #find(about: unknown, connections: unknown): Promise<unknown> {
    const { feed, instance } = this.#options;
    if (about === 'metrics') return feed.metricsOf(instance);
    if (about !== 'diaries' || !Array.isArray(connections) || connections.length > LIVE_DIARIES_MAX)
      throw new FeedUnavailable('no such question');
    const asked = connections.map((one: unknown): LiveConnection => {
      const { slot, generation } = asRecord(one);
      if (!isIndex(slot, 2 ** 32) || !isIndex(generation, 2 ** 32))
        throw new FeedUnavailable('no such connection');
      return { slot, generation };
    });
    return feed.slotDiaries(asked);
  }

  /** Bytes are waiting, and none was taken for a while. */
  #isStuck(): boolean {
    const { bytesWritten, writableLength } = this.#socket;
    const taken = bytesWritten - writableLength;
    const nowMs = performance.now();
    if (writableLength === 0 || taken !== this.#lastTaken) this.#unreadSinceMs = nowMs;
    this.#lastTaken = taken;
    return nowMs - this.#unreadSinceMs > STUCK_MS;
  }

  #cut(fault: string, isStuck = false): void {
    this.#gone(fault, isStuck);
    this.#socket.destroy();
  }

  #gone(fault: string, isStuck: boolean): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#onGone(fault, isStuck);
  }
}
