/**
 * In front of a session on a port with TLS: looks at the first byte, lets Node do the handshake, and only then lets the session begin, on
 * the decrypted side. It comes behind the PROXY header, which is never encrypted, and behind the door: a handshake costs as much as a
 * thousand shares, and nobody who is refused gets one.
 *
 *   waiting --hello--> handshake --done--> open        waiting --other byte--> plain text      any: time-out, end, shutdown --> closed
 */
import type { TLSSocket } from 'node:tls';
import { isTlsHello } from './foreign-protocol.ts';
import { NetAdapter } from './net-adapter.ts';
import type { SocketEvents } from './socket-adapter.ts';
import type { TlsIdentity } from './tls-identity.ts';

export interface TlsGateOptions {
  readonly adapter: NetAdapter;
  readonly identity: TlsIdentity;
  readonly timeoutMs: number;
  /** Above this many unsent bytes a socket reports when it has drained. */
  readonly drainMarkBytes: number;
  /** Begins the session. */
  readonly onSecure: (adapter: NetAdapter) => SocketEvents;
  /** Takes the connection from here, these bytes first. */
  readonly onPlainText: (firstBytes: Buffer) => SocketEvents;
  /** The connection ended before there was a session; the reason is for people. */
  readonly onFault: (reason: string) => void;
  /** Whatever became of it, the gate waits no longer. Called once, and before all of the above. */
  readonly onDecided: (gate: TlsGate) => void;
}

export class TlsGate implements SocketEvents {
  readonly #options: TlsGateOptions;
  readonly #timer: NodeJS.Timeout;
  #decided = false;
  /** Of a connection that turned out to be in plain text. */
  #events: SocketEvents | undefined;
  #secure: TLSSocket | undefined;

  constructor(options: TlsGateOptions) {
    this.#options = options;
    this.#timer = setTimeout(
      () => this.#fail(`no handshake within ${options.timeoutMs} ms`),
      options.timeoutMs,
    );
  }

  onData(chunk: Buffer): void {
    if (this.#events !== undefined) this.#events.onData(chunk);
    else if (this.#decided) return;
    else if (isTlsHello(chunk)) this.#shakeHands(chunk);
    else {
      this.#decide();
      this.#events = this.#options.onPlainText(chunk);
    }
  }

  onDrain(): void {
    this.#events?.onDrain();
  }

  onEnd(): void {
    if (this.#events !== undefined) this.#events.onEnd();
    else this.#fail('ended before its hello');
  }

  onClose(failed: boolean): void {
    if (this.#events !== undefined) this.#events.onClose(failed);
    else this.#fail('closed before its hello');
  }

  /** Closes a connection that still waits. */
  abandon(): void {
    if (!this.#decided) this.#fail('the port closes');
  }

  #shakeHands(hello: Buffer): void {
    const { adapter, identity, drainMarkBytes } = this.#options;
    const secure = adapter.encrypt(identity.context, hello, drainMarkBytes);
    this.#secure = secure;
    // Its error is told by 'close', which follows; without a listener it would end the process.
    let reason = 'ended within the handshake';
    secure.on('error', (error) => {
      reason = error.message;
    });
    secure.once('close', () => this.#fail(reason));
    secure.once('secure', () => this.#open(secure));
  }

  #open(secure: TLSSocket): void {
    if (this.#decided) return;
    this.#decide();
    const { adapter, onSecure } = this.#options;
    const inner = new NetAdapter(secure);
    inner.remoteAddress = adapter.remoteAddress;
    inner.listen(onSecure(inner));
  }

  #fail(reason: string): void {
    if (this.#decided) return;
    this.#decide();
    if (this.#secure === undefined) this.#options.adapter.destroy();
    else this.#secure.destroy();
    this.#options.onFault(reason);
  }

  #decide(): void {
    this.#decided = true;
    clearTimeout(this.#timer);
    this.#options.onDecided(this);
  }
}
