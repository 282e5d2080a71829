/** `ab`: what stands here against a commit. */
import { type Command, Option } from 'commander';
import { buildOther, playDuel } from '../lib/ab.ts';
import { readValue } from '../lib/case-values.ts';
import type { ListedCase } from '../lib/catalogue.ts';
import { comparedText } from '../lib/comparison-text.ts';
import { progressBar } from '../lib/progress-bar.ts';
import { argumentsFrom, type Given, numberOption, withRunOptions } from '../lib/run-options.ts';
import { caseNamed } from './cases.ts';

const ROUNDS = 5;
const ROUNDS_MAX = 100;

export function addDuel(program: Command, cases: readonly ListedCase[]): void {
  const command = program
    .command('ab <ref> <case> [parameters...]')
    .description('what stands here against a commit: builds of both, fresh processes in turns')
    .usage('<ref> <case> [NAME=VALUE ...] [options]')
    .addOption(
      new Option('--rounds <n>', 'turns of each side; rounds=N sets those inside a turn')
        .default(ROUNDS)
        .argParser(numberOption('rounds', { min: 1, max: ROUNDS_MAX })),
    );
  withRunOptions(command).action(async (ref: string, name: string, pairs: string[], given: Given) => {
    const one = caseNamed(cases, name);
    const values = Object.fromEntries(pairs.map((pair) => readPair(one, pair)));
    // The option is the duel's own, not the case's parameter of that name.
    const wanted = { ...argumentsFrom(given), values };
    const other = await buildOther(ref, (text) => console.error(text));
    const bar = progressBar(name, process.stderr);
    try {
      const compared = await playDuel(other, {
        caseFile: one.file,
        given: wanted,
        rounds: Number(given.rounds),
        onProgress: bar.step,
      });
      bar.end();
      console.log(`${name}: ${ref} -> here, ${given.rounds} turns of each\n${comparedText(compared)}`);
    } finally {
      bar.end();
      other.remove();
    }
  });
}

function readPair(one: ListedCase, pair: string): [string, number] {
  const [name, text] = pair.split('=');
  const parameter = one.benchCase.parameters[name!];
  if (parameter === undefined || text === undefined)
    throw new RangeError(
      `"${pair}" is no NAME=VALUE of ${one.name}, which has ${Object.keys(one.benchCase.parameters).join(', ')}`,
    );
  return [name!, readValue(name!, parameter, text)];
}
