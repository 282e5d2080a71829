/**
 * Which segments there are, in which order they count, and where each closed one ends. In flow a folder of segment files,
 * out flow answers by number. Every header says which segment went before it and up to which sequence that one counts: what
 * lies behind was refused to its miners. A file that no header names as its forerunner and that is not next by number
 * is a hole, and a hole stops the loader.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import {
  HEADER_SLOTS,
  SLOT_BYTES,
  SLOT_WORDS,
  segmentFileName,
  segmentNumberOf,
} from '../journal/record-layout.ts';
import { countedSlots, frameBy, type SegmentFrame } from '../journal/segment-frame.ts';
import { decodeHeader, isEmpty, isSealed, type SegmentHeader } from '../journal/slot-codec.ts';

/** One segment file, open for reading, with what every one of its slots must say. */
export interface SegmentFile extends SegmentFrame {
  readonly number: number;
  readonly file: number;
  readonly slots: number;
  readonly header: SegmentHeader | undefined;
}

/** What comes after a closed segment, and how many of its slots count. */
export interface Succession {
  readonly next: number;
  readonly end: number;
}

/** Slots searched for a sound one when the header is lost, and read at once when the end is searched. */
const PROBE_SLOTS = 4096;

export class SegmentOrder {
  readonly #directory: string;
  readonly #successions = new Map<number, Succession>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  oldest(): number | undefined {
    return segmentNumbers(this.#directory)[0];
  }

  /** Undefined when the file is not there. The caller closes it. */
  open(segment: number): SegmentFile | undefined {
    let file: number;
    try {
      file = openSync(join(this.#directory, segmentFileName(segment)), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return describe(segment, file);
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  /** Of a segment below the live one. Undefined = a hole: the segment that must come next is not on the disk. */
  succession(segment: SegmentFile, live: number): Succession | undefined {
    const known = this.#successions.get(segment.number);
    if (known) return known;
    const later = segmentNumbers(this.#directory).filter(
      (number) => number > segment.number && number <= live,
    );
    for (const number of later) {
      const header = this.#headerOf(number);
      if (header?.previousSegment !== segment.number) continue;
      return this.#keep(segment.number, { next: number, end: countingSlots(segment, header) });
    }
    // Its successor's header is torn, or says nothing of it: then only the very next number can be that successor, and all
    // that lies in the segment counts.
    if (later[0] !== segment.number + 1) return undefined;
    return this.#keep(segment.number, { next: later[0], end: usedSlots(segment) });
  }

  /** Forgets what was concluded from files that may since have been put back or taken away. */
  forget(): void {
    this.#successions.clear();
  }

  #headerOf(segment: number): SegmentHeader | undefined {
    const opened = this.open(segment);
    if (!opened) return undefined;
    closeSync(opened.file);
    return opened.header;
  }

  #keep(segment: number, succession: Succession): Succession {
    this.#successions.set(segment, succession);
    return succession;
  }
}

/** Reads whole slots at `slot`; returns how many there were. Reading on after a short read until the file ends. */
export function readSlots(file: number, words: Uint32Array, slot: number, count: number): number {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, count * SLOT_BYTES);
  let read = 0;
  while (read < bytes.length) {
    const got = readSync(file, bytes, read, bytes.length - read, slot * SLOT_BYTES + read);
    if (got === 0) break;
    read += got;
  }
  return Math.floor(read / SLOT_BYTES);
}

/** What the next segment's header says of this one; if it means the like-numbered segment of another boot, all that is there. */
function countingSlots(segment: SegmentFile, next: SegmentHeader): number {
  const { number, baseSequence, header, slots } = segment;
  const identity = { segment: number, sequence: baseSequence, bootUnixMs: header?.bootUnixMs };
  const counted = countedSlots(identity, next);
  return counted === undefined ? usedSlots(segment) : Math.min(counted, slots);
}

function describe(segment: number, file: number): SegmentFile {
  const slots = Math.floor(fstatSync(file).size / SLOT_BYTES);
  const headerWords = new Uint32Array(HEADER_SLOTS * SLOT_WORDS);
  const head = readSlots(file, headerWords, 0, HEADER_SLOTS);
  const nameSound = head === HEADER_SLOTS && isSealed(headerWords, SLOT_WORDS);
  const header =
    head > 0 && isSealed(headerWords, 0)
      ? decodeHeader(headerWords, 0, nameSound ? SLOT_WORDS : undefined)
      : undefined;
  const frame = header?.segment === segment ? frameBy(headerWords, 0, 0) : undefined;
  if (frame) return { number: segment, file, slots, header, ...frame };
  // The header is lost, not the records: any sound slot tells boot and sequence, since both go on slot by slot.
  const words = new Uint32Array(PROBE_SLOTS * SLOT_WORDS);
  for (let from = 0; from < slots; from += PROBE_SLOTS) {
    const count = readSlots(file, words, from, Math.min(PROBE_SLOTS, slots - from));
    for (let index = 0; index < count; index++) {
      const at = index * SLOT_WORDS;
      if (isEmpty(words, at) || !isSealed(words, at)) continue;
      const found = frameBy(words, at, from + index);
      if (found) return { number: segment, file, slots, header: undefined, ...found };
    }
  }
  return { number: segment, file, slots, header: undefined, baseSequence: 0, boot: 0 };
}

/** Slots up to and with the last one that was ever written. */
function usedSlots(segment: SegmentFile): number {
  const words = new Uint32Array(PROBE_SLOTS * SLOT_WORDS);
  for (let end = segment.slots; end > 0; end -= PROBE_SLOTS) {
    const from = Math.max(0, end - PROBE_SLOTS);
    const count = readSlots(segment.file, words, from, end - from);
    for (let index = count - 1; index >= 0; index--) {
      if (!isEmpty(words, index * SLOT_WORDS)) return from + index + 1;
    }
  }
  return 0;
}

/** Ascending. An absent folder is an empty journal: the engine makes it when it opens its first segment. */
function segmentNumbers(directory: string): number[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names.flatMap((name) => segmentNumberOf(name) ?? []).sort((a, b) => a - b);
}
