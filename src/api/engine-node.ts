/**
 * The HTTP engine on node:http and ws: for machines that no native binary fits (Node 24), and for operators who want none.
 * A product mode, not a stub: it costs some 20 % more per request and passes the same suite.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
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
import { listenFault } from './listen-fault.ts';
import { NodeLive } from './node-live.ts';
import { statusText } from './status-text.ts';

/** As the other engine has it: 4 KiB of URL and headers. Room for any browser's cookies of other ports on this host. */
const HEADER_MAX_BYTES = 8192;

export async function startNodeEngine(options: HttpEngineOptions): Promise<HttpEngine> {
  const { host, port, limits } = options;
  const server = createServer({
    maxHeaderSize: HEADER_MAX_BYTES,
    headersTimeout: limits.requestTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: 1_000,
  });
  server.maxConnections = limits.connectionsMax;
  server.keepAliveTimeout = limits.keepAliveMs;
  // Of silence in either direction: who does not read his answer is not kept.
  server.timeout = limits.requestTimeoutMs;
  const busy = new WeakSet<Duplex>();
  const live = new NodeLive(options);
  server.on('request', (incoming, outgoing) => {
    const { socket } = incoming;
    // The parser gives out all requests of a chunk at once: the second finds the first one's answer under way.
    if (busy.has(socket)) {
      socket.destroy();
      return;
    }
    busy.add(socket);
    outgoing.on('close', () => busy.delete(socket));
    answer(incoming, outgoing, options);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    refuse(socket, options.failure(statusOfParserFault(error.code)));
  });
  server.on('upgrade', (incoming, socket, head) => {
    if (busy.has(socket)) {
      socket.destroy();
      return;
    }
    const request = requestOf(incoming);
    const refused = request.path === options.livePath ? options.live.admit(request) : options.failure(404);
    socket.on('error', () => socket.destroy());
    if (refused) refuse(socket, refused);
    else live.upgrade(incoming, socket, head, request);
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (thrown) {
    throw listenFault(host, port, thrown);
  }
  // A connection that could not be accepted, for want of descriptors: unheard it would end us.
  server.on('error', () => {});
  return {
    name: 'node',
    port: (server.address() as AddressInfo).port,
    publish: (topic, text) => live.publish(topic, text),
    close: () => closeAll(server, live),
  };
}

async function closeAll(server: Server, live: NodeLive): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  live.terminate();
  server.closeAllConnections();
  await closed;
}

function requestOf(incoming: IncomingMessage): RequestHead {
  const url = incoming.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? '' : url.slice(mark + 1),
    ifNoneMatch: incoming.headers['if-none-match'] ?? '',
    accept: incoming.headers.accept ?? '',
    acceptEncoding: String(incoming.headers['accept-encoding'] ?? ''),
    origin: incoming.headers.origin ?? '',
    host: incoming.headers.host ?? '',
    peer: incoming.socket.remoteAddress ?? '',
    forwardedFor: String(incoming.headers['x-forwarded-for'] ?? ''),
  };
}

function answer(incoming: IncomingMessage, outgoing: ServerResponse, options: HttpEngineOptions): void {
  const head = requestOf(incoming);
  let reading: BodyCollector | undefined;
  const readBody: HttpRequest['readBody'] = () => {
    reading ??= collect(incoming, options.limits);
    return reading.body;
  };
  const carriesBody =
    incoming.headers['content-length'] !== undefined || incoming.headers['transfer-encoding'] !== undefined;
  const finish = (response: HttpResponse): void => {
    // A body that nobody wanted may go on for ever.
    send(outgoing, response, carriesBody && !reading?.complete);
  };
  if (isUrlTooLong(head, options.limits)) {
    finish(options.failure(414));
  } else {
    try {
      const result = options.handle({ ...head, readBody });
      if (result instanceof Promise) result.then(finish, () => finish(options.failure(500)));
      else finish(result);
    } catch {
      finish(options.failure(500));
    }
  }
  // A body that nobody reads runs off, up to the parser's time-out.
  if (!reading) incoming.resume();
}

function collect(incoming: IncomingMessage, limits: HttpLimits): BodyCollector {
  const collector = new BodyCollector(limits.bodyMaxBytes, limits.requestTimeoutMs);
  incoming.on('data', (chunk: Buffer) => collector.push(chunk));
  incoming.on('end', () => collector.end());
  incoming.on('close', () => collector.abort());
  return collector;
}

function send(
  outgoing: ServerResponse,
  { status, headers: own, shared, body }: HttpResponse,
  mustClose: boolean,
): void {
  const headers = { ...shared, ...own };
  if (outgoing.destroyed) return;
  const empty = status === 304 || status === 204;
  if (mustClose) outgoing.setHeader('connection', 'close');
  outgoing.writeHead(status, empty ? headers : { ...headers, 'content-length': Buffer.byteLength(body) });
  // For HEAD node:http keeps the length and leaves the body out.
  outgoing.end(empty ? undefined : body);
}

/** An answer by hand, for sockets that have no response object. */
function refuse(socket: Duplex, { status, headers: own, shared, body }: HttpResponse): void {
  const headers = { ...shared, ...own };
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const lines = [`HTTP/1.1 ${status} ${statusText(status)}`, 'connection: close'];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  lines.push(`content-length: ${Buffer.byteLength(body)}`);
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body.toString()}`, () => socket.destroy());
}

function statusOfParserFault(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return 400;
}
