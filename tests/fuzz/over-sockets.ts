/** Mutated lines over real sockets: whatever comes, an honest miner beside them is answered, and in the end nobody is left. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Verdict } from '../../src/domain/share.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { createRegistry } from '../../src/kit/metrics.ts';
import { createStratum, type Stratum } from '../../src/stratum/stratum-server.ts';
import { faultOfAnswer } from './answer-rules.ts';
import { corpusLines } from './in-process.ts';
import { Mutator } from './mutator.ts';

export interface SocketFuzzReport {
  readonly lines: number;
  readonly answers: number;
  readonly connections: number;
  readonly honestAnswers: number;
  readonly faults: readonly string[];
}

const SOCKETS = 16;
const BURST_LINES = 20;
const LEAVE_MS = 10_000;

/** A socket of a stranger, and what it was told. */
class Stranger {
  readonly socket: Socket;
  answers = 0;
  isOver = false;
  #rest = '';

  constructor(port: number, onFault: (fault: string) => void) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isOver = true;
    });
    this.socket.on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) {
        const fault = faultOfAnswer(line);
        if (fault !== undefined) onFault(`${fault}: ${line}`);
        if (!line.includes('"method"')) this.answers++;
      }
    });
  }
}

export async function fuzzOverSockets(lines: number, random: () => number): Promise<SocketFuzzReport> {
  const stratum = openServer();
  const [opened] = await stratum.open({
    saturated: false,
    refused: () => {},
    submit: () => Verdict.LowDifficulty,
  });
  const { port } = opened!;
  const faults: string[] = [];
  const mutator = new Mutator(random);
  const seeds = corpusLines();
  const strangers: Stranger[] = [];
  let connections = 0;
  let answers = 0;
  const honest = new Stranger(port, (fault) => faults.push(fault));
  await once(honest.socket, 'connect');
  let asked = 0;
  for (let done = 0; done < lines; done += BURST_LINES) {
    const place = mutator.below(SOCKETS);
    let stranger = strangers[place];
    if (stranger === undefined || stranger.isOver || stranger.socket.destroyed) {
      answers += stranger?.answers ?? 0;
      connections++;
      stranger = strangers[place] = new Stranger(port, (fault) => faults.push(fault));
    }
    const burst = Array.from({ length: Math.min(BURST_LINES, lines - done) }, () => mutator.mutate(seeds));
    for (const line of burst) stranger.socket.write(Buffer.concat([line, Buffer.from('\n')]));
    if (done % (10 * BURST_LINES) === 0) {
      asked++;
      const answered = honest.answers;
      honest.socket.write(`{"id":${asked},"method":"mining.ping"}\n`);
      while (honest.answers === answered && !honest.isOver) await once(honest.socket, 'data');
    }
  }
  for (const stranger of strangers) stranger?.socket.end();
  honest.socket.end();
  const endMs = performance.now() + LEAVE_MS;
  while (stratum.sessionCount() > 0 && performance.now() < endMs)
    await new Promise((resolve) => setTimeout(resolve, 10));
  if (stratum.sessionCount() > 0) faults.push(`${stratum.sessionCount()} sessions are left`);
  if (honest.answers !== asked) faults.push(`${asked - honest.answers} honest requests were not answered`);
  for (const stranger of strangers) {
    answers += stranger?.answers ?? 0;
    stranger?.socket.destroy();
  }
  await stratum.close();
  return { lines, answers, connections, honestAnswers: honest.answers, faults };
}

function openServer(): Stratum {
  return createStratum({
    ports: [
      {
        ...{ host: '127.0.0.1', port: 0, label: 'fuzz' },
        ...{ difficultyLog2: 6, difficultyMinLog2: 0, difficultyMaxLog2: 20 },
      },
    ],
    checkAddress: (address) =>
      address.startsWith('kaspa:q')
        ? { ok: true, address }
        : { ok: false, reason: 'this pool mines testing' },
    workers: { acquireWorker: () => 1, releaseWorker: () => {} },
    registry: createRegistry(),
    log: silentLogger,
    clock: () => performance.now(),
    random: Math.random,
    // Strangers come again and again from this one address.
    limits: {
      closeLingerMs: 500,
      penalties: { pointsMax: 1e9, pointFadesMs: 1, firstWaitMs: 1, longestWaitMs: 1, strikeFadesMs: 1 },
    },
  });
}
