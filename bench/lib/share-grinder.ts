/**
 * Real shares for the load process: jobs as servers send them in, nonces that meet the bench's difficulty out.
 *
 * The easiest difficulty there is, 2^-31, still lets only every other hash pass, and a refused share costs a server less than
 * an accepted one. So nonces are tried with the engine's own kernel, some at a time, 0.6 us each: a tenth of what
 * sending one costs.
 */
import { DIFFICULTY_LOG2_MIN } from '../../src/domain/target.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_NONCE,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
  RECORD_BYTES,
} from '../../src/validation/batch-layout.ts';
import { loadKernel } from '../../wasm/load.ts';

export interface LoadJob {
  /** As it is named in a submission. */
  readonly id: string;
  readonly slot: number;
  readonly sequence: number;
  /** Monotonic ms of its first arrival at any connection. */
  readonly firstSeenAtMs: number;
}

/** Four of them pass on average. At low rates a job ends before its stock does, so more would be wasted. */
export const NONCES_PER_TRY = 8;
/** The kernel's verdict for a share. */
const SHARE = 1;
/** No hash is a block. */
const NO_TARGET = new Uint8Array(32);
const PRE_POW_BYTES = 32;

/** Bytes of the work that are looked at to tell jobs of one number apart: several servers may stand behind one port. */
const KEY_BYTES = 12;
const KEY_SPAN = 2 ** 22;

/** What tells a job from others, from the bytes of its line. @param at of the first digit of its number */
export function jobKey(bytes: Uint8Array, at: number): number {
  let to = at;
  let id = 0;
  for (let digit: number; (digit = bytes[to]! - 0x30) >= 0 && digit <= 9; to++) id = id * 10 + digit;
  let mark = 0;
  // Behind the number come a quote, a comma, and the work.
  for (let i = 2; i < KEY_BYTES + 2; i++) mark = (Math.imul(mark, 31) + bytes[to + i]!) | 0;
  return id * KEY_SPAN + ((mark >>> 0) % KEY_SPAN);
}

export class ShareGrinder {
  readonly #kernel = loadKernel();
  readonly #view: DataView;
  /** By `jobKey`. */
  readonly #jobs = new Map<number, LoadJob>();
  /** By work, which both forms of a job have in common. */
  readonly #byWork = new Map<string, LoadJob>();
  #sequence = 0;

  constructor() {
    const { records } = this.#kernel;
    this.#view = new DataView(records.buffer, records.byteOffset, records.length);
  }

  /** Undefined: not seen yet, `learn` it. Every connection of a server is sent the same jobs. */
  jobOf(key: number): LoadJob | undefined {
    return this.#jobs.get(key);
  }

  /** @param line a whole `mining.notify`, in the array or the big form. */
  learn(key: number, line: string, nowMs: number): LoadJob {
    const known = this.#jobs.get(key);
    if (known) return known;
    const { params } = JSON.parse(line) as { params: [string, string | number[], number?] };
    const bytes = Buffer.alloc(PRE_POW_BYTES + 8);
    if (typeof params[1] === 'string') bytes.write(params[1], 'hex');
    else {
      // JSON.parse has rounded the words, so they are read again from the text.
      const words = /\[(\d+),(\d+),(\d+),(\d+)\]/.exec(line)!.slice(1);
      for (const [index, word] of words.entries()) bytes.writeBigUInt64LE(BigInt(word), index * 8);
      bytes.writeBigUInt64LE(BigInt(params[2]!), PRE_POW_BYTES);
    }
    const work = bytes.toString('latin1');
    const job = this.#byWork.get(work) ?? this.#prepare(params[0], bytes, nowMs);
    this.#jobs.set(key, job);
    this.#byWork.set(work, job);
    this.#forget(this.#jobs);
    this.#forget(this.#byWork);
    return job;
  }

  #prepare(id: string, bytes: Buffer, nowMs: number): LoadJob {
    const sequence = ++this.#sequence;
    const slot = sequence % this.#kernel.templateSlots;
    const timestampMs = bytes.readBigUInt64LE(PRE_POW_BYTES);
    this.#kernel.prepare(slot, sequence, bytes.subarray(0, PRE_POW_BYTES), timestampMs, NO_TARGET);
    return { id, slot, sequence, firstSeenAtMs: nowMs };
  }

  /** Whose slot in the kernel has gone to another. */
  #forget<Key>(jobs: Map<Key, LoadJob>): void {
    for (const [key, old] of jobs) {
      if (old.sequence > this.#sequence - this.#kernel.templateSlots) break;
      jobs.delete(key);
    }
  }

  /** Of the nonces (high, low .. low + NONCES_PER_TRY), writes those that are shares into `found`. Returns how many. */
  grind(job: LoadJob, high: number, low: number, found: Uint32Array): number {
    const view = this.#view;
    for (let i = 0, at = 0; i < NONCES_PER_TRY; i++, at += RECORD_BYTES) {
      view.setUint32(at + OFFSET_NONCE, low + i, true);
      view.setUint32(at + OFFSET_NONCE + 4, high, true);
      view.setUint32(at + OFFSET_TEMPLATE_SLOT, job.slot, true);
      view.setUint32(at + OFFSET_TEMPLATE_SEQUENCE, job.sequence, true);
      view.setInt8(at + OFFSET_DIFFICULTY_LOG2, DIFFICULTY_LOG2_MIN);
    }
    this.#kernel.judge(NONCES_PER_TRY);
    let count = 0;
    for (let i = 0; i < NONCES_PER_TRY; i++) {
      if (view.getUint8(i * RECORD_BYTES + OFFSET_VERDICT) === SHARE) found[count++] = low + i;
    }
    return count;
  }
}
