/** `sluice config check | example | schema`. */
import type { Command } from 'commander';
import { configExample, configJsonSchema } from '../../config/example.ts';
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import { checkAddress } from '../chains/kaspa/address.ts';
import { EdgeError } from '../kit/edge-error.ts';

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
}
