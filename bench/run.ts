/** `npm run bench`: the verbs. What a case is, see lib/bench-case; how to read what it prints, bench/README.md. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { projectPath } from '../src/kit/project-root.ts';
import { GOALS } from './goals.ts';
import { buildOther, playDuel } from './lib/ab.ts';
import type { Parameter } from './lib/bench-case.ts';
import { keep, measure, type Outputs } from './lib/bench-session.ts';
import { type CaseArguments, CaseFailed } from './lib/case-run.ts';
import { DEFAULT_SEED, optionOf, readValue } from './lib/case-values.ts';
import { type ListedCase, listCases } from './lib/catalogue.ts';
import { comparedText, compareRecords, notComparable } from './lib/comparison-text.ts';
import { minerAddresses } from './lib/engine-under-test.ts';
import { goalsText, keyOf, plannedRuns } from './lib/goals-run.ts';
import { machineNow, machineText } from './lib/machine.ts';
import { progressBar } from './lib/progress-bar.ts';
import { appendRecord, type BenchRecord, readRecords } from './lib/record.ts';
import { runLoad } from './load.ts';
import { htmlReport } from './report/html-report.ts';
import { resultsPage } from './report/results-page.ts';

const RESULTS = projectPath('bench', 'RESULTS.md');
const RESULTS_FOLDER = projectPath('bench', 'results');

type Given = Record<string, unknown> & Outputs;

function number(name: string, min: number, max?: number): (text: string) => number {
  return (text) =>
    readValue(name, { unit: '', text: '', real: 0, smoke: 0, min, ...(max ? { max } : {}) }, text);
}

/** What every run can be told, whatever its case. */
function withOutputs(command: Command): Command {
  return command
    .addOption(
      new Option('--seed <n>', 'of all chance').default(DEFAULT_SEED).argParser(number('seed', 0, 2 ** 32)),
    )
    .option('--smoke', 'as small as it still says something')
    .option('--filter <regex>', 'only the parts whose names match')
    .option('--json <file>', 'append the record to this file')
    .option('--html <file>', 'write a page of its own')
    .option('--compare <file>', 'compare with the last record of the same in this file');
}

function argumentsFrom(given: Given, one?: ListedCase): CaseArguments {
  const values = Object.keys(one?.benchCase.parameters ?? {}).flatMap((name) =>
    given[name] === undefined ? [] : [[name, Number(given[name])] as const],
  );
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

function rangeText({ unit, real, smoke, min, max }: Parameter): string {
  const range = max === undefined ? `from ${min}` : `${min}..${max}`;
  return `${unit === '' ? '' : `${unit}, `}${range}, default ${real}${smoke === real ? '' : `, smoke ${smoke}`}`;
}

function addCase(program: Command, one: ListedCase): void {
  const command = program
    .command(one.name, { hidden: true })
    .description(`${one.benchCase.kind}: ${one.benchCase.title}`);
  for (const [name, parameter] of Object.entries(one.benchCase.parameters)) {
    command.addOption(
      new Option(`--${optionOf(name)} <n>`, `${parameter.text} (${rangeText(parameter)})`).argParser((text) =>
        readValue(name, parameter, text),
      ),
    );
  }
  withOutputs(command).action((given: Given) => runAll([one], given));
}

async function runAll(cases: readonly ListedCase[], given: Given): Promise<void> {
  console.log(machineText(machineNow()));
  const records: BenchRecord[] = [];
  for (const one of cases) {
    const record = await measure(one, argumentsFrom(given, one));
    keep(records, record, given);
    records.push(record);
    if (record.invalid.length > 0) process.exitCode = 1;
  }
}

function addReports(program: Command, cases: readonly ListedCase[]): void {
  program
    .command('compare <before> <after>')
    .description('the records of two files, case by case, with 95 % intervals')
    .option('--anyway', 'also where parameters or machines differ')
    .action((before: string, after: string, { anyway }: { anyway?: boolean }) => {
      const others = readRecords(before);
      for (const record of readRecords(after)) {
        const other = others.findLast((one) => one.case === record.case);
        const reason =
          other === undefined ? `${before} has no record of ${record.case}` : notComparable(other, record);
        if (other === undefined || (reason !== '' && !anyway))
          console.log(`${record.case}: not compared: ${reason}\n`);
        else console.log(`${compareRecords(other, record)}\n`);
      }
    });
  program
    .command('html <files...>')
    .description('records as one page that stands alone')
    .requiredOption('--out <file>', 'where to')
    .action((files: string[], { out }: { out: string }) =>
      writeFileSync(out, htmlReport(files.flatMap(readRecords))),
    );
  program
    .command('results [files...]')
    .description('bench/RESULTS.md from records; none given: those of bench/results')
    .option('--check', 'write nothing; say whether the page agrees')
    .action((files: string[], { check }: { check?: boolean }) => {
      const page = resultsPage(
        (files.length > 0 ? files : committedRecords()).flatMap(readRecords),
        (name) => cases.find((one) => one.name === name)?.benchCase.parameters,
      );
      if (!check) writeFileSync(RESULTS, page);
      else if (readFileSync(RESULTS, 'utf8') !== page) {
        console.log('bench/RESULTS.md does not agree with its records');
        process.exitCode = 1;
      }
    });
}

function committedRecords(): string[] {
  return readdirSync(RESULTS_FOLDER)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => `${RESULTS_FOLDER}/${name}`);
}

