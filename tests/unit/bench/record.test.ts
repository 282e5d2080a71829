import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendRecord, readRecords } from '../../../bench/lib/record.ts';
import { madeRecord } from './made-record.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-record-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a record', () => {
  it('reads back as it was written, with the percentiles of its histogram', () => {
    const file = join(folder, 'a.ndjson');
    const record = madeRecord();
    appendRecord(file, record);
    appendRecord(file, record);
    expect(readRecords(file)).toEqual([record, record]);
    expect(record.distributions[0]).toMatchObject({ count: 1_000, percentilesUs: { 50: 500, 99: 990 } });
  });

  it('is refused when a figure was changed by hand, with the line', () => {
    const file = join(folder, 'b.ndjson');
    appendRecord(file, madeRecord());
    writeFileSync(file, readFileSync(file, 'utf8').replace('[1,2,3]', '[2,2,3]'));
    expect(() => readRecords(file)).toThrow(/b\.ndjson:1 was changed/);
  });

  it('is refused when it is none', () => {
    const file = join(folder, 'c.ndjson');
    for (const text of ['', 'nonsense\n', '{"version":1}\n', 'null\n']) {
      writeFileSync(file, text);
      expect(() => readRecords(file)).toThrow(RangeError);
    }
  });
});
