/** The numbers that a case is given, from the words of a command line. Pure. */
import type { Parameter, ParameterTable, Values } from './bench-case.ts';

export const DEFAULT_SEED = 1;

export function optionOf(parameter: string): string {
  return parameter.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Throws a RangeError that says which number was impossible, and what is possible. */
export function readValue(name: string, { min, max, unit }: Parameter, text: unknown): number {
  const value = Number(text);
  if (String(text).trim() !== '' && value >= min && value <= (max ?? Number.MAX_SAFE_INTEGER)) return value;
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new RangeError(
    `--${optionOf(name)} takes a number ${range}${unit === '' ? '' : ` (${unit})`}, not "${String(text)}"`,
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
