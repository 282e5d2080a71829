/** The segment files of a journal directory: which there are, their bytes in pieces, and which may go. Reads only. */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError } from '../kit/edge-error.ts';
import type { JournalPosition } from './journal.ts';
import { HEADER_SLOTS, SLOT_BYTES, SLOT_WORDS, segmentFileName, segmentNumberOf } from './record-layout.ts';
import { decodeHeader, isSealed, type SegmentHeader } from './slot-codec.ts';

/** Read in pieces of 1 MiB: large enough for a disk, small enough that 16 MiB segments never lie in memory whole. */
const CHUNK_SLOTS = 16_384;

export interface SegmentFile {
  readonly segment: number;
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedUnixMs: number;
}

/** In order of their numbers. A directory that does not exist is an edge error, not an empty journal. */
export async function listSegments(directory: string): Promise<SegmentFile[]> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (thrown) {
    throw new EdgeError(
      'SLUICE_JOURNAL_UNREADABLE',
      `the journal directory ${directory} cannot be read: ${(thrown as Error).message}`,
      'Name the folder that holds the segment-*.slj files, and check that this user may read it.',
      thrown,
    );
  }
  const files: SegmentFile[] = [];
  for (const name of names) {
    const segment = segmentNumberOf(name);
    if (segment === undefined) continue;
    const path = join(directory, name);
    // Retention may delete a file between the listing and here.
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) files.push({ segment, path, sizeBytes: found.size, modifiedUnixMs: found.mtimeMs });
  }
  return files.sort((a, b) => a.segment - b.segment);
}

export async function newestSegment(directory: string): Promise<number | undefined> {
  return (await listSegments(directory)).at(-1)?.segment;
}

/**
 * Calls `take` with pieces of whole slots, but for the last piece of a truncated file. The bytes are the reader's buffer:
 * they are good until `take` returns. `take` may return false to stop.
 */
export async function readSlots(
  path: string,
  take: (bytes: Uint8Array, firstSlot: number) => unknown,
  fromSlot = 0,
  untilSlot = Number.POSITIVE_INFINITY,
): Promise<void> {
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(CHUNK_SLOTS * SLOT_BYTES);
    for (let slot = fromSlot; slot < untilSlot; ) {
      const wanted = Math.min(CHUNK_SLOTS, untilSlot - slot) * SLOT_BYTES;
      const got = await readFully(file, buffer, wanted, slot * SLOT_BYTES);
      if (got > 0 && take(buffer.subarray(0, got), slot) === false) return;
      if (got < wanted) return;
      slot += got / SLOT_BYTES;
    }
  } finally {
    await file.close();
  }
}

async function readFully(
  file: FileHandle,
  into: Uint8Array,
  bytes: number,
  position: number,
): Promise<number> {
  let got = 0;
  while (got < bytes) {
    const { bytesRead } = await file.read(into, got, bytes - got, position + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}

/** Undefined when the segment was prepared but never opened, or its header is damaged. */
export async function readHeader(path: string): Promise<SegmentHeader | undefined> {
  let header: SegmentHeader | undefined;
  await readSlots(
    path,
    (bytes) => {
      if (bytes.length < SLOT_BYTES) return;
      const words = new Uint32Array(
        new Uint8Array(bytes.subarray(0, HEADER_SLOTS * SLOT_BYTES)).buffer,
        0,
        (bytes.length >> 6) * SLOT_WORDS,
      );
      const named = words.length > SLOT_WORDS && isSealed(words, SLOT_WORDS);
      if (isSealed(words, 0)) header = decodeHeader(words, 0, named ? SLOT_WORDS : undefined);
    },
    0,
    HEADER_SLOTS,
  );
  return header;
}

export interface ListedSegment {
  readonly file: SegmentFile;
  readonly header: SegmentHeader | undefined;
  /** Of the next segment that has a readable one. */
  readonly next: SegmentHeader | undefined;
}

/** In order, each with what the next one says of it. */
export async function listWithHeaders(directory: string): Promise<ListedSegment[]> {
  const listed: ListedSegment[] = [];
  let next: SegmentHeader | undefined;
  for (const file of (await listSegments(directory)).reverse()) {
    const header = await readHeader(file.path);
    listed.unshift({ file, header, next });
    next = header ?? next;
  }
  return listed;
}

/** True when nothing was ever written into a file: it was prepared for a boot that ended before it was opened. */
export async function isUnopened(path: string): Promise<boolean> {
  let unopened = true;
  await readSlots(path, (bytes) => {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    unopened =
      words.every((word) => word === 0) && bytes.subarray(words.length * 4).every((byte) => byte === 0);
    return unopened;
  });
  return unopened;
}

/**
 * Segments that every reader has left behind and that are old enough. `positions` are the next slots of all readers (the
 * loader, a standby); with none nothing may go. The newest segment always stays: its number is where the next boot goes on.
 */
export function deletableSegments(
  files: readonly SegmentFile[],
  positions: readonly JournalPosition[],
  olderThanMs: number,
  nowUnixMs: number,
): SegmentFile[] {
  if (positions.length === 0) return [];
  const needed = Math.min(...positions.map(({ segment }) => segment));
  const newest = Math.max(0, ...files.map(({ segment }) => segment));
  return files.filter(
    (file) => file.segment < needed && file.segment < newest && nowUnixMs - file.modifiedUnixMs > olderThanMs,
  );
}

export function segmentPath(directory: string, segment: number): string {
  return join(directory, segmentFileName(segment));
}
