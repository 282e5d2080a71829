/** Comparisons for people, and which records may be compared at all. */
import type { Compared } from './comparison.ts';
import { compareMeasures } from './comparison.ts';
import type { BenchRecord } from './record.ts';
import { figure, textTable } from './text-table.ts';

export function comparedText(compared: readonly Compared[]): string {
  return textTable([
    ['', 'before', 'after', 'after/before', '95 % interval', 'verdict'],
    ...compared.map((one) => [
      one.name,
      figure(one.before),
      figure(one.after),
      effectText(one, one.effect),
      `${effectText(one, one.low)}..${effectText(one, one.high)}`,
      one.verdict,
    ]),
  ]);
}

/** A sign tells a difference from a ratio. */
function effectText({ by }: Compared, effect: number): string {
  if (by === 'ratio') return effect.toFixed(3);
  return `${effect > 0 ? '+' : ''}${figure(effect)}`;
}

/** '' or why these two say nothing about each other. */
export function notComparable(before: BenchRecord, after: BenchRecord): string {
  if (before.case !== after.case) return `${before.case} and ${after.case} are two cases`;
  const invalid = [before, after].find(({ invalid: reasons }) => reasons.length > 0);
  if (invalid !== undefined) return `the run of ${invalid.machine.at} is INVALID: ${invalid.invalid[0]}`;
  const differing = Object.keys({ ...before.parameters, ...after.parameters }).filter(
    (name) => before.parameters[name] !== after.parameters[name],
  );
  if (differing.length > 0) return `their parameters differ: ${differing.join(', ')}`;
  const { machine: a } = before;
  const { machine: b } = after;
  if (a.cpu !== b.cpu || a.cores !== b.cores)
    return `they were taken on two machines: ${a.cores} x ${a.cpu}, ${b.cores} x ${b.cpu}`;
  return '';
}

function sameRun(one: BenchRecord, other: BenchRecord): boolean {
  const names = Object.keys({ ...one.parameters, ...other.parameters });
  return one.case === other.case && names.every((name) => one.parameters[name] === other.parameters[name]);
}

/** The last record of the same case and parameters. */
export function partnerOf(records: readonly BenchRecord[], record: BenchRecord): BenchRecord | undefined {
  return records.findLast((one) => sameRun(one, record));
}

export function compareRecords(before: BenchRecord, after: BenchRecord): string {
  const head = `${after.case}: ${before.machine.commit || before.machine.at} -> ${after.machine.commit || after.machine.at}`;
  return `${head}\n${comparedText(compareMeasures(before.measures, after.measures))}`;
}

export interface FilesCompared {
  readonly text: string;
  /** Pairs that could be compared. */
  readonly pairs: number;
}

/**
 * Two files, each case and its parameters by its last record. With `anyway` also where parameters or machines differ; an INVALID run
 * is never compared, since it has no figures.
 */
export function compareFiles(
  before: readonly BenchRecord[],
  after: readonly BenchRecord[],
  anyway: boolean,
): FilesCompared {
  const parts: string[] = [];
  let pairs = 0;
  for (const record of after.filter((one) => partnerOf(after, one) === one)) {
    const other = partnerOf(before, record) ?? before.findLast((one) => one.case === record.case);
    const reason = other === undefined ? 'only after has a record of it' : notComparable(other, record);
    const forced = anyway && !reason.includes('INVALID');
    if (other === undefined || (reason !== '' && !forced))
      parts.push(`${record.case}: not compared: ${reason}`);
    else {
      pairs++;
      parts.push(`${compareRecords(other, record)}${reason === '' ? '' : `\ncompared anyway: ${reason}`}`);
    }
  }
  const missing = new Set(before.map((one) => one.case));
  for (const record of after) missing.delete(record.case);
  parts.push(...[...missing].map((name) => `${name}: not compared: only before has a record of it`));
  return { text: parts.join('\n\n'), pairs };
}
