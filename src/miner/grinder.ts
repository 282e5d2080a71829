/**
 * Grinds real nonces for all connections of the process with one kernel.
 *
 * In: each connection's newest job, difficulty and extranonce, read anew for every slice, so a new job takes effect within one
 * turn (at most `recordCapacity` nonces, below a millisecond). Out: submissions. It must never hold the event loop: a turn is
 * one kernel call, then the loop runs.
 *
 * Fair by construction: slices of at most 256 nonces in turn, the next turn goes on with the connection after the last one.
 */
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_NONCE,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
  RECORD_BYTES,
} from '../validation/batch-layout.ts';
import type { MinerConnection } from './client-connection.ts';
import type { MinerJob } from './server-lines.ts';

/** The part of `wasm/load` that grinding needs. */
export interface GrindKernel {
  readonly recordCapacity: number;
  readonly templateSlots: number;
  readonly records: Uint8Array;
  prepare(
    slot: number,
    sequence: number,
    prePowHash: Uint8Array,
    timestampMs: bigint,
    networkTargetLe: Uint8Array,
  ): void;
  judge(count: number): void;
}

export interface GrinderOptions {
  /** Per connection; 0 = as fast as the kernel goes. */
  readonly hashesPerSecond: number;
  /** A connection with this many unanswered submissions hashes no further. */
  readonly inFlightMax: number;
  /** After a share, with this probability, one more submission that must be refused: the same again, ... */
  readonly duplicateRate: number;
  /** ... one for a job that is not there any more, ... */
  readonly staleRate: number;
  /** ... one whose hash misses the target. */
  readonly badRate: number;
  readonly nowMs: () => number;
  readonly random: () => number;
}

/** Nonces of one connection in one go: 0.15 ms. */
const SLICE_MAX = 256;
/** Allowance saved up while the loop was busy elsewhere; more would come out as a burst. */
const CREDIT_SECONDS_MAX = 0.25;
/** Pause when nobody may hash: short beside a job's 100 ms, long beside an idle turn's 10 us. */
const IDLE_MS = 4;
/** Nothing meets target 0, so the kernel never says `block`: which share is one is the pool's business. */
const NO_NETWORK_TARGET = new Uint8Array(32);

/** One connection's place in its nonce space: `extranonce | counter`. */
interface Row {
  readonly connection: MinerConnection;
  counter: number;
  credit: number;
  creditAtMs: number;
}

