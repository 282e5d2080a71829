/**
 * A connection of `node:net`, by its public API only: what always works. `raw-adapter` is a quarter cheaper a share.
 */
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { SocketAdapter, SocketEvents } from './socket-adapter.ts';
import type { WriteBuffer } from './write-buffer.ts';

export class NetAdapter implements SocketAdapter {
  remoteAddress: string;
  readonly #socket: Socket;
  #events: SocketEvents | undefined;
  #failed = false;
  #ended = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? '';
    // Before anything else: an 'error' nobody listens to ends the process. 'close' follows and tells the session.
    socket.on('error', () => {
      this.#failed = true;
    });
  }

  listen(events: SocketEvents): void {
    this.#events = events;
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => this.#events?.onData(chunk));
    socket.on('drain', () => this.#events?.onDrain());
    socket.on('end', () => this.#events?.onEnd());
    socket.on('close', () => {
      const last = this.#events;
      this.#events = undefined;
      last?.onClose(this.#failed);
    });
    // A port whose connections are taken raw accepts them paused.
    socket.resume();
  }

  /**
   * What comes from now on is TLS, and this adapter is no more: the connection is the socket that is returned.
   * @param hello what was read of it already
   */
  encrypt(context: SecureContext, hello: Buffer, drainMarkBytes: number): TLSSocket {
    const socket = this.release(hello);
    const options = { isServer: true, secureContext: context, highWaterMark: drainMarkBytes };
    return new TLSSocket(socket, options);
  }

  /** Somebody else reads the connection from here on, these bytes first; this adapter is no more. */
  release(firstBytes: Buffer): Socket {
    this.#events = undefined;
    const socket = this.#socket;
    socket.removeAllListeners('data');
    socket.pause();
    socket.unshift(firstBytes);
    return socket;
  }

  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  write(data: Buffer | string): void {
    if (!this.#socket.writable) return;
    if (typeof data === 'string') this.#socket.write(data, 'latin1');
    else this.#socket.write(data);
  }

  /** Copied: a stream keeps what it cannot write at once, and does not say which. */
  writeFrom(buffer: WriteBuffer, length: number): void {
    this.write(Buffer.from(buffer.view(length)));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.end();
  }

  destroy(): void {
    this.#events = undefined;
    this.#socket.destroy();
  }
}
