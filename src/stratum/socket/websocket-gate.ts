/**
 * In front of a session on a port for WebSocket: the HTTP handshake, done by `node:http` and `ws` on a connection that our own listener
 * took. So limits, PROXY header and TLS come before it, as on every other port; an engine that listens by itself (uWebSockets.js, which
 * serves the page) would have them all once more and a little differently.
 *
 *   waiting --HTTP--> handshake --upgraded--> open      waiting --a line--> plain text      any: time-out, end, fault, shutdown --> closed
 */
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { NetAdapter } from './net-adapter.ts';
import type { SocketAdapter, SocketEvents } from './socket-adapter.ts';
import { WebSocketAdapter } from './websocket-adapter.ts';

export interface WebSocketGateOptions {
  readonly adapter: NetAdapter;
  readonly timeoutMs: number;
  /** Begins the session. */
  readonly onOpen: (adapter: SocketAdapter) => SocketEvents;
  /** Takes the connection from here, these bytes first. */
  readonly onPlainText: (firstBytes: Buffer) => SocketEvents;
  /** The connection ended before there was a session; the reason is for people. */
  readonly onFault: (reason: string) => void;
  /** Whatever became of it, the gate waits no longer. Called once, and before all of the above. */
  readonly onDecided: (gate: WebSocketGate) => void;
}

const HEADER_BYTES_MAX = 8_192;
const OPENING_BRACE = 0x7b;
const NO_UPGRADE =
  'HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\nStratum over WebSocket: a text frame is a line.\n';

/** The handshake of all ports; it listens nowhere. */
export class WebSocketHandshake {
  readonly #http: Server;
  readonly #frames: WebSocketServer;
  readonly #gates = new WeakMap<object, WebSocketGate>();

  constructor(frameBytesMax: number) {
    this.#frames = new WebSocketServer({
      noServer: true,
      maxPayload: frameBytesMax,
      // Lines are short, and a window for each of ten thousand miners is not.
      perMessageDeflate: false,
      clientTracking: false,
    });
    this.#http = createServer({ maxHeaderSize: HEADER_BYTES_MAX });
    this.#http.on('request', (request) => {
      request.socket.end(NO_UPGRADE);
      this.#gates.get(request.socket)?.fail('asks for a page');
    });
    this.#http.on('clientError', (error, socket) => {
      socket.destroy();
      this.#gates.get(socket)?.fail(error.message);
    });
    this.#http.on('upgrade', (request, socket, head) => {
      const gate = this.#gates.get(socket);
      this.#frames.handleUpgrade(request, socket, head, (webSocket) => gate?.open(webSocket));
    });
    this.#frames.on('wsClientError', (error, socket) => {
      socket.destroy();
      this.#gates.get(socket)?.fail(error.message);
    });
  }

  begin(gate: WebSocketGate, socket: Socket): void {
    this.#gates.set(socket, gate);
    this.#http.emit('connection', socket);
    socket.resume();
  }
}

export class WebSocketGate implements SocketEvents {
  readonly #handshake: WebSocketHandshake;
  readonly #options: WebSocketGateOptions;
  readonly #timer: NodeJS.Timeout;
  #decided = false;
  /** Of a connection that turned out to be plain stratum. */
  #events: SocketEvents | undefined;
  #socket: Socket | undefined;

  constructor(handshake: WebSocketHandshake, options: WebSocketGateOptions) {
    this.#handshake = handshake;
    this.#options = options;
    this.#timer = setTimeout(() => {
      this.fail(`no handshake within ${options.timeoutMs} ms`);
      this.#socket?.destroy();
    }, options.timeoutMs);
  }

  onData(chunk: Buffer): void {
    if (this.#events !== undefined) this.#events.onData(chunk);
    else if (this.#decided || this.#socket !== undefined) return;
    else if (chunk[0] === OPENING_BRACE) {
      this.#decide();
      this.#events = this.#options.onPlainText(chunk);
    } else {
      const socket = (this.#socket = this.#options.adapter.release(chunk));
      socket.once('close', () => this.fail('ended within the handshake'));
      this.#handshake.begin(this, socket);
    }
  }

  onDrain(): void {
    this.#events?.onDrain();
  }

  onEnd(): void {
    if (this.#events !== undefined) this.#events.onEnd();
    else this.fail('ended before its handshake');
  }

  onClose(failed: boolean): void {
    if (this.#events !== undefined) this.#events.onClose(failed);
    else this.fail('closed before its handshake');
  }

  open(webSocket: WebSocket): void {
    if (this.#decided) {
      webSocket.terminate();
      return;
    }
    this.#decide();
    const { adapter, onOpen } = this.#options;
    const inner = new WebSocketAdapter(webSocket, adapter.remoteAddress);
    inner.listen(onOpen(inner));
  }

  fail(reason: string): void {
    if (this.#decided) return;
    this.#decide();
    if (this.#socket === undefined) this.#options.adapter.destroy();
    this.#options.onFault(reason);
  }

  /** Closes a connection that still waits. */
  abandon(): void {
    this.fail('the port closes');
    this.#socket?.destroy();
  }

  #decide(): void {
    this.#decided = true;
    clearTimeout(this.#timer);
    this.#options.onDecided(this);
  }
}
