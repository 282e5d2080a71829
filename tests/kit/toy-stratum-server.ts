/**
 * A small stratum server that a test can break in one place: the checklist must find the break, at its point, and nothing else. It
 * shares no code with the engine's stratum room.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { checkAddress } from '../../src/chains/kaspa/address.ts';
import { leBytesToInteger } from '../../src/domain/target.ts';
import { loadKernel } from '../../wasm/load.ts';

export const TOY_FAULTS = [
  ...['reads-are-lines', 'keeps-nuls', 'no-cap', 'answers-http', 'zero-id-as-null', 'leaves-out-null'],
  ...['error-as-text', 'silent-on-unknown-job', 'early-extranonce', 'job-on-next-tick', 'bitmain-as-usual'],
  ...['one-extranonce', 'one-param-for-all', 'float-difficulty', 'rounds-words', 'hex-ids', 'pads-nothing'],
  ...['pays-duplicates', 'loose-target', 'strict-target', 'any-network', 'job-flood', 'numeric-ids-only'],
  ...['difficulty-without-job', 'drops-early-submit', 'ignores-extranonce', 'junk-forever'],
] as const;
export type ToyFault = (typeof TOY_FAULTS)[number];

interface ToyJob {
  readonly id: number;
  readonly hash: Buffer;
  readonly timestampMs: bigint;
  readonly seen: Set<bigint>;
}

interface ToyClient {
  readonly socket: Socket;
  readonly extranonce: number;
  agent: string;
  authorized: boolean;
  difficulty: number;
  /** By job id. */
  readonly difficulties: Map<number, number>;
  malformed: number;
  rest: string;
}

type Request = { id?: unknown; method?: unknown; params?: unknown };

const TICK_MS = 250;
const FLOOD_TICK_MS = 60;
const SLOW_TICK_MS = 2_000;
const LINE_MAX = 8_192;
const JOBS_KEPT = 48;
const DEFAULT_DIFFICULTY = 2 ** -16;
const MIN_DIFFICULTY = 2 ** -31;

export class ToyStratumServer {
  readonly #faults: ReadonlySet<ToyFault>;
  readonly #server: Server;
  readonly #clients = new Set<ToyClient>();
  readonly #kernel = loadKernel();
  readonly #jobs: ToyJob[] = [];
  #ticker: NodeJS.Timeout | undefined;
  #nextExtranonce = 1;
  #nextJobId = 1;

  constructor(...faults: ToyFault[]) {
    this.#faults = new Set(faults);
    this.#server = createServer((socket) => this.#connected(socket));
  }

