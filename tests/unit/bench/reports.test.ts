import { describe, expect, it } from 'vitest';
import { compareFiles } from '../../../bench/lib/comparison-text.ts';
import { htmlReport } from '../../../bench/report/html-report.ts';
import { resultsPage } from '../../../bench/report/results-page.ts';
import { madeRecord } from './made-record.ts';

describe('the page of results', () => {
  const rounds = { unit: '', text: '', real: 5, smoke: 1, min: 1 };

  it('has the command that repeats a figure', () => {
    const page = resultsPage([madeRecord()], () => ({ rounds }), ' 1  quick  met  ');
    expect(page).toContain('npm run bench -- made --rounds 3`');
    expect(page).toContain('| **ratio.x** | 2.00 | [1.00 .. 3.00] |');
    expect(page).toContain('```text\n 1  quick  met\n```');
    const other = madeRecord({ parameters: { rounds: 5 }, seed: 9, filter: 'x|y' });
    expect(resultsPage([other], () => ({ rounds }), '')).toContain(
      "npm run bench -- made --seed 9 --filter 'x|y'`",
    );
  });

  it('says of each figure where it was taken when there are several machines', () => {
    const page = resultsPage(
      [madeRecord(), madeRecord({ machine: { cpu: 'Another' } })],
      () => ({ rounds }),
      '',
    );
    expect(page.match(/^Machine: /gm)).toHaveLength(2);
    expect(page).toMatch(/^On Another, /m);
  });

  it('takes neither an INVALID run nor one of smoke size', () => {
    expect(() => resultsPage([madeRecord({ invalid: ['late'] })], () => undefined, '')).toThrow(/INVALID/);
    expect(() => resultsPage([madeRecord({ smoke: true })], () => undefined, '')).toThrow(/smoke/);
  });
});

describe('two files of records', () => {
  const file = [madeRecord({ parameters: { rounds: 3 } }), madeRecord({ parameters: { rounds: 4 } })];

  it('are compared where case and parameters are the same, whatever their order', () => {
    expect(compareFiles(file, file.toReversed(), false)).toMatchObject({ pairs: 2 });
  });

  it('give the last of several runs', () => {
    const { text, pairs } = compareFiles(
      [madeRecord({ values: [1, 1, 1] }), madeRecord({ values: [2, 2, 2] })],
      [madeRecord({ values: [8, 8, 8] }), madeRecord({ values: [4, 4, 4] })],
      false,
    );
    expect(pairs).toBe(1);
    expect(text).toMatch(/^ratio\.x +2\.00 +4\.00 +2\.000 +2\.000\.\.2\.000 +better$/m);
  });

  it('say why they are not, and are compared anyway only when asked', () => {
    const others = [madeRecord({ parameters: { rounds: 7 } })];
    expect(compareFiles(file, others, false)).toMatchObject({ pairs: 0 });
    expect(compareFiles(file, others, false).text).toContain('their parameters differ: rounds');
    expect(compareFiles(file, others, true)).toMatchObject({ pairs: 1 });
    const elsewhere = [madeRecord({ machine: { cores: 64 } })];
    expect(compareFiles(file, elsewhere, false).text).toContain('two machines');
    expect(compareFiles(file, elsewhere, true).text).toContain('compared anyway');
  });

  it('never compare an INVALID run, nor a case of one file alone', () => {
    expect(compareFiles(file, [madeRecord({ invalid: ['late'] })], true)).toMatchObject({ pairs: 0 });
    const { text } = compareFiles(file, [madeRecord({ name: 'new' })], true);
    expect(text).toContain('new: not compared: only after');
    expect(text).toContain('made: not compared: only before');
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
