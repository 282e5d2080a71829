/**
 * The HTTP engine on uWebSockets.js.
 *
 * Its native handles make three demands that nothing else here has:
 * - a response object dies with its socket, and touching it then ends the process: every asynchronous answer checks `aborted`;
 * - a request object is only valid until its handler returns: what is needed of it is copied at once;
 * - a thread that ends with the server open aborts the whole process (measured: exit 134), so `close` must have run first.
 *
 * And one that every server has: who sends requests and reads no answers must not make us keep them (see CLOSE_CONNECTION).
 */
import type {
  TemplatedApp,
  HttpResponse as UwsResponse,
  WebSocket as UwsSocket,
  us_listen_socket,
} from 'uWebSockets.js';
import { BodyCollector } from './body-collector.ts';
import {
  type HttpEngine,
  type HttpEngineOptions,
  type HttpLimits,
  type HttpRequest,
  type HttpResponse,
  isUrlTooLong,
} from './http-engine.ts';
import { listenFault, probePort } from './listen-fault.ts';
import type { UwsModule } from './native-binary.ts';
import { statusText } from './status-text.ts';

/**
 * A connection ends with its answer. The server parses all requests of a chunk before it looks whether their answers are read: 40,000
 * small requests on one socket became 800 MB of answers here. A page, a scrape or a poll asks seldom enough to connect anew.
 */
const CLOSE_CONNECTION = true;

type LiveSocket = UwsSocket<Record<string, never>>;

/** Without it the port is shared with whoever else sets SO_REUSEPORT, and "in use" is never found out. */
const LISTEN_EXCLUSIVE = 1;
/** Seconds without traffic; a snapshot goes out every second, so only a dead peer is silent. The engine pings by itself. */
const LIVE_IDLE_S = 60;

export async function startUwsEngine(uws: UwsModule, options: HttpEngineOptions): Promise<HttpEngine> {
  const { host, limits, livePath } = options;
  const sockets = new Set<LiveSocket>();
  const app = uws.App();
  app.any('/*', (response, native) => {
    answer(
      response,
      {
        method: native.getMethod().toUpperCase(),
        path: native.getUrl(),
        query: native.getQuery() ?? '',
        ifNoneMatch: native.getHeader('if-none-match'),
        peer: Buffer.from(response.getRemoteAddressAsText()).toString('latin1'),
        forwardedFor: native.getHeader('x-forwarded-for'),
      },
      options,
    );
  });
  app.ws<Record<string, never>>(livePath, {
    maxPayloadLength: limits.liveMessageMaxBytes,
    maxBackpressure: limits.liveBacklogMaxBytes,
    closeOnBackpressureLimit: true,
    idleTimeout: LIVE_IDLE_S,
    upgrade: (response, request, context) => {
      if (sockets.size >= limits.liveClientsMax) {
        send(response, options.failure(503), false);
        return;
      }
      response.upgrade(
        {},
        request.getHeader('sec-websocket-key'),
        request.getHeader('sec-websocket-protocol'),
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open: (socket) => {
      sockets.add(socket);
      socket.send(options.greeting());
    },
    close: (socket) => {
      sockets.delete(socket);
    },
  });
  // On port 0 this build sets no SO_REUSEADDR, and then a restart finds its own port taken for a minute by sockets in
  // TIME_WAIT. So a free port is looked for first and asked for by its number.
  const port = options.port === 0 ? await probePort(host, 0) : options.port;
  await listen(app, host, port);
  return {
    name: 'uws',
    port,
    get liveClients() {
      return sockets.size;
    },
    broadcast: (text) => {
      for (const socket of [...sockets]) {
        // `send` cuts a socket that passes the limit by itself, but only once a message no longer fits; this one is behind.
        if (socket.getBufferedAmount() > limits.liveBacklogMaxBytes) {
          options.onLiveDropped();
          socket.close();
        } else if (socket.send(text) === 2) {
          options.onLiveDropped();
        }
      }
    },
    close: async () => {
      app.close();
      // The handles are freed by the loop, not by the call.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    },
  };
}

/** The package's types know no `listen` with host and options; the binary does. */
type ListenAt = (
  host: string,
  port: number,
  options: number,
  callback: (socket: us_listen_socket | false) => void,
) => void;

async function listen(app: TemplatedApp, host: string, port: number): Promise<void> {
  const heard = await new Promise<boolean>((resolve) => {
    (app.listen as unknown as ListenAt).call(app, host, port, LISTEN_EXCLUSIVE, (socket) =>
      resolve(socket !== false),
    );
  });
  if (heard) return;
  // uWebSockets.js says only "false": asking the same of node:net brings the reason to light.
  try {
    await probePort(host, port);
  } catch (thrown) {
    throw listenFault(host, port, thrown);
  }
  throw listenFault(host, port, new Error('refused without a reason'));
}

function answer(
  response: UwsResponse,
  asked: Omit<HttpRequest, 'readBody'>,
  options: HttpEngineOptions,
): void {
  const head = asked.method === 'HEAD';
  if (isUrlTooLong(asked, options.limits)) {
    send(response, options.failure(414), head);
    return;
  }
  let aborted = false;
  let reading: BodyCollector | undefined;
  response.onAborted(() => {
    aborted = true;
    reading?.abort();
  });
  const readBody: HttpRequest['readBody'] = () => {
    reading ??= collect(response, options.limits);
    return reading.body;
  };
  const request: HttpRequest = { ...asked, readBody };
  const finish = (result: HttpResponse): void => {
    if (!aborted) response.cork(() => send(response, result, head));
  };
  try {
    const result = options.handle(request);
    if (result instanceof Promise) {
      result.then(finish, () => finish(options.failure(500)));
    } else {
      finish(result);
    }
  } catch {
    finish(options.failure(500));
  }
}

function collect(response: UwsResponse, limits: HttpLimits): BodyCollector {
  const collector = new BodyCollector(limits.bodyMaxBytes, limits.requestTimeoutMs);
  response.onData((chunk, isLast) => {
    // The chunk's memory is the server's again when this returns.
    collector.push(Buffer.from(chunk.slice(0)));
    if (isLast) collector.end();
  });
  return collector;
}

function send(response: UwsResponse, { status, headers, body }: HttpResponse, head: boolean): void {
  response.writeStatus(`${status} ${statusText(status)}`);
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  if (status === 304 || status === 204) response.endWithoutBody(undefined, CLOSE_CONNECTION);
  else if (head) response.endWithoutBody(Buffer.byteLength(body), CLOSE_CONNECTION);
  else response.end(body, CLOSE_CONNECTION);
}
