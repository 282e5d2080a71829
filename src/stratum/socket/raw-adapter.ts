/**
 * A connection by its TCP handle, without the stream layer of `node:net` above it.
 *
 * In flow a socket that `node:net` has accepted; its handle is taken out and the socket is thrown away. Streams cost a share
 * more than judging it does: a buffer of 64 KiB for every read, an event, a write request and a turn of ticks for every answer.
 * Here all connections read into one buffer, and a write that the kernel takes at once, as nearly all are, leaves nothing behind.
 *
 * Measured with 1000 miners on loopback, journal and database included: 8.2 us of CPU a share with `net-adapter`, 6.3 with this.
 *
 * It stands on internals (`process.binding('stream_wrap')` and a socket's `_handle`), so `rawStreams` looks for every part of
 * them and `raw-trial` tries them before the first miner comes; where anything is amiss, `net-adapter` serves.
 *
 *   reading --EOF--> peer ended --end()--> both ended --> closed      any state: destroy(), read or write error --> closed
 *      |                                       ^
 *      +--end()--> we ended ---------EOF-------+
 */
import type { Socket } from 'node:net';
import { submitLines } from '../../../wasm/submit-lines.ts';
import type { SocketAdapter, SocketEvents } from './socket-adapter.ts';
import type { WriteBuffer } from './write-buffer.ts';

/** What libuv's stream handle offers to JavaScript, as far as it is used here. */
interface TcpHandle {
  onread: (this: TcpHandle) => void;
  sluiceAdapter?: RawAdapter;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: WriteRequest, data: Uint8Array): number;
  writeLatin1String(request: WriteRequest, text: string): number;
  shutdown(request: ShutdownRequest): number;
  close(done: () => void): void;
}

interface WriteRequest {
  adapter?: RawAdapter;
  bytes?: number;
  /** Kept alive until the kernel has it all. */
  data?: Buffer | string;
  oncomplete?: (this: WriteRequest, status: number) => void;
}

interface ShutdownRequest {
  adapter?: RawAdapter;
  oncomplete?: (this: ShutdownRequest, status: number) => void;
}

export interface RawStreams {
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => ShutdownRequest;
  /** What the last read or write came to, at the indexes below. */
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kBytesWritten: number;
  readonly kLastWriteWasAsync: number;
  readonly endOfFile: number;
}

const HANDLE_METHODS = [
  'useUserBuffer',
  'readStart',
  'readStop',
  'writeBuffer',
  'writeLatin1String',
  'shutdown',
  'close',
];

/** The internals, or undefined where one of them is missing. */
export function rawStreams(): RawStreams | undefined {
  try {
    const { binding } = process as unknown as { binding(name: string): Record<string, unknown> };
    const streams = binding('stream_wrap');
    const numbers = ['kReadBytesOrError', 'kBytesWritten', 'kLastWriteWasAsync'];
    if (!numbers.every((name) => typeof streams[name] === 'number')) return undefined;
    if (!(streams.streamBaseState instanceof Int32Array)) return undefined;
    if (typeof streams.WriteWrap !== 'function' || typeof streams.ShutdownWrap !== 'function')
      return undefined;
    const endOfFile = binding('uv').UV_EOF;
    return typeof endOfFile === 'number' ? ({ ...streams, endOfFile } as unknown as RawStreams) : undefined;
  } catch {
    return undefined;
  }
}

/** A write that is done at once never looks at its request, so one serves all connections. */
let spareRequest: WriteRequest | undefined;

export class RawAdapter implements SocketAdapter {
  remoteAddress: string;
  backlogBytes = 0;
  readonly #streams: RawStreams;
  readonly #onGone: () => void;
  #handle: TcpHandle | undefined;
  #events: SocketEvents | undefined;
  #reading = false;
  #peerEnded = false;
  #ending = false;
  #shutDown = false;
  #failed = false;

  private constructor(handle: TcpHandle, remoteAddress: string, streams: RawStreams, onGone: () => void) {
    this.#handle = handle;
    this.remoteAddress = remoteAddress;
    this.#streams = streams;
    this.#onGone = onGone;
  }

