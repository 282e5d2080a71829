/** The cases on the command line: the list, one by its name with its parameters as options, several, all. */
import { type Command, Option } from 'commander';
import type { Parameter } from '../lib/bench-case.ts';
import { keep, measure } from '../lib/bench-session.ts';
import { optionOf, readValue } from '../lib/case-values.ts';
import type { ListedCase } from '../lib/catalogue.ts';
import { machineNow, machineText } from '../lib/machine.ts';
import type { BenchRecord } from '../lib/record.ts';
import {
  argumentsFrom,
  type Given,
  withComparison,
  withOutputs,
  withRunOptions,
} from '../lib/run-options.ts';

/** @throws RangeError */
export function caseNamed(cases: readonly ListedCase[], name: string): ListedCase {
  const one = cases.find((other) => other.name === name);
  if (one === undefined)
    throw new RangeError(`there is no bench "${name}"; without a name the list is shown`);
  return one;
}

export function printList(cases: readonly ListedCase[]): void {
  const width = Math.max(...cases.map(({ name }) => name.length));
  console.log('npm run bench -- NAME [--help]      (bench/README.md tells how to read them)\n');
  for (const { name, benchCase } of cases)
    console.log(`  ${name.padEnd(width)}  ${benchCase.kind.padEnd(5)}  ${benchCase.title}`);
  console.log('\nand: all, goals, compare, ab, html, results, load (each with --help)');
}

export function addCases(program: Command, cases: readonly ListedCase[]): void {
  program
    .command('list', { hidden: true })
    .description('the cases')
    .action(() => printList(cases));
  for (const one of cases) addCase(program, one, cases);
  const all = program
    .command('all')
    .description('every case, one after the other')
    .addOption(new Option('--kind <kind>', 'only these').choices(['micro', 'flow']));
  withComparison(withOutputs(withRunOptions(all))).action((given: Given) =>
    runCases(
      cases.filter(({ benchCase }) => given.kind === undefined || benchCase.kind === given.kind),
      given,
    ),
  );
}

function addCase(program: Command, one: ListedCase, cases: readonly ListedCase[]): void {
  const command = program
    .command(one.name, { hidden: true })
    .description(`${one.benchCase.kind}: ${one.benchCase.title}`)
    .argument('[more...]', 'further cases, with the same options');
  for (const [name, parameter] of Object.entries(one.benchCase.parameters)) {
    command.addOption(
      new Option(`--${optionOf(name)} <n>`, `${parameter.text} (${rangeText(parameter)})`).argParser((text) =>
        readValue(name, parameter, text),
      ),
    );
  }
  withComparison(withOutputs(withRunOptions(command))).action((more: string[], given: Given) => {
    const others = more.map((name) => caseNamed(cases, name));
    for (const other of others) checkTakes(other, one, given);
    return runCases([one, ...others], given);
  });
}

/** A number that one of them would not heed is a mistake. */
function checkTakes(other: ListedCase, first: ListedCase, given: Given): void {
  for (const name of Object.keys(first.benchCase.parameters))
    if (given[name] !== undefined && other.benchCase.parameters[name] === undefined)
      throw new RangeError(`${other.name} has no --${optionOf(name)}; run the two by themselves`);
}

function rangeText({ unit, real, smoke, min, max }: Parameter): string {
  const range = max === undefined ? `from ${min}` : `${min}..${max}`;
  return `${unit === '' ? '' : `${unit}, `}${range}, default ${real}${smoke === real ? '' : `, smoke ${smoke}`}`;
}

async function runCases(cases: readonly ListedCase[], given: Given): Promise<void> {
  // All of them before the first: an hour later is late for a wrong number.
  const runs = cases.map((one) => ({ one, wanted: argumentsFrom(given, one) }));
  console.log(machineText(machineNow()));
  const records: BenchRecord[] = [];
  for (const { one, wanted } of runs) {
    const missing = one.benchCase.missing?.();
    if (missing !== undefined) {
      console.error(`${one.name}: not run, it ${missing}`);
      continue;
    }
    const record = await measure(one, wanted);
    keep(records, record, given);
    records.push(record);
    if (record.invalid.length > 0) process.exitCode = 1;
  }
}
