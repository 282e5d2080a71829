/** The options that several verbs share, and what they come to. */
import { type Command, Option } from 'commander';
import type { Outputs } from './bench-session.ts';
import type { CaseArguments } from './case-run.ts';
import { DEFAULT_SEED, readValue } from './case-values.ts';
import type { ListedCase } from './catalogue.ts';

/** As commander gives them: of the verb's own options, and of the case's parameters. */
export type Given = Record<string, unknown> & Outputs;

const SEED_MAX = 2 ** 32;

/** For `argParser`. @param unit '' for a count, which is whole */
export function numberOption(
  name: string,
  { unit = '', min, max }: { readonly unit?: string; readonly min: number; readonly max?: number },
): (text: string) => number {
  return (text) => readValue(name, { unit, min, ...(max === undefined ? {} : { max }) }, text);
}

/** What every run can be told, whatever its case. */
export function withRunOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--seed <n>', 'of all chance')
        .default(DEFAULT_SEED)
        .argParser(numberOption('seed', { min: 0, max: SEED_MAX })),
    )
    .option('--smoke', 'as small as it still says something')
    .option('--filter <regex>', 'only the parts whose names match');
}

export function withOutputs(command: Command): Command {
  return command
    .option('--json <file>', 'append the records to this file')
    .option('--html <file>', 'write a page of its own');
}

export function withComparison(command: Command): Command {
  return command.option('--compare <file>', 'compare with the last record of the same in this file');
}

/** @throws RangeError for a filter that is no regular expression, or a number that this case does not take */
export function argumentsFrom(given: Given, one?: ListedCase): CaseArguments {
  const table = one?.benchCase.parameters ?? {};
  const values = Object.keys(table).flatMap((name) =>
    given[name] === undefined ? [] : [[name, Number(given[name])] as const],
  );
  for (const [name, value] of values) readValue(name, table[name]!, value);
  const filter = given.filter as string | undefined;
  if (filter !== undefined) {
    try {
      new RegExp(filter);
    } catch {
      throw new RangeError(`--filter takes a regular expression, not "${filter}"`);
    }
  }
  return {
    values: Object.fromEntries(values),
    seed: given.seed as number,
    smoke: given.smoke === true,
    filter,
  };
}
