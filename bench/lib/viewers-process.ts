/**
 * Viewers of the pool topic, in a process of their own: open, count what arrives, close. Bare sockets that only tell frames apart, since
 * a full client in this process would cost more than the server that is measured.
 */
import { connect, type Socket } from 'node:net';
import { setPriority } from 'node:os';
import type { ViewersAnswer, ViewersCommand } from './viewers.ts';

const NICENESS_LEAST = 19;
/**
 * They stand for ten thousand computers elsewhere, whose reading takes no core of the server's: here it takes what engine and miners leave.
 * That favours the server a little; without it the ratio was no other (1.8 and 2.0 in noisy runs).
 */
setPriority(NICENESS_LEAST);
/** One for all: a buffer for each read would be 64 KiB of garbage each, and collecting it a stall of its own. */
const readBuffer = Buffer.alloc(65_536);
const NOTHING = Buffer.alloc(0);

/** What a client says is masked, here with zeros. */
function frameOf(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}
const WATCH = frameOf('{"subscribe":["pool"]}');
const LOOK_AWAY = frameOf('{"unsubscribe":["pool"]}');

/** Connecting all at once would overflow the server's queue of connections. */
const OPEN_AT_ONCE = 100;
/** Of the counts of times between messages, up to 20 s. */
const GAP_STEP_MS = 10;
const gapCounts = new Uint32Array(2_000);

class Viewer {
  messages = 0;
  /** Since it began to watch. */
  #heard = 0;
  #onHeard: (() => void) | undefined;
  #heardAtMs = 0;
  isOpen = true;
  readonly socket: Socket;
  readonly #onUpgraded: () => void;
  #head = NOTHING;
  #left = 0;
  #upgraded = false;

  constructor(url: URL, request: string, onUpgraded: () => void) {
    this.#onUpgraded = onUpgraded;
    const onread = {
      buffer: readBuffer,
      callback: (length: number): boolean => {
        this.#take(readBuffer.subarray(0, length));
        return true;
      },
    };
    this.socket = connect({ port: Number(url.port), host: url.hostname, onread });
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('close', () => {
      this.isOpen = false;
      onUpgraded();
      this.#onHeard?.();
    });
    this.socket.write(request);
  }

  watch(onHeard: () => void): void {
    this.#heard = 0;
    this.#onHeard = onHeard;
    if (this.isOpen) this.socket.write(WATCH);
    else onHeard();
  }

  #take(bytes: Buffer): void {
    if (this.#upgraded) {
      this.#count(bytes);
      return;
    }
    this.#head = Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    this.#upgraded = this.#head.subarray(0, 12).toString() === 'HTTP/1.1 101';
    const rest = this.#head.subarray(end + 4);
    this.#head = NOTHING;
    if (this.#upgraded) this.#count(rest);
    else this.socket.destroy();
    this.#onUpgraded();
  }

  #hear(): void {
    const nowMs = performance.now();
    this.messages++;
    // The first comes with the watching, the second somewhere in the next second: from then on there is a rhythm.
    if (++this.#heard > 2)
      gapCounts[Math.min(gapCounts.length - 1, Math.round((nowMs - this.#heardAtMs) / GAP_STEP_MS))]!++;
    this.#heardAtMs = nowMs;
    this.#onHeard?.();
    this.#onHeard = undefined;
  }

  /** A server's frames are not masked: two bytes, or four from 126 bytes on; none is as long as 64 KiB. */
  #count(chunk: Buffer): void {
    let bytes = chunk;
    while (bytes.length > 0) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length);
        this.#left -= taken;
        bytes = bytes.subarray(taken);
        continue;
      }
      const head = this.#head.length > 0 ? Buffer.concat([this.#head, bytes]) : bytes;
      const short = head.length > 1 && (head[1]! & 127) < 126;
      const headBytes = short ? 2 : 4;
      if (head.length < headBytes) {
        this.#head = Buffer.from(head);
        return;
      }
      this.#left = short ? head[1]! & 127 : head.readUInt16BE(2);
      if ((head[0]! & 15) === 1) this.#hear();
      bytes = head.subarray(headBytes);
      this.#head = NOTHING;
    }
  }
}

const viewers: Viewer[] = [];

async function open(url: URL, count: number): Promise<void> {
  const request =
    `GET /api/v1/live HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  for (let opened = 0; opened < count; opened += OPEN_AT_ONCE) {
    const some = Math.min(OPEN_AT_ONCE, count - opened);
    await Promise.all(
      Array.from({ length: some }, () => {
        return new Promise<void>((resolve) => {
          viewers.push(new Viewer(url, request, resolve));
        });
      }),
    );
  }
}

async function watch(): Promise<void> {
  for (let first = 0; first < viewers.length; first += OPEN_AT_ONCE) {
    const some = viewers.slice(first, first + OPEN_AT_ONCE);
    await Promise.all(some.map((viewer) => new Promise<void>((resolve) => viewer.watch(resolve))));
  }
}

function takeGapP99Ms(): number {
  let left = gapCounts.reduce((sum, count) => sum + count, 0) * 0.99;
  const place = gapCounts.findIndex((count) => (left -= count) <= 0);
  gapCounts.fill(0);
  return place * GAP_STEP_MS;
}

async function obey(command: ViewersCommand): Promise<void> {
  if (command.kind === 'open') await open(new URL(command.url), command.viewers);
  if (command.kind === 'watch') await watch();
  if (command.kind === 'look away')
    for (const { isOpen, socket } of viewers) if (isOpen) socket.write(LOOK_AWAY);
  const answer: ViewersAnswer = {
    open: viewers.filter(({ isOpen }) => isOpen).length,
    messages: viewers.reduce((sum, { messages }) => sum + messages, 0),
    gapP99Ms: takeGapP99Ms(),
  };
  process.send!(answer);
}

process.on('message', (command: ViewersCommand) => void obey(command));
process.on('disconnect', () => process.exit());
