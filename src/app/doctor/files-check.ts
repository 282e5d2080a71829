/** Files that hold secrets: are they there, and are they nobody else's to read? Of their content nothing is said. */
import { statSync } from 'node:fs';
import { secretPath } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { readKeyFile } from '../../chains/kaspa/key-file.ts';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const OTHERS = 0o007;
const GROUP_AND_OTHERS = 0o077;

export function lookAtFiles(config: Config, configFile: string, env: NodeJS.ProcessEnv): Finding[] {
  const secrets: [string, string | undefined][] = [
    ['database.urlFile', config.database.urlFile],
    ...config.stratum.ports.map(({ tls }, index): [string, string | undefined] => [
      `stratum.ports.${index}.tls.keyFile`,
      tls?.keyFile,
    ]),
    ['operator.tokenFile', config.operator?.tokenFile],
    ['operator.databaseUrlFile', config.operator?.databaseUrlFile],
  ];
  const findings = secrets
    .filter((one): one is [string, string] => one[1] !== undefined)
    .map(([name, path]) => secretFile(name, path, env));
  const { keyFile, stateDirectory } = config.payouts;
  if (keyFile !== undefined) findings.push(payoutKey(keyFile, env));
  if (keyFile !== undefined && stateDirectory === undefined) {
    findings.push(
      warn('files', 'payouts.stateDirectory', {
        found: 'not set',
        expected:
          'a folder where the payer notes the end of the ledger: it recognises an older database by it',
        change: 'payouts.stateDirectory: /var/lib/sluice-payer',
      }),
    );
  }
  if (config.database.url !== undefined) findings.push(configMode(configFile));
  return findings;
}

function secretFile(name: string, path: string, env: NodeJS.ProcessEnv): Finding {
  const real = secretPath(path, env);
  try {
    const { mode } = statSync(real);
    const shown = `${real}, mode ${(mode & 0o777).toString(8)}`;
    // The group of a systemd credential is no group: its access list shows there.
    const forbidden = path === real ? GROUP_AND_OTHERS : OTHERS;
    if ((mode & forbidden) === 0) return ok('files', name, shown);
    return fail('files', name, {
      found: shown,
      expected: 'nobody else may read it',
      change: `chmod 600 ${real}`,
    });
  } catch (error) {
    return fail('files', name, {
      found: messageOf(error),
      expected: 'a file that can be read',
      change: absent(path),
    });
  }
}

function absent(path: string): string {
  return path.includes('CREDENTIALS_DIRECTORY')
    ? 'run this as `CREDENTIALS_DIRECTORY=/etc/sluice sluice doctor ...`: systemd gives the services theirs'
    : 'make it, or correct its name';
}

function payoutKey(path: string, env: NodeJS.ProcessEnv): Finding {
  const real = secretPath(path, env);
  try {
    readKeyFile(real, env.CREDENTIALS_DIRECTORY);
    return ok('files', 'payouts.keyFile', `${real} holds a key that nobody else may read`);
  } catch (error) {
    const remedy = error instanceof EdgeError ? error.remedy : '';
    return fail('files', 'payouts.keyFile', {
      found: messageOf(error),
      expected: '64 hexadecimal digits in a file of mode 0600',
      change: remedy || absent(path),
    });
  }
}

function configMode(configFile: string): Finding {
  const { mode } = statSync(configFile);
  const shown = `mode ${(mode & 0o777).toString(8)}, with database.url in it`;
  if ((mode & OTHERS) === 0) return ok('files', configFile, shown);
  return fail('files', configFile, {
    found: shown,
    expected: 'no password where others may read it',
    change: `database.urlFile, or chmod o= ${configFile}`,
  });
}
