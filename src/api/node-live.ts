/**
 * Live sockets on `ws`, with topics kept here. A published text becomes bytes once, and every subscriber's frame shares them. No
 * compression, as on the other engine.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { HttpEngineOptions, LiveSocket, RequestHead } from './http-engine.ts';

/** A peer that answered no ping between two of them is dead. */
const PING_EVERY_MS = 30_000;

export class NodeLive {
  readonly #options: HttpEngineOptions;
  readonly #server: WebSocketServer;
  readonly #topics = new Map<string, Set<NodeLiveSocket>>();
  readonly #sockets = new Set<NodeLiveSocket>();
  readonly #pinging: NodeJS.Timeout;

  constructor(options: HttpEngineOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.limits.liveMessageMaxBytes,
      perMessageDeflate: false,
      clientTracking: false,
    });
    this.#pinging = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.#pinging.unref();
  }

  upgrade(incoming: IncomingMessage, duplex: Duplex, head: Buffer, request: RequestHead): void {
    const { live } = this.#options;
    this.#server.handleUpgrade(incoming, duplex, head, (native: WebSocket) => {
      const socket = new NodeLiveSocket(native, this.#topics);
      this.#sockets.add(socket);
      // A broken frame or a reset: `ws` closes the socket by itself, it only wants to be heard.
      native.on('error', () => {});
      native.on('pong', () => (socket.answered = true));
      native.on('message', (bytes: RawData, isBinary) => {
        live.message(socket, isBinary ? undefined : bytes.toString());
      });
      native.on('close', () => {
        this.#sockets.delete(socket);
        socket.leaveAll();
        live.closed(socket);
      });
      live.open(socket, request);
    });
  }

  publish(topic: string, text: string): void {
    const subscribers = this.#topics.get(topic);
    if (!subscribers) return;
    const bytes = Buffer.from(text);
    for (const { native } of subscribers) {
      if (native.bufferedAmount > this.#options.limits.liveBacklogMaxBytes) {
        this.#options.onLiveDropped();
        native.terminate();
      } else {
        native.send(bytes, { binary: false });
      }
    }
  }

  terminate(): void {
    clearInterval(this.#pinging);
    for (const { native } of this.#sockets) native.terminate();
  }

  #ping(): void {
    for (const socket of this.#sockets) {
      if (!socket.answered) socket.native.terminate();
      socket.answered = false;
      socket.native.ping();
    }
  }
}

class NodeLiveSocket implements LiveSocket {
  readonly native: WebSocket;
  answered = true;
  readonly #topics: Map<string, Set<NodeLiveSocket>>;
  readonly #own = new Set<string>();

  constructor(native: WebSocket, topics: Map<string, Set<NodeLiveSocket>>) {
    this.native = native;
    this.#topics = topics;
  }

  send(text: string): void {
    if (this.native.readyState === this.native.OPEN) this.native.send(text);
  }

  subscribe(topic: string): void {
    if (this.native.readyState !== this.native.OPEN) return;
    this.#own.add(topic);
    const subscribers = this.#topics.get(topic);
    if (subscribers) subscribers.add(this);
    else this.#topics.set(topic, new Set([this]));
  }

  unsubscribe(topic: string): void {
    this.#own.delete(topic);
    const subscribers = this.#topics.get(topic);
    subscribers?.delete(this);
    if (subscribers?.size === 0) this.#topics.delete(topic);
  }

  close(code: number, reason: string): void {
    this.native.close(code, reason);
  }

  leaveAll(): void {
    for (const topic of [...this.#own]) this.unsubscribe(topic);
  }
}
