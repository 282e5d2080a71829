/**
 * One socket to the server under test: says the bytes it is told to, keeps every line that comes, and waits for lines with an end
 * to its patience. Everything is shown to the witness, who judges at the end what no single check looks for.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { demand, shown, Unmet } from './finding.ts';
import type { Line, Testimony, Witness } from './witness.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** A sound server answers within milliseconds; a busy machine may need longer. */
const PATIENCE_MS = 5_000;
/** Silence that counts as nothing. */
const QUIET_MS = 250;

export class Wire {
  readonly socket: Socket;
  /** Everything that came, as it came. */
  raw = '';
  closed = false;
  readonly lines: Line[] = [];
  readonly #testimony: Testimony;
  #rest = '';
  #read = 0;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket, witness: Witness) {
    this.socket = socket;
    this.#testimony = witness.open();
    socket.setEncoding('latin1').setNoDelay(true);
    socket.on('data', (text: string) => this.#take(text));
    // What matters is that it is over, and 'close' says that.
    socket.on('error', () => {});
    const close = (): void => {
      this.closed = true;
      this.#wake?.();
    };
    socket.on('end', close).on('close', close);
  }

  static async connect(place: Place, witness: Witness): Promise<Wire> {
    const socket = connect({ host: place.host, port: place.port });
    try {
      await once(socket, 'connect');
    } catch (error) {
      throw new Unmet('a connection that is taken', String(error));
    }
    return new Wire(socket, witness);
  }

  /** Requests as objects or text, in one segment. */
  send(...requests: readonly (object | string)[]): void {
    const lines = requests.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
    this.write(lines.map((line) => `${line}\n`).join(''));
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The next line nobody has read yet. */
  async next(expected = 'a line'): Promise<Line> {
    await this.until(() => this.#read < this.lines.length || this.closed, expected);
    demand(this.#read < this.lines.length, expected, 'the connection was closed');
    return this.lines[this.#read++]!;
  }

  /** The next unread line that is no push. */
  async nextReply(expected = 'a reply'): Promise<Line> {
    for (;;) {
      const line = await this.next(expected);
      if (line.fields?.method === undefined) return line;
    }
  }

  /** The reply with this id, wherever it stands among the lines; later lines stay unread. */
  async reply(id: unknown): Promise<Line> {
    const expected = `a reply with the id ${JSON.stringify(id)}`;
    const isIt = ({ fields }: Line): boolean =>
      fields !== undefined && fields.id === id && fields.method === undefined;
    await this.until(() => this.closed || this.lines.some(isIt), expected);
    const found = this.lines.find(isIt);
    demand(found !== undefined, expected, () => `the connection was closed after ${shown(this.raw)}`);
    return found;
  }

  /** The next unread push of one of these methods; what stands before it is passed over. */
  async push(...methods: readonly string[]): Promise<Line> {
    for (;;) {
      const line = await this.next(`a push of ${methods.join(' or ')}`);
      if (methods.includes(String(line.fields?.method))) return line;
    }
  }

  /** Waits until the server hangs up. */
  async ended(patienceMs = PATIENCE_MS): Promise<void> {
    await this.until(() => this.closed, 'the connection to be closed', patienceMs);
  }

  /** Nothing comes for a moment. */
  async quiet(expected: string): Promise<void> {
    const before = this.lines.length;
    await pause(QUIET_MS);
    demand(this.lines.length === before, expected, () => shown(this.lines[before]!.text));
  }

  async until(holds: () => boolean, expected: string, patienceMs = PATIENCE_MS): Promise<void> {
    const endMs = performance.now() + patienceMs;
    while (!holds()) {
      const leftMs = endMs - performance.now();
      demand(
        leftMs > 0,
        expected,
        () => `nothing of the kind in ${patienceMs} ms; last came ${this.#tail()}`,
      );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }

  close(): void {
    this.socket.destroy();
  }

  #tail(): string {
    return this.lines.length === 0 ? 'nothing' : shown(this.lines.at(-1)!.text);
  }

  #take(text: string): void {
    this.raw += text;
    const parts = (this.#rest + text).split('\n');
    this.#rest = parts.pop()!;
    const atMs = performance.now();
    for (const part of parts) {
      const line = { text: part, fields: fieldsOf(part), atMs };
      this.lines.push(line);
      this.#testimony.heard(line);
    }
    this.#wake?.();
  }
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
