/**
 * A miner that a test drives by hand: it follows jobs by itself, finds real shares when asked, and keeps every reply, so that a
 * test can say that there was exactly one.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Verdict } from '../../src/domain/share.ts';
import { pollUntil } from './poll-until.ts';
import { type GrindWork, grindShares } from './share-grinder.ts';
import type { StratumLine } from './stratum-client.ts';

export interface ShareJob extends GrindWork {
  readonly id: string;
}

export class ShareClient {
  readonly replies: StratumLine[] = [];
  job: ShareJob | undefined;
  /** Four hex digits; '' before the login. */
  extranonceHex = '';
  closed = false;
  readonly #socket: Socket;
  #difficultyLog2 = 0;
  #rest = '';
  #nextId = 1;
  #counter = 1n;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').setNoDelay(true);
    socket.on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.#take(JSON.parse(line) as StratumLine);
    });
    socket.on('error', () => {});
    const close = (): void => {
      this.closed = true;
    };
    socket.on('end', close).on('close', close);
  }

  static async connect(port: number): Promise<ShareClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new ShareClient(socket);
  }

  /** Subscribed, authorized, with a job. */
  static async login(port: number, login: string): Promise<ShareClient> {
    const client = await ShareClient.connect(port);
    // The hex form of jobs: 80 digits, no integers that JSON would round.
    await client.ask('mining.subscribe', ['IceRiverMiner-v1.1']);
    const reply = await client.ask('mining.authorize', [login, 'x']);
    if (reply.result !== true) throw new Error(`not authorized: ${JSON.stringify(reply)}`);
    await client.nextJob('');
    return client;
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  async ask(method: string, params: readonly unknown[]): Promise<StratumLine> {
    const id = this.#nextId++;
    this.write(`${JSON.stringify({ id, method, params })}\n`);
    return this.reply(id);
  }

  /** The reply with this id, which may have come already. */
  async reply(id: unknown): Promise<StratumLine> {
    return pollUntil(`a reply to ${String(id)} came`, () => {
      const found = this.replies.find((line) => line.id === id);
      if (!found && this.closed) throw new Error(`closed before a reply to ${String(id)} came`);
      return found;
    });
  }

  /** A job other than the one with this id. */
  async nextJob(than = this.job?.id): Promise<ShareJob> {
    return pollUntil('a job came', () => this.job && this.job.id !== than && this.job);
  }

  /** Shares of the present job, or misses, never the same twice; 16 digits with the extranonce in front. */
  find(count: number, wanted: number = Verdict.Share): string[] {
    const base = BigInt(`0x${this.extranonceHex}`) << 48n;
    const nonces = grindShares(this.job!, base + this.#counter, count, wanted);
    this.#counter = (nonces.at(-1)! & 0xffff_ffff_ffffn) + 1n;
    return nonces.map((nonce) => nonce.toString(16).padStart(16, '0'));
  }

  /** 0 = `true`, otherwise the error's code. */
  async submit(nonce: string, jobId = this.job!.id): Promise<number> {
    const reply = await this.ask('mining.submit', ['whoever', jobId, nonce]);
    return codeOf(reply);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(line: StratumLine): void {
    const [first, second] = line.params ?? [];
    switch (line.method) {
      case undefined:
        this.replies.push(line);
        return;
      case 'mining.set_difficulty':
        this.#difficultyLog2 = Math.log2(first as number);
        return;
      case 'mining.set_extranonce':
      case 'set_extranonce':
        this.extranonceHex = first as string;
        return;
      case 'mining.notify': {
        const bytes = Buffer.from(second as string, 'hex');
        this.job = {
          id: first as string,
          prePowHash: bytes.subarray(0, 32),
          timestampMs: bytes.readBigUInt64LE(32),
          difficultyLog2: this.#difficultyLog2,
        };
      }
    }
  }
}

export function codeOf(reply: StratumLine): number {
  if (reply.result === true && reply.error === null) return 0;
  return reply.error?.[0] ?? -1;
}
