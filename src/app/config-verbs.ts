/** `sluice config check | diff | example | reference | schema | limits`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ConfigChange } from '../../config/entries.ts';
import { configExample, configJsonSchema } from '../../config/example.ts';
import { LIMITS } from '../../config/limits.ts';
import { loadConfig } from '../../config/load.ts';
import { configReference } from '../../config/reference.ts';
import { actionAnswer } from '../api/operator/status-schema.ts';
import { boundsObject, boundsText, connectionBound, jobsPerSecondOf } from './bounds-table.ts';
import { checkConfiguration } from './config-check.ts';
import { operatorCaller } from './operator-call.ts';
import { edgeOption } from './status-verb.ts';

export function addConfigVerbs(program: Command): void {
  const config = program.command('config').description('look at configurations');
  config
    .command('check')
    .description('read a configuration and name every fault in it; starts nothing')
    .argument('<file>')
    .action((file: string) => {
      const checked = loadConfig(file);
      checkConfiguration(checked, file, process.env);
      process.stdout.write(
        `${file}: good. ${checked.stratum.ports.length} port(s), ${checked.kaspa.nodes.length} node(s).\n`,
      );
    });
  config
    .command('diff')
    .description('what a running engine would take of its configuration, were it told to read it again now')
    .requiredOption('--config <file>', 'configuration with operator.listen and operator.tokenFile')
    .addOption(edgeOption())
    .option('--json', 'as JSON')
    .action(async (given: { config: string; edge?: number; json?: boolean }) => {
      const answer = await operatorCaller(given.config, given.edge).post('/operator/actions/reload', {
        dryRun: true,
      });
      const { done, outcome, changes = [] } = actionAnswer.parse(answer);
      process.stdout.write(
        given.json ? `${JSON.stringify({ outcome, changes }, null, 2)}\n` : diffText(outcome, changes),
      );
      if (!done) process.exitCode = 1;
    });
  config
    .command('example')
    .description('print a commented configuration to begin with')
    .action(() => {
      process.stdout.write(configExample());
    });
  config
    .command('reference')
    .description(
      'print every key with type, default, meaning, and what a change of it takes (docs/CONFIGURATION.md)',
    )
    .action(() => {
      process.stdout.write(configReference());
    });
  config
    .command('schema')
    .description('print the JSON Schema, for editors')
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });
  config
    .command('limits')
    .description('every bound of the engine and why it is what it is, and the memory that they come to')
    .option('--config <file>', 'of this configuration')
    .addOption(
      new Option(
        '--connections <n>',
        'miners; default: as many as this system lets a process have',
      ).argParser(connections),
    )
    .option('--json', 'as JSON')
    .action((given: { config?: string; connections?: number; json?: boolean }) => {
      const jobsPerSecond = jobsPerSecondOf(
        given.config === undefined ? undefined : loadConfig(given.config),
      );
      const count = given.connections ?? connectionBound();
      process.stdout.write(
        given.json
          ? `${JSON.stringify(boundsObject(count, jobsPerSecond), null, 2)}\n`
          : boundsText(count, jobsPerSecond),
      );
    });
}

function diffText(outcome: string, changes: readonly ConfigChange[]): string {
  const lines = changes.map(
    ({ key, before, after, effect, remark }) =>
      `${key}: ${before} -> ${after}\n    ${effect === 'applied' ? 'would be applied' : 'would not be applied: it holds'} ${remark}\n`,
  );
  return `${lines.join('')}${outcome}\n`;
}

function connections(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > LIMITS.connectionsMax)
    throw new InvalidArgumentError(`expected a whole number from 1 to ${LIMITS.connectionsMax}`);
  return value;
}
