/** One run of a case as the command line does it: progress, table, record, and what becomes of the record. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { projectPath } from '../../src/kit/project-root.ts';
import { htmlReport } from '../report/html-report.ts';
import { type CaseArguments, runCase } from './case-run.ts';
import type { ListedCase } from './catalogue.ts';
import { compareRecords, notComparable, partnerOf } from './comparison-text.ts';
import { machineNow } from './machine.ts';
import { progressBar } from './progress-bar.ts';
import { appendRecord, type BenchRecord, readRecords, recordOf } from './record.ts';
import { recordText } from './record-text.ts';

export interface Outputs {
  /** Appended to. */
  readonly json?: string;
  /** Written anew, with all records of this command. */
  readonly html?: string;
  /** A file of records: compared with the last of the same case and parameters. */
  readonly compare?: string;
}

export async function measure(one: ListedCase, given: CaseArguments): Promise<BenchRecord> {
  const machine = machineNow();
  const startedMs = performance.now();
  const bar = progressBar(one.name, process.stderr);
  try {
    const run = await runCase(
      projectPath('dist', 'bench', 'lib', 'case-process.js'),
      one.file,
      given,
      bar.step,
    );
    const { kind, title } = one.benchCase;
    return recordOf(
      {
        name: one.name,
        ...{ kind, title, machine },
        ...{ seed: given.seed, smoke: given.smoke, filter: given.filter },
        loadAfter: machineNow().load1,
        seconds: Math.round((performance.now() - startedMs) / 1_000),
      },
      run,
    );
  } finally {
    bar.end();
  }
}

/** Prints and keeps; records that a comparison needs are read before this run's own is appended. */
export function keep(records: readonly BenchRecord[], record: BenchRecord, outputs: Outputs): void {
  console.log(`\n${record.case}: ${record.title}\n\n${recordText(record)}`);
  if (outputs.compare !== undefined) {
    const partner = partnerOf(readRecords(outputs.compare), record);
    const reason =
      partner === undefined
        ? `${outputs.compare} has no record of this case with these parameters`
        : notComparable(partner, record);
    console.log(
      reason === '' ? `\n${compareRecords(partner!, record)}` : `\nnothing to compare with: ${reason}`,
    );
  }
  if (outputs.json !== undefined) appendRecord(outputs.json, record);
  if (outputs.html !== undefined) writeReport(outputs.html, [...records, record]);
}

/** Its folder is made: a run of an hour does not end over a folder. */
export function writeReport(file: string, records: readonly BenchRecord[]): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, htmlReport(records));
}
