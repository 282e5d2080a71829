import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  OFFSET_AT,
  OFFSET_BYTE_A,
  OFFSET_BYTE_B,
  OFFSET_EXTRANONCE,
  OFFSET_JOB,
  OFFSET_KIND,
  OFFSET_NONCE,
  OFFSET_PORT,
  OFFSET_POW_TOP,
  OFFSET_SEQUENCE,
  OFFSET_WORKER_REF,
  SLOT_WORDS,
  SlotKind,
} from '../../../src/journal/record-layout.ts';
import {
  bootAt,
  decodeBlock,
  decodeDefinition,
  decodeHeader,
  definitionParts,
  encodeBlock,
  encodeDefinition,
  encodeHeader,
  encodeShare,
  isEmpty,
  isSealed,
  kindAt,
  sealSlot,
  sequenceAt,
  workerOfText,
  workerText,
} from '../../../src/journal/slot-codec.ts';

const u32 = fc.nat(0xffff_ffff);
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const safe = fc.nat(Number.MAX_SAFE_INTEGER);
/** A ring slot is never clean: whatever lay there must not shine through. */
const dirty = (slots: number): Uint32Array => new Uint32Array(slots * SLOT_WORDS).fill(0xdead_beef);

describe('slot codec', () => {
  it('puts every field of a share where the layout says', () => {
    const shares = fc.record({
      sequence: safe,
      boot: u32,
      verdict: fc.nat(255),
      difficulty: fc.integer({ min: -31, max: 62 }),
      nonceLo: u32,
      nonceHi: u32,
      at: safe,
      worker: u32,
      job: u32,
      extranonce: fc.nat(0xffff),
      port: fc.nat(0xffff),
      powTop: fc.uint8Array({ minLength: 20, maxLength: 20 }),
    });
    fc.assert(
      fc.property(shares, (s) => {
        const words = dirty(1);
        encodeShare(
          words,
          0,
          s.sequence,
          s.boot,
          s.verdict,
          s.difficulty,
          s.nonceLo,
          s.nonceHi,
          s.at,
          s.worker,
          s.job,
          s.extranonce,
          s.port,
          s.powTop,
          3,
        );
        sealSlot(words, 0);
        const view = new DataView(words.buffer);
        expect(isSealed(words, 0)).toBe(true);
        expect(view.getUint8(OFFSET_KIND)).toBe(SlotKind.Share);
        expect(view.getUint8(OFFSET_BYTE_A)).toBe(s.verdict);
        expect(view.getInt8(OFFSET_BYTE_B)).toBe(s.difficulty);
        expect(view.getBigUint64(OFFSET_SEQUENCE, true)).toBe(BigInt(s.sequence));
        expect(view.getBigUint64(OFFSET_NONCE, true)).toBe((BigInt(s.nonceHi) << 32n) | BigInt(s.nonceLo));
        expect(view.getBigUint64(OFFSET_AT, true)).toBe(BigInt(s.at));
        expect(view.getUint32(OFFSET_WORKER_REF, true)).toBe(s.worker);
        expect(view.getUint32(OFFSET_JOB, true)).toBe(s.job);
        expect(view.getUint16(OFFSET_EXTRANONCE, true)).toBe(s.extranonce);
        expect(view.getUint16(OFFSET_PORT, true)).toBe(s.port);
        expect(new Uint8Array(words.buffer, OFFSET_POW_TOP, 16)).toEqual(s.powTop.slice(3, 19));
        expect([bootAt(words, 0), sequenceAt(words, 0), kindAt(words, 0)]).toEqual([
          s.boot,
          s.sequence,
          SlotKind.Share,
        ]);
      }),
    );
  });

  it('brings back every field of a block', () => {
    const blocks = fc.record({
      blockHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      nonce: u64,
      foundAtUnixMs: safe,
      workerRef: u32,
      jobId: u32,
      difficultyLog2: fc.integer({ min: -31, max: 62 }),
      pot: fc.integer({ min: 1, max: 255 }),
      daaScore: u64,
      blueScore: u64,
      bits: u32,
    });
    fc.assert(
      fc.property(blocks, u32, safe, (block, boot, sequence) => {
        // As in a ring that wraps: the second slot lies before the first.
        const words = dirty(3);
        encodeBlock(words, 2 * SLOT_WORDS, 0, sequence, boot, block);
        expect(decodeBlock(words, 2 * SLOT_WORDS, 0)).toEqual(block);
        expect(bootAt(words, 0)).toBe(boot);
        expect(bootAt(words, 2 * SLOT_WORDS)).toBe(boot);
      }),
    );
  });

  it('brings back every field of a header, the name up to 36 bytes', () => {
    const headers = fc.record({
      version: fc.constant(1),
      instanceName: fc.stringMatching(/^[a-z0-9-]{1,36}$/),
      segment: u32,
      sequence: safe,
      bootUnixMs: safe,
      previousSegment: u32,
      previousBootUnixMs: safe,
      previousThrough: safe,
      slots: u32,
    });
    fc.assert(
      fc.property(headers, (header) => {
        const words = dirty(2);
        encodeHeader(words, 0, SLOT_WORDS, header);
        expect(decodeHeader(words, 0, SLOT_WORDS)).toEqual(header);
        expect(decodeHeader(words, 0, undefined)).toEqual({ ...header, instanceName: '' });
        expect(sequenceAt(words, SLOT_WORDS)).toBe(header.sequence + 1);
      }),
    );
  });

  it('refuses a header of another format', () => {
    const words = new Uint32Array(2 * SLOT_WORDS);
    const header = { version: 1, instanceName: 'a', segment: 1, sequence: 1, bootUnixMs: 5, slots: 64 };
    encodeHeader(words, 0, SLOT_WORDS, {
      ...header,
      previousSegment: 0,
      previousBootUnixMs: 0,
      previousThrough: 0,
    });
    words[1] = (words[1]! & ~0xff00) | (2 << 8);
    expect(decodeHeader(words, 0, SLOT_WORDS)).toBeUndefined();
  });

  it('cuts a name into parts of 36 bytes and puts it together again, whatever its letters', () => {
    const texts = fc.tuple(
      fc.stringMatching(/^[a-z0-9:]{1,90}$/),
      fc.string({ unit: 'grapheme', maxLength: 32 }),
    );
    fc.assert(
      fc.property(texts, u32, ([address, name], ref) => {
        const text = workerText(address, name);
        const whole: Uint8Array[] = [];
        const words = dirty(1);
        for (let part = 0; part < definitionParts(text); part++) {
          encodeDefinition(words, 0, 1 + part, 9, SlotKind.Worker, ref, text, part);
          const decoded = decodeDefinition(words, 0);
          expect(decoded).toMatchObject({ ref, part, parts: definitionParts(text) });
          whole.push(decoded.text);
        }
        expect(workerOfText(Buffer.concat(whole))).toEqual({
          address,
          workerName: Buffer.from(name).toString(),
        });
      }),
    );
  });

  it('knows an empty slot, and that it is no sealed one', () => {
    const words = new Uint32Array(SLOT_WORDS);
    expect(isEmpty(words, 0)).toBe(true);
    expect(isSealed(words, 0)).toBe(false);
    words[15] = 1;
    expect(isEmpty(words, 0)).toBe(false);
  });
});