function addDuel(program: Command, cases: readonly ListedCase[]): void {
  const command = program
    .command('ab <ref> <case> [parameters...]')
    .description('what stands here against a commit: builds of both, fresh processes in turns')
    .addOption(new Option('--times <n>', 'turns of each').default(5).argParser(number('times', 2, 100)));
  withOutputs(command)
    .usage('<ref> <case> [--times n] [NAME=VALUE ...]')
    .action(async (ref: string, name: string, pairs: string[], given: Given) => {
      const one = cases.find((other) => other.name === name);
      if (one === undefined) throw new RangeError(`there is no case "${name}"`);
      const values = Object.fromEntries(pairs.map((pair) => readPair(one, pair)));
      const other = buildOther(ref, (text) => console.error(text));
      const stop = (): never => {
        other.remove();
        process.exit(130);
      };
      process.on('SIGINT', stop);
      const bar = progressBar(name, process.stderr);
      try {
        const compared = await playDuel(other, {
          caseFile: one.file,
          given: { ...argumentsFrom(given), values },
          rounds: Number(given.times),
          onProgress: bar.step,
        });
        bar.end();
        console.log(`${name}: ${ref} -> here\n${comparedText(compared)}`);
      } finally {
        process.off('SIGINT', stop);
        other.remove();
      }
    });
}

function readPair(one: ListedCase, pair: string): [string, number] {
  const [name, text] = pair.split('=');
  const parameter = one.benchCase.parameters[name!];
  if (parameter === undefined || text === undefined)
    throw new RangeError(`"${pair}" is no NAME=VALUE of ${one.name}`);
  return [name!, readValue(name!, parameter, text)];
}

function addGoals(program: Command, cases: readonly ListedCase[]): void {
  withOutputs(
    program
      .command('goals')
      .description('runs what the goals need and says where each stands (about an hour; --smoke for a look)')
      .option('--only <numbers>', 'of these goals: 3,4')
      .option('--from <file>', 'run nothing: the last records of this file'),
  ).action(async (given: Given) => {
    const only = (given.only as string | undefined)?.split(',').map(Number);
    const goals = GOALS.filter((goal) => only === undefined || only.includes(goal.number));
    if (goals.length === 0) throw new RangeError(`--only takes numbers from 1 to ${GOALS.length}`);
    const old = given.from === undefined ? undefined : readRecords(given.from as string);
    const records = new Map<string, BenchRecord | string>();
    console.log(machineText(machineNow()));
    for (const run of plannedRuns(goals)) {
      const one = cases.find(({ name }) => name === run.case);
      if (one === undefined) records.set(keyOf(run), 'no such case');
      else if (old !== undefined) records.set(keyOf(run), lastOf(old, one, run.parameters));
      else {
        const record = await attempt(one, { ...argumentsFrom(given), values: run.parameters });
        if (typeof record !== 'string' && given.json !== undefined) appendRecord(given.json, record);
        records.set(keyOf(run), record);
      }
    }
    console.log(`\n${goalsText(goals, records)}`);
    const kept = [...records.values()].filter((record) => typeof record !== 'string');
    if (given.html !== undefined && kept.length > 0) writeFileSync(given.html, htmlReport(kept));
  });
}

