/**
 * The body of one request, gathered piece by piece up to a bound and a time. Both engines feed it. What comes beyond the bound is
 * dropped as it arrives, so a body costs its sender more than us.
 */
import type { RequestBody } from './http-engine.ts';

export class BodyCollector {
  readonly body: Promise<RequestBody>;
  /** The last piece of it was here: nothing of it can come any more. */
  complete = false;
  #settle!: (body: RequestBody) => void;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  readonly #maxBytes: number;
  readonly #timer: NodeJS.Timeout;

  constructor(maxBytes: number, timeoutMs: number) {
    this.#maxBytes = maxBytes;
    this.body = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#timer = setTimeout(() => this.abort(), timeoutMs);
    this.#timer.unref();
  }

  /** Keeps the piece: the caller must have made it its own. */
  push(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.#bytes > this.#maxBytes) this.#done({ ok: false, status: 413 });
    else this.#pieces.push(piece);
  }

  end(): void {
    this.complete = true;
    this.#done({ ok: true, text: Buffer.concat(this.#pieces).toString('utf8') });
  }

  /** The client left, or took too long; whoever waits for the body is told the same. */
  abort(): void {
    this.#done({ ok: false, status: 408 });
  }

  /** The first word holds; later ones find a promise that is settled. */
  #done(body: RequestBody): void {
    clearTimeout(this.#timer);
    this.#pieces = [];
    this.#settle(body);
  }
}
