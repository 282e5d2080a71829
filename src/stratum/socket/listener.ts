/**
 * One listening port. Out flow adapters, one per connection. A system that gives no more descriptors, or a peer that is gone
 * before we took it, is counted and survived: the port goes on listening.
 */

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import { NetAdapter } from './net-adapter.ts';
import { type OnProxyFault, ProxyGate, type TrustedSources } from './proxy-gate.ts';
import { RawAdapter, type RawStreams } from './raw-adapter.ts';
import type { SocketAdapter, SocketEvents } from './socket-adapter.ts';

/** Dead peers behind a NAT say nothing; the kernel asks them after so long. */
const KEEP_ALIVE_AFTER_MS = 60_000;

export interface ListenerOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly backlog: number;
  /** Of a socket that somebody else has bound, several of one; none = bind one. */
  readonly descriptors?: readonly number[];
  /** Above this many unsent bytes a socket reports when it has drained. */
  readonly drainMarkBytes: number;
  /** Undefined: connections are those of `node:net`. */
  readonly streams: RawStreams | undefined;
  /** Undefined: refused, and already destroyed. */
  readonly onConnection: (adapter: SocketAdapter) => SocketEvents | undefined;
  readonly onAcceptError: (error: Error) => void;
  /** Every connection begins with a PROXY header and comes from a trusted source; absent = none does. */
  readonly proxy?: ProxyRules;
}

export interface ProxyRules {
  readonly sources: TrustedSources;
  readonly headerTimeoutMs: number;
  readonly onFault: OnProxyFault;
}

/** What Node's documentation has and its types have not. */
interface FdServer {
  listen(options: { fd: number }, backlog: number): void;
}

export class Listener {
  readonly #options: ListenerOptions;
  /** One for each descriptor. */
  readonly #servers: readonly Server[];
  /** Connections whose PROXY header is still to come: nobody else knows them. */
  readonly #gates = new Set<ProxyGate>();
  #closed: Promise<void> | undefined;
  /** Raw connections; the server counts its own. */
  #open = 0;
  #onAllGone: () => void = () => {};

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#servers = Array.from({ length: Math.max(1, options.descriptors?.length ?? 0) }, () =>
      this.#makeServer(),
    );
  }

  #makeServer(): Server {
    const options = this.#options;
    const server = createServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
      // A peer that has sent its last line may still read the answers to it.
      allowHalfOpen: true,
      highWaterMark: options.drainMarkBytes,
      // A handle can only be taken from a socket that has not begun to read.
      pauseOnConnect: options.streams !== undefined,
    });
    server.on('connection', (socket) => {
      const adapter = this.#adapterOf(socket);
      const events =
        options.proxy === undefined ? options.onConnection(adapter) : this.#gate(adapter, options.proxy);
      if (events !== undefined) adapter.listen(events);
    });
    return server;
  }

  /** Resolves with the port; rejects with an EdgeError that says what to do. */
  async open(): Promise<number> {
    const { descriptors } = this.#options;
    const ports = await Promise.all(
      this.#servers.map((server, index) => this.#listen(server, descriptors?.[index])),
    );
    return ports[0]!;
  }

  #listen(server: Server, descriptor: number | undefined): Promise<number> {
    const { host, port, backlog, onAcceptError } = this.#options;
    return new Promise((resolve, reject) => {
      const where = descriptor === undefined ? `${host}:${port}` : `inherited descriptor ${descriptor}`;
      const refused = (error: NodeJS.ErrnoException): void => reject(listenError(error, where));
      server.once('error', refused);
      server.once('listening', () => {
        server.off('error', refused);
        // EMFILE and its kin come here, once per connection that could not be taken.
        server.on('error', onAcceptError);
        resolve((server.address() as AddressInfo).port);
      });
      if (descriptor === undefined) server.listen({ host, port, backlog });
      // The backlog of a descriptor is only heeded as a second argument; without it 511 wait, and a storm's rest for seconds.
      else (server as unknown as FdServer).listen({ fd: descriptor }, backlog);
    });
  }

  /** Stops listening at once; resolves when the last connection of the port is gone. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      let left = this.#servers.length;
      const whenAllGone = (): void => {
        if (--left > 0) return;
        this.#onAllGone = resolve;
        if (this.#open === 0) resolve();
      };
      for (const server of this.#servers) {
        if (server.listening) server.close(whenAllGone);
        else whenAllGone();
      }
      for (const gate of this.#gates) gate.abandon();
    });
    return this.#closed;
  }

  #gate(adapter: NetAdapter | RawAdapter, proxy: ProxyRules): SocketEvents | undefined {
    const { sources, headerTimeoutMs, onFault } = proxy;
    if (!sources.includes(adapter.remoteAddress)) {
      onFault('untrusted', 'not in proxyFrom', adapter.remoteAddress);
      adapter.destroy();
      return undefined;
    }
    const gate = new ProxyGate({
      adapter,
      headerTimeoutMs,
      onConnection: this.#options.onConnection,
      onFault,
      onDecided: (decided) => this.#gates.delete(decided),
    });
    this.#gates.add(gate);
    return gate;
  }

  #adapterOf(socket: Socket): NetAdapter | RawAdapter {
    const { streams } = this.#options;
    if (streams === undefined) return new NetAdapter(socket);
    const raw = RawAdapter.take(socket, streams, () => {
      if (--this.#open === 0) this.#onAllGone();
    });
    if (raw === undefined) return new NetAdapter(socket);
    this.#open++;
    return raw;
  }
}

function listenError(error: NodeJS.ErrnoException, where: string): EdgeError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new EdgeError(
        'SLUICE_PORT_IN_USE',
        `stratum cannot listen on ${where}: the port is in use`,
        'Stop the other program, or give this port another number in the configuration.',
        error,
      );
    case 'EACCES':
      return new EdgeError(
        'SLUICE_PORT_REFUSED',
        `stratum may not listen on ${where}`,
        'Ports below 1024 need the capability CAP_NET_BIND_SERVICE; choose a higher one or grant it.',
        error,
      );
    default:
      return new EdgeError(
        'SLUICE_LISTEN_FAILED',
        `stratum cannot listen on ${where}: ${messageOf(error)}`,
        'Check that the host is an address of this machine.',
        error,
      );
  }
}
