/**
 * The operator's listener: node:http on loopback or a Unix socket, apart from the pool's pages. It has its own sockets and bounds, so
 * that it still answers when the pages are flooded. In: requests with the headers that the gate needs. Out: whole responses.
 *
 * It must never listen where others can reach it, and never take a path that is something else than a socket nobody listens on.
 */
import { once } from 'node:events';
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { OperatorPlace } from '../../../config/operator-terms.ts';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import { BodyCollector } from '../body-collector.ts';
import type { HttpResponse, RequestBody } from '../http-engine.ts';

export interface OperatorRequest {
  /** Upper case. */
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** By lower-case name; '' if absent, the first of several. */
  header(name: string): string;
  /** For the record: an address with its port, or `unix socket`. */
  readonly peer: string;
  readBody(): Promise<RequestBody>;
}

export type OperatorHandler = (request: OperatorRequest) => Promise<HttpResponse>;

export interface OperatorServer {
  /** As a person opens it; of a socket its path. */
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** People, their scripts, and a few for who dribbles. */
const CONNECTIONS_MAX = 64;
const REQUESTS_PER_CONNECTION = 1_000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;
const HEADER_MAX_BYTES = 8_192;
/** A ban with its reason is below 500 bytes. */
const BODY_MAX_BYTES = 4_096;
/** The engine's user and its group: operators are in it. */
const SOCKET_MODE = 0o660;

/** @throws EdgeError SLUICE_OPERATOR_LISTEN | SLUICE_PORT_IN_USE */
export async function startOperatorServer(
  place: OperatorPlace,
  handle: OperatorHandler,
  failure: (status: number) => HttpResponse,
): Promise<OperatorServer> {
  const server = createServer(
    {
      maxHeaderSize: HEADER_MAX_BYTES,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    (incoming, outgoing) => void answer(incoming, outgoing, handle, failure),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  // What is no HTTP gets no conversation.
  server.on('clientError', (_, socket) => socket.destroy());
  if (place.kind === 'socket') await listenOnSocket(server, place.path);
  else await listenOnLoopback(server, place.host, place.port);
  // A connection that could not be accepted, for want of descriptors: unheard it would end us.
  server.on('error', () => {});
  const { port } = place.kind === 'socket' ? { port: 0 } : (server.address() as AddressInfo);
  return {
    port,
    address:
      place.kind === 'socket' ? `unix:${place.path}` : `http://${hostText(place.host)}:${port}/operator`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

async function listenOnLoopback(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (thrown) {
    const where = `${hostText(host)}:${port}`;
    if ((thrown as { code?: string }).code === 'EADDRINUSE')
      throw new EdgeError(
        'SLUICE_PORT_IN_USE',
        `the console cannot listen on ${where}: another program does`,
        'Set operator.listen to a free one, or stop the other program.',
        thrown,
      );
    throw refusal(`${where}: ${messageOf(thrown)}`, 'Name another port, or a Unix socket.');
  }
}

async function listenOnSocket(server: Server, path: string): Promise<void> {
  await clearSocket(path);
  server.listen(path);
  try {
    await once(server, 'listening');
    // Until here it has what the umask leaves: others may not write, so they may not connect.
    chmodSync(path, SOCKET_MODE);
  } catch (thrown) {
    throw refusal(`${path}: ${messageOf(thrown)}`, 'Its folder must exist and be writable for this user.');
  }
}

/** What an engine left behind that was killed; never a file, never somebody's socket. */
async function clearSocket(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw refusal(`${path} is there and no socket`, 'Name another path.');
  const probe = connect(path);
  const isAlive = await new Promise<boolean>((resolve) => {
    probe.once('connect', () => resolve(true));
    probe.once('error', () => resolve(false));
  });
  probe.destroy();
  if (isAlive) throw refusal(`somebody listens on ${path}`, 'Is another engine running?');
  unlinkSync(path);
}

function refusal(text: string, remedy: string): EdgeError {
  return new EdgeError('SLUICE_OPERATOR_LISTEN', `operator.listen: ${text}`, remedy);
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handle: OperatorHandler,
  failure: (status: number) => HttpResponse,
): Promise<void> {
  let response: HttpResponse;
  try {
    response = await handle(requestOf(incoming));
  } catch {
    response = failure(500);
  }
  incoming.resume();
  if (outgoing.destroyed) return;
  const { status, headers, body } = response;
  outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  outgoing.end(body);
}

function requestOf(incoming: IncomingMessage): OperatorRequest {
  const url = incoming.url ?? '/';
  const mark = url.indexOf('?');
  const { remoteAddress, remotePort } = incoming.socket;
  return {
    method: incoming.method ?? 'GET',
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? '' : url.slice(mark + 1),
    header: (name) => {
      const value = incoming.headers[name];
      return (Array.isArray(value) ? value[0] : value) ?? '';
    },
    peer: remoteAddress === undefined ? 'unix socket' : `${remoteAddress}:${remotePort}`,
    readBody: () => {
      const collector = new BodyCollector(BODY_MAX_BYTES, REQUEST_TIMEOUT_MS);
      incoming.on('data', (chunk: Buffer) => collector.push(chunk));
      incoming.on('end', () => collector.end());
      incoming.on('close', () => collector.abort());
      return collector.body;
    },
  };
}
