/**
 * One slot to bytes and back, for every kind. Pure. Works on 32-bit words of a little-endian host (`at` counts words), so that
 * the main thread writes a share into the ring without an object, a bigint or a DataView call. The CRC is set by `sealSlot`,
 * which the writer thread calls: it is the one part of a record that costs more than a few stores.
 */
import { POT_DEFAULT } from '../domain/pot.ts';
import { crc32cWords } from './crc32c.ts';
import type { JournalBlock } from './journal.ts';
import {
  DEFINITION_TEXT_A,
  DEFINITION_TEXT_B,
  DEFINITION_TEXT_BYTES,
  FORMAT_VERSION,
  HEADER_MAGIC,
  OFFSET_AT,
  OFFSET_BLOCK_BITS,
  OFFSET_BLOCK_BLUE_SCORE,
  OFFSET_BLOCK_DAA_SCORE,
  OFFSET_BLOCK_HASH_HEAD,
  OFFSET_BLOCK_HASH_TAIL,
  OFFSET_BOOT,
  OFFSET_DEFINITION_REF,
  OFFSET_HEADER_BOOT,
  OFFSET_HEADER_MAGIC,
  OFFSET_HEADER_PREVIOUS_BOOT,
  OFFSET_HEADER_PREVIOUS_SEGMENT,
  OFFSET_HEADER_PREVIOUS_THROUGH,
  OFFSET_HEADER_SEGMENT,
  OFFSET_HEADER_SLOTS,
  OFFSET_JOB,
  OFFSET_KIND,
  OFFSET_NONCE,
  OFFSET_POW_TOP,
  OFFSET_SEQUENCE,
  OFFSET_WORKER_REF,
  SLOT_WORDS,
  SlotKind,
} from './record-layout.ts';

const WORD = 2 ** 32;
const W_KIND = OFFSET_KIND / 4;
const W_SEQUENCE = OFFSET_SEQUENCE / 4;
const W_NONCE = OFFSET_NONCE / 4;
const W_AT = OFFSET_AT / 4;
const W_WORKER = OFFSET_WORKER_REF / 4;
const W_JOB = OFFSET_JOB / 4;
const W_BOOT = OFFSET_BOOT / 4;
const W_POW_TOP = OFFSET_POW_TOP / 4;

/** What a segment's header says. Integers are exact: sequences and times stay far below 2^53. */
export interface SegmentHeader {
  readonly version: number;
  readonly instanceName: string;
  readonly segment: number;
  /** Sequence of slot 0; slot n has `sequence + n`. */
  readonly sequence: number;
  readonly bootUnixMs: number;
  /** 0 = this is the first segment of the journal. */
  readonly previousSegment: number;
  readonly previousBootUnixMs: number;
  /** Of the previous segment slots up to this sequence count; 0 = none of it. */
  readonly previousThrough: number;
  readonly slots: number;
}

export interface DefinitionPart {
  readonly ref: number;
  readonly parts: number;
  readonly part: number;
  readonly text: Uint8Array;
}

/** The CRC of a finished slot. */
export function sealSlot(words: Uint32Array, at: number): void {
  words[at] = crc32cWords(words, at + 1, SLOT_WORDS - 1);
}

export function isSealed(words: Uint32Array, at: number): boolean {
  return words[at] === crc32cWords(words, at + 1, SLOT_WORDS - 1);
}

export function isEmpty(words: Uint32Array, at: number): boolean {
  for (let word = at; word < at + SLOT_WORDS; word++) if (words[word] !== 0) return false;
  return true;
}

export const kindAt = (words: Uint32Array, at: number): number => words[at + W_KIND]! & 0xff;
export const byteAAt = (words: Uint32Array, at: number): number => (words[at + W_KIND]! >>> 8) & 0xff;
export const byteBAt = (words: Uint32Array, at: number): number => (words[at + W_KIND]! >>> 16) & 0xff;
export const partAt = (words: Uint32Array, at: number): number => words[at + W_KIND]! >>> 24;
export const bootAt = (words: Uint32Array, at: number): number => words[at + W_BOOT]!;
export const sequenceAt = (words: Uint32Array, at: number): number => integerAt(words, at + W_SEQUENCE);
export const receivedAt = (words: Uint32Array, at: number): number => integerAt(words, at + W_AT);

/** A u64 as a number: exact below 2^53, and nothing here comes near. */
function integerAt(words: Uint32Array, at: number): number {
  return words[at]! + words[at + 1]! * WORD;
}

function putInteger(words: Uint32Array, at: number, value: number): void {
  words[at] = value % WORD;
  words[at + 1] = value / WORD;
}

function putBigint(words: Uint32Array, at: number, value: bigint): void {
  words[at] = Number(value & 0xffff_ffffn);
  words[at + 1] = Number((value >> 32n) & 0xffff_ffffn);
}

function bigintAt(words: Uint32Array, at: number): bigint {
  return BigInt(words[at]!) | (BigInt(words[at + 1]!) << 32n);
}

