import { beforeEach, describe, expect, it } from 'vitest';
import { VERDICT_UNPREPARED, Verdict } from '../../../src/domain/share.ts';
import { RECORD_BYTES, TEMPLATE_BYTES } from '../../../src/validation/batch-layout.ts';
import { createKaspaNonceKernel, type NonceKernel } from '../../../workers/kernels/kaspa-nonce.ts';
import { workOf } from '../../conformance/kernel.suite.ts';
import { readAnswer, writeRecord, writeTemplate } from '../../conformance/kernel-judges.ts';
import { TESTNET_JOB } from '../../vectors/kheavyhash.ts';

const WORK = workOf(TESTNET_JOB);
const BLOCK_NONCE = 0x14582n;
const OTHER = { ...WORK, timestampMs: 5n };

describe('the nonce kernel of the threads', () => {
  let templates: Uint8Array;
  let records: Uint8Array;
  let kernel: NonceKernel;
  const ask = (slot: number, sequence: number): number => {
    writeRecord(records, 0, { nonce: BLOCK_NONCE, slot, sequence, difficultyLog2: 62 });
    kernel.judge(records, 1);
    return readAnswer(records, 0).verdict;
  };

  beforeEach(() => {
    templates = new Uint8Array(new SharedArrayBuffer(256 * TEMPLATE_BYTES));
    records = new Uint8Array(new SharedArrayBuffer(3000 * RECORD_BYTES));
    kernel = createKaspaNonceKernel(templates);
  });

  it('follows shared memory: the record names a template that was written after the kernel was made', () => {
    writeTemplate(templates, 255, 41, WORK);
    expect(ask(255, 41)).toBe(Verdict.Block);
  });

  it('answers "unprepared" for a sequence that shared memory does not hold, before and after', () => {
    expect(ask(0, 1)).toBe(VERDICT_UNPREPARED);
    writeTemplate(templates, 0, 1, WORK);
    expect(ask(0, 1)).toBe(Verdict.Block);
    writeTemplate(templates, 0, 2, OTHER);
    expect(ask(0, 1)).toBe(VERDICT_UNPREPARED);
    expect(ask(0, 2)).toBe(Verdict.LowDifficulty);
    expect(ask(0, 0)).toBe(VERDICT_UNPREPARED);
  });

  it('answers "unprepared" while a template is being written', () => {
    writeTemplate(templates, 0, 1, WORK);
    expect(ask(0, 1)).toBe(Verdict.Block);
    new DataView(templates.buffer).setUint32(0, 0, true);
    expect(ask(0, 1)).toBe(VERDICT_UNPREPARED);
  });

  it('answers "unprepared" for a slot beyond the table, however far', () => {
    for (const slot of [256, 0x7fff_ffff, 0xffff_ffff]) expect(ask(slot, 1)).toBe(VERDICT_UNPREPARED);
  });

  it('does not let a template with an all-zero hash spoil the rest of the batch', () => {
    writeTemplate(templates, 0, 1, { ...WORK, prePowHash: new Uint8Array(32) });
    writeTemplate(templates, 1, 2, WORK);
    const slots = [0, 1, 0, 1, 1, 0];
    for (const [index, slot] of slots.entries()) {
      writeRecord(records, index, { nonce: BLOCK_NONCE, slot, sequence: slot + 1, difficultyLog2: 0 });
    }
    kernel.judge(records, slots.length);
    const verdicts = slots.map((_, index) => readAnswer(records, index).verdict);
    expect(verdicts).toEqual(slots.map((slot) => (slot === 1 ? Verdict.Block : VERDICT_UNPREPARED)));
  });

  it('keeps a sequence above 2^31 apart from its signed twin', () => {
    writeTemplate(templates, 0, 0xffff_fffe, WORK);
    expect(ask(0, 0xffff_fffe)).toBe(Verdict.Block);
    expect(ask(0, 2)).toBe(VERDICT_UNPREPARED);
  });

  it.each([1, 2, 4, 5, 1024, 1025, 2049])(
    'judges %i records in place, whatever the kernel holds at once',
    (count) => {
      writeTemplate(templates, 0, 1, WORK);
      writeTemplate(templates, 1, 2, OTHER);
      records.fill(0x5a);
      for (let i = 0; i <= count; i++) {
        const slot = i % 3 === 1 ? 1 : 0;
        writeRecord(records, i, { nonce: BLOCK_NONCE, slot, sequence: slot + 1, difficultyLog2: 62 });
      }
      kernel.judge(records, count);
      for (let i = 0; i < count; i++) {
        expect(readAnswer(records, i).verdict).toBe(i % 3 === 1 ? Verdict.LowDifficulty : Verdict.Block);
        expect(records[i * RECORD_BYTES + 40]).toBe(0x5a);
      }
      expect(readAnswer(records, count).verdict).toBe(0x5a);
    },
  );

  it('judges one arena and then another', () => {
    writeTemplate(templates, 0, 1, WORK);
    const other = new Uint8Array(RECORD_BYTES);
    writeRecord(other, 0, { nonce: BLOCK_NONCE, slot: 0, sequence: 1, difficultyLog2: 0 });
    expect(ask(0, 1)).toBe(Verdict.Block);
    kernel.judge(other, 1);
    expect(readAnswer(other, 0).verdict).toBe(Verdict.Block);
    expect(ask(0, 1)).toBe(Verdict.Block);
  });

  it('refuses counts and views that do not fit', () => {
    expect(() => kernel.judge(records, 3001)).toThrow(RangeError);
    expect(() => kernel.judge(records, -1)).toThrow(RangeError);
    expect(() => kernel.judge(new Uint8Array(new ArrayBuffer(72), 2, 64), 1)).toThrow(RangeError);
    expect(() => createKaspaNonceKernel(new Uint8Array(81))).toThrow(RangeError);
    expect(() => createKaspaNonceKernel(new Uint8Array(257 * TEMPLATE_BYTES))).toThrow(RangeError);
  });
});
