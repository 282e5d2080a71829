/**
 * Writes journals as the engine would, slot by slot through its own codec, and remembers what it wrote: for tests that need
 * a journal of an exact shape, torn in an exact place.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalPosition } from '../../src/journal/journal.ts';
import { HEADER_SLOTS, SLOT_WORDS, SlotKind, segmentFileName } from '../../src/journal/record-layout.ts';
import {
  definitionParts,
  encodeBlock,
  encodeDefinition,
  encodeHeader,
  encodeShare,
  sealSlot,
  workerText,
} from '../../src/journal/slot-codec.ts';

export interface WrittenShare {
  readonly segment: number;
  readonly slot: number;
  readonly address: string;
  readonly name: string;
  readonly job: number;
  readonly nonce: bigint;
  readonly difficultyLog2: number;
  readonly receivedAtMs: number;
  readonly verdict: number;
  readonly pot: number;
}

export interface ShareInput {
  readonly address: string;
  readonly name: string;
  readonly job: number;
  readonly nonce: bigint;
  readonly difficultyLog2: number;
  readonly receivedAtMs: number;
  readonly verdict?: number;
  /** 0 = as in records of before there were pots. */
  readonly pot?: number;
}

export const FIXTURE_PORT = 3;
export const FIXTURE_EXTRANONCE = 0xabcd;
const POW_TOP = new Uint8Array(16).fill(7);

/** The work of job n: its own hash, and its own timestamp. */
export function fixtureWork(job: number): { prePowHash: Uint8Array; timestampMs: bigint } {
  const prePowHash = new Uint8Array(32).fill(0x5a);
  new DataView(prePowHash.buffer).setUint32(0, job);
  return { prePowHash, timestampMs: BigInt(1_700_000_000_000 + job) };
}

export class JournalFixture {
  readonly directory: string;
  readonly shares: WrittenShare[] = [];
  readonly blocks: string[] = [];
  readonly #slots: number;
  #boot: number;
  #segment = 0;
  #words = new Uint32Array(0);
  #slot = 0;
  #skipped = 0;
  #sequence = 0;
  #previous = { segment: 0, bootUnixMs: 0, through: 0 };
  #workers = new Map<string, number>();
  #jobs = new Set<number>();

  constructor(directory: string, slotsPerSegment = 4096, bootUnixMs = 1_750_000_000_000) {
    this.directory = directory;
    this.#slots = slotsPerSegment;
    this.#boot = bootUnixMs;
    this.open();
  }

  get segment(): number {
    return this.#segment;
  }

