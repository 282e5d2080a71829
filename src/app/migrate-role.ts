/** `sluice migrate`. */
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { createLogger } from '../kit/log.ts';
import { migrate, schemaStatus } from '../ledger/migrate.ts';
import { openDatabase, toDatabaseError } from '../ledger/stores/postgres.ts';

export async function runMigrate(configFile: string, onlyLook: boolean): Promise<number> {
  const config = loadConfig(configFile);
  const url = databaseUrlOf(config, process.env);
  if (url === undefined) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'this configuration uses an embedded PostgreSQL, which migrates by itself when the engine starts',
    );
  }
  const sql = openDatabase(url, { max: 2, applicationName: 'sluice migrate' });
  try {
    if (onlyLook) {
      process.stdout.write(`${JSON.stringify(await schemaStatus(sql), null, 2)}\n`);
      return 0;
    }
    const { applied, version } = await migrate(sql, { log: createLogger('warn', 'migrate') });
    process.stdout.write(
      applied.length === 0
        ? `nothing to do, the schema is at version ${version}\n`
        : `applied ${applied.join(', ')}; the schema is at version ${version}\n`,
    );
    return 0;
  } catch (error) {
    throw toDatabaseError(error, url);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
