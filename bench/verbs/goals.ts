/** `goals`: runs what the goals need and says where each stands. */
import type { Command } from 'commander';
import { type Check, GOALS, type Goal } from '../goals.ts';
import { measure, writeReport } from '../lib/bench-session.ts';
import { type CaseArguments, CaseFailed } from '../lib/case-run.ts';
import type { ListedCase } from '../lib/catalogue.ts';
import { goalsText, keyOf, lastOf, plannedRuns, smokeParameters } from '../lib/goals-run.ts';
import { INTERRUPTED } from '../lib/interruption.ts';
import { machineNow, machineText } from '../lib/machine.ts';
import { appendRecord, type BenchRecord, readRecords } from '../lib/record.ts';
import { argumentsFrom, type Given, withOutputs, withRunOptions } from '../lib/run-options.ts';

export function addGoals(program: Command, cases: readonly ListedCase[]): void {
  const command = program
    .command('goals')
    .description('runs what the goals need and says where each stands (about an hour; --smoke for a look)')
    .option('--only <numbers>', 'of these goals: 3,4')
    .option('--from <file>', 'run nothing: the last records of this file');
  withOutputs(withRunOptions(command)).action(async (given: Given) => {
    const goals = chosen(given.only as string | undefined);
    const wanted = argumentsFrom(given);
    const old = given.from === undefined ? undefined : readRecords(given.from as string);
    const records = new Map<string, BenchRecord | string>();
    if (old === undefined) console.log(machineText(machineNow()));
    for (const run of plannedRuns(goals)) {
      const one = cases.find(({ name }) => name === run.case);
      if (one === undefined) records.set(keyOf(run), 'no such case');
      else if (old !== undefined) records.set(keyOf(run), lastOf(old, one, run.parameters));
      else records.set(keyOf(run), await attempt(one, argumentsOf(one, run, wanted), given.json));
      // What was measured so far is told all the same.
      if (process.exitCode === INTERRUPTED) break;
    }
    console.log(`\n${goalsText(goals, records)}`);
    const kept = [...records.values()].filter((record) => typeof record !== 'string');
    if (given.html !== undefined && kept.length > 0) writeReport(given.html, kept);
  });
}

/** @throws RangeError for what is no number of a goal */
function chosen(only: string | undefined): readonly Goal[] {
  if (only === undefined) return GOALS;
  const numbers = only.split(',').map(Number);
  if (!numbers.every((number) => GOALS.some((goal) => goal.number === number)))
    throw new RangeError(`--only takes numbers from 1 to ${GOALS.length}, like 3,4, not "${only}"`);
  return GOALS.filter((goal) => numbers.includes(goal.number));
}

function argumentsOf(
  one: ListedCase,
  { parameters }: Pick<Check, 'parameters'>,
  wanted: CaseArguments,
): CaseArguments {
  return {
    ...wanted,
    values: wanted.smoke ? smokeParameters(one.benchCase.parameters, parameters) : parameters,
  };
}

/** One case that fails does not take the others' figures with it. A string says why there is no record. */
async function attempt(
  one: ListedCase,
  wanted: CaseArguments,
  file: string | undefined,
): Promise<BenchRecord | string> {
  const missing = one.benchCase.missing?.();
  if (missing !== undefined) {
    console.error(`${one.name}: not run, it ${missing}`);
    return 'not run';
  }
  try {
    const record = await measure(one, wanted);
    if (file !== undefined) appendRecord(file, record);
    for (const reason of record.invalid) console.error(`${one.name} is INVALID: ${reason}`);
    if (record.invalid.length > 0) process.exitCode = 1;
    return record;
  } catch (error) {
    const interrupted = error instanceof CaseFailed && error.exitCode === INTERRUPTED;
    console.error(`${one.name}: ${(error as Error).message}`);
    process.exitCode = interrupted ? INTERRUPTED : 1;
    return interrupted ? 'interrupted' : 'failed';
  }
}
