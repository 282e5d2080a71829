import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { machineNow } from '../../../bench/lib/machine.ts';
import { appendRecord, type BenchRecord, readRecords, recordOf } from '../../../bench/lib/record.ts';
import { htmlReport } from '../../../bench/report/html-report.ts';
import { resultsPage } from '../../../bench/report/results-page.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-record-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function madeRecord(changes: Partial<{ invalid: string[]; smoke: boolean; note: string }> = {}): BenchRecord {
  const histogram = build();
  for (let us = 1; us <= 1_000; us++) histogram.recordValue(us);
  return recordOf(
    {
      ...{
        name: 'made',
        kind: 'flow',
        title: 'a case',
        seed: 1,
        filter: undefined,
        loadAfter: 0,
        seconds: 1,
      },
      smoke: changes.smoke ?? false,
      machine: machineNow(),
    },
    {
      values: { rounds: 3 },
      result: {
        measures: [{ name: 'ratio.x', unit: '', better: 'higher', values: [1, 2, 3] }],
        distributions: [{ name: 'wait', histogram: encodeIntoCompressedBase64(histogram) }],
        checksum: 'c',
        invalid: changes.invalid ?? [],
        notes: changes.note === undefined ? [] : [changes.note],
      },
    },
  );
}

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

describe('the page of results', () => {
  it('has the command that repeats a figure', () => {
    const rounds = { unit: '', text: '', real: 5, smoke: 1, min: 1 };
    const page = resultsPage([madeRecord()], () => ({ rounds }));
    expect(page).toContain('npm run bench -- made --rounds 3`');
    expect(page).toContain('| **ratio.x** | 2.00 | [1.00 .. 3.00] |');
  });

  it('takes neither an INVALID run nor one of smoke size', () => {
    expect(() => resultsPage([madeRecord({ invalid: ['late'] })], () => undefined)).toThrow(/INVALID/);
    expect(() => resultsPage([madeRecord({ smoke: true })], () => undefined)).toThrow(/smoke/);
  });
});

describe('the report', () => {
  it('stands alone: no script, nothing fetched, and names are text', () => {
    const page = htmlReport([madeRecord({ note: '<img src=x onerror=alert(1)>' })]);
    expect(page).not.toMatch(/<script|https?:|src="|<img/);
    expect(page).toContain('&#60;img');
    expect(page).toContain('<polyline class="curve s0"');
  });
});