export class Grinder {
  hashes = 0;
  readonly #kernel: GrindKernel;
  readonly #options: GrinderOptions;
  readonly #rows: Row[];
  readonly #view: DataView;
  readonly #owners: Int32Array;
  /** Work → the kernel slot that holds it; slots are handed out in a circle. */
  readonly #slots = new Map<string, { slot: number; sequence: number }>();
  readonly #heldBy: (string | undefined)[];
  #sequence = 0;
  #cursor = 0;
  #running = false;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(kernel: GrindKernel, connections: readonly MinerConnection[], options: GrinderOptions) {
    this.#kernel = kernel;
    this.#options = options;
    const { records } = kernel;
    this.#view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    this.#owners = new Int32Array(kernel.recordCapacity);
    this.#heldBy = new Array<string | undefined>(kernel.templateSlots).fill(undefined);
    // A random start: a miner that comes back must not repeat the nonces of its last life on a job that is still live.
    this.#rows = connections.map((connection) => ({
      connection,
      counter: Math.floor(options.random() * 2 ** 40),
      credit: 0,
      creditAtMs: options.nowMs(),
    }));
  }

  start(): void {
    this.#running = true;
    this.wake();
  }

  stop(): void {
    this.#running = false;
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
  }

  wake(): void {
    if (!this.#running || this.#immediate) return;
    clearTimeout(this.#timer);
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined;
      if (this.turn() > 0) this.wake();
      else if (this.#running) this.#timer = setTimeout(() => this.wake(), IDLE_MS);
    });
  }

  /** One kernel call over slices of as many connections as fit. Returns the number of nonces hashed. */
  turn(): number {
    const nowMs = this.#options.nowMs();
    let count = 0;
    let last = this.#cursor;
    for (let step = 0; step < this.#rows.length && count < this.#kernel.recordCapacity; step++) {
      last = (this.#cursor + step) % this.#rows.length;
      count = this.#fill(last, nowMs, count);
    }
    if (count === 0) return 0;
    this.#cursor = (last + 1) % this.#rows.length;
    this.#kernel.judge(count);
    this.hashes += count;
    for (let index = 0; index < count; index++) {
      const verdict = this.#view.getUint8(index * RECORD_BYTES + OFFSET_VERDICT);
      if (verdict === 1 || verdict === 2) this.#found(index, count);
    }
    return count;
  }

  #fill(rowIndex: number, nowMs: number, from: number): number {
    const row = this.#rows[rowIndex]!;
    const { connection } = row;
    const { job } = connection;
    if (!job || !connection.mining) return from;
    const take = Math.min(this.#allowance(row, nowMs), this.#kernel.recordCapacity - from);
    if (take === 0) return from;
    row.credit -= take;
    const { slot, sequence } = this.#prepared(job);
    const extranonceBits = connection.extranonceHex.length * 4;
    const prefixHigh = Number(`0x${connection.extranonceHex.padEnd(8, '0')}`);
    const span = 2 ** Math.min(48, 64 - extranonceBits);
    for (let index = from; index < from + take; index++) {
      const offset = index * RECORD_BYTES;
      row.counter = (row.counter + 1) % span;
      this.#view.setUint32(offset + OFFSET_NONCE, row.counter % 2 ** 32, true);
      this.#view.setUint32(offset + OFFSET_NONCE + 4, prefixHigh + Math.floor(row.counter / 2 ** 32), true);
      this.#view.setUint32(offset + OFFSET_TEMPLATE_SLOT, slot, true);
      this.#view.setUint32(offset + OFFSET_TEMPLATE_SEQUENCE, sequence, true);
      this.#view.setInt8(offset + OFFSET_DIFFICULTY_LOG2, connection.jobDifficultyLog2);
      this.#owners[index] = rowIndex;
    }
    return from + take;
  }

  #allowance(row: Row, nowMs: number): number {
    const { hashesPerSecond, inFlightMax } = this.#options;
    const room = inFlightMax - row.connection.outstanding;
    if (room <= 0) {
      row.creditAtMs = nowMs;
      return 0;
    }
    // At tiny difficulties a whole slice would find more shares than may be in flight, and throw the rest away.
    const wanted = Math.min(SLICE_MAX, Math.ceil(room * 2 ** (32 + row.connection.jobDifficultyLog2)));
    if (hashesPerSecond === 0) return wanted;
    const cap = Math.max(1, hashesPerSecond * CREDIT_SECONDS_MAX);
    row.credit = Math.min(cap, row.credit + ((nowMs - row.creditAtMs) / 1000) * hashesPerSecond);
    row.creditAtMs = nowMs;
    return Math.min(wanted, Math.max(0, Math.floor(row.credit)));
  }

  #prepared(job: MinerJob): { slot: number; sequence: number } {
    const known = this.#slots.get(job.workKey);
    if (known) return known;
    const sequence = ++this.#sequence;
    const slot = sequence % this.#kernel.templateSlots;
    const evicted = this.#heldBy[slot];
    if (evicted !== undefined) this.#slots.delete(evicted);
    this.#kernel.prepare(slot, sequence, job.prePowHash, job.timestampMs, NO_NETWORK_TARGET);
    this.#heldBy[slot] = job.workKey;
    const entry = { slot, sequence };
    this.#slots.set(job.workKey, entry);
    return entry;
  }

  #found(index: number, count: number): void {
    const { connection } = this.#rows[this.#owners[index]!]!;
    const { inFlightMax, duplicateRate, staleRate, badRate, random } = this.#options;
    if (connection.outstanding >= inFlightMax) return;
    const nonceHex = this.#nonceHex(index);
    connection.submit(nonceHex);
    if (duplicateRate > 0 && random() < duplicateRate) connection.submit(nonceHex);
    if (staleRate > 0 && random() < staleRate) connection.submit(nonceHex, connection.staleJobId());
    if (badRate > 0 && random() < badRate) this.#submitBad(index, count);
  }

  /** A nonce of the same connection and turn that the kernel has just found wanting; none in sight, none sent. */
  #submitBad(index: number, count: number): void {
    const owner = this.#owners[index]!;
    for (let other = 0; other < count; other++) {
      const missed = this.#view.getUint8(other * RECORD_BYTES + OFFSET_VERDICT) === 0;
      if (missed && this.#owners[other] === owner) {
        this.#rows[owner]!.connection.submit(this.#nonceHex(other));
        return;
      }
    }
  }

  #nonceHex(index: number): string {
    const low = this.#view.getUint32(index * RECORD_BYTES + OFFSET_NONCE, true);
    const high = this.#view.getUint32(index * RECORD_BYTES + OFFSET_NONCE + 4, true);
    return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
  }
}
