/**
 * From a connection to a session: the door, the handshake where the port has one, and a goodbye with a reason for whoever may not stay.
 *
 *   connection --> door --> (TLS) --> (WebSocket) --> session          refused --> refusal desk --> a sentence in answer to the first request
 */
import type { Logger, ThrottledLog } from '../kit/log.ts';
import { type Door, Visitor } from './fairness/door.ts';
import { FAULT_POINTS } from './fairness/faults.ts';
import { RefusalDesk } from './session/refusal-desk.ts';
import type { Sessions } from './session/sessions.ts';
import { NetAdapter } from './socket/net-adapter.ts';
import type { SocketAdapter, SocketEvents } from './socket/socket-adapter.ts';
import { TlsGate } from './socket/tls-gate.ts';
import { WebSocketGate, WebSocketHandshake } from './socket/websocket-gate.ts';
import type { StratumLimits } from './stratum-limits.ts';
import type { CloseReason, StratumMetrics } from './stratum-metrics.ts';
import type { PortOptions } from './stratum-options.ts';

export interface ReceptionOptions {
  readonly door: Door;
  readonly sessions: Sessions;
  readonly limits: StratumLimits;
  readonly metrics: StratumMetrics;
  readonly ports: readonly Pick<PortOptions, 'label' | 'tls' | 'transport'>[];
  readonly clock: () => number;
  readonly log: Logger;
  readonly faultLog: ThrottledLog;
}

/** Not authorised, and nothing that another try in the same second would mend. */
const REFUSED_CODE = 24;
const FULL = 'This server is full, please use another one';
const SPEAKS_TLS = 'This port speaks TLS, use stratum+ssl:// or the plain port';
const SPEAKS_WEBSOCKET = 'This port speaks WebSocket, use ws:// or the port for stratum+tcp://';

interface Guest {
  readonly portIndex: number;
  readonly visitor: Visitor;
}

type HandshakeFault = 'plain_text' | 'tls_handshake' | 'websocket_handshake';

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #refusals: RefusalDesk;
  readonly #webSockets: WebSocketHandshake;
  /** Handshakes that are under way. */
  readonly #gates = new Set<TlsGate | WebSocketGate>();

  constructor(options: ReceptionOptions) {
    this.#options = options;
    const { limits, clock } = options;
    this.#refusals = new RefusalDesk({
      placesMax: limits.refusalsMax,
      timeoutMs: limits.refusalTimeoutMs,
      clock,
    });
    // What is longer than a line is told so by the framer, what is much longer by the handshake's own code.
    this.#webSockets = new WebSocketHandshake(2 * limits.lineBytesMax);
  }

  /** Undefined: refused, and already destroyed. */
  connect(adapter: SocketAdapter, portIndex: number): SocketEvents | undefined {
    const { door, sessions, metrics } = this.#options;
    if (sessions.isFrozen) {
      metrics.closed('shutdown');
      adapter.destroy();
      return undefined;
    }
    const visitor = door.admit(adapter.remoteAddress, portIndex);
    if (!(visitor instanceof Visitor)) return this.#refuse(adapter, portIndex, visitor.reason, visitor.text);
    if (sessions.isFull(this.#gates.size)) {
      door.leave(visitor);
      return this.#refuse(adapter, portIndex, 'too_many_connections', FULL);
    }
    const guest = { portIndex, visitor };
    // A connection of a test is no socket of Node's, and speaks for itself.
    return adapter instanceof NetAdapter ? this.#secure(adapter, guest) : this.#begin(adapter, guest);
  }

  sweep(): void {
    this.#refusals.sweep();
  }

  /** Nobody waits any longer. */
  close(): void {
    for (const gate of this.#gates) gate.abandon();
    this.#refusals.close();
  }

  #begin(adapter: SocketAdapter, { portIndex, visitor }: Guest): SocketEvents {
    return this.#options.sessions.connect(adapter, portIndex, visitor);
  }

  #secure(adapter: NetAdapter, guest: Guest): SocketEvents {
    const { limits, ports } = this.#options;
    const identity = ports[guest.portIndex]!.tls;
    if (identity === undefined) return this.#upgrade(adapter, guest);
    const gate = new TlsGate({
      adapter,
      identity,
      timeoutMs: limits.handshakeTimeoutMs,
      drainMarkBytes: limits.socketBacklogSkipBytes,
      onSecure: (inner) => this.#upgrade(inner, guest),
      onPlainText: (bytes) => this.#redirect(adapter, guest, bytes, SPEAKS_TLS),
      onFault: (reason) => this.#lose(adapter, guest, 'tls_handshake', reason),
      onDecided: (decided) => this.#gates.delete(decided),
    });
    this.#gates.add(gate);
    return gate;
  }

  #upgrade(adapter: NetAdapter, guest: Guest): SocketEvents {
    const { limits, ports } = this.#options;
    if (ports[guest.portIndex]!.transport !== 'websocket') return this.#begin(adapter, guest);
    const gate = new WebSocketGate(this.#webSockets, {
      adapter,
      timeoutMs: limits.handshakeTimeoutMs,
      onOpen: (inner) => this.#begin(inner, guest),
      onPlainText: (bytes) => this.#redirect(adapter, guest, bytes, SPEAKS_WEBSOCKET),
      onFault: (reason) => this.#lose(adapter, guest, 'websocket_handshake', reason),
      onDecided: (decided) => this.#gates.delete(decided),
    });
    this.#gates.add(gate);
    return gate;
  }

  /** A miner that is set to the wrong port reads where the right one is. */
  #redirect(adapter: NetAdapter, guest: Guest, bytes: Buffer, text: string): SocketEvents {
    this.#lose(adapter, guest, 'plain_text', text);
    const events = this.#refusals.take(adapter, REFUSED_CODE, text);
    events.onData(bytes);
    return events;
  }

  #lose(adapter: SocketAdapter, { portIndex, visitor }: Guest, reason: HandshakeFault, text: string): void {
    const { door } = this.#options;
    door.fault(visitor, FAULT_POINTS[reason]!);
    door.leave(visitor);
    this.#count(adapter, portIndex, reason, text);
  }

  #refuse(
    adapter: SocketAdapter,
    portIndex: number,
    reason: CloseReason,
    text: string,
  ): SocketEvents | undefined {
    this.#count(adapter, portIndex, reason, text);
    // A sentence would have to be encrypted: a handshake for each of a flood.
    if (this.#options.ports[portIndex]!.tls === undefined)
      return this.#refusals.take(adapter, REFUSED_CODE, text);
    adapter.destroy();
    return undefined;
  }

  #count({ remoteAddress }: SocketAdapter, portIndex: number, reason: CloseReason, text: string): void {
    const { metrics, faultLog, clock, log, ports } = this.#options;
    metrics.closed(reason);
    faultLog.once(reason, clock(), (swallowed) => {
      const port = ports[portIndex]!.label;
      log.info({ reason, text, remoteAddress, port, swallowed }, 'a connection was refused');
    });
  }
}
