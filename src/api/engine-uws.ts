/**
 * The HTTP engine on uWebSockets.js.
 *
 * Its native handles make three demands that nothing else here has:
 * - a response object dies with its socket, and touching it then ends the process: every asynchronous answer checks `aborted`;
 * - a request object is only valid until its handler returns: what is needed of it is copied at once;
 * - a thread that ends with the server open aborts the whole process (measured: exit 134), so `close` must have run first.
 *
 * And one that every server has: who sends requests and reads no answers must not make us keep them. The server parses all requests of a
 * chunk before it looks whether answers are read: 40,000 small ones on a socket became 800 MB of answers here. But it closes a connection
 * whose next request comes while an answer is pending. So no answer is given inside the parse (see AnswerQueue), and it stays pending until
 * the kernel has all of it (`tryEnd`): a connection has one answer under way, and only the headers of it are ours to keep.
 */
import type {
  TemplatedApp,
  HttpRequest as UwsRequest,
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
  type RequestHead,
} from './http-engine.ts';
import { listenFault, probePort } from './listen-fault.ts';
import type { UwsModule } from './native-binary.ts';
import { statusText } from './status-text.ts';

type LiveSocket = UwsSocket<Record<string, never>>;

/** Without it the port is shared with whoever else sets SO_REUSEPORT, and "in use" is never found out. */
const LISTEN_EXCLUSIVE = 1;
/** Seconds without traffic; a snapshot goes out every second, so only a dead peer is silent. The engine pings by itself. */
const LIVE_IDLE_S = 60;

export async function startUwsEngine(uws: UwsModule, options: HttpEngineOptions): Promise<HttpEngine> {
  const { host, limits, livePath } = options;
  const sockets = new Set<LiveSocket>();
  const app = uws.App();
  const queue = new AnswerQueue();
  /** Without the live ones: an upgraded socket is another one to the server, and this count never hears of its end. */
  let connections = 0;
  const countConnection = (response: UwsResponse, change: number): void => {
    connections += change;
    if (change > 0 && connections + sockets.size > limits.connectionsMax) response.close();
  };
  app.filter(countConnection);
  app.any('/*', (response, native) => {
    answer(new Exchange(response, native), headOf(response, native), options, queue);
  });
  app.ws<Record<string, never>>(livePath, {
    maxPayloadLength: limits.liveMessageMaxBytes,
    maxBackpressure: limits.liveBacklogMaxBytes,
    closeOnBackpressureLimit: true,
    idleTimeout: LIVE_IDLE_S,
    upgrade: (response, request, context) => {
      if (sockets.size >= limits.liveClientsMax) {
        send(new Exchange(response, request), options.failure(503));
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
      connections--;
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

function headOf(response: UwsResponse, native: UwsRequest): RequestHead {
  return {
    method: native.getMethod().toUpperCase(),
    path: native.getUrl(),
    query: native.getQuery() ?? '',
    ifNoneMatch: native.getHeader('if-none-match'),
    acceptEncoding: native.getHeader('accept-encoding'),
    origin: native.getHeader('origin'),
    host: native.getHeader('host'),
    peer: Buffer.from(response.getRemoteAddressAsText()).toString('latin1'),
    forwardedFor: native.getHeader('x-forwarded-for'),
  };
}

/** One request and its answer. */
class Exchange {
  head = false;
  aborted = false;
  reading: BodyCollector | undefined;
  readonly response: UwsResponse;
  readonly #carriesBody: boolean;

  constructor(response: UwsResponse, native: UwsRequest) {
    this.response = response;
    this.#carriesBody =
      native.getHeader('content-length') !== '' || native.getHeader('transfer-encoding') !== '';
  }

  /** A body that nobody wants may go on for ever: the connection ends with the answer. */
  get hasUnread(): boolean {
    return this.#carriesBody && !this.reading?.complete;
  }
}

/** Answers of a turn of the loop, given at its end. */
class AnswerQueue {
  #answers: { readonly exchange: Exchange; readonly result: HttpResponse }[] = [];

  push(exchange: Exchange, result: HttpResponse): void {
    this.#answers.push({ exchange, result });
    if (this.#answers.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const answers = this.#answers;
    this.#answers = [];
    for (const { exchange, result } of answers) {
      if (!exchange.aborted) exchange.response.cork(() => send(exchange, result));
    }
  }
}

function answer(
  exchange: Exchange,
  asked: RequestHead,
  options: HttpEngineOptions,
  queue: AnswerQueue,
): void {
  exchange.head = asked.method === 'HEAD';
  exchange.response.onAborted(() => {
    exchange.aborted = true;
    exchange.reading?.abort();
  });
  const finish = (result: HttpResponse): void => queue.push(exchange, result);
  if (isUrlTooLong(asked, options.limits)) {
    finish(options.failure(414));
    return;
  }
  const readBody: HttpRequest['readBody'] = () => {
    exchange.reading ??= collect(exchange.response, options.limits);
    return exchange.reading.body;
  };
  const request: HttpRequest = { ...asked, readBody };
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

function send(exchange: Exchange, { status, headers, body }: HttpResponse): void {
  const { response } = exchange;
  response.writeStatus(`${status} ${statusText(status)}`);
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  // Refusals of a body are short.
  if (exchange.hasUnread) response.end(exchange.head ? undefined : body, true);
  else if (status === 304 || status === 204) response.endWithoutBody();
  else if (exchange.head) endWithLength(response, Buffer.byteLength(body));
  else sendBody(exchange, body);
}

/** Given the length, `endWithoutBody` waits for the body for ever, and given `undefined` it writes 2^63. */
function endWithLength(response: UwsResponse, bytes: number): void {
  response.writeHeader('content-length', String(bytes));
  response.endWithoutBody();
}

/**
 * Hands over what the kernel takes, and the rest as it takes more; who reads nothing for ten seconds is cut by the server. It also closes
 * by itself after an answer to who asked for that.
 */
function sendBody(exchange: Exchange, body: string | Uint8Array): void {
  const { response } = exchange;
  const totalBytes = Buffer.byteLength(body);
  const [, whole] = response.tryEnd(body, totalBytes);
  if (whole) return;
  const bytes = Buffer.from(body);
  response.onWritable((offset) => {
    const [taken] = response.tryEnd(bytes.subarray(offset), totalBytes);
    return taken;
  });
}
