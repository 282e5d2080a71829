/**
 * Mutated lines against the whole stratum room in one process, millions of them: nothing may throw, every line that is written must be
 * one that clients can read, no line may be answered twice, and in the end nothing may be left of anybody.
 */
import { readFileSync } from 'node:fs';
import { Verdict } from '../../src/domain/share.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { createRegistry } from '../../src/kit/metrics.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import type { SocketAdapter, SocketEvents } from '../../src/stratum/socket/socket-adapter.ts';
import type { WriteBuffer } from '../../src/stratum/socket/write-buffer.ts';
import { createStratum, type Stratum } from '../../src/stratum/stratum-server.ts';
import type { ShareIntake } from '../../src/validation/intake.ts';
import { faultOfAnswer } from './answer-rules.ts';
import { NewBlocks } from './coverage.ts';
import { Mutator } from './mutator.ts';

export interface FuzzReport {
  readonly lines: number;
  readonly answers: number;
  readonly connections: number;
  /** Lines that reached code which none before them had. */
  readonly seedsFound: readonly Buffer[];
  readonly faults: readonly string[];
  readonly heapGrownBytes: number;
}

const PREPOW = Buffer.from('f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d', 'hex');
/** Between two looks at coverage, and two turns of the event loop. */
const GROUP_LINES = 200;
const SEEDS_MAX = 4_000;
const FAULTS_MAX = 20;
const CONNECTIONS = 8;

export function corpusLines(): Buffer[] {
  const text = readFileSync(projectPath('tests', 'fuzz', 'corpus', 'lines.txt'), 'latin1');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from(line, 'latin1'));
}

/** A socket that reads what it is written, and keeps only whether it was right. */
class Wire implements SocketAdapter {
  remoteAddress = '192.0.2.1';
  readonly backlogBytes = 0;
  events: SocketEvents | undefined;
  isOver = false;
  answers = 0;
  readonly #onFault: (fault: string) => void;

  constructor(onFault: (fault: string) => void) {
    this.#onFault = onFault;
  }

  write(data: Buffer | string): void {
    const text = data.toString('latin1');
    if (!text.endsWith('\n')) this.#onFault(`half a line: ${text}`);
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const fault = faultOfAnswer(line);
      if (fault !== undefined) this.#onFault(`${fault}: ${line}`);
      if (!line.includes('"method"')) this.answers++;
    }
  }

  writeFrom(buffer: WriteBuffer, length: number): void {
    this.write(Buffer.from(buffer.view(length)));
  }

  pause(): void {}
  resume(): void {}

  end(): void {
    this.isOver = true;
    const { events } = this;
    this.events = undefined;
    setImmediate(() => events?.onClose(false));
  }

  destroy(): void {
    this.isOver = true;
    this.events = undefined;
  }
}

/** Refuses by the nonce, so that every answer is met. */
const intake: ShareIntake = {
  saturated: false,
  refused: () => {},
  submit: (_session, jobId, nonceLo) => {
    if (jobId > 50) return Verdict.UnknownJob;
    return [Verdict.LowDifficulty, Verdict.StaleJob, Verdict.Duplicate, Verdict.Share][nonceLo & 3]!;
  },
};

function openRoom(): Stratum {
  const limits = { connectionsPerAddress: 1_000, conductPointsMax: 400 };
  return createStratum({
    ports: [
      {
        ...{ host: '127.0.0.1', port: 0, label: 'fuzz', sharesPerMinute: 20, limits },
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
    limits: {
      penalties: { pointsMax: 1e9, pointFadesMs: 1, firstWaitMs: 1, longestWaitMs: 1, strikeFadesMs: 1 },
    },
  });
}

export class InProcessFuzz {
  readonly #room = openRoom();
  readonly #faults: string[] = [];
  readonly #wires: Wire[] = [];
  #connections = 0;
  #answers = 0;
  #lines = 0;

  async open(): Promise<void> {
    await this.#room.open(intake);
  }

  /** @param guided by coverage: slower, and what it finds is kept */
  async run(lines: number, random: () => number, guided: boolean): Promise<FuzzReport> {
    const mutator = new Mutator(random);
    const seeds = corpusLines();
    const found: Buffer[] = [];
    const blocks = guided ? new NewBlocks() : undefined;
    let heapAtStart = 0;
    for (let done = 0; done < lines && this.#faults.length < FAULTS_MAX; done += GROUP_LINES) {
      const group = Array.from({ length: Math.min(GROUP_LINES, lines - done) }, () => mutator.mutate(seeds));
      this.feed(group, mutator);
      if (blocks !== undefined && blocks.take() > 0 && done > 0 && seeds.length < SEEDS_MAX) {
        seeds.push(...group);
        found.push(...group);
      }
      await new Promise((resolve) => setImmediate(resolve));
      // The first tenth fills caches and compiles.
      if (heapAtStart === 0 && done >= lines / 10) heapAtStart = heapBytes();
    }
    blocks?.close();
    const heapGrownBytes = heapBytes() - heapAtStart;
    return {
      ...{ lines: this.#lines, answers: this.#answers, connections: this.#connections },
      ...{ seedsFound: found, faults: this.#faults, heapGrownBytes },
    };
  }

  /** Some whole, some in pieces, some together. */
  feed(group: readonly Buffer[], mutator: Mutator): void {
    if (mutator.below(4) === 0) {
      const jobId = 1 + mutator.below(50);
      this.#room.announce(0, { jobId, prePowHash: PREPOW, timestampMs: 1_633_687_894_966n });
    }
    for (const line of group) {
      this.#lines++;
      const wire = this.#wireAt(mutator.below(CONNECTIONS));
      const bytes = Buffer.concat([line, Buffer.from(mutator.below(5) === 0 ? '\r\n' : '\n')]);
      const before = wire.answers;
      try {
        const cut = mutator.below(6) === 0 ? mutator.below(bytes.length) : 0;
        if (cut > 0) wire.events?.onData(bytes.subarray(0, cut));
        wire.events?.onData(bytes.subarray(cut));
        this.#room.replySink.flush();
      } catch (error) {
        this.#faults.push(`threw ${(error as Error).stack}: ${JSON.stringify(line.toString('latin1'))}`);
      }
      this.#answers += wire.answers - before;
      if (wire.answers - before > 1)
        this.#faults.push(`${wire.answers - before} answers to ${JSON.stringify(line.toString('latin1'))}`);
    }
  }

  /** Faults of the end: something of somebody is left. */
  async close(): Promise<string[]> {
    for (const wire of this.#wires) wire.events?.onClose(false);
    await new Promise((resolve) => setImmediate(resolve));
    const left = this.#room.sessionCount();
    await this.#room.close();
    return left === 0 ? [] : [`${left} sessions are left`];
  }

  #wireAt(index: number): Wire {
    const wire = this.#wires[index];
    if (wire !== undefined && !wire.isOver) return wire;
    const fresh = new Wire((fault) => this.#faults.push(fault));
    this.#wires[index] = fresh;
    this.#connections++;
    fresh.events = this.#room.connect(fresh, 0);
    if (this.#connections % 2 === 0) {
      fresh.events?.onData(
        Buffer.from('{"id":2,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}\n'),
      );
      this.#room.replySink.flush();
    }
    return fresh;
  }
}

function heapBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed;
}
