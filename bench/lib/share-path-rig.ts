/**
 * The engine's main thread without kernel and disk: the real session room, intake, kernel, verdicts and journal encoding, between
 * sockets that only count and a journal whose commits are done when the turn is. What is left is what Sluice itself costs a share.
 */
import { buildSharePath, type SharePath } from '../../src/app/share-path.ts';
import type { Chain } from '../../src/chains/chain.ts';
import { HashrateWindow } from '../../src/domain/hashrate.ts';
import type { Template } from '../../src/domain/job.ts';
import { DIFFICULTY_LOG2_MIN } from '../../src/domain/target.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { RecordAppender } from '../../src/journal/record-appender.ts';
import { SegmentChain } from '../../src/journal/segment-chain.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { createRegistry } from '../../src/kit/metrics.ts';
import { StageLatencies } from '../../src/live/stage-latencies.ts';
import type { SocketAdapter, SocketEvents } from '../../src/stratum/socket/socket-adapter.ts';
import type { WriteBuffer } from '../../src/stratum/socket/write-buffer.ts';
import { createStratum, type Stratum } from '../../src/stratum/stratum-server.ts';
import { minerAddresses } from './engine-under-test.ts';

const BOOT_UNIX_MS = 1_800_000_000_000;
const HASHRATE_SECONDS = 60;
const TRUE_MARK = '"result":true';

/** A socket whose other end counts answers. */
export class CountingSocket implements SocketAdapter {
  readonly remoteAddress = '192.0.2.1';
  readonly backlogBytes = 0;
  /** Since the last look. */
  answers = 0;
  bytes = 0;
  extranonce = 0;
  events: SocketEvents | undefined;
  /** While the login goes on, and in the first round: what is written is read, too. */
  reading = true;

  write(data: Buffer | string): void {
    this.bytes += data.length;
    if (this.reading) this.#read(data.toString());
  }

  writeFrom(buffer: WriteBuffer, length: number): void {
    this.bytes += length;
    if (this.reading) this.#read(buffer.bytes.toString('latin1', 0, length));
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}

  #read(text: string): void {
    this.answers += text.split(TRUE_MARK).length - 1;
    const extranonce = /set_extranonce","params":\["([0-9a-f]{4})"/.exec(text)?.[1];
    if (extranonce) this.extranonce = Number(`0x${extranonce}`);
  }
}

/** Real records in the real ring; the disk is as quick as the turn is long. */
class TurnJournal implements Journal {
  readonly available = true;
  readonly fault = '';
  readonly #records: RecordAppender;
  readonly #onDurable: (sequence: number) => void;
  #scheduled = false;

  constructor(onDurable: (sequence: number) => void) {
    this.#onDurable = onDurable;
    this.#records = new RecordAppender({
      instanceName: 'bench',
      bootUnixMs: BOOT_UNIX_MS,
      chain: new SegmentChain({ segment: 0, bootUnixMs: 0, through: 0 }, 0),
      mark: new SharedArrayBuffer(64),
      clock: () => performance.now(),
      onSegment: () => {},
      onUnknown: (workerRef, jobId) => {
        throw new Error(`a share of worker ${workerRef} on job ${jobId}, which the journal does not know`);
      },
    });
    this.#records.openSegment();
    this.#records.released = this.#records.appended;
  }

  get fill(): number {
    return this.#records.fill;
  }
  get appendedSequence(): number {
    return this.#records.appended;
  }
  get durableSequence(): number {
    return this.#records.released;
  }

  acquireWorker(address: string, workerName: string): number {
    return this.#records.acquireWorker(address, workerName);
  }
  releaseWorker(workerRef: number): void {
    this.#records.workers.release(workerRef);
  }
  registerJob(jobId: number, prePowHash: Uint8Array, timestampMs: bigint): void {
    this.#records.jobs.register(jobId, prePowHash, timestampMs);
  }
  retireJob(jobId: number): void {
    this.#records.jobs.retire(jobId);
  }
  appendShare(...share: Parameters<Journal['appendShare']>): number {
    return this.#records.appendShare(...share);
  }
  appendBlock(): number {
    throw new Error('no hash of this bench is a block');
  }

  flush(): void {
    if (this.#scheduled || this.#records.released === this.#records.appended) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#records.released = this.#records.appended;
      this.#onDurable(this.#records.released);
    });
  }

  async close(): Promise<void> {}
}

export interface SharePathRig {
  readonly stratum: Stratum;
  readonly path: SharePath;
  readonly sockets: readonly CountingSocket[];
  readonly logins: readonly string[];
  /** A job that every session has been given; its number. */
  giveJob(template: Template): Promise<number>;
  close(): Promise<void>;
}

export async function openSharePath(connections: number, inlineRecordsMax: number): Promise<SharePathRig> {
  const registry = createRegistry();
  const stages = new StageLatencies();
  const log = silentLogger;
  const clock = (): number => performance.now();
  let path: SharePath | undefined;
  const journal = new TurnJournal((sequence) => path!.verdicts.onDurable(sequence));
  const stratum = createStratum({
    ports: [
      {
        host: '127.0.0.1',
        port: 0,
        difficultyLog2: DIFFICULTY_LOG2_MIN,
        difficultyMinLog2: DIFFICULTY_LOG2_MIN,
        difficultyMaxLog2: DIFFICULTY_LOG2_MIN,
        label: 'bench',
      },
    ],
    checkAddress: (address) => ({ ok: true, address }),
    workers: journal,
    registry,
    stages,
    log,
    clock,
    random: Math.random,
  });
  path = buildSharePath({
    threads: 1,
    inlineRecordsMax,
    bootUnixMs: BOOT_UNIX_MS,
    seenWork: new Map(),
    chain: { confirmCandidate: () => undefined } as unknown as Chain,
    journal,
    replies: stratum.replySink,
    hashrate: new HashrateWindow(HASHRATE_SECONDS, BOOT_UNIX_MS),
    registry,
    stages,
    log,
    clock,
    wallClock: Date.now,
    onBlock: () => {},
  });
  await stratum.open(path.intake);
  const addresses = minerAddresses();
  const logins = Array.from({ length: connections }, (_, i) => `${addresses[i % addresses.length]}.rig${i}`);
  const sockets = logins.map((login) => connect(stratum, login));
  await turns(2);
  const { jobs, threads } = path;
  return {
    stratum,
    path,
    sockets,
    logins,
    giveJob: async (template) => {
      const jobId = jobs.jobOf(template, clock());
      stratum.announce(0, { jobId, prePowHash: template.prePowHash, timestampMs: template.timestampMs });
      const given = (): boolean => {
        let behind = 0;
        stratum.forEachSession((session) => {
          if ((session as unknown as { newestJobId: number }).newestJobId !== jobId) behind++;
        });
        return behind === 0;
      };
      while (!given()) await turns(1);
      return jobId;
    },
    close: async () => {
      for (const socket of sockets) socket.events?.onClose(false);
      await stratum.close();
      await threads.close();
    },
  };
}

function connect(stratum: Stratum, login: string): CountingSocket {
  const socket = new CountingSocket();
  const events = stratum.connect(socket, 0);
  if (events === undefined) throw new Error('a connection was refused');
  socket.events = events;
  events.onData(
    Buffer.from(
      `{"id":1,"method":"mining.subscribe","params":["iceriver/1.0"]}\n{"id":2,"method":"mining.authorize","params":["${login}","x"]}\n`,
    ),
  );
  return socket;
}

/** Lets the loop turn: ends of turns, flushes and slices run. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
