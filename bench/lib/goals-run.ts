/** Runs what the goals need, each case and its parameters once, and says where every goal stands. */
import { type Check, type Goal, standing } from '../goals.ts';
import type { ParameterTable } from './bench-case.ts';
import type { ListedCase } from './catalogue.ts';
import type { BenchRecord } from './record.ts';
import { median } from './statistics.ts';
import { figure, textTable } from './text-table.ts';

const SMOKE_LINE = 'At smoke size: shows that all runs, says nothing about a goal.';

/** Distinct (case, parameters) of these goals, in their order. */
export function plannedRuns(goals: readonly Goal[]): Pick<Check, 'case' | 'parameters'>[] {
  const seen = new Map<string, Pick<Check, 'case' | 'parameters'>>();
  for (const check of goals.flatMap(({ checks }) => checks)) {
    const key = keyOf(check);
    if (!seen.has(key)) seen.set(key, { case: check.case, parameters: check.parameters });
  }
  return [...seen.values()];
}

export function keyOf({ case: name, parameters }: Pick<Check, 'case' | 'parameters'>): string {
  return `${name} ${JSON.stringify(parameters)}`;
}

/** At smoke size only what is switched, not how much: six million rows are no look. */
export function smokeParameters(table: ParameterTable, parameters: Check['parameters']): Check['parameters'] {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => table[name]?.max === 1));
}

/** The last whole record with these parameters, the others as the case has them but for the number of rounds; a string says that there is none. */
export function lastOf(
  records: readonly BenchRecord[],
  { name, benchCase: { parameters: table } }: Pick<ListedCase, 'name' | 'benchCase'>,
  parameters: Check['parameters'],
): BenchRecord | string {
  const wanted = (record: BenchRecord): boolean =>
    record.case === name &&
    !record.smoke &&
    record.filter === null &&
    Object.keys(table).every(
      (key) => key === 'rounds' || record.parameters[key] === (parameters[key] ?? table[key]!.real),
    );
  return records.findLast(wanted) ?? 'no record';
}

/** @param records by `keyOf`; a string says why there is none */
export function goalsText(
  goals: readonly Goal[],
  records: ReadonlyMap<string, BenchRecord | string>,
): string {
  const rows = goals.flatMap(({ number, text, checks }) =>
    checks.map((check, index) => {
      const record = records.get(keyOf(check)) ?? 'not run';
      const value = figureOf(check.measure, record);
      const bound = check.bound === undefined ? '' : figureOf(check.bound, record);
      const gate = `${check.direction === 'at least' ? '>=' : '<='} ${figure(check.gate)}`;
      return [
        index === 0 ? `${String(number).padStart(2)}  ${text}` : '',
        describe(check),
        typeof value === 'number' ? figure(value) : value,
        gate,
        typeof bound === 'number' ? figure(bound) : '',
        standing(check, typeof value === 'number' && !isSmoke(record) ? value : undefined),
      ];
    }),
  );
  // The long sentence stands on a line of its own, the figures below it.
  const figures = textTable([['', 'value', 'gate', 'in C', ''], ...rows.map(([, ...cells]) => cells)]).split(
    '\n',
  );
  const lines = [...([...records.values()].some(isSmoke) ? [SMOKE_LINE, ''] : []), figures[0]!];
  for (const [index, row] of rows.entries()) {
    if (row[0] !== '') lines.push('', row[0]!);
    lines.push(`    ${figures[index + 1]!}`);
  }
  return lines.join('\n');
}

function isSmoke(record: BenchRecord | string): boolean {
  return typeof record !== 'string' && record.smoke;
}

function describe({ case: name, parameters, measure }: Check): string {
  const set = Object.entries(parameters).map(([key, value]) => ` ${key}=${value}`);
  return `${name}${set.join('')}: ${measure}`;
}

function figureOf(wanted: string, record: BenchRecord | string): number | string {
  if (typeof record === 'string') return record;
  if (record.invalid.length > 0) return 'INVALID';
  const measure = record.measures.find(({ name }) => name === wanted);
  return measure === undefined ? 'no such measure' : median(measure.values);
}
