/** The numbers that a case is given, from the words of a command line. Pure. */
import type { Parameter, ParameterTable, Values } from './bench-case.ts';

export const DEFAULT_SEED = 1;

export function optionOf(parameter: string): string {
  return parameter.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Without a unit it is a count, and a count is whole. Throws a RangeError that says what was impossible, and what is possible. */
export function readValue(
  name: string,
  { min, max, unit }: Pick<Parameter, 'min' | 'max' | 'unit'>,
  text: unknown,
): number {
  const value = Number(text);
  const inside = value >= min && value <= (max ?? Number.MAX_SAFE_INTEGER);
  if (String(text).trim() !== '' && inside && (unit !== '' || Number.isInteger(value))) return value;
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new RangeError(
    `--${optionOf(name)} takes a ${unit === '' ? 'whole ' : ''}number ${range}${unit === '' ? '' : ` (${unit})`}, not "${String(text)}"`,
  );
}

/** @param given by option name, as it was written */
export function readValues<T extends ParameterTable>(
  table: T,
  given: Readonly<Record<string, unknown>>,
  smoke: boolean,
): Values<T> {
  const entries = Object.entries(table).map(([name, parameter]) => {
    const text = given[optionOf(name)];
    const value = text === undefined ? parameter[smoke ? 'smoke' : 'real'] : readValue(name, parameter, text);
    return [name, value];
  });
  return Object.fromEntries(entries) as Values<T>;
}
