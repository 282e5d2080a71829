/** Runs what the goals need, each case and its parameters once, and says where every goal stands. */
import { type Check, type Goal, standing } from '../goals.ts';
import type { BenchRecord } from './record.ts';
import { median } from './statistics.ts';
import { figure, textTable } from './text-table.ts';

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

/** @param records by `keyOf`; a string says why there is none */
export function goalsText(
  goals: readonly Goal[],
  records: ReadonlyMap<string, BenchRecord | string>,
): string {
  const rows = goals.flatMap(({ number, text, checks }) =>
    checks.map((check, index) => {
      const record = records.get(keyOf(check)) ?? 'not run';
      const value = figureOf(check, record);
      const gate = `${check.direction === 'at least' ? '>=' : '<='} ${figure(check.gate)}`;
      return [
        index === 0 ? `${String(number).padStart(2)}  ${text}` : '',
        describe(check),
        typeof value === 'number' ? figure(value) : value,
        gate,
        standing(check, typeof value === 'number' ? value : undefined),
      ];
    }),
  );
  // The long sentence stands on a line of its own, the figures below it.
  const figures = textTable([['', 'value', 'gate', ''], ...rows.map(([, ...cells]) => cells)]).split('\n');
  const lines = [figures[0]!];
  for (const [index, row] of rows.entries()) {
    if (row[0] !== '') lines.push('', row[0]!);
    lines.push(`    ${figures[index + 1]!}`);
  }
  return lines.join('\n');
}

function describe({ case: name, parameters, measure }: Check): string {
  const set = Object.entries(parameters).map(([key, value]) => ` ${key}=${value}`);
  return `${name}${set.join('')}: ${measure}`;
}

function figureOf(check: Check, record: BenchRecord | string): number | string {
  if (typeof record === 'string') return record;
  if (record.invalid.length > 0) return 'INVALID';
  const measure = record.measures.find(({ name }) => name === check.measure);
  return measure === undefined ? 'no such measure' : median(measure.values);
}