function begin(
  words: Uint32Array,
  at: number,
  kind: number,
  byteA: number,
  byteB: number,
  part: number,
  sequence: number,
  boot: number,
): void {
  words.fill(0, at, at + SLOT_WORDS);
  words[at + W_KIND] = kind | ((byteA & 0xff) << 8) | ((byteB & 0xff) << 16) | (part << 24);
  putInteger(words, at + W_SEQUENCE, sequence);
  words[at + W_BOOT] = boot;
}

/** The hot one: sixteen stores, no call. A slot of the ring is used again, so every word is written, the CRC's too. */
export function encodeShare(
  words: Uint32Array,
  at: number,
  sequence: number,
  boot: number,
  verdict: number,
  difficultyLog2: number,
  nonceLo: number,
  nonceHi: number,
  receivedAtUnixMs: number,
  workerRef: number,
  jobId: number,
  extranonce: number,
  portAndPot: number,
  powTop: Uint8Array,
  powTopOffset: number,
): void {
  words[at] = 0;
  words[at + 1] = SlotKind.Share | ((verdict & 0xff) << 8) | ((difficultyLog2 & 0xff) << 16);
  words[at + 2] = sequence;
  words[at + 3] = sequence / WORD;
  words[at + 4] = nonceLo;
  words[at + 5] = nonceHi;
  words[at + 6] = receivedAtUnixMs;
  words[at + 7] = receivedAtUnixMs / WORD;
  words[at + 8] = workerRef;
  words[at + 9] = jobId;
  words[at + 10] = boot;
  words[at + 11] = (extranonce & 0xffff) | (portAndPot << 16);
  for (let word = 0, from = powTopOffset; word < 4; word++, from += 4) {
    words[at + W_POW_TOP + word] =
      powTop[from]! | (powTop[from + 1]! << 8) | (powTop[from + 2]! << 16) | (powTop[from + 3]! << 24);
  }
}

/** Two slots at `at` and `next` (the ring may wrap between them). */
export function encodeBlock(
  words: Uint32Array,
  at: number,
  next: number,
  sequence: number,
  boot: number,
  block: JournalBlock,
): void {
  begin(words, at, SlotKind.Block, block.pot, block.difficultyLog2, 0, sequence, boot);
  putBigint(words, at + W_NONCE, block.nonce);
  putInteger(words, at + W_AT, Math.trunc(block.foundAtUnixMs));
  words[at + W_WORKER] = block.workerRef;
  words[at + W_JOB] = block.jobId;
  words[at + OFFSET_BLOCK_BITS / 4] = block.bits;
  putBytes(words, at, OFFSET_BLOCK_HASH_HEAD, block.blockHash, 0, 16);
  begin(words, next, SlotKind.Block, block.pot, block.difficultyLog2, 1, sequence + 1, boot);
  putBytes(words, next, OFFSET_BLOCK_HASH_TAIL, block.blockHash, 16, 16);
  putBigint(words, next + OFFSET_BLOCK_DAA_SCORE / 4, block.daaScore);
  putBigint(words, next + OFFSET_BLOCK_BLUE_SCORE / 4, block.blueScore);
}

export function decodeBlock(words: Uint32Array, at: number, next: number): JournalBlock {
  const blockHash = new Uint8Array(32);
  takeBytes(words, at, OFFSET_BLOCK_HASH_HEAD, blockHash, 0, 16);
  takeBytes(words, next, OFFSET_BLOCK_HASH_TAIL, blockHash, 16, 16);
  return {
    blockHash,
    nonce: bigintAt(words, at + W_NONCE),
    foundAtUnixMs: receivedAt(words, at),
    workerRef: words[at + W_WORKER]!,
    jobId: words[at + W_JOB]!,
    difficultyLog2: (byteBAt(words, at) << 24) >> 24,
    pot: byteAAt(words, at) || POT_DEFAULT,
    bits: words[at + OFFSET_BLOCK_BITS / 4]!,
    daaScore: bigintAt(words, next + OFFSET_BLOCK_DAA_SCORE / 4),
    blueScore: bigintAt(words, next + OFFSET_BLOCK_BLUE_SCORE / 4),
  };
}

export function definitionParts(text: Uint8Array): number {
  return Math.max(1, Math.ceil(text.length / DEFINITION_TEXT_BYTES));
}

/** Part `part` of a definition; `kind` is Worker or Job. */
export function encodeDefinition(
  words: Uint32Array,
  at: number,
  sequence: number,
  boot: number,
  kind: number,
  ref: number,
  text: Uint8Array,
  part: number,
): void {
  const from = part * DEFINITION_TEXT_BYTES;
  const length = Math.min(DEFINITION_TEXT_BYTES, text.length - from);
  begin(words, at, kind, definitionParts(text), length, part, sequence, boot);
  words[at + OFFSET_DEFINITION_REF / 4] = ref;
  putText(words, at, text, from, length);
}

export function decodeDefinition(words: Uint32Array, at: number): DefinitionPart {
  return {
    ref: words[at + OFFSET_DEFINITION_REF / 4]!,
    parts: byteAAt(words, at),
    part: partAt(words, at),
    text: takeText(words, at, byteBAt(words, at)),
  };
}