  /** The first slot not written. */
  get mark(): JournalPosition {
    return { segment: this.#segment, slot: this.#slot };
  }

  /** Slots of the open segment, to be damaged by a test before `save`. */
  get words(): Uint32Array {
    return this.#words;
  }

  /** Starts the next segment. @param cutSlots records taken back from the end of this one, as after a failed fdatasync. */
  open(cutSlots = 0): void {
    if (this.#segment > 0) {
      this.save();
      this.#previous = { segment: this.#segment, bootUnixMs: this.#boot, through: this.#sequence - cutSlots };
      const end = this.#slot - cutSlots;
      while (this.shares.at(-1)?.segment === this.#segment && this.shares.at(-1)!.slot >= end)
        this.shares.pop();
    }
    this.#begin();
  }

  /** Kill and start again: a new boot, which counts its slots from 1 and numbers its references anew. */
  reboot(): void {
    this.save();
    this.#previous = { segment: this.#segment, bootUnixMs: this.#boot, through: this.#sequence };
    this.#boot += 100_000;
    this.#sequence = 0;
    this.#begin();
  }

  /** A file that was prepared for a boot which ended before it opened it. Call it before `reboot`. */
  skipNumber(): void {
    this.save();
    writeFileSync(
      join(this.directory, segmentFileName(this.#segment + 1)),
      new Uint8Array(this.#words.byteLength),
    );
    this.#skipped = 1;
  }

  share(input: ShareInput): void {
    if (this.#slots - this.#slot < 16) this.open();
    const ref = this.#defineWorker(input.address, input.name);
    this.#defineJob(input.job);
    const verdict = input.verdict ?? 1;
    const pot = input.pot ?? 0;
    this.shares.push({ ...input, verdict, pot: pot || 1, segment: this.#segment, slot: this.#slot });
    encodeShare(
      this.#words,
      this.#slot * SLOT_WORDS,
      ++this.#sequence,
      this.#boot % 2 ** 32,
      verdict,
      input.difficultyLog2,
      Number(input.nonce & 0xffff_ffffn),
      Number(input.nonce >> 32n),
      input.receivedAtMs,
      ref,
      input.job,
      FIXTURE_EXTRANONCE,
      FIXTURE_PORT | (pot << 8),
      POW_TOP,
      0,
    );
    this.#seal();
  }

  block(input: ShareInput, blockHash: string): void {
    if (this.#slots - this.#slot < 16) this.open();
    const workerRef = this.#defineWorker(input.address, input.name);
    this.#defineJob(input.job);
    const at = this.#slot * SLOT_WORDS;
    encodeBlock(this.#words, at, at + SLOT_WORDS, this.#sequence + 1, this.#boot % 2 ** 32, {
      blockHash: Buffer.from(blockHash, 'hex'),
      nonce: input.nonce,
      foundAtUnixMs: input.receivedAtMs,
      workerRef,
      jobId: input.job,
      difficultyLog2: input.difficultyLog2,
      pot: input.pot ?? 0,
      daaScore: 123n,
      blueScore: 122n,
      bits: 0x1e7fffff,
    });
    this.#sequence += 2;
    this.#seal();
    this.#seal();
    this.blocks.push(blockHash);
  }

  /** Writes the open segment's file, whole. */
  save(): void {
    writeFileSync(join(this.directory, segmentFileName(this.#segment)), this.#words);
  }

  /** What one slot of the open segment becomes when a write was torn in it. */
  tear(slot: number): void {
    this.#words[slot * SLOT_WORDS + 9]! ^= 0x40;
  }

  #begin(): void {
    this.#segment += 1 + this.#skipped;
    this.#skipped = 0;
    this.#words = new Uint32Array(this.#slots * SLOT_WORDS);
    encodeHeader(this.#words, 0, SLOT_WORDS, {
      version: 1,
      instanceName: 'test',
      segment: this.#segment,
      sequence: this.#sequence + 1,
      bootUnixMs: this.#boot,
      previousSegment: this.#previous.segment,
      previousBootUnixMs: this.#previous.bootUnixMs,
      previousThrough: this.#previous.through,
      slots: this.#slots,
    });
    this.#slot = 0;
    for (let slot = 0; slot < HEADER_SLOTS; slot++) this.#seal();
    this.#sequence += HEADER_SLOTS;
    this.#workers.clear();
    this.#jobs.clear();
  }

  #defineWorker(address: string, name: string): number {
    const key = `${address}.${name}`;
    const known = this.#workers.get(key);
    if (known !== undefined) return known;
    const ref = this.#workers.size + 1;
    this.#workers.set(key, ref);
    this.#define(SlotKind.Worker, ref, workerText(address, name));
    return ref;
  }

  #defineJob(job: number): void {
    if (this.#jobs.has(job)) return;
    this.#jobs.add(job);
    const { prePowHash, timestampMs } = fixtureWork(job);
    const text = Buffer.alloc(40);
    text.set(prePowHash);
    text.writeBigUInt64LE(timestampMs, 32);
    this.#define(SlotKind.Job, job, text);
  }

  #define(kind: number, ref: number, text: Uint8Array): void {
    for (let part = 0; part < definitionParts(text); part++) {
      encodeDefinition(
        this.#words,
        this.#slot * SLOT_WORDS,
        ++this.#sequence,
        this.#boot % 2 ** 32,
        kind,
        ref,
        text,
        part,
      );
      this.#seal();
    }
  }

  #seal(): void {
    sealSlot(this.#words, this.#slot * SLOT_WORDS);
    this.#slot++;
  }
}
