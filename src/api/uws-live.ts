/**
 * Live sockets on uWebSockets.js. It keeps topics itself: a published text crosses into it once, and is framed and written there for each
 * subscriber. A socket that is behind by more than the bound is cut there, too.
 *
 * No compression: a published text would be deflated for each viewer, 20 us or more where all the rest of sending takes 8.
 */
import type { WebSocket as UwsSocket, WebSocketBehavior } from 'uWebSockets.js';
import type { HttpEngineOptions, LiveSocket, RequestHead } from './http-engine.ts';
import { type AnswerQueue, Exchange, headOf } from './uws-exchange.ts';

/** Seconds without traffic: a dead peer, since a live one answers the pings that the server sends by itself. */
const LIVE_IDLE_S = 60;

interface LiveData {
  readonly request: RequestHead;
  socket: UwsLiveSocket | undefined;
}

export function liveBehaviour(
  { live, limits, onLiveDropped }: HttpEngineOptions,
  queue: AnswerQueue,
  onClosed: () => void,
): WebSocketBehavior<LiveData> {
  return {
    maxPayloadLength: limits.liveMessageMaxBytes,
    maxBackpressure: limits.liveBacklogMaxBytes,
    closeOnBackpressureLimit: true,
    idleTimeout: LIVE_IDLE_S,
    upgrade: (response, native, context) => {
      const request = headOf(response, native);
      const refused = live.admit(request);
      if (refused) {
        queue.push(new Exchange(response, native), refused);
        return;
      }
      response.upgrade<LiveData>(
        { request, socket: undefined },
        native.getHeader('sec-websocket-key'),
        native.getHeader('sec-websocket-protocol'),
        native.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open: (native) => {
      const data = native.getUserData();
      data.socket = new UwsLiveSocket(native);
      live.open(data.socket, data.request);
    },
    message: (native, bytes, isBinary) => {
      const { socket } = native.getUserData();
      if (socket) live.message(socket, isBinary ? undefined : Buffer.from(bytes).toString('utf8'));
    },
    dropped: () => onLiveDropped(),
    close: (native) => {
      onClosed();
      const { socket } = native.getUserData();
      if (!socket) return;
      socket.end();
      live.closed(socket);
    },
  };
}

/** The native object throws when it is touched after its end. */
class UwsLiveSocket implements LiveSocket {
  #native: UwsSocket<LiveData> | undefined;

  constructor(native: UwsSocket<LiveData>) {
    this.#native = native;
  }

  send(text: string): void {
    this.#native?.send(text);
  }

  subscribe(topic: string): void {
    this.#native?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#native?.unsubscribe(topic);
  }

  close(code: number, reason: string): void {
    this.#native?.end(code, reason);
  }

  end(): void {
    this.#native = undefined;
  }
}
