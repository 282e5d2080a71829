/** `sluice backup` and `sluice restore`. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { silentLogger } from '../kit/log.ts';
import { takeBackup } from '../ledger/backup/backup.ts';
import { restoreBackup } from '../ledger/backup/restore.ts';
import { toDatabaseError } from '../ledger/stores/postgres.ts';

interface RestoreGiven {
  readonly config: string;
  readonly from: string;
  readonly journal?: readonly string[];
  readonly force?: boolean;
  readonly acceptLostShares?: boolean;
}

export function addBackupVerbs(program: Command): void {
  program
    .command('backup')
    .description('the whole database of one moment, as files with checksums; the pool goes on meanwhile')
    .requiredOption('--config <file>', 'configuration that names the database')
    .requiredOption('--to <folder>', 'new or empty')
    .action(async ({ config, to }: { config: string; to: string }) => {
      process.exitCode = await runBackup(config, to);
    });
  program
    .command('restore')
    .description('put a backup into an empty database; the loader then loads again what came after it')
    .requiredOption('--config <file>', 'configuration that names the database')
    .requiredOption('--from <folder>', 'what `sluice backup` wrote')
    .option(
      '--journal <folder...>',
      'journals to be checked against the backup, of all engines; default: the one of the configuration',
    )
    .option('--force', 'replace what the database holds')
    .option('--accept-lost-shares', 'also when the journal does not reach back to the backup')
    .action(async (given: RestoreGiven) => {
      process.exitCode = await runRestore(given);
    });
}

function urlOf(config: Config): string {
  const url = databaseUrlOf(config, process.env);
  if (url !== undefined) return url;
  throw new EdgeError(
    'SLUICE_OPTION_INVALID',
    'this configuration uses an embedded PostgreSQL, which only runs while the engine does',
  );
}

async function runBackup(file: string, folder: string): Promise<number> {
  const url = urlOf(loadConfig(file));
  try {
    const { tables, ledgerHead, marks } = await takeBackup(url, folder, new Date());
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    process.stdout.write(
      `${folder}: ${tables.length} tables, ${rows} rows, ledger up to transaction ${ledgerHead.transactionId}\n${marks
        .map(
          ({ instanceName, segment, slot }) =>
            `  journal of ${instanceName}: loaded up to segment ${segment}, slot ${slot}\n`,
        )
        .join('')}Keep the journal's segments from there on: a restored database loads them again.\n`,
    );
    return 0;
  } catch (error) {
    throw toDatabaseError(error, url);
  }
}

async function runRestore({
  config: file,
  from,
  journal,
  force,
  acceptLostShares,
}: RestoreGiven): Promise<number> {
  const config = loadConfig(file);
  const url = urlOf(config);
  const journals = journal ?? (existsSync(config.journal.directory) ? [config.journal.directory] : []);
  try {
    const { manifest, reach } = await restoreBackup({
      databaseUrl: url,
      folder: from,
      journals,
      force: force === true,
      acceptLostShares: acceptLostShares === true,
      log: silentLogger,
    });
    const lines = [
      `restored what was backed up at ${manifest.takenAt}, ledger up to transaction ${manifest.ledgerHead.transactionId}`,
      ...reach.map(({ sentence }) => `  ${sentence}`),
      'Next: start the engine, wait until its loader has caught up, `sluice audit --full`, then start the payer.',
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  } catch (error) {
    throw toDatabaseError(error, url);
  }
}
