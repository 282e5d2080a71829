/**
 * One miner's connection of the load process: logs in, remembers the newest job, submits nonces under its extranonce.
 *
 * The generator shares the machine with what it measures, so it must be cheap: sockets are the engine's own adapters, raw handles
 * where they are to be had, answers and jobs are known by their first bytes, and only what looks like neither (the login, a refusal)
 * is parsed as JSON.
 */
import { connect } from 'node:net';
import { NetAdapter } from '../../src/stratum/socket/net-adapter.ts';
import { RawAdapter, type RawStreams } from '../../src/stratum/socket/raw-adapter.ts';
import type { SocketAdapter, SocketEvents } from '../../src/stratum/socket/socket-adapter.ts';
import type { LoadCounts } from './load-messages.ts';
import { jobKey, type LoadJob, NONCES_PER_TRY, type ShareGrinder } from './share-grinder.ts';

export interface LoadRoom {
  readonly host: string;
  readonly port: number;
  /** Undefined: `node:net` has to do. */
  readonly streams: RawStreams | undefined;
  readonly grinder: ShareGrinder;
  counts: LoadCounts;
  inFlight: number;
  recordLatency(us: number): void;
  /** From the first arrival of a job at any connection to this one. */
  recordJobAge(us: number): void;
  /** Logged in, with a job to work on. */
  onReady(connection: LoadConnection): void;
  onAnswers(connection: LoadConnection, answers: number, nowMs: number): void;
  /** `wasReady`: it had logged in. */
  onClosed(connection: LoadConnection, error: Error | undefined, wasReady?: boolean): void;
}

/** Submissions of one connection that may be unanswered; ids are counted, so an answer finds its time by its last bits. */
const IN_FLIGHT_MAX = 256;
const SUBSCRIBE_ID = 1;
const AUTHORIZE_ID = 2;
const FIRST_SUBMIT_ID = 3;
/** Eight hex digits whatever is added: small integers print fastest. */
const NONCE_BASE = 0x10000000;

const LF = 0x0a;
const COMMA = 0x2c;
const LETTER_N = 0x6e;
const DIGIT_0 = 0x30;
const ID_AT = '{"id":'.length;
const TRUE_TAIL = Buffer.from(',"result":true,');
const JOB_HEAD = Buffer.from('{"id":null,"jsonrpc":"2.0","method":"mining.notify","params":["');

function startsWith(bytes: Buffer, at: number, expected: Buffer): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

export class LoadConnection implements SocketEvents {
  readonly #room: LoadRoom;
  readonly #index: number;
  readonly #login: string;
  readonly #sentAtMs = new Float64Array(IN_FLIGHT_MAX);
  #adapter: SocketAdapter | undefined;
  #rest: Buffer | undefined;
  #nextId = FIRST_SUBMIT_ID;
  #answers = 0;
  /** The lower half of the next nonce to try; grows over all jobs. */
  #nonce = NONCE_BASE;
  /** The upper half: the extranonce, and two bytes of zeros. As digits, and as a number. */
  #nonceHead = '';
  #nonceHigh = 0;
  #authorized = false;
  #listens = false;
  #ending = false;
  #job: LoadJob | undefined;
  /** Lower halves that are shares of the current job. */
  readonly #stock = new Uint32Array(NONCES_PER_TRY);
  #stocked = 0;
  #out = '';
  inFlight = 0;
  ready = false;

  constructor(room: LoadRoom, index: number, address: string) {
    this.#room = room;
    this.#index = index;
    this.#login = `${address}.rig${index}`;
  }

