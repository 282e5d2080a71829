/** `sluice config check | example | schema | limits`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { configExample, configJsonSchema } from '../../config/example.ts';
import { LIMITS } from '../../config/limits.ts';
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import { checkAddress } from '../chains/kaspa/address.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { readBans } from './ban-file.ts';
import { boundsObject, boundsText, connectionBound, jobsPerSecondOf } from './bounds-table.ts';
import { portOptions } from './port-options.ts';

export function addConfigVerbs(program: Command): void {
  const config = program.command('config').description('look at configurations');
  config
    .command('check')
    .description('read a configuration and name every fault in it; starts nothing')
    .argument('<file>')
    .action((file: string) => {
      const checked = loadConfig(file);
      const treasury = checkAddress(checked.kaspa.payAddress, checked.kaspa.network);
      if (!treasury.ok) {
        throw new EdgeError('SLUICE_CONFIG_INVALID', `${file}  kaspa.payAddress: ${treasury.reason}`);
      }
      databaseUrlOf(checked, process.env);
      const { host, ports, banFile } = checked.stratum;
      for (const port of ports) portOptions(port, host, process.env);
      if (banFile !== undefined) readBans(banFile);
      process.stdout.write(
        `${file}: good. ${checked.stratum.ports.length} port(s), ${checked.kaspa.nodes.length} node(s).\n`,
      );
    });
  config
    .command('example')
    .description('print a commented configuration to begin with')
    .action(() => {
      process.stdout.write(configExample());
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

function connections(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > LIMITS.connectionsMax)
    throw new InvalidArgumentError(`expected a whole number from 1 to ${LIMITS.connectionsMax}`);
  return value;
}
