/**
 * The control channel: lines over TCP on loopback, one command a line, one JSON answer a line.
 *
 *   -> reorg 3 red=false                      words: the first bare word is `value`
 *   -> {"id":7,"command":"reorg","value":3}   or JSON; `id` comes back
 *   <- {"id":7,"ok":true,"result":{...}}
 *   <- {"id":7,"ok":false,"error":"..."}
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { type CommandArguments, type CommandTarget, runCommand, type SimnodeStatus } from './commands.ts';

/** The longest command is a hundred characters; more without a line end is somebody else's protocol. */
const LINE_MAX_CHARS = 4096;

export class ControlServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(target: CommandTarget) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      let rest = '';
      socket.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        for (const line of lines)
          if (line.trim() !== '') socket.write(`${answerLine(target, line.trim())}\n`);
        if (rest.length > LINE_MAX_CHARS) socket.destroy();
      });
    });
  }

  listen(host: string, port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) =>
        reject(
          new EdgeError(
            'SLUICE_SIMNODE_LISTEN',
            `the control channel cannot listen on ${host}:${port}: ${error.message}`,
            'Give another --control-port, or 0 for any free one.',
            error,
          ),
        ),
      );
      this.#server.listen(port, host, () => {
        const bound = this.#server.address();
        resolve(`${host}:${typeof bound === 'object' && bound ? bound.port : port}`);
      });
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

function answerLine(target: CommandTarget, line: string): string {
  let id: unknown = null;
  try {
    const { command, ...values } = line.startsWith('{')
      ? (JSON.parse(line) as Record<string, never>)
      : wordsOf(line);
    id = (values as { id?: unknown }).id ?? null;
    return JSON.stringify({ id, ok: true, result: runCommand(target, String(command), values) });
  } catch (error) {
    return JSON.stringify({ id, ok: false, error: messageOf(error) });
  }
}

function wordsOf(line: string): Record<string, string> {
  const [command = '', ...words] = line.split(/\s+/);
  const values: Record<string, string> = { command };
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 0) values.value = word;
    else values[word.slice(0, equals)] = word.slice(equals + 1);
  }
  return values;
}

/** The other end, for tests, the demo and scripts. */
export class ControlClient {
  readonly #socket: Socket;
  readonly #waiting: { resolve(result: unknown): void; reject(error: Error): void }[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    // Answers come in the order of the commands, so no ids are needed.
    createInterface({ input: socket }).on('line', (line) => {
      const answer = JSON.parse(line) as { ok: boolean; result: unknown; error: string };
      const next = this.#waiting.shift();
      if (answer.ok) next?.resolve(answer.result);
      else next?.reject(new EdgeError('SLUICE_SIMNODE_COMMAND', answer.error));
    });
    const lost = (): void => {
      for (const next of this.#waiting.splice(0))
        next.reject(new EdgeError('SLUICE_SIMNODE_GONE', 'the simulated node is gone'));
    };
    socket.on('close', lost);
    socket.on('error', lost);
  }

  static connect(address: string): Promise<ControlClient> {
    const colon = address.lastIndexOf(':');
    return new Promise((resolve, reject) => {
      const socket = connect(Number(address.slice(colon + 1)), address.slice(0, colon));
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new ControlClient(socket));
      });
    });
  }

  send(command: string, values: CommandArguments = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(`${JSON.stringify({ command, ...values })}\n`);
    });
  }

  async status(): Promise<SimnodeStatus> {
    return (await this.send('status')) as SimnodeStatus;
  }

  close(): void {
    this.#socket.destroy();
  }
}
