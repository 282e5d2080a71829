/** What a configuration must have beyond its form: an address of this network, files that can be read. Starts nothing. */
import { databaseUrlOf } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { checkAddress } from '../chains/kaspa/address.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { readBans } from './ban-file.ts';
import { operatorToken } from './operator-token.ts';
import { portOptions } from './port-options.ts';

/** @throws EdgeError for the first thing that is not as it must be */
export function checkConfiguration(config: Config, file: string, environment: NodeJS.ProcessEnv): void {
  const treasury = checkAddress(config.kaspa.payAddress, config.kaspa.network);
  if (!treasury.ok)
    throw new EdgeError('SLUICE_CONFIG_INVALID', `${file}  kaspa.payAddress: ${treasury.reason}`);
  databaseUrlOf(config, environment);
  const { host, ports, banFile } = config.stratum;
  for (const port of ports) portOptions(port, host, environment);
  if (banFile !== undefined) readBans(banFile);
  if (config.operator !== undefined) operatorToken(config.operator.tokenFile, environment);
}
