import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What a test waits for longest before it says what did not come. */
const PATIENCE_MS = 10_000;

export interface StratumLine {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: readonly unknown[];
  readonly result?: unknown;
  readonly error?: readonly [number, string, unknown] | null;
}

/** A client that sends exactly the bytes it is told to, and hands out the lines that come, one at a time. */
export class StratumClient {
  readonly socket: Socket;
  /** The server has ended or reset the connection. */
  closed = false;
  /** Everything that came, as it came. */
  raw = '';
  #rest = '';
  readonly #lines: string[] = [];
  readonly #replies: StratumLine[] = [];
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1').setNoDelay(true);
    socket.on('data', (text: string) => {
      this.raw += text;
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop()!;
      this.#lines.push(...lines);
      this.#wake?.();
    });
    socket.on('error', () => {});
    const close = (): void => {
      this.closed = true;
      this.#wake?.();
    };
    socket.on('end', close).on('close', close);
  }

  static async connect(host: string, port: number): Promise<StratumClient> {
    const socket = connect(port, host);
    await once(socket, 'connect');
    return new StratumClient(socket);
  }

  send(...requests: (object | string)[]): void {
    const lines = requests.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
    this.write(lines.map((line) => `${line}\n`).join(''));
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** The next line, or undefined when the connection ended instead. */
  async nextText(): Promise<string | undefined> {
    await this.#until('a line came', () => this.#lines.length > 0 || this.closed);
    return this.#lines.shift();
  }

  async next(): Promise<StratumLine> {
    const text = await this.nextText();
    if (text === undefined) throw new Error('the server closed the connection');
    return JSON.parse(text) as StratumLine;
  }

  async take(count: number): Promise<StratumLine[]> {
    const lines: StratumLine[] = [];
    while (lines.length < count) lines.push(await this.next());
    return lines;
  }

  /** The reply to the request with this id. Other replies before it are kept for who asks for them; pushes are dropped. */
  async reply(id: unknown): Promise<StratumLine> {
    for (;;) {
      const early = this.#replies.findIndex((line) => line.id === id);
      if (early >= 0) return this.#replies.splice(early, 1)[0]!;
      const line = await this.next();
      if (line.method === undefined) this.#replies.push(line);
    }
  }

  /** The next push of this method. */
  async push(method: string): Promise<StratumLine> {
    for (;;) {
      const line = await this.next();
      if (line.method === method) return line;
    }
  }

  /** Waits for the end and returns the lines that came before it. */
  async ended(): Promise<StratumLine[]> {
    await this.#until('the server closed the connection', () => this.closed);
    return this.#lines.splice(0).map((line) => JSON.parse(line) as StratumLine);
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve, reject) => {
        const patience = setTimeout(() => reject(new Error(`waited in vain until ${what}`)), PATIENCE_MS);
        this.#wake = () => {
          clearTimeout(patience);
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }
}
