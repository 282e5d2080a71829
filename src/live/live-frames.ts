/**
 * What goes over a live socket: frames of a length, a kind and a payload, little-endian. Numbers of sessions travel as rows of fixed
 * size, the rest as JSON. Whoever gets a frame that it does not understand closes: the two sides are of one build, or of two whose
 * VERSION is the same.
 *
 *    0        4      5
 *   | length | kind | payload, `length` bytes |
 *
 *   engine -> reader   hello, report, arrivals, rows, answer       reader -> engine   hello, question
 */
import { type BoardRow, newBoardRow, VERDICT_COLUMNS } from './live-board.ts';
import type { Arrival } from './roster.ts';

export const LIVE_VERSION = 1;
export const LIVE_MAGIC = 'sluice-live';
export const HEADER_BYTES = 5;
/** The longest is the metrics of an engine, some 300 kB. */
export const ENGINE_FRAME_BYTES_MAX = 4 * 1024 * 1024;
/** A question names 20 connections at most. */
export const READER_FRAME_BYTES_MAX = 8 * 1024;
export const ROWS_PER_FRAME = 512;
export const ARRIVALS_PER_FRAME = 256;

export const FrameKind = { Hello: 1, Report: 2, Arrivals: 3, Rows: 4, Answer: 5, Question: 6 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];
const KINDS: ReadonlySet<number> = new Set(Object.values(FrameKind));

/** The other side does not speak as this one does; the connection ends. */
export class FrameFault extends Error {}

/** Engine's first frame; the reader's has magic and version only. */
export interface Hello {
  readonly magic: typeof LIVE_MAGIC;
  readonly version: number;
  readonly instance: string;
  /** Slots that it may ever use. */
  readonly capacity: number;
}

/** 4 slot, 4 generation, 4 port, 4 difficulty, 4 accepted, 4 spare, 8 connected, 8 lastShare, 8 credited, rejected */
const ROW_BYTES = 48 + 4 * VERDICT_COLUMNS;

export function jsonFrame(kind: FrameKind, value: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(value), 'utf8');
  return Buffer.concat([header(kind, payload.length), payload]);
}

export function rowsFrame(rows: readonly { readonly slot: number; readonly row: BoardRow }[]): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + rows.length * ROW_BYTES);
  header(FrameKind.Rows, rows.length * ROW_BYTES).copy(frame);
  let at = HEADER_BYTES;
  for (const { slot, row } of rows) {
    frame.writeUInt32LE(slot, at);
    frame.writeUInt32LE(row.generation, at + 4);
    frame.writeInt32LE(row.portIndex, at + 8);
    frame.writeInt32LE(row.difficultyLog2, at + 12);
    frame.writeUInt32LE(row.accepted, at + 16);
    frame.writeDoubleLE(row.connectedAtUnixMs, at + 24);
    frame.writeDoubleLE(row.lastShareAtUnixMs, at + 32);
    frame.writeDoubleLE(row.creditedDifficulty, at + 40);
    for (let verdict = 0; verdict < VERDICT_COLUMNS; verdict++)
      frame.writeUInt32LE(row.rejected[verdict]!, at + 48 + 4 * verdict);
    at += ROW_BYTES;
  }
  return frame;
}

/** Calls back with each row; what it is given is used again for the next. @throws FrameFault */
export function readRows(
  payload: Buffer,
  capacity: number,
  visit: (slot: number, row: BoardRow) => void,
): void {
  if (payload.length % ROW_BYTES !== 0) throw new FrameFault(`rows of ${payload.length} bytes`);
  const row = newBoardRow();
  for (let at = 0; at < payload.length; at += ROW_BYTES) {
    const slot = payload.readUInt32LE(at);
    if (slot >= capacity) throw new FrameFault(`slot ${slot} of ${capacity}`);
    row.generation = payload.readUInt32LE(at + 4);
    row.portIndex = payload.readInt32LE(at + 8);
    row.difficultyLog2 = payload.readInt32LE(at + 12);
    row.accepted = payload.readUInt32LE(at + 16);
    row.connectedAtUnixMs = payload.readDoubleLE(at + 24);
    row.lastShareAtUnixMs = payload.readDoubleLE(at + 32);
    row.creditedDifficulty = payload.readDoubleLE(at + 40);
    for (let verdict = 0; verdict < VERDICT_COLUMNS; verdict++)
      row.rejected[verdict] = payload.readUInt32LE(at + 48 + 4 * verdict);
    visit(slot, row);
  }
}

/** @throws FrameFault */
export function readArrivals(payload: Buffer, capacity: number): Arrival[] {
  const list = readJson(payload);
  if (!Array.isArray(list) || list.length > ARRIVALS_PER_FRAME) throw new FrameFault('arrivals are no list');
  return list.map((one: unknown) => {
    const { slot, generation, address, worker, agent, dialect } = asRecord(one);
    if (!isIndex(slot, capacity) || !isIndex(generation, 2 ** 32)) throw new FrameFault('arrival on no slot');
    for (const text of [address, worker, agent, dialect])
      if (typeof text !== 'string' || text.length > TEXT_LENGTH_MAX)
        throw new FrameFault('arrival without names');
    return { slot, generation, address, worker, agent, dialect } as Arrival;
  });
}

/** Login names are 64 letters, agents 128; twice that is no name. */
const TEXT_LENGTH_MAX = 512;

/** @throws FrameFault */
export function readHello(payload: Buffer): Hello {
  const hello = asRecord(readJson(payload));
  if (hello.magic !== LIVE_MAGIC) throw new FrameFault('no engine of ours');
  if (hello.version !== LIVE_VERSION)
    throw new FrameFault(`it speaks version ${String(hello.version)} and we ${LIVE_VERSION}`);
  return hello as unknown as Hello;
}

/** @throws FrameFault */
export function readJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8')) as unknown;
  } catch {
    throw new FrameFault('no JSON');
  }
}

/** @throws FrameFault */
export function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new FrameFault('no object');
  return value as Record<string, unknown>;
}

export function isIndex(value: unknown, end: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < end;
}

function header(kind: FrameKind, length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt8(kind, 4);
  return bytes;
}

/** Cuts frames out of what is read. Holds one unfinished frame at most, and none that announces more than its bound. */
export class FrameCutter {
  readonly #bytesMax: number;
  readonly #onFrame: (kind: FrameKind, payload: Buffer) => void;
  #chunks: Buffer[] = [];
  #held = 0;
  /** Bytes that are needed before another look is worth it. */
  #wanted = HEADER_BYTES;

  constructor(bytesMax: number, onFrame: (kind: FrameKind, payload: Buffer) => void) {
    this.#bytesMax = bytesMax;
    this.#onFrame = onFrame;
  }

  /** @throws FrameFault, and what `onFrame` throws; the cutter is of no more use then */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#wanted) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#held);
    this.#chunks = [];
    this.#wanted = HEADER_BYTES;
    while (rest.length >= HEADER_BYTES) {
      const length = rest.readUInt32LE(0);
      const kind = rest.readUInt8(4);
      if (!KINDS.has(kind)) throw new FrameFault(`frame of kind ${kind}`);
      if (length > this.#bytesMax) throw new FrameFault(`frame of ${length} bytes`);
      const end = HEADER_BYTES + length;
      if (rest.length < end) {
        this.#wanted = end;
        break;
      }
      this.#onFrame(kind as FrameKind, rest.subarray(HEADER_BYTES, end));
      rest = rest.subarray(end);
    }
    if (rest.length > 0) this.#chunks.push(rest);
    this.#held = rest.length;
  }
}