  async listen(): Promise<number> {
    this.#tick();
    const usualMs = this.#has('job-on-next-tick') ? SLOW_TICK_MS : TICK_MS;
    this.#ticker = setInterval(() => this.#tick(), this.#has('job-flood') ? FLOOD_TICK_MS : usualMs);
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    clearInterval(this.#ticker);
    for (const { socket } of this.#clients) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #has(fault: ToyFault): boolean {
    return this.#faults.has(fault);
  }

  #tick(): void {
    const hash = Buffer.from(Array.from({ length: 32 }, () => 1 + Math.floor(Math.random() * 255)));
    const id = this.#nextJobId++;
    this.#jobs.push({ id, hash, timestampMs: BigInt(Date.now()), seen: new Set() });
    if (this.#jobs.length > JOBS_KEPT) this.#jobs.shift();
    for (const client of this.#clients) if (client.authorized) this.#sendJob(client);
  }

  #connected(socket: Socket): void {
    const extranonce = this.#has('one-extranonce') ? 1 : this.#nextExtranonce++;
    const client: ToyClient = {
      ...{ socket, extranonce, agent: '', authorized: false, difficulty: DEFAULT_DIFFICULTY },
      ...{ difficulties: new Map(), malformed: 0, rest: '' },
    };
    this.#clients.add(client);
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('close', () => this.#clients.delete(client));
    socket.on('data', (text: string) => this.#read(client, text));
  }

  #read(client: ToyClient, text: string): void {
    const lines = (client.rest + (this.#has('keeps-nuls') ? text : text.replaceAll('\0', ''))).split('\n');
    client.rest = this.#has('reads-are-lines') ? '' : lines.pop()!;
    if (client.rest.length > LINE_MAX && !this.#has('no-cap')) client.socket.destroy();
    for (const line of lines) if (line.trim() !== '' && !client.socket.destroyed) this.#line(client, line);
    if (client.socket.writableLength > 65_536) client.socket.destroy();
  }

  #line(client: ToyClient, line: string): void {
    if (/^(GET|POST|PUT|DELETE|HEAD|OPTIONS|PRI|PROXY) /.test(line) && !this.#has('answers-http')) {
      client.socket.destroy();
      return;
    }
    let request: Request;
    try {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what it is about
      request = JSON.parse(line.replace(/[\u0000-\u001f]/g, ' ')) as Request;
    } catch {
      request = {};
    }
    if (typeof request !== 'object' || request === null || typeof request.method !== 'string') {
      if (client.malformed === 0) this.#say(client, null, 20);
      if (++client.malformed >= 5 && !this.#has('junk-forever')) client.socket.end();
      return;
    }
    const params = Array.isArray(request.params) ? (request.params as unknown[]) : [];
    this.#request(client, request.id, request.method, params);
  }

  #request(client: ToyClient, id: unknown, method: string, params: readonly unknown[]): void {
    switch (method) {
      case 'mining.subscribe':
        client.agent = String(params[0] ?? '').toLowerCase();
        this.#write(client, `{"id":${this.#idText(id)},"result":${this.#subscription(client)},"error":null}`);
        if (this.#has('early-extranonce')) this.#pushExtranonce(client);
        return;
      case 'mining.extranonce.subscribe':
        this.#say(client, id, 0);
        return;
      case 'mining.authorize':
        this.#authorize(client, id, params);
        return;
      case 'mining.submit': {
        const code = this.#judge(client, params);
        if (code === 21 && this.#has('silent-on-unknown-job')) return;
        if (code === 24 && this.#has('drops-early-submit')) client.socket.destroy();
        else this.#say(client, id, code);
        return;
      }
      default:
        this.#say(client, id, 20);
    }
  }

  #isBitmain(client: ToyClient): boolean {
    return /godminer|bitmain|antminer/.test(client.agent) && !this.#has('bitmain-as-usual');
  }

  #hexOf(client: ToyClient): string {
    return client.extranonce.toString(16).padStart(4, '0');
  }

  #subscription(client: ToyClient): string {
    return this.#isBitmain(client) ? `[null,"${this.#hexOf(client)}",6]` : '[true,"EthereumStratum/1.0.0"]';
  }

  #authorize(client: ToyClient, id: unknown, [login, password]: readonly unknown[]): void {
    const address = String(login ?? '').split(/[.,]/)[0]!;
    if (!this.#has('any-network') && !checkAddress(address, 'devnet').ok) {
      this.#say(client, id, 24);
      return;
    }
    const wish = Number(/(?:^|[,;])d(?:iff)?=([\d.]+)/.exec(String(password ?? ''))?.[1]);
    if (wish > 0) client.difficulty = Math.max(MIN_DIFFICULTY, 2 ** Math.floor(Math.log2(wish)));
    this.#say(client, id, 0);
    if (!client.authorized && !this.#isBitmain(client) && !this.#has('early-extranonce'))
      this.#pushExtranonce(client);
    const isFirst = !client.authorized;
    client.authorized = true;
    const { difficulty } = client;
    const text = this.#has('float-difficulty') && difficulty >= 1 ? `${difficulty}.0` : plain(difficulty);
    this.#write(client, `{"id":null,"method":"mining.set_difficulty","params":[${text}]}`);
    if (this.#has('difficulty-without-job'))
      this.#write(client, `{"id":null,"method":"mining.set_difficulty","params":[${text}]}`);
    // The id of the newest one is tied to the difficulty that it was given with.
    if (isFirst && !this.#has('job-on-next-tick')) this.#sendJob(client);
  }

  #pushExtranonce(client: ToyClient): void {
    const isTwo = /kaspa-miner|rigel/.test(client.agent) && !this.#has('one-param-for-all');
    const params = isTwo ? `["${this.#hexOf(client)}",6]` : `["${this.#hexOf(client)}"]`;
    const method = isTwo ? 'set_extranonce' : 'mining.set_extranonce';
    this.#write(client, `{"id":null,"method":"${method}","params":${params}}`);
  }

  #sendJob(client: ToyClient): void {
    const { id, hash, timestampMs } = this.#jobs.at(-1)!;
    client.difficulties.set(id, client.difficulty);
    const name = this.#has('hex-ids') ? `0${id.toString(16)}` : String(id);
    const time = Buffer.alloc(8);
    time.writeBigUInt64LE(timestampMs);
    const words = [0, 8, 16, 24].map((at) => hash.readBigUInt64LE(at));
    const isHex = /iceriver|bzminer|goldshell/.test(client.agent);
    const work = isHex
      ? `"${hash.toString('hex')}${time.toString('hex')}"`
      : `[${words.map((word) => (this.#has('rounds-words') ? BigInt(Number(word)) : word)).join(',')}],${timestampMs}`;
    this.#write(client, `{"id":null,"method":"mining.notify","params":["${name}",${work}]}`);
  }

  #judge(client: ToyClient, params: readonly unknown[]): number {
    if (!client.authorized) return 24;
    const text = params.length >= 5 ? params.at(-1) : params[2];
    if (typeof text !== 'string' || !/^(?:0[xX])?[0-9a-fA-F]{1,16}$/.test(text)) return 20;
    if (typeof params[1] === 'number' && this.#has('numeric-ids-only')) return 20;
    const name = String(params[1]);
    const jobId = this.#has('hex-ids') ? Number(`0x${name || 'x'}`) : Number(name || 'x');
    const job = this.#jobs.find((each) => each.id === jobId);
    const difficulty = client.difficulties.get(jobId);
    if (job === undefined || difficulty === undefined) return 21;
    const digits = text.replace(/^0[xX]/, '').toLowerCase();
    const full =
      digits.length <= 12 && !this.#has('pads-nothing')
        ? this.#hexOf(client) + digits.padStart(12, '0')
        : digits.padStart(16, '0');
    if (
      !full.startsWith(this.#hexOf(client)) &&
      !this.#has('ignores-extranonce') &&
      !this.#has('pads-nothing')
    )
      return 21;
    const nonce = BigInt(`0x${full}`);
    if (job.seen.has(nonce) && !this.#has('pays-duplicates')) return 22;
    job.seen.add(nonce);
    this.#kernel.prepare(0, job.id, job.hash, job.timestampMs, new Uint8Array(32));
    let target = BigInt(2 ** 224 / difficulty);
    if (this.#has('loose-target')) target *= 2n;
    if (this.#has('strict-target')) target = (target * 0xffffn) / 0x10000n;
    return leBytesToInteger(this.#kernel.powOf(0, nonce)) <= target ? 0 : 23;
  }

  #idText(id: unknown): string {
    return JSON.stringify((this.#has('zero-id-as-null') ? id || null : id) ?? null);
  }

  #say(client: ToyClient, id: unknown, code: number): void {
    const text = this.#idText(id);
    if (code === 0)
      this.#write(
        client,
        this.#has('leaves-out-null')
          ? `{"id":${text},"result":true}`
          : `{"id":${text},"result":true,"error":null}`,
      );
    else
      this.#write(
        client,
        `{"id":${text},"result":null,"error":${this.#has('error-as-text') ? `"no ${code}"` : `[${code},"no",null]`}}`,
      );
  }

  #write(client: ToyClient, text: string): void {
    client.socket.write(`${text}\n`);
  }
}

/** A power of two in plain digits. */
function plain(difficulty: number): string {
  return difficulty >= 1 ? String(difficulty) : difficulty.toFixed(-Math.log2(difficulty));
}
