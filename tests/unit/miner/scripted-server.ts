/** A stratum server that says exactly what a test tells it to say. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export class ScriptedPeer {
  readonly socket: Socket;
  closed = false;
  readonly #lines: string[] = [];
  #text = '';
  #waiting: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('data', (text: string) => {
      const lines = (this.#text + text).split('\n');
      this.#text = lines.pop()!;
      this.#lines.push(...lines);
      this.#waiting?.();
    });
    socket.on('close', () => {
      this.closed = true;
      this.#waiting?.();
    });
  }

  /** Lines that came and were not asked for yet. */
  get unread(): number {
    return this.#lines.length;
  }

  async line(): Promise<string> {
    while (this.#lines.length === 0) {
      if (this.closed) throw new Error('the miner has closed the connection');
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
    return this.#lines.shift()!;
  }

  async request(): Promise<{ id: number; method: string; params: string[] }> {
    return JSON.parse(await this.line()) as { id: number; method: string; params: string[] };
  }

  say(...lines: string[]): void {
    this.socket.write(lines.map((line) => `${line}\n`).join(''));
  }

  async untilClosed(): Promise<void> {
    if (!this.closed) await once(this.socket, 'close');
  }
}

export class ScriptedServer {
  readonly #server: Server = createServer((socket) => {
    const peer = new ScriptedPeer(socket);
    this.#peers.push(peer);
    this.onPeer?.(peer);
    this.#waiting?.();
  });
  readonly #peers: ScriptedPeer[] = [];
  readonly #all = new Set<Socket>();
  #waiting: (() => void) | undefined;
  /** For servers that answer by themselves. */
  onPeer: ((peer: ScriptedPeer) => void) | undefined;

  async listen(): Promise<number> {
    this.#server.on('connection', (socket) => this.#all.add(socket));
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async peer(): Promise<ScriptedPeer> {
    while (this.#peers.length === 0) await new Promise<void>((resolve) => (this.#waiting = resolve));
    return this.#peers.shift()!;
  }

  async close(): Promise<void> {
    for (const socket of this.#all) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The testnet genesis block's work: a job with published shares. */
export const GENESIS_HASH = 'f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d';
export const GENESIS_TIMESTAMP = 1633687894966n;
export const GENESIS_ARRAY =
  '[6609771454773699064,13556611415092893196,16473918277081561826,4461614803248817874],1633687894966';
export const GENESIS_HEX = `${GENESIS_HASH}b6fb625f7c010000`;

export const reply = (id: number): string => `{"id":${id},"result":true,"error":null}`;
export const refusal = (id: number, code: number): string =>
  `{"id":${id},"result":null,"error":[${code},"no",null]}`;
export const difficulty = (value: number): string =>
  `{"id":null,"method":"mining.set_difficulty","params":[${value}]}`;
export const arrayJob = (id: string): string =>
  `{"id":null,"method":"mining.notify","params":["${id}",${GENESIS_ARRAY}]}`;
export const hexJob = (id: string): string =>
  `{"id":null,"method":"mining.notify","params":["${id}","${GENESIS_HEX}"]}`;
export const extranonce = (hex: string): string =>
  `{"id":null,"method":"mining.set_extranonce","params":["${hex}"]}`;
export const sizedExtranonce = (hex: string): string =>
  `{"id":null,"method":"mining.set_extranonce","params":["${hex}",${8 - hex.length / 2}]}`;

/** Polls until `condition` holds; the test's own time-out is the bound. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
