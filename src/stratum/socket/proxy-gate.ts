/**
 * In front of a session on a port behind load balancers: takes the PROXY header off, and only then lets the session begin, under the
 * address that the header names. Whoever is no trusted balancer, or sends no header in time, is closed and counted.
 *
 *   waiting --header--> open (every event is passed on)      waiting --fault, time-out, end--> closed
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { ProxyHeader } from './proxy-header.ts';
import type { SocketAdapter, SocketEvents } from './socket-adapter.ts';

export const PROXY_FAULTS = ['untrusted', 'malformed', 'late'] as const;
export type ProxyFault = (typeof PROXY_FAULTS)[number];

/** A balancer sends its header with the first packet. */
const HEADER_TIMEOUT_MS = 5_000;
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

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
    const address = MAPPED.exec(remoteAddress)?.[1] ?? remoteAddress;
    if (isIPv4(address)) return this.#list.check(address, 'ipv4');
    return isIPv6(address) && this.#list.check(address, 'ipv6');
  }
}

export interface ProxyGateOptions {
  readonly adapter: SocketAdapter;
  /** Begins the session. Undefined: refused, and already destroyed. */
  readonly onConnection: (adapter: SocketAdapter) => SocketEvents | undefined;
  readonly onFault: (fault: ProxyFault) => void;
}

export class ProxyGate implements SocketEvents {
  readonly #options: ProxyGateOptions;
  readonly #timer: NodeJS.Timeout;
  #header: ProxyHeader | undefined = new ProxyHeader();
  #events: SocketEvents | undefined;

  constructor(options: ProxyGateOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.#refuse('late'), HEADER_TIMEOUT_MS);
  }

  onData(chunk: Buffer): void {
    if (this.#header === undefined) {
      this.#events?.onData(chunk);
      return;
    }
    const outcome = this.#header.push(chunk);
    if (outcome.kind === 'more') return;
    if (outcome.kind === 'fault') {
      this.#refuse('malformed');
      return;
    }
    clearTimeout(this.#timer);
    this.#header = undefined;
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
    else this.#refuse('malformed');
  }

  onClose(failed: boolean): void {
    clearTimeout(this.#timer);
    this.#events?.onClose(failed);
  }

  #refuse(fault: ProxyFault): void {
    clearTimeout(this.#timer);
    this.#options.onFault(fault);
    this.#options.adapter.destroy();
  }
}
