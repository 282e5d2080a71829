/**
 * The one buffer that all connections write from: lines are laid down here and handed to a socket in the same call. Nearly always
 * the kernel takes them at once and the next connection writes over them; a socket that still needs the bytes keeps the whole buffer
 * and the rest goes on with a new one.
 */

/** Some hundred answers with a job behind them; what is longer goes in pieces. */
const WRITE_BUFFER_BYTES = 16_384;
/** Views are kept for the lengths that answers and jobs have: making one costs more than writing an answer. */
const VIEWS_MAX = 1_024;

export class WriteBuffer {
  #bytes = Buffer.allocUnsafeSlow(WRITE_BUFFER_BYTES);
  #words = new DataView(this.#bytes.buffer);
  #views: (Buffer | undefined)[] = new Array(VIEWS_MAX);

  /** Not to be kept: another one after `surrender`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The same memory, to be written several bytes at a time. */
  get words(): DataView {
    return this.#words;
  }

  /** The first `length` bytes. */
  view(length: number): Buffer {
    return length < VIEWS_MAX
      ? (this.#views[length] ??= this.#bytes.subarray(0, length))
      : this.#bytes.subarray(0, length);
  }

  /** A view that was handed out belongs to whoever has it, from now on. */
  surrender(): void {
    this.#bytes = Buffer.allocUnsafeSlow(WRITE_BUFFER_BYTES);
    this.#words = new DataView(this.#bytes.buffer);
    this.#views = new Array(VIEWS_MAX);
  }
}
