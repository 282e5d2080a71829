/** A segment's bytes made in memory with the codec, for tests of readers. */
import type { JournalBlock } from '../../src/journal/journal.ts';
import { SLOT_BYTES, SLOT_WORDS, SlotKind } from '../../src/journal/record-layout.ts';
import {
  definitionParts,
  encodeBlock,
  encodeCleanEnd,
  encodeDefinition,
  encodeHeader,
  encodeShare,
  type SegmentHeader,
  sealSlot,
  workerText,
} from '../../src/journal/slot-codec.ts';

export interface ImageShare {
  readonly nonceLo: number;
  readonly nonceHi: number;
  readonly receivedAtUnixMs: number;
  readonly workerRef: number;
  readonly jobId: number;
  readonly difficultyLog2?: number;
}

export class SegmentImage {
  readonly words: Uint32Array;
  readonly header: SegmentHeader;
  slot = 0;

  constructor(slots: number, header: Partial<SegmentHeader> = {}) {
    this.words = new Uint32Array(slots * SLOT_WORDS);
    this.header = {
      ...{ version: 1, instanceName: 'test-1', segment: 1, sequence: 1, bootUnixMs: 1_700_000_000_000 },
      ...{ previousSegment: 0, previousBootUnixMs: 0, previousThrough: 0, slots },
      ...header,
    };
    encodeHeader(this.words, 0, SLOT_WORDS, this.header);
    this.#seal(2);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.words.buffer);
  }

  get boot(): number {
    return this.header.bootUnixMs % 2 ** 32;
  }

  slotBytes(slot: number): Uint8Array {
    return new Uint8Array(this.words.buffer, slot * SLOT_BYTES, SLOT_BYTES);
  }

  worker(ref: number, address: string, name: string): void {
    this.#define(SlotKind.Worker, ref, workerText(address, name));
  }

  job(ref: number, prePowHash: Uint8Array, timestampMs: bigint): void {
    const text = new Uint8Array(40);
    text.set(prePowHash);
    new DataView(text.buffer).setBigUint64(32, timestampMs, true);
    this.#define(SlotKind.Job, ref, text);
  }

  share(share: ImageShare): number {
    const { words, boot } = this;
    const { nonceLo, nonceHi, receivedAtUnixMs, workerRef, jobId, difficultyLog2 = 3 } = share;
    const powTop = new Uint8Array(16);
    const at = this.slot * SLOT_WORDS;
    const sequence = this.header.sequence + this.slot;
    encodeShare(
      words,
      at,
      sequence,
      boot,
      1,
      difficultyLog2,
      nonceLo,
      nonceHi,
      receivedAtUnixMs,
      workerRef,
      jobId,
      0x0102,
      0,
      powTop,
      0,
    );
    this.#seal(1);
    return this.slot - 1;
  }

  block(block: JournalBlock): void {
    const at = this.slot * SLOT_WORDS;
    encodeBlock(this.words, at, at + SLOT_WORDS, this.header.sequence + this.slot, this.boot, block);
    this.#seal(2);
  }

  cleanEnd(atUnixMs: number): void {
    encodeCleanEnd(this.words, this.slot * SLOT_WORDS, this.header.sequence + this.slot, this.boot, atUnixMs);
    this.#seal(1);
  }

  #define(kind: number, ref: number, text: Uint8Array): void {
    for (let part = 0; part < definitionParts(text); part++) {
      const sequence = this.header.sequence + this.slot;
      encodeDefinition(this.words, this.slot * SLOT_WORDS, sequence, this.boot, kind, ref, text, part);
      this.#seal(1);
    }
  }

  #seal(slots: number): void {
    for (let sealed = 0; sealed < slots; sealed++) sealSlot(this.words, this.slot++ * SLOT_WORDS);
  }
}
