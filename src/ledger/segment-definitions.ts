/**
 * What the references of one segment stand for, built up slot by slot in the order of the file: definitions and the first
 * halves of blocks. Pure. A segment defines all that it uses, and the next one may give a reference to somebody else, so the
 * references die with the segment; the entries behind them live on, since they carry the database's ids.
 */

import { DEFINITION_PARTS_MAX, JOB_TEXT_BYTES, SLOT_WORDS, SlotKind } from '../journal/record-layout.ts';
import {
  bootAt,
  byteAAt,
  decodeBlock,
  decodeDefinition,
  kindAt,
  partAt,
  sequenceAt,
  workerOfText,
} from '../journal/slot-codec.ts';
import { TextAssembly } from '../journal/text-assembly.ts';
import { ReferenceSlots } from './reference-slots.ts';
import type { JobEntry, LoadedBlock, WorkerEntry } from './share-batch.ts';

/** Account of shares whose worker definition cannot be read any more: kept and summed, for a person to sort out. */
export const UNATTRIBUTED_ADDRESS = 'unattributed';
/** Entries kept beyond their segment: every worker of a large pool, some 60 MB at most. */
const WORKERS_KEPT_MAX = 200_000;
/** A quarter of an hour of jobs. */
const JOBS_KEPT_MAX = 4_000;

export class SegmentDefinitions {
  readonly #workersByName = new Map<string, WorkerEntry>();
  readonly #jobsByWork = new Map<string, JobEntry>();
  readonly #workers = new ReferenceSlots<WorkerEntry>();
  readonly #jobs = new ReferenceSlots<JobEntry>();
  readonly #block = new Uint32Array(2 * SLOT_WORDS);
  #blockSequence = 0;
  #texts = new TextAssembly();
  #segment = 0;

  /** A segment is read from its beginning. */
  beginSegment(segment: number): void {
    this.#segment = segment;
    this.#workers.clear();
    this.#jobs.clear();
    this.#texts = new TextAssembly();
    this.#blockSequence = 0;
    if (this.#workersByName.size > WORKERS_KEPT_MAX) this.#workersByName.clear();
    if (this.#jobsByWork.size > JOBS_KEPT_MAX) this.#jobsByWork.clear();
  }

  worker(ref: number): WorkerEntry | undefined {
    return this.#workers.get(ref);
  }

  job(ref: number): JobEntry | undefined {
    return this.#jobs.get(ref);
  }

  /** A stand-in for a reference whose definition is lost; the same one for the rest of the segment. */
  lostWorker(ref: number, boot: number): WorkerEntry {
    const entry = this.#workerEntry(UNATTRIBUTED_ADDRESS, `${boot}.${this.#segment}.${ref}`, true);
    this.#workers.set(ref, entry);
    return entry;
  }

  lostJob(ref: number, boot: number): JobEntry {
    const hash = [boot, this.#segment, ref].map((part) => part.toString(16).padStart(8, '0')).join('');
    const entry = this.#jobEntry(hash.padStart(64, '0'), 0n, true);
    this.#jobs.set(ref, entry);
    return entry;
  }

  /** One sound slot of kind Worker or Job. A definition with a part missing is no definition. */
  takeDefinition(words: Uint32Array, at: number): void {
    const part = decodeDefinition(words, at);
    const kind = kindAt(words, at);
    // What is being defined anew means nothing until all of it is here: better no name than the former one.
    if (part.part === 0) (kind === SlotKind.Worker ? this.#workers : this.#jobs).delete(part.ref);
    if (part.parts > DEFINITION_PARTS_MAX) return;
    const text = this.#texts.take(kind, part, sequenceAt(words, at));
    if (text) this.#define(kind, part.ref, Buffer.from(text.buffer, text.byteOffset, text.length));
  }

  /**
   * One sound slot of kind Block: the block when this is its second half, undefined when it is the first, 'torn' when its
   * other half is not there.
   */
  takeBlock(words: Uint32Array, at: number): LoadedBlock | 'torn' | undefined {
    const sequence = sequenceAt(words, at);
    const slot = words.subarray(at, at + SLOT_WORDS);
    if (partAt(words, at) === 0) {
      const torn = this.#blockSequence !== 0;
      this.#block.set(slot);
      this.#blockSequence = sequence;
      return torn ? 'torn' : undefined;
    }
    const follows = this.#blockSequence !== 0 && this.#blockSequence + 1 === sequence;
    this.#blockSequence = 0;
    if (!follows) return 'torn';
    this.#block.set(slot, SLOT_WORDS);
    const block = decodeBlock(this.#block, 0, SLOT_WORDS);
    const boot = bootAt(words, at);
    return {
      blockHash: Buffer.from(block.blockHash).toString('hex'),
      nonce: block.nonce,
      foundAtUnixMs: block.foundAtUnixMs,
      worker: this.worker(block.workerRef) ?? this.lostWorker(block.workerRef, boot),
      job: this.job(block.jobId) ?? this.lostJob(block.jobId, boot),
      pot: block.pot,
      daaScore: block.daaScore,
      blueScore: block.blueScore,
      bits: block.bits,
    };
  }

  #define(kind: number, ref: number, text: Buffer): void {
    if (kind === SlotKind.Worker) {
      const { address, workerName } = workerOfText(text);
      // SQL text holds no NUL, and an account must have an address: neither may stop the loader.
      const entry = this.#workerEntry(address || UNATTRIBUTED_ADDRESS, workerName.replaceAll('\0', ''));
      this.#workers.set(ref, entry);
    } else if (text.length === JOB_TEXT_BYTES) {
      this.#jobs.set(ref, this.#jobEntry(text.toString('hex', 0, 32), text.readBigUInt64LE(32)));
    }
  }

  #workerEntry(address: string, name: string, lost = false): WorkerEntry {
    const key = `${address}\0${name}`;
    let entry = this.#workersByName.get(key);
    if (!entry)
      this.#workersByName.set(
        key,
        (entry = { address, name, lost, id: 0, epoch: 0, batch: 0, sum: undefined }),
      );
    return entry;
  }

  #jobEntry(prePowHash: string, timestampMs: bigint, lost = false): JobEntry {
    const key = `${prePowHash}:${timestampMs}`;
    let entry = this.#jobsByWork.get(key);
    if (!entry)
      this.#jobsByWork.set(key, (entry = { prePowHash, timestampMs, lost, id: 0, epoch: 0, batch: 0 }));
    return entry;
  }
}

/** What a share slot must say to be one: a sound slot that does not would be refused by the tables and stop the loader. */
export function isLoadableShare(
  words: Uint32Array,
  at: number,
  difficultyMin: number,
  difficultyMax: number,
): boolean {
  const verdict = byteAAt(words, at);
  const difficultyLog2 = (words[at + 1]! << 8) >> 24;
  return (
    (verdict === 1 || verdict === 2) && difficultyLog2 >= difficultyMin && difficultyLog2 <= difficultyMax
  );
}
