/**
 * SEAM: one TCP connection, as the session room sees it. `net-adapter` implements it on the public API of `node:net`; an
 * adapter on the raw TCP handle fits behind the same lines.
 *
 * What every adapter promises: no method throws, no event is delivered inside a call to `write`, `end` or `destroy`, and after
 * `destroy` no event at all (the session's slot may belong to somebody else by then).
 */

import type { WriteBuffer } from './write-buffer.ts';

export interface SocketEvents {
  /** The bytes are only valid during the call. */
  onData(chunk: Buffer): void;
  /** Everything that was waiting in `backlogBytes` has been handed to the kernel. */
  onDrain(): void;
  /** The peer will send nothing more; it may still read. */
  onEnd(): void;
  /** The connection is gone. The last event. */
  onClose(failed: boolean): void;
}

export interface SocketAdapter {
  /** Of the peer, or of whom a trusted balancer in front of it says it is. */
  remoteAddress: string;
  /** Written but not yet taken by the kernel. */
  readonly backlogBytes: number;
  /** Text is written as latin1, which is what all lines are built in. */
  write(data: Buffer | string): void;
  /** Writes the first `length` bytes of the buffer, which may be filled anew as soon as the call is over. */
  writeFrom(buffer: WriteBuffer, length: number): void;
  pause(): void;
  resume(): void;
  /** Sends what is waiting, then says goodbye. */
  end(): void;
  destroy(): void;
}