/** `address NUL name`. */
export function workerText(address: string, workerName: string): Uint8Array {
  return Buffer.from(`${address}\0${workerName}`, 'utf8');
}

export function workerOfText(text: Uint8Array): { address: string; workerName: string } {
  const whole = Buffer.from(text).toString('utf8');
  const end = whole.indexOf('\0');
  return end < 0
    ? { address: whole, workerName: '' }
    : { address: whole.slice(0, end), workerName: whole.slice(end + 1) };
}

export function encodeCleanEnd(
  words: Uint32Array,
  at: number,
  sequence: number,
  boot: number,
  atUnixMs: number,
): void {
  begin(words, at, SlotKind.CleanEnd, 0, 0, 0, sequence, boot);
  putInteger(words, at + W_AT, Math.trunc(atUnixMs));
}

/** Two slots at `at` and `next`. */
export function encodeHeader(words: Uint32Array, at: number, next: number, header: SegmentHeader): void {
  const boot = header.bootUnixMs % WORD;
  const name = Buffer.from(header.instanceName, 'utf8').subarray(0, DEFINITION_TEXT_BYTES);
  begin(words, at, SlotKind.Header, FORMAT_VERSION, 0, 0, header.sequence, boot);
  words[at + OFFSET_HEADER_MAGIC / 4] = HEADER_MAGIC;
  words[at + OFFSET_HEADER_SEGMENT / 4] = header.segment;
  putInteger(words, at + OFFSET_HEADER_BOOT / 4, header.bootUnixMs);
  putInteger(words, at + OFFSET_HEADER_PREVIOUS_THROUGH / 4, header.previousThrough);
  words[at + OFFSET_HEADER_PREVIOUS_SEGMENT / 4] = header.previousSegment;
  words[at + OFFSET_HEADER_SLOTS / 4] = header.slots;
  putInteger(words, at + OFFSET_HEADER_PREVIOUS_BOOT / 4, header.previousBootUnixMs);
  begin(words, next, SlotKind.Header, FORMAT_VERSION, name.length, 1, header.sequence + 1, boot);
  words[next + OFFSET_HEADER_MAGIC / 4] = HEADER_MAGIC;
  words[next + OFFSET_HEADER_SEGMENT / 4] = header.segment;
  putText(words, next, name, 0, name.length);
}

/** `next` is undefined when the slot with the name is lost. Undefined for anything that is not a header of this format. */
export function decodeHeader(
  words: Uint32Array,
  at: number,
  next: number | undefined,
): SegmentHeader | undefined {
  if (kindAt(words, at) !== SlotKind.Header || partAt(words, at) !== 0) return undefined;
  if (words[at + OFFSET_HEADER_MAGIC / 4] !== HEADER_MAGIC || byteAAt(words, at) !== FORMAT_VERSION) {
    return undefined;
  }
  const name = next === undefined ? new Uint8Array(0) : takeText(words, next, byteBAt(words, next));
  return {
    version: byteAAt(words, at),
    instanceName: Buffer.from(name).toString('utf8'),
    segment: words[at + OFFSET_HEADER_SEGMENT / 4]!,
    sequence: sequenceAt(words, at),
    bootUnixMs: integerAt(words, at + OFFSET_HEADER_BOOT / 4),
    previousSegment: words[at + OFFSET_HEADER_PREVIOUS_SEGMENT / 4]!,
    previousBootUnixMs: integerAt(words, at + OFFSET_HEADER_PREVIOUS_BOOT / 4),
    previousThrough: integerAt(words, at + OFFSET_HEADER_PREVIOUS_THROUGH / 4),
    slots: words[at + OFFSET_HEADER_SLOTS / 4]!,
  };
}

function bytesOf(words: Uint32Array, at: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset + at * 4, SLOT_WORDS * 4);
}

function putBytes(
  words: Uint32Array,
  at: number,
  offset: number,
  from: Uint8Array,
  start: number,
  length: number,
): void {
  bytesOf(words, at).set(from.subarray(start, start + length), offset);
}

function takeBytes(
  words: Uint32Array,
  at: number,
  offset: number,
  into: Uint8Array,
  start: number,
  length: number,
): void {
  into.set(bytesOf(words, at).subarray(offset, offset + length), start);
}

function putText(words: Uint32Array, at: number, text: Uint8Array, from: number, length: number): void {
  const head = Math.min(length, DEFINITION_TEXT_A.bytes);
  putBytes(words, at, DEFINITION_TEXT_A.offset, text, from, head);
  putBytes(words, at, DEFINITION_TEXT_B.offset, text, from + head, length - head);
}

function takeText(words: Uint32Array, at: number, length: number): Uint8Array {
  const text = new Uint8Array(Math.min(length, DEFINITION_TEXT_BYTES));
  const head = Math.min(text.length, DEFINITION_TEXT_A.bytes);
  takeBytes(words, at, DEFINITION_TEXT_A.offset, text, 0, head);
  takeBytes(words, at, DEFINITION_TEXT_B.offset, text, head, text.length - head);
  return text;
}
