/** What is made of records that are there already: comparisons and pages. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { projectPath } from '../../src/kit/project-root.ts';
import { GOALS } from '../goals.ts';
import { writeReport } from '../lib/bench-session.ts';
import type { ListedCase } from '../lib/catalogue.ts';
import { compareFiles } from '../lib/comparison-text.ts';
import { goalsText, keyOf, lastOf, plannedRuns } from '../lib/goals-run.ts';
import { type BenchRecord, readRecords } from '../lib/record.ts';
import { resultsPage } from '../report/results-page.ts';

const RESULTS = projectPath('bench', 'RESULTS.md');
const RESULTS_FOLDER = projectPath('bench', 'results');

export function addReports(program: Command, cases: readonly ListedCase[]): void {
  program
    .command('compare <before> <after>')
    .description('the records of two files, case by case, with 95 % intervals')
    .option('--anyway', 'also where parameters or machines differ')
    .action((before: string, after: string, { anyway }: { anyway?: boolean }) => {
      const { text, pairs } = compareFiles(readRecords(before), readRecords(after), anyway === true);
      console.log(text);
      if (pairs === 0) process.exitCode = 1;
    });
  program
    .command('html <files...>')
    .description('records as one page that stands alone')
    .requiredOption('--out <file>', 'where to')
    .action((files: string[], { out }: { out: string }) => writeReport(out, files.flatMap(readRecords)));
  program
    .command('results [files...]')
    .description('bench/RESULTS.md from records; none given: those of bench/results')
    .option('--check', 'write nothing; say whether the page agrees')
    .action((files: string[], { check }: { check?: boolean }) => {
      const records = (files.length > 0 ? files : committedRecords()).flatMap(readRecords);
      const page = resultsPage(
        records,
        (name) => cases.find((one) => one.name === name)?.benchCase.parameters,
        standingsBy(records, cases),
      );
      if (!check) writeFileSync(RESULTS, page);
      else if (readFileSync(RESULTS, 'utf8') !== page) {
        console.log('bench/RESULTS.md does not agree with its records');
        process.exitCode = 1;
      }
    });
}

function standingsBy(records: readonly BenchRecord[], cases: readonly ListedCase[]): string {
  const last = plannedRuns(GOALS).map((run): [string, BenchRecord | string] => {
    const one = cases.find(({ name }) => name === run.case);
    return [keyOf(run), one === undefined ? 'no such case' : lastOf(records, one, run.parameters)];
  });
  return goalsText(GOALS, new Map(last));
}

function committedRecords(): string[] {
  return readdirSync(RESULTS_FOLDER)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => `${RESULTS_FOLDER}/${name}`);
}
