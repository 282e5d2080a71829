/**
 * Connections that may not stay: each is told why, in answer to its first request, since a client may take an unasked line for
 * something else; then it is closed. They have no session, no extranonce and no place among the miners, only one of some hundred
 * places here; who comes when all are taken ends the wait of the one that has waited longest.
 *
 *   waiting --first line--> answered --both ended--> gone      waiting --2 s, place needed, not stratum--> gone
 */
import type { ErrorCode } from '../protocol/messages.ts';
import { replyError } from '../protocol/messages.ts';
import { parseRequest } from '../protocol/request.ts';
import type { SocketAdapter, SocketEvents } from '../socket/socket-adapter.ts';

export interface RefusalDeskOptions {
  readonly placesMax: number;
  readonly timeoutMs: number;
  readonly clock: () => number;
}

const LF = 0x0a;
/** Longer first requests do not exist. */
const LINE_BYTES_MAX = 1_024;

export class RefusalDesk {
  readonly #options: RefusalDeskOptions;
  /** In the order in which they came. */
  readonly #refused = new Set<Refused>();

  constructor(options: RefusalDeskOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#refused.size;
  }

  take(adapter: SocketAdapter, code: ErrorCode, text: string): SocketEvents {
    const { placesMax, clock } = this.#options;
    if (this.#refused.size >= placesMax)
      for (const oldest of this.#refused) {
        this.#dismiss(oldest);
        break;
      }
    const refused = new Refused(adapter, code, text, clock(), () => this.#refused.delete(refused));
    this.#refused.add(refused);
    return refused;
  }

  /** Ends the waits that are over. A clock that steps back prolongs one by what it stepped, and there are few. */
  sweep(): void {
    const endMs = this.#options.clock() - this.#options.timeoutMs;
    for (const refused of this.#refused) if (refused.sinceMs <= endMs) this.#dismiss(refused);
  }

  close(): void {
    for (const refused of this.#refused) this.#dismiss(refused);
  }

  #dismiss(refused: Refused): void {
    this.#refused.delete(refused);
    refused.adapter.destroy();
  }
}

class Refused implements SocketEvents {
  readonly adapter: SocketAdapter;
  readonly sinceMs: number;
  readonly #code: ErrorCode;
  readonly #text: string;
  readonly #onGone: () => void;
  /** Undefined: answered. */
  #line: Buffer | undefined = Buffer.alloc(0);

  constructor(adapter: SocketAdapter, code: ErrorCode, text: string, sinceMs: number, onGone: () => void) {
    this.adapter = adapter;
    this.#code = code;
    this.#text = text;
    this.sinceMs = sinceMs;
    this.#onGone = onGone;
  }

  onData(chunk: Buffer): void {
    // What follows the first line is read and dropped: unread bytes would turn our goodbye into a reset that eats the answer.
    if (this.#line === undefined) return;
    this.#line = Buffer.concat([this.#line, chunk.subarray(0, LINE_BYTES_MAX)]);
    const end = this.#line.indexOf(LF);
    if (end < 0 && this.#line.length < LINE_BYTES_MAX) return;
    const request = end < 0 ? undefined : parseRequest(this.#line, 0, end);
    this.#line = undefined;
    if (request?.kind === 'request') {
      this.adapter.write(replyError(request.idText, this.#code, this.#text));
      this.adapter.end();
    } else {
      this.#onGone();
      this.adapter.destroy();
    }
  }

  onDrain(): void {}

  onEnd(): void {
    this.adapter.end();
  }

  onClose(): void {
    this.#onGone();
  }
}