  /**
   * Undefined when the socket has no handle to take, and is left as it was.
   * @param socket accepted and paused, nothing read of it yet.
   * @param onGone the descriptor is free again; called once, whoever closed it.
   */
  static take(socket: Socket, streams: RawStreams, onGone: () => void): RawAdapter | undefined {
    const shell = socket as unknown as { _handle: (TcpHandle & Record<symbol, unknown>) | null };
    const handle = shell._handle;
    if (handle === null || !HANDLE_METHODS.every((name) => name in handle)) return undefined;
    const adapter = new RawAdapter(handle, socket.remoteAddress ?? '', streams, onGone);
    shell._handle = null;
    // The handle names its owner under a symbol of Node's own; the empty socket would stay in memory for it.
    const named: Record<symbol, unknown> = handle;
    for (const symbol of Object.getOwnPropertySymbols(handle)) {
      if (named[symbol] === socket) named[symbol] = adapter;
    }
    // Its server no longer counts it; whoever took the handle does.
    socket.destroy();
    return adapter;
  }

  listen(events: SocketEvents): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#events = events;
    handle.sluiceAdapter = this;
    handle.onread = onRead;
    // One for all connections. One read takes no more than its 64 KiB, as Node's own streams do; what is left comes with the next.
    handle.useUserBuffer(submitLines().input);
    this.resume();
  }

  write(data: Buffer | string): void {
    this.#write(data);
  }

  writeFrom(buffer: WriteBuffer, length: number): void {
    if (this.#write(buffer.view(length))) buffer.surrender();
  }

  /** True: the kernel has not taken everything, and the bytes are needed until it has. */
  #write(data: Buffer | string): boolean {
    const handle = this.#handle;
    if (handle === undefined || this.#ending) return false;
    const streams = this.#streams;
    const request = (spareRequest ??= new streams.WriteWrap());
    const status =
      typeof data === 'string' ? handle.writeLatin1String(request, data) : handle.writeBuffer(request, data);
    if (status !== 0) {
      this.#fail();
      return false;
    }
    if (streams.streamBaseState[streams.kLastWriteWasAsync] === 0) return false;
    // Now the request belongs to this handle until it is done.
    spareRequest = undefined;
    request.adapter = this;
    request.data = data;
    request.bytes = streams.streamBaseState[streams.kBytesWritten]!;
    request.oncomplete = onWritten;
    this.backlogBytes += request.bytes;
    return true;
  }

  pause(): void {
    this.#reading = false;
    this.#handle?.readStop();
  }

  resume(): void {
    // A handle that is told to read while it reads answers with an error.
    if (this.#peerEnded || this.#reading || this.#handle === undefined) return;
    this.#reading = true;
    if (this.#handle.readStart() !== 0) this.#fail();
  }

  end(): void {
    const handle = this.#handle;
    if (handle === undefined || this.#ending) return;
    this.#ending = true;
    const request = new this.#streams.ShutdownWrap();
    request.adapter = this;
    request.oncomplete = onShutDown;
    if (handle.shutdown(request) !== 0) this.#fail();
  }

  destroy(): void {
    this.#events = undefined;
    this.#close();
  }

  /** @internal Called by the handle. */
  onRead(): void {
    const bytesOrError = this.#streams.streamBaseState[this.#streams.kReadBytesOrError]!;
    if (bytesOrError > 0) this.#events?.onData(submitLines().read(bytesOrError));
    else if (bytesOrError === this.#streams.endOfFile) {
      this.#peerEnded = true;
      this.#events?.onEnd();
      this.#closeWhenDone();
    } else if (bytesOrError < 0) this.#fail();
  }

  /** @internal Called by the handle. */
  onWritten(bytes: number, status: number): void {
    this.backlogBytes -= bytes;
    if (this.#handle === undefined) return;
    if (status < 0) this.#fail();
    else if (this.backlogBytes === 0) this.#events?.onDrain();
  }

  /** @internal Called by the handle. */
  onShutDown(status: number): void {
    this.#shutDown = true;
    if (status < 0) this.#fail();
    else this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (this.#peerEnded && this.#shutDown) this.#close();
  }

  #fail(): void {
    this.#failed = true;
    this.#close();
  }

  /** The last event comes in a turn of its own, whoever closes. */
  #close(): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#handle = undefined;
    handle.close(() => {
      const last = this.#events;
      this.#events = undefined;
      this.#onGone();
      last?.onClose(this.#failed);
    });
  }
}

/** One function for all handles, which call it on themselves. A throw here would end the process, not the trial. */
function onRead(this: TcpHandle): void {
  this?.sluiceAdapter?.onRead();
}

function onWritten(this: WriteRequest, status: number): void {
  this?.adapter?.onWritten(this.bytes ?? 0, status);
}

function onShutDown(this: ShutdownRequest, status: number): void {
  this?.adapter?.onShutDown(status);
}
