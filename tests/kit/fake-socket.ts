import type { SocketAdapter, SocketEvents } from '../../src/stratum/socket/socket-adapter.ts';
import type { WriteBuffer } from '../../src/stratum/socket/write-buffer.ts';

/** A socket whose other end is the test: written text is kept, and the test says what the kernel takes. */
export class FakeSocket implements SocketAdapter {
  readonly remoteAddress = '192.0.2.1';
  backlogBytes = 0;
  written: string[] = [];
  paused = false;
  ended = false;
  destroyed = false;
  /** True: what is written stays in the backlog. */
  stuck = false;
  events: SocketEvents | undefined;

  write(data: Buffer | string): void {
    const text = typeof data === 'string' ? data : data.toString('latin1');
    this.written.push(text);
    if (this.stuck) this.backlogBytes += text.length;
  }

  /** Copied at once: the buffer is filled anew after the call. */
  writeFrom(buffer: WriteBuffer, length: number): void {
    this.write(Buffer.from(buffer.view(length)));
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  /** A well-behaved peer hangs up as well. */
  end(): void {
    this.ended = true;
    setImmediate(() => this.hangUp());
  }

  destroy(): void {
    this.destroyed = true;
    this.events = undefined;
  }

  receive(...lines: string[]): void {
    this.events?.onData(Buffer.from(lines.map((line) => `${line}\n`).join('')));
  }

  drain(): void {
    this.stuck = false;
    this.backlogBytes = 0;
    this.events?.onDrain();
  }

  hangUp(): void {
    const { events } = this;
    this.events = undefined;
    events?.onClose(false);
  }

  /** Lines written so far; each entry of `written` was one write. */
  takeLines(): string[] {
    const lines = this.written
      .join('')
      .split('\n')
      .filter((line) => line !== '');
    this.written = [];
    return lines;
  }
}
