/**
 * In front of a session on a port behind load balancers: takes the PROXY header off, and only then lets the session begin, under the
 * address that the header names. Whoever is no trusted balancer, or sends no header in time, is closed and counted.
 *
 *   waiting --header--> open (every event is passed on)      waiting --fault, time-out, end, shutdown--> closed
 *
 * Who connects and leaves without a byte is a balancer that looks whether the port is there, and no fault.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { MAPPED_IPV4, ProxyHeader } from './proxy-header.ts';
import type { SocketAdapter, SocketEvents } from './socket-adapter.ts';

export const PROXY_FAULTS = ['untrusted', 'malformed', 'late'] as const;
export type ProxyFault = (typeof PROXY_FAULTS)[number];

/** Addresses and networks (`10.0.0.0/8`) that may say who somebody is. */
export class TrustedSources {
  readonly #list = new BlockList();

  /** @param sources as the configuration has checked them */
  constructor(sources: readonly string[]) {
    for (const source of sources) {
      const [address, prefix] = source.split('/');
      const family = isIPv6(address!) ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#list.addAddress(address!, family);
      else this.#list.addSubnet(address!, Number(prefix), family);
    }
  }

  includes(remoteAddress: string): boolean {
    const address = MAPPED_IPV4.exec(remoteAddress)?.[1] ?? remoteAddress;
    if (isIPv4(address)) return this.#list.check(address, 'ipv4');
    return isIPv6(address) && this.#list.check(address, 'ipv6');
  }
}

/** `reason` is for people. */
export type OnProxyFault = (fault: ProxyFault, reason: string, remoteAddress: string) => void;

export interface ProxyGateOptions {
  readonly adapter: SocketAdapter;
  readonly headerTimeoutMs: number;
  /** Begins the session. Undefined: refused, and already destroyed. */
  readonly onConnection: (adapter: SocketAdapter) => SocketEvents | undefined;
  readonly onFault: OnProxyFault;
  /** Whatever became of it, the gate waits no longer. Called once. */
  readonly onDecided: (gate: ProxyGate) => void;
}

export class ProxyGate implements SocketEvents {
  readonly #options: ProxyGateOptions;
  readonly #timer: NodeJS.Timeout;
  /** Undefined: decided. */
  #header: ProxyHeader | undefined = new ProxyHeader();
  #touched = false;
  #events: SocketEvents | undefined;

  constructor(options: ProxyGateOptions) {
    this.#options = options;
    const { headerTimeoutMs } = options;
    this.#timer = setTimeout(() => {
      this.#refuse('late', `no whole PROXY header within ${headerTimeoutMs} ms`);
    }, headerTimeoutMs);
  }

  onData(chunk: Buffer): void {
    const header = this.#header;
    if (header === undefined) {
      this.#events?.onData(chunk);
      return;
    }
    this.#touched = true;
    const outcome = header.push(chunk);
    if (outcome.kind === 'more') return;
    if (outcome.kind === 'fault') {
      this.#refuse('malformed', outcome.reason);
      return;
    }
    this.#decide();
    const { adapter, onConnection } = this.#options;
    if (outcome.address !== '') adapter.remoteAddress = outcome.address;
    this.#events = onConnection(adapter);
    const rest = chunk.subarray(outcome.end);
    if (rest.length > 0) this.#events?.onData(rest);
  }

  onDrain(): void {
    this.#events?.onDrain();
  }

  onEnd(): void {
    if (this.#header === undefined) this.#events?.onEnd();
    else if (this.#touched) this.#refuse('malformed', 'the PROXY header breaks off');
    else this.abandon();
  }

  onClose(failed: boolean): void {
    this.#decide();
    this.#events?.onClose(failed);
  }

  /** Closes a connection that still waits. */
  abandon(): void {
    if (this.#header === undefined) return;
    this.#decide();
    this.#options.adapter.destroy();
  }

  #refuse(fault: ProxyFault, reason: string): void {
    const { adapter, onFault } = this.#options;
    onFault(fault, reason, adapter.remoteAddress);
    this.abandon();
  }

  #decide(): void {
    if (this.#header === undefined) return;
    this.#header = undefined;
    clearTimeout(this.#timer);
    this.#options.onDecided(this);
  }
}