  open(): void {
    const { host, port, streams } = this.#room;
    this.#nextId = FIRST_SUBMIT_ID;
    this.#authorized = false;
    this.#nonceHead = '';
    this.#job = undefined;
    this.#stocked = 0;
    this.#rest = undefined;
    this.#listens = false;
    this.#ending = false;
    const socket = connect({ host, port, noDelay: true });
    // A handle can only be taken from a socket that has not begun to read.
    socket.pause();
    const refused = (error: Error): void => this.#room.onClosed(this, error);
    socket.once('error', refused);
    socket.once('connect', () => {
      socket.off('error', refused);
      const raw = streams && RawAdapter.take(socket, streams, () => {});
      const adapter = raw ?? new NetAdapter(socket);
      this.#adapter = adapter;
      adapter.listen(this);
      // Every other miner reads the big job, so that the server makes both forms. Both are known by name: a stranger that comes and
      // goes is soon spoken to in another shape.
      const agent = this.#index % 2 === 0 ? 'lolminer-bench/1' : 'iceriver-bench/1';
      this.#adapter.write(
        `{"id":${SUBSCRIBE_ID},"method":"mining.subscribe","params":["${agent}"]}\n` +
          `{"id":${AUTHORIZE_ID},"method":"mining.authorize","params":["${this.#login}","x"]}\n`,
      );
    });
  }

  onData(chunk: Buffer): void {
    if (this.#adapter === undefined) return;
    if (!this.#listens) this.#read(chunk, chunk.length);
    else {
      for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) this.#room.counts.jobs++;
      if (!this.#ending) this.#adapter.pause();
    }
  }

  onDrain(): void {}

  onEnd(): void {
    this.#adapter?.end();
  }

  onClose(failed: boolean): void {
    this.#adapter = undefined;
    this.#gone(failed ? new Error('the connection broke') : undefined);
  }

  #gone(error: Error | undefined): void {
    const wasReady = this.ready;
    this.ready = false;
    this.#room.counts.lost += this.inFlight;
    this.#room.inFlight -= this.inFlight;
    this.inFlight = 0;
    this.#room.onClosed(this, error, wasReady);
  }

  /** @param politely a FIN after what was sent; otherwise at once, whatever is in flight. */
  close(politely: boolean): void {
    const adapter = this.#adapter;
    if (adapter === undefined) return;
    if (politely) {
      this.#ending = true;
      adapter.end();
      if (this.#listens) adapter.resume();
      return;
    }
    this.#adapter = undefined;
    adapter.destroy();
    this.#gone(undefined);
  }

  /** From now on nothing is read: the server's side fills up. */
  stall(): void {
    this.#adapter?.pause();
  }

  /** Lines are counted from now on, and nothing more; they are read when `listenOnce` says so. */
  onlyListens(): void {
    if (!this.ready) return;
    this.#listens = true;
    this.#rest = undefined;
    this.#adapter?.pause();
  }

  /** Reads once. */
  listenOnce(): void {
    if (this.#listens) this.#adapter?.resume();
  }

  /** Puts a submission into this turn's output. False: too many are unanswered. */
  submit(sentAtMs: number): boolean {
    const job = this.#job;
    if (job === undefined || this.inFlight >= IN_FLIGHT_MAX) return false;
    while (this.#stocked === 0) {
      this.#stocked = this.#room.grinder.grind(job, this.#nonceHigh, this.#nonce, this.#stock);
      this.#nonce += NONCES_PER_TRY;
    }
    const id = this.#nextId++;
    this.#sentAtMs[id % IN_FLIGHT_MAX] = sentAtMs;
    const nonce = `${this.#nonceHead}${this.#stock[--this.#stocked]!.toString(16)}`;
    this.#out += `{"id":${id},"method":"mining.submit","params":["${this.#login}","${job.id}","${nonce}"]}\n`;
    this.inFlight++;
    this.#room.inFlight++;
    this.#room.counts.sent++;
    return true;
  }

  writeOut(): void {
    const out = this.#out;
    this.#out = '';
    if (out !== '') this.#adapter?.write(out);
  }

  #read(chunk: Buffer, length: number): void {
    let bytes = chunk;
    let end = length;
    if (this.#rest !== undefined) {
      bytes = Buffer.concat([this.#rest, chunk.subarray(0, length)]);
      end = bytes.length;
      this.#rest = undefined;
    }
    const nowMs = performance.now();
    this.#answers = 0;
    let start = 0;
    while (start < end) {
      const newline = bytes.indexOf(LF, start);
      if (newline < 0 || newline >= end) break;
      this.#line(bytes, start, newline, nowMs);
      start = newline + 1;
    }
    // The buffer belongs to the next read.
    if (start < end) this.#rest = Buffer.from(bytes.subarray(start, end));
    if (this.#answers > 0) this.#room.onAnswers(this, this.#answers, nowMs);
  }

  #line(bytes: Buffer, start: number, end: number, nowMs: number): void {
    if (this.ready && !this.#quickAnswer(bytes, start, nowMs) && !this.#quickJob(bytes, start, end, nowMs)) {
      this.#slowLine(bytes.toString('utf8', start, end), nowMs);
    } else if (!this.ready) this.#slowLine(bytes.toString('utf8', start, end), nowMs);
  }

  /** `{"id":123,"result":true,` */
  #quickAnswer(bytes: Buffer, start: number, nowMs: number): boolean {
    let at = start + ID_AT;
    let id = 0;
    for (; bytes[at] !== COMMA; at++) {
      const digit = bytes[at]! - DIGIT_0;
      if (!(digit >= 0 && digit <= 9)) return false;
      id = id * 10 + digit;
    }
    if (!startsWith(bytes, at, TRUE_TAIL)) return false;
    this.#room.counts.answeredTrue++;
    this.#answered(id, nowMs);
    return true;
  }

  #quickJob(bytes: Buffer, start: number, end: number, nowMs: number): boolean {
    if (bytes[start + ID_AT] !== LETTER_N || !startsWith(bytes, start, JOB_HEAD)) return false;
    const { grinder } = this.#room;
    const key = jobKey(bytes, start + JOB_HEAD.length);
    this.#take(grinder.jobOf(key) ?? grinder.learn(key, bytes.toString('latin1', start, end), nowMs), nowMs);
    return true;
  }

  #take(job: LoadJob, nowMs: number): void {
    this.#job = job;
    this.#stocked = 0;
    this.#room.counts.jobs++;
    this.#room.recordJobAge((nowMs - job.firstSeenAtMs) * 1_000);
  }

  #answered(id: number, nowMs: number): void {
    this.inFlight--;
    this.#room.inFlight--;
    this.#answers++;
    this.#room.recordLatency((nowMs - this.#sentAtMs[id % IN_FLIGHT_MAX]!) * 1_000);
  }

  #slowLine(text: string, nowMs: number): void {
    const line = JSON.parse(text) as {
      id: number | null;
      method?: string;
      params?: unknown[];
      result?: unknown;
      error?: unknown;
    };
    if (line.method === 'mining.notify') {
      const key = jobKey(Buffer.from(text, 'latin1'), JOB_HEAD.length);
      this.#take(this.#room.grinder.learn(key, text, nowMs), nowMs);
    } else if (line.method === 'mining.set_extranonce') this.#setExtranonce(String(line.params?.[0]));
    else if (line.id === null) return;
    else if (line.id >= FIRST_SUBMIT_ID) {
      const code = String(Array.isArray(line.error) ? line.error[0] : 'none');
      const { counts } = this.#room;
      counts.answeredFalse++;
      counts.rejected[code] = (counts.rejected[code] ?? 0) + 1;
      this.#answered(line.id, nowMs);
    } else if (line.error) {
      throw new Error(`the server refused the login ${this.#login}: ${text}`);
    } else if (line.id === AUTHORIZE_ID) this.#authorized = true;
    if (!this.ready && this.#authorized && this.#nonceHead !== '' && this.#job !== undefined) {
      this.ready = true;
      this.#room.onReady(this);
    }
  }

  #setExtranonce(hex: string): void {
    this.#nonceHead = `${hex}0000`;
    this.#nonceHigh = Number(`0x${this.#nonceHead}`);
  }
}
