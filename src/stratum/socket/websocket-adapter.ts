/**
 * A connection that speaks WebSocket: a text frame is a line, so nothing but the newline is put on or taken off, and the session behind
 * it is the same. A frame may hold several lines, and binary frames are read as text: clients do both.
 */
import type { WebSocket } from 'ws';
import type { SocketAdapter, SocketEvents } from './socket-adapter.ts';
import type { WriteBuffer } from './write-buffer.ts';

const NEWLINE = Buffer.from('\n');
const GOODBYE = 1000;

export class WebSocketAdapter implements SocketAdapter {
  remoteAddress: string;
  readonly #socket: WebSocket;
  #events: SocketEvents | undefined;
  #failed = false;
  /** Something is unsent, and the session may wait for it. */
  #isBehind = false;
  readonly #onSent: () => void;

  constructor(socket: WebSocket, remoteAddress: string) {
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
    socket.on('error', () => {
      this.#failed = true;
    });
    this.#onSent = () => {
      if (!this.#isBehind || socket.bufferedAmount > 0) return;
      this.#isBehind = false;
      this.#events?.onDrain();
    };
  }

  listen(events: SocketEvents): void {
    this.#events = events;
    const socket = this.#socket;
    socket.on('message', (frame: Buffer) => this.#events?.onData(Buffer.concat([frame, NEWLINE])));
    socket.on('close', () => {
      const last = this.#events;
      this.#events = undefined;
      last?.onClose(this.#failed);
    });
  }

  get backlogBytes(): number {
    return this.#socket.bufferedAmount;
  }

  write(data: Buffer | string): void {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return;
    const text = typeof data === 'string' ? data : data.toString('latin1');
    for (const line of text.split('\n')) if (line !== '') socket.send(line, this.#onSent);
    if (socket.bufferedAmount > 0) this.#isBehind = true;
  }

  writeFrom(buffer: WriteBuffer, length: number): void {
    this.write(buffer.view(length));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.close(GOODBYE);
  }

  destroy(): void {
    this.#events = undefined;
    this.#socket.terminate();
  }
}
