/**
 * Judges Kaspa nonces: the same code on a validator thread and, for turns with a few shares only, on the main thread.
 * In: batch records and the templates of shared memory. Out: verdict and powTop in those records. It must never judge a record
 * against other work than (slot, sequence) name: then it writes VERDICT_UNPREPARED and leaves the rest to the caller.
 *
 * The kernel's own templates mirror shared memory, slot by slot, and lazily: only a slot that a record names is looked at,
 * one comparison per record. The writer of shared memory keeps this order, so that half a template is never taken for a
 * whole one: sequence := 0, then the other fields, then the sequence, with `Atomics.store` both times.
 */

import {
  OFFSET_TEMPLATE_SLOT,
  RECORD_BYTES,
  TEMPLATE_BYTES,
  TEMPLATE_OFFSET_PRE_POW,
  TEMPLATE_OFFSET_SEQUENCE,
  TEMPLATE_OFFSET_TARGET,
  TEMPLATE_OFFSET_TIMESTAMP,
} from '../../src/validation/batch-layout.ts';
import { type HeavyHashKernel, loadKernel } from '../../wasm/load.ts';

const WORD_BYTES = 4;
const RECORD_WORDS = RECORD_BYTES / WORD_BYTES;
const SLOT_WORD = OFFSET_TEMPLATE_SLOT / WORD_BYTES;
const TEMPLATE_WORDS = TEMPLATE_BYTES / WORD_BYTES;
const SEQUENCE_WORD = TEMPLATE_OFFSET_SEQUENCE / WORD_BYTES;
const HASH_BYTES = 32;

/**
 * Up to here a loop over words is cheaper than two `subarray` objects and a `set`. Measured on Node 20, both ways together: the
 * loop costs 30 ns a record, the objects 75 to 150 ns however many records they span.
 */
const WORD_COPY_RECORDS_MAX = 4;

export interface NonceKernel {
  /** Judges records[0..count) in place. `records` starts at a multiple of 4 bytes and may be shared memory. */
  judge(records: Uint8Array, count: number): void;
}

/** `templates`: up to 256 templates of TEMPLATE_BYTES in shared memory. */
export function createKaspaNonceKernel(
  templates: Uint8Array,
  kernel: HeavyHashKernel = loadKernel(),
): NonceKernel {
  return new KaspaNonceKernel(templates, kernel);
}

class KaspaNonceKernel implements NonceKernel {
  readonly #kernel: HeavyHashKernel;
  readonly #kernelWords: Int32Array;
  readonly #templates: TemplateMirror;
  /** Views of the latest `records`: callers come again and again with the same few arenas. */
  #records: Uint8Array;
  #recordWords: Int32Array;

  constructor(templates: Uint8Array, kernel: HeavyHashKernel) {
    this.#kernel = kernel;
    this.#kernelWords = wordsOf(kernel.records);
    this.#templates = new TemplateMirror(templates, kernel);
    this.#records = kernel.records;
    this.#recordWords = this.#kernelWords;
  }

  judge(records: Uint8Array, count: number): void {
    if (count >>> 0 !== count || count * RECORD_BYTES > records.length) {
      throw new RangeError(`cannot judge ${count} records in ${records.length} bytes`);
    }
    if (records !== this.#records) {
      this.#recordWords = wordsOf(records);
      this.#records = records;
    }
    const capacity = this.#kernel.recordCapacity;
    for (let first = 0; first < count; first += capacity) {
      this.#judgeChunk(first, Math.min(capacity, count - first));
    }
  }

  #judgeChunk(first: number, count: number): void {
    const inside = this.#kernelWords;
    const outside = this.#recordWords;
    const offset = first * RECORD_WORDS;
    const words = count * RECORD_WORDS;
    const few = count <= WORD_COPY_RECORDS_MAX;
    if (few) for (let i = 0; i < words; i++) inside[i] = outside[offset + i]!;
    else inside.set(outside.subarray(offset, offset + words));

    // From the copy, not from shared memory: what was looked at is what gets judged.
    for (let at = SLOT_WORD; at < words; at += RECORD_WORDS) this.#templates.follow(inside[at]!);
    this.#kernel.judge(count);

    if (few) for (let i = 0; i < words; i++) outside[offset + i] = inside[i]!;
    else outside.set(inside.subarray(0, words), offset);
  }
}

/** Keeps the kernel's prepared templates equal to those in shared memory. */
class TemplateMirror {
  readonly #kernel: HeavyHashKernel;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #view: DataView;
  readonly #slots: number;
  /** The sequence last seen in shared memory per slot, whether or not it could be prepared. */
  readonly #followed: Int32Array;

  constructor(templates: Uint8Array, kernel: HeavyHashKernel) {
    this.#slots = templates.length / TEMPLATE_BYTES;
    if (!Number.isInteger(this.#slots) || this.#slots > kernel.templateSlots) {
      throw new RangeError(`${templates.length} bytes are not up to ${kernel.templateSlots} templates`);
    }
    this.#kernel = kernel;
    this.#bytes = templates;
    this.#words = wordsOf(templates);
    this.#view = new DataView(templates.buffer, templates.byteOffset, templates.length);
    this.#followed = new Int32Array(this.#slots);
  }

  follow(slot: number): void {
    // A slot beyond the table reads undefined on both sides: equal, and the kernel answers "unprepared" by itself.
    if (this.#words[slot * TEMPLATE_WORDS + SEQUENCE_WORD] !== this.#followed[slot]) this.#take(slot);
  }

  #take(slot: number): void {
    const at = slot * TEMPLATE_BYTES;
    const sequenceIndex = slot * TEMPLATE_WORDS + SEQUENCE_WORD;
    const sequence = Atomics.load(this.#words, sequenceIndex);
    // Copies: the bytes in shared memory may change while we look at them.
    const hash = this.#bytes.slice(at + TEMPLATE_OFFSET_PRE_POW, at + TEMPLATE_OFFSET_PRE_POW + HASH_BYTES);
    const target = this.#bytes.slice(at + TEMPLATE_OFFSET_TARGET, at + TEMPLATE_OFFSET_TARGET + HASH_BYTES);
    const timestampMs = this.#view.getBigUint64(at + TEMPLATE_OFFSET_TIMESTAMP, true);
    const whole = sequence !== 0 && Atomics.load(this.#words, sequenceIndex) === sequence;
    this.#kernel.forget(slot);
    this.#followed[slot] = whole ? sequence : 0;
    // An all-zero hash cannot be prepared. It is not worth a batch of other records either: its own stay unprepared.
    if (!whole || hash.every((byte) => byte === 0)) return;
    this.#kernel.prepare(slot, sequence >>> 0, hash, timestampMs, target);
  }
}

function wordsOf(bytes: Uint8Array): Int32Array {
  if (bytes.byteOffset % WORD_BYTES !== 0) throw new RangeError('bytes must start at a multiple of 4');
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}
