/** Comparisons for people, and which records may be compared at all. */
import type { Compared } from './comparison.ts';
import { compareMeasures } from './comparison.ts';
import type { BenchRecord } from './record.ts';
import { figure, textTable } from './text-table.ts';

export function comparedText(compared: readonly Compared[]): string {
  return textTable([
    ['', 'before', 'after', 'after/before', '95 % interval', 'verdict'],
    ...compared.map(({ name, before, after, ratio, low, high, verdict }) => [
      name,
      figure(before),
      figure(after),
      ratio.toFixed(3),
      `${low.toFixed(3)}..${high.toFixed(3)}`,
      verdict,
    ]),
  ]);
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

/** The last record of the same case and parameters. */
export function partnerOf(records: readonly BenchRecord[], record: BenchRecord): BenchRecord | undefined {
  const sameParameters = (one: BenchRecord): boolean =>
    JSON.stringify(one.parameters) === JSON.stringify(record.parameters);
  return records.findLast((one) => one.case === record.case && sameParameters(one));
}

export function compareRecords(before: BenchRecord, after: BenchRecord): string {
  const head = `${after.case}: ${before.machine.commit || before.machine.at} -> ${after.machine.commit || after.machine.at}`;
  return `${head}\n${comparedText(compareMeasures(before.measures, after.measures))}`;
}
