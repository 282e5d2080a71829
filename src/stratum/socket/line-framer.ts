/**
 * The line framer: bytes of one socket in, lines out, as a range of a buffer. Pure.
 *
 * A line that lies whole in the chunk is handed out where it lies; only the unfinished end of a chunk is copied. The cap holds
 * before the newline arrives, so a socket never owns more than one capped line. Firmware pads with NULs and ends lines with
 * CRLF: NULs are dropped, blanks around the line are not part of it, and a line of nothing is no line.
 */

import { submitLines } from '../../../wasm/submit-lines.ts';

/** What becomes of the line that was just handed out, and of those behind it. */
export const LineFate = {
  /** Taken; the next, please. */
  Next: 0,
  /** Not taken: keep it and all that follows, and offer it again on `resume`. */
  Hold: 1,
  /** The connection is over; drop the rest. */
  Stop: 2,
} as const;
export type LineFate = (typeof LineFate)[keyof typeof LineFate];

export type FrameOutcome = 'read' | 'held' | 'stopped' | 'too-long';

export interface LineSink {
  /** `buffer` is only valid during the call. */
  onLine(buffer: Buffer, start: number, end: number): LineFate;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const NUL = 0;

/** An unfinished line's buffer starts at this size and is given back when it outgrew it: idle sockets cost nothing. */
const KEEP_BYTES = 512;

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === CR;
}

/** The range without its NULs, in a buffer of its own: rare enough to allocate. */
function withoutNuls(buffer: Buffer, start: number, end: number): Buffer {
  const clean = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = buffer[at]!;
    if (byte !== NUL) clean[length++] = byte;
  }
  return clean.subarray(0, length);
}

export class LineFramer {
  readonly #lineBytesMax: number;
  readonly #lines = submitLines();
  /** The unfinished line; the first `#keptBytes` of it are filled. */
  #kept: Buffer | undefined;
  #keptBytes = 0;
  /** Whole lines and what followed them, put aside by `Hold`. */
  #held: Buffer | undefined;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  get holding(): boolean {
    return this.#held !== undefined;
  }

  /** Forgets everything: the slot gets a new connection. */
  reset(): void {
    this.#kept = undefined;
    this.#keptBytes = 0;
    this.#held = undefined;
  }

  push(chunk: Buffer, sink: LineSink): FrameOutcome {
    if (this.#held !== undefined) {
      // The socket was paused but had one more chunk under way.
      this.#held = Buffer.concat([this.#held, chunk]);
      return 'held';
    }
    let start = 0;
    // Looked for once and then from NUL to NUL: asked of the rest of the chunk for every line, a chunk of 65,536 blank lines
    // costs a quarter of a second.
    let nul = this.#find(chunk, NUL, 0);
    for (;;) {
      while (this.#keptBytes === 0 && chunk[start] === LF) start++;
      const newline = this.#find(chunk, LF, start);
      if (newline < 0) break;
      if (this.#keptBytes + newline - start > this.#lineBytesMax) return 'too-long';
      let line = chunk;
      let from = start;
      let to = newline;
      if (this.#keptBytes > 0) {
        this.#keep(chunk, start, newline);
        line = this.#kept!;
        from = 0;
        to = this.#keptBytes;
        this.#keptBytes = 0;
        if (line.length > KEEP_BYTES) this.#kept = undefined;
      }
      if (nul >= 0 && nul < start) nul = this.#find(chunk, NUL, start);
      const nulInLine = line === chunk ? nul : line.indexOf(NUL);
      start = newline + 1;
      const fate = this.#deliver(line, from, to, nulInLine >= 0 && nulInLine < to, sink);
      if (fate === LineFate.Stop) return 'stopped';
      if (fate === LineFate.Hold) {
        this.#held = Buffer.concat([line.subarray(from, to), Buffer.of(LF), chunk.subarray(start)]);
        return 'held';
      }
    }
    if (this.#keptBytes + chunk.length - start > this.#lineBytesMax) return 'too-long';
    if (start < chunk.length) this.#keep(chunk, start, chunk.length);
    return 'read';
  }

  /** Offers again what was held. */
  resume(sink: LineSink): FrameOutcome {
    const held = this.#held;
    if (held === undefined) return 'read';
    this.#held = undefined;
    return this.push(held, sink);
  }

  /** Nearly every chunk lies where the line matcher can look: `indexOf` leaves JavaScript, which costs more than the looking. */
  #find(chunk: Buffer, byte: number, start: number): number {
    const lines = this.#lines;
    return lines.chunk === chunk ? lines.find(byte, start) : chunk.indexOf(byte, start);
  }

  #deliver(line: Buffer, start: number, end: number, hasNul: boolean, sink: LineSink): LineFate {
    let buffer = line;
    let from = start;
    let to = end;
    if (hasNul) {
      buffer = withoutNuls(buffer, from, to);
      from = 0;
      to = buffer.length;
    }
    while (from < to && isBlank(buffer[from])) from++;
    while (to > from && isBlank(buffer[to - 1])) to--;
    return from === to ? LineFate.Next : sink.onLine(buffer, from, to);
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const needed = this.#keptBytes + end - start;
    if (this.#kept === undefined || this.#kept.length < needed) {
      let size = KEEP_BYTES;
      while (size < needed) size *= 2;
      const grown = Buffer.allocUnsafeSlow(size);
      this.#kept?.copy(grown, 0, 0, this.#keptBytes);
      this.#kept = grown;
    }
    chunk.copy(this.#kept, this.#keptBytes, start, end);
    this.#keptBytes = needed;
  }
}
