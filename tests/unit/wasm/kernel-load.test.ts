import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VERDICT_UNPREPARED } from '../../../src/domain/share.ts';
import { projectPath } from '../../../src/kit/project-root.ts';
import { RECORD_BYTES } from '../../../src/validation/batch-layout.ts';
import { loadKernel } from '../../../wasm/load.ts';
import { readAnswer, writeRecord } from '../../conformance/kernel-judges.ts';

const ARTEFACT = 'heavyhash.wasm';
const CHECKSUM = `${ARTEFACT}.sha256`;
const HASH = new Uint8Array(32).fill(1);
const TARGET = new Uint8Array(32);

describe('loading the kernel', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-wasm-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('refuses an artefact that differs from its checksum in one bit', () => {
    copyFileSync(projectPath('wasm', CHECKSUM), join(folder, CHECKSUM));
    const bytes = readFileSync(projectPath('wasm', ARTEFACT));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(join(folder, ARTEFACT), bytes);
    expect(() => loadKernel(folder)).toThrow(expect.objectContaining({ code: 'SLUICE_KERNEL_CHECKSUM' }));
  });

  it('says so when the artefact is not there', () => {
    expect(() => loadKernel(folder)).toThrow(expect.objectContaining({ code: 'SLUICE_KERNEL_MISSING' }));
  });

  it.skipIf(!existsSync(projectPath('node_modules', 'assemblyscript')))(
    'loads the very bytes that a rebuild gives',
    () => {
      execFileSync(process.execPath, [projectPath('wasm', 'build.mjs'), folder], { cwd: folder });
      for (const name of [ARTEFACT, CHECKSUM, 'submit-lines.wasm', 'submit-lines.wasm.sha256']) {
        expect(readFileSync(join(folder, name)).equals(readFileSync(projectPath('wasm', name)))).toBe(true);
      }
    },
  );
});

describe('the kernel', () => {
  const kernel = loadKernel();

  it('refuses an all-zero pre-PoW hash, from which no matrix of full rank can be drawn', () => {
    expect(() => kernel.prepare(0, 1, new Uint8Array(32), 0n, TARGET)).toThrow(RangeError);
    expect(kernel.preparedSequence(0)).toBe(0);
  });

  it('refuses slots, sequences and lengths that do not exist', () => {
    for (const slot of [-1, 256, 1.5, Number.NaN]) {
      expect(() => kernel.prepare(slot, 1, HASH, 0n, TARGET)).toThrow(RangeError);
      expect(() => kernel.preparedSequence(slot)).toThrow(RangeError);
      expect(() => kernel.forget(slot)).toThrow(RangeError);
    }
    for (const sequence of [0, -1, 2 ** 32, 0.5]) {
      expect(() => kernel.prepare(0, sequence, HASH, 0n, TARGET)).toThrow(RangeError);
    }
    expect(() => kernel.prepare(0, 1, new Uint8Array(31).fill(1), 0n, TARGET)).toThrow(RangeError);
    expect(() => kernel.prepare(0, 1, HASH, 0n, new Uint8Array(33))).toThrow(RangeError);
    expect(() => kernel.powOf(9, 0n)).toThrow(RangeError);
  });

  it('refuses a count that its records do not hold', () => {
    for (const count of [-1, 1.5, kernel.recordCapacity + 1, Number.NaN]) {
      expect(() => kernel.judge(count)).toThrow(RangeError);
    }
    kernel.judge(0);
  });

  it('holds templates in every slot at once, with sequences up to the largest', () => {
    for (let slot = 0; slot < kernel.templateSlots; slot++) {
      const hash = HASH.slice();
      hash[0] = slot;
      kernel.prepare(slot, 0xffff_ffff - slot, hash, BigInt(slot), TARGET);
    }
    const values = new Set<string>();
    for (let slot = 0; slot < kernel.templateSlots; slot++) {
      expect(kernel.preparedSequence(slot)).toBe(0xffff_ffff - slot);
      values.add(Buffer.from(kernel.powOf(slot, 5n)).toString('hex'));
    }
    expect(values.size).toBe(kernel.templateSlots);
  });

  it('answers "unprepared" for an empty slot, another sequence, sequence 0 and a slot out of range, and judges the rest', () => {
    const fresh = loadKernel();
    fresh.prepare(3, 7, HASH, 0n, TARGET);
    const names = [
      [3, 7],
      [4, 7],
      [3, 8],
      [4, 0],
      [256, 7],
      [0xffff_ffff, 7],
      [3, 7],
      [3, 7],
    ] as const;
    fresh.records.fill(0xaa, 0, names.length * RECORD_BYTES);
    for (const [index, [slot, sequence]] of names.entries()) {
      writeRecord(fresh.records, index, { nonce: 1n, slot, sequence, difficultyLog2: 62 });
    }
    fresh.judge(names.length);
    const verdicts = names.map((_, index) => readAnswer(fresh.records, index).verdict);
    const no = VERDICT_UNPREPARED;
    expect(verdicts).toEqual([0, no, no, no, no, no, 0, 0]);
  });

  it('writes the verdict and powTop of a record and not a byte besides', () => {
    const fresh = loadKernel();
    fresh.prepare(0, 1, HASH, 0n, TARGET);
    fresh.records.fill(0x5a);
    for (let i = 0; i < 5; i++)
      writeRecord(fresh.records, i, { nonce: 9n, slot: 0, sequence: 1, difficultyLog2: 0 });
    const before = fresh.records.slice();
    fresh.judge(4);
    for (let i = 0; i < 4; i++) {
      before[i * RECORD_BYTES + 17] = 0;
      before.set(
        fresh.records.subarray(i * RECORD_BYTES + 48, (i + 1) * RECORD_BYTES),
        i * RECORD_BYTES + 48,
      );
    }
    expect(fresh.records).toEqual(before);
  });

  it('answers "unprepared" for a slot that was forgotten', () => {
    const fresh = loadKernel();
    fresh.prepare(0, 1, HASH, 0n, TARGET);
    fresh.forget(0);
    writeRecord(fresh.records, 0, { nonce: 1n, slot: 0, sequence: 1, difficultyLog2: 0 });
    fresh.judge(1);
    expect(readAnswer(fresh.records, 0).verdict).toBe(VERDICT_UNPREPARED);
  });
});