/** One case that fails does not take the others' figures with it. */
async function attempt(one: ListedCase, given: CaseArguments): Promise<BenchRecord | string> {
  try {
    return await measure(one, given);
  } catch (error) {
    console.error(`${one.name}: ${(error as Error).message}`);
    return 'failed';
  }
}

/** The last record with these parameters, the others as the case has them. */
function lastOf(
  records: readonly BenchRecord[],
  one: ListedCase,
  parameters: Readonly<Record<string, number>>,
): BenchRecord | string {
  const table = one.benchCase.parameters;
  const wanted = (record: BenchRecord): boolean =>
    record.case === one.name &&
    Object.keys(table).every((name) => record.parameters[name] === (parameters[name] ?? table[name]!.real));
  return records.findLast(wanted) ?? 'no record';
}

function addLoad(program: Command): void {
  program
    .command('load')
    .description('the load generator by itself, against any Kaspa stratum server on this machine')
    .requiredOption('--url <url>', 'stratum+tcp://HOST:PORT')
    .option('--address <address...>', 'payout addresses of the miners (default: of the devnet)')
    .addOption(
      new Option('--connections <n>', 'miners').default(100).argParser(number('connections', 1, 60_000)),
    )
    .addOption(
      new Option('--rate <n>', 'shares/s by the clock; 0 = each as fast as it is answered')
        .default(0)
        .argParser(number('rate', 0, 1e6)),
    )
    .addOption(
      new Option('--depth <n>', 'in flight per miner, without --rate')
        .default(1)
        .argParser(number('depth', 1, 256)),
    )
    .addOption(new Option('--time <s>', 'seconds').default(10).argParser(number('time', 0.1)))
    .option('--i-own-this-server', 'load goes to another machine, and it is yours to load')
    .action(async (given: Record<string, unknown>) => {
      const kept = await runLoad({
        url: given.url as string,
        connections: given.connections as number,
        rate: given.rate as number,
        depth: given.depth as number,
        seconds: given.time as number,
        addresses: (given.address as string[] | undefined) ?? minerAddresses(),
        mine: given.iOwnThisServer === true,
      });
      if (!kept) process.exitCode = 1;
    });
}

function printList(cases: readonly ListedCase[]): void {
  const width = Math.max(...cases.map(({ name }) => name.length));
  console.log('npm run bench -- NAME [--help]      (bench/README.md tells how to read them)\n');
  for (const { name, benchCase } of cases)
    console.log(`  ${name.padEnd(width)}  ${benchCase.kind.padEnd(5)}  ${benchCase.title}`);
  console.log('\nand: all, goals, compare, ab, html, results, load (each with --help)');
}

async function buildProgram(): Promise<Command> {
  const cases = await listCases();
  const program = new Command('bench')
    .description('How fast, against what, at what distance from the limit.')
    .exitOverride()
    .argument('[name]')
    .usage('NAME [options]')
    .action((name: string | undefined) => {
      if (name !== undefined)
        throw new RangeError(`there is no bench "${name}"; without a name the list is shown`);
      printList(cases);
    });
  program
    .command('list', { hidden: true })
    .description('the cases')
    .action(() => printList(cases));
  for (const one of cases) addCase(program, one);
  withOutputs(
    program
      .command('all')
      .description('every case, one after the other')
      .addOption(new Option('--kind <kind>', 'only these').choices(['micro', 'flow'])),
  ).action((given: Given) =>
    runAll(
      cases.filter(({ benchCase }) => given.kind === undefined || benchCase.kind === given.kind),
      given,
    ),
  );
  addReports(program, cases);
  addDuel(program, cases);
  addGoals(program, cases);
  addLoad(program);
  return program;
}

try {
  await (await buildProgram()).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof RangeError) {
    console.error(error.message);
    process.exitCode = 2;
  } else if (error instanceof CaseFailed) {
    console.error(error.message);
    process.exitCode = error.exitCode;
  } else throw error;
}
