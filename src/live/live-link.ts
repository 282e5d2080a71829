/**
 * A reader's end of one live socket: connects, keeps a copy of the engine's board, begins anew after every loss. In flow frames, out
 * flow an EngineBoard as the engine's own API thread has it, and answers.
 *
 *   connecting --hello--> reading --lost or not understood--> waiting (100 ms, doubling to 2 s) --> connecting
 */
import { connect, type Socket } from 'node:net';
import { messageOf } from '../kit/edge-error.ts';
import { EngineBoard, type LiveConnection, type SlotDiary } from './engine-board.ts';
import type { EngineReport } from './engine-report.ts';
import { LiveBoard } from './live-board.ts';
import {
  asRecord,
  ENGINE_FRAME_BYTES_MAX,
  FrameCutter,
  FrameFault,
  FrameKind,
  isIndex,
  jsonFrame,
  LIVE_MAGIC,
  LIVE_VERSION,
  readArrivals,
  readHello,
  readJson,
  readRows,
} from './live-frames.ts';
import { Questions } from './questions.ts';
import type { Crowd } from './roster.ts';

export interface LiveLinkOptions {
  readonly path: string;
  readonly crowd: Crowd;
  /** Once a second while it is connected; `changed`: the addresses with changes since the report before. */
  readonly onReport: (report: EngineReport, changed: ReadonlySet<string>) => void;
  /** The engine is gone, and with it these addresses' connections. */
  readonly onLost: (changed: ReadonlySet<string>) => void;
  /** Once per fault: an engine that is away is no fault. */
  readonly onFault: (fault: string) => void;
}

const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 2_000;
/** A connection without a report for so long is dead, whatever its socket says. */
const SILENT_MS = 10_000;
/** More slots than any engine has: 128 bytes each are taken for a board. */
const CAPACITY_MAX = 1_000_000;

export class LiveLink {
  readonly #options: LiveLinkOptions;
  readonly #questions = new Questions<unknown>();
  #socket: Socket | undefined;
  #view: EngineBoard | undefined;
  #changed = new Set<string>();
  #retryMs = RETRY_FIRST_MS;
  #retryTimer: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #fault = '';
  #isClosed = false;

  constructor(options: LiveLinkOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Undefined while the engine is away. */
  get view(): EngineBoard | undefined {
    return this.#view;
  }

  get isConnected(): boolean {
    return this.#view !== undefined;
  }

  /** @throws FeedUnavailable */
  async diaries(connections: readonly LiveConnection[]): Promise<readonly SlotDiary[]> {
    const answer = await this.#ask({ about: 'diaries', connections });
    return Array.isArray(answer) ? (answer as SlotDiary[]) : [];
  }

  /** @throws FeedUnavailable */
  async metrics(): Promise<string> {
    return String(await this.#ask({ about: 'metrics' }));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#socket?.destroy();
    this.#lose();
  }

  #ask(question: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#questions.ask((id) => {
      if (this.#view === undefined) this.#questions.fail(id, 'the engine is away');
      else this.#socket?.write(jsonFrame(FrameKind.Question, { id, ...question }));
    });
  }

  #connect(): void {
    const socket = connect(this.#options.path);
    this.#socket = socket;
    const cutter = new FrameCutter(ENGINE_FRAME_BYTES_MAX, (kind, payload) => this.#frame(kind, payload));
    this.#silence = setTimeout(() => socket.destroy(), SILENT_MS);
    socket.on('connect', () =>
      socket.write(jsonFrame(FrameKind.Hello, { magic: LIVE_MAGIC, version: LIVE_VERSION })),
    );
    socket.on('data', (chunk: Buffer) => {
      if (socket.destroyed) return;
      try {
        cutter.push(chunk);
      } catch (error) {
        this.#complain(messageOf(error));
        socket.destroy();
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => this.#again());
  }

  #again(): void {
    clearTimeout(this.#silence);
    this.#lose();
    if (this.#isClosed) return;
    this.#retryTimer = setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryTimer.unref();
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
  }

  /** Its connections are nobody's any more. */
  #lose(): void {
    this.#questions.failAll('the engine is away');
    const view = this.#view;
    if (view === undefined) return;
    this.#view = undefined;
    const changed = this.#changed;
    this.#changed = new Set();
    view.roster.forEach(({ address }) => void changed.add(address));
    view.roster.clear();
    this.#options.onLost(changed);
  }

  #complain(fault: string): void {
    if (this.#fault !== fault) this.#options.onFault(`${this.#options.path}: ${fault}`);
    this.#fault = fault;
  }

  /** @throws FrameFault */
  #frame(kind: FrameKind, payload: Buffer): void {
    if (this.#view === undefined) {
      if (kind !== FrameKind.Hello) throw new FrameFault('it does not say hello');
      this.#greeted(payload);
      return;
    }
    const { board, roster } = this.#view;
    switch (kind) {
      case FrameKind.Report:
        this.#reported(readJson(payload));
        return;
      case FrameKind.Arrivals:
        for (const arrival of readArrivals(payload, board.capacity)) {
          roster.arrive(arrival);
          this.#changed.add(arrival.address);
        }
        return;
      case FrameKind.Rows:
        board.beginPass();
        readRows(payload, board.capacity, (slot, row) => {
          if (row.generation === 0) board.clear(slot);
          else board.write(slot, row);
        });
        board.endPass();
        this.#view.follow(this.#changed);
        return;
      case FrameKind.Answer:
        this.#answered(asRecord(readJson(payload)));
        return;
      default:
        throw new FrameFault(`an engine does not send frames of kind ${kind}`);
    }
  }

  /** @throws FrameFault */
  #greeted(payload: Buffer): void {
    const { instance, capacity } = readHello(payload);
    if (typeof instance !== 'string' || !isIndex(capacity, CAPACITY_MAX + 1))
      throw new FrameFault('a hello without name or capacity');
    this.#view = new EngineBoard(instance, new LiveBoard(capacity), this.#options.crowd);
    this.#retryMs = RETRY_FIRST_MS;
  }

  /** @throws FrameFault */
  #reported(value: unknown): void {
    const { instance, snapshot, inside } = asRecord(value);
    if (instance !== this.#view!.instance) throw new FrameFault('a report of another engine');
    asRecord(snapshot);
    asRecord(inside);
    const report = value as EngineReport;
    this.#fault = '';
    this.#view!.report = report;
    this.#silence?.refresh();
    const changed = this.#changed;
    this.#changed = new Set();
    this.#options.onReport(report, changed);
  }

  /** @throws FrameFault */
  #answered({ id, value, fault }: Record<string, unknown>): void {
    if (!isIndex(id, 2 ** 32)) throw new FrameFault('an answer without number');
    if (typeof fault === 'string') this.#questions.fail(id, fault);
    else this.#questions.answer(id, value);
  }
}
