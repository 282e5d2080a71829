/** `npm run bench`: the verbs. What a case is, see lib/bench-case; how to read what it prints, bench/README.md. */
import { Command, CommanderError } from 'commander';
import { CaseFailed } from './lib/case-run.ts';
import { listCases } from './lib/catalogue.ts';
import { addCases, caseNamed, printList } from './verbs/cases.ts';
import { addDuel } from './verbs/duel.ts';
import { addGoals } from './verbs/goals.ts';
import { addLoad } from './verbs/load.ts';
import { addReports } from './verbs/reports.ts';

async function buildProgram(): Promise<Command> {
  const cases = await listCases();
  const program = new Command('bench')
    .description('How fast, against what, at what distance from the limit.')
    .exitOverride()
    .argument('[name]')
    .usage('NAME [options]')
    .action((name: string | undefined) => {
      if (name !== undefined) caseNamed(cases, name);
      printList(cases);
    });
  addCases(program, cases);
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
