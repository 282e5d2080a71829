/**
 * Brings a database to the schema this build knows. In flow the files of `migrations/`, forward only; out flows a database
 * at exactly that version, or an error and an unchanged one. It must never edit what was applied, never guess, and never
 * run twice at once: an advisory lock orders the instances that start together.
 *
 *   migrations/000001_init.sql  ->  schema_migrations (version 1, name 'init', sha256 of the file's bytes)
 *
 * Each file and its row travel as one message of the simple protocol, which the server runs as one transaction: a failed one
 * leaves nothing behind, and a connection that dies on the way cannot keep the one without the other (the client reconnects
 * by itself, and what followed a BEGIN would run outside of it).
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import { projectPath } from '../kit/project-root.ts';
import { checkServer, type Database, isUnreachable, type ReservedConnection } from './stores/postgres.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sha256: string;
  readonly text: string;
}

export interface MigrateOptions {
  readonly log: Logger;
  /** The project's own files when absent. */
  readonly migrations?: readonly Migration[];
}

export interface SchemaStatus {
  /** Last applied version; 0 for an empty database. */
  readonly version: number;
  /** Names of the files that are not applied yet, in order. */
  readonly pending: readonly string[];
}

interface AppliedRow {
  readonly version: number;
  readonly name: string;
  readonly sha256: string;
}

/** Any constant will do, as long as nothing else in the database takes it: "sluice" on a telephone's keys. */
const LOCK_KEY = 758_423;
/**
 * An engine that loads while another one migrates locks tables in an order of its own, and PostgreSQL ends one of the two. Nothing
 * of a file that was ended is kept, so it is tried again; a loader needs a moment only.
 */
const DEADLOCK = '40P01';
const ATTEMPTS_MAX = 10;
const FILE_NAME = /^(\d{6})_([a-z0-9_]+)\.sql$/;

/** Reads a folder of migrations and checks that their numbers run from 1 without a gap. */
export async function readMigrations(folder = projectPath('migrations')): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const migrations: Migration[] = [];
  for (const fileName of names) {
    const [, digits, name] = FILE_NAME.exec(fileName) ?? [];
    const version = migrations.length + 1;
    if (!name || Number(digits) !== version) {
      throw new EdgeError(
        'SLUICE_MIGRATION_FILES',
        `${fileName} is not migration ${version}: names are ${String(version).padStart(6, '0')}_name.sql, without gaps`,
        'Reinstall this build, or number the new file after the last one.',
      );
    }
    const bytes = await readFile(join(folder, fileName));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    migrations.push({ version, name, sha256, text: bytes.toString('utf8') });
  }
  return migrations;
}

/** Applies what is missing. Several instances may call it at once: one works, the others wait and find nothing to do. */
export async function migrate(
  sql: Database,
  options: MigrateOptions,
): Promise<{ applied: string[]; version: number }> {
  const migrations = options.migrations ?? (await readMigrations());
  await checkServer(sql);
  return withLock(sql, async (connection) => {
    const [table] = await connection<
      { present: boolean }[]
    >`SELECT to_regclass('schema_migrations') IS NOT NULL AS present`;
    // Not asked for when it is there: a role that may not make tables may still find that it has nothing to do.
    if (!table!.present) {
      await connection`CREATE TABLE IF NOT EXISTS schema_migrations (
        version    integer PRIMARY KEY,
        name       text NOT NULL,
        sha256     text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      )`;
    }
    const pending = comparePending(migrations, await appliedRows(connection));
    for (const migration of pending) await apply(connection, migration, options.log);
    return { applied: pending.map(titleOf), version: migrations.at(-1)?.version ?? 0 };
  });
}

/** The lock belongs to a session, so all of the work must stay on one connection. */
async function withLock<T>(sql: Database, work: (connection: ReservedConnection) => Promise<T>): Promise<T> {
  const connection = await sql.reserve();
  let alive = true;
  try {
    await connection`SELECT pg_advisory_lock(${LOCK_KEY}::bigint)`;
    return await work(connection);
  } catch (error) {
    alive = !isUnreachable(error);
    throw error;
  } finally {
    // A dead connection must not be touched: the client would write to a socket that is gone, where no promise hears of it
    // and the process ends. Its lock is gone as well.
    if (alive) {
      await connection`SELECT pg_advisory_unlock(${LOCK_KEY}::bigint)`.then(
        () => connection.release(),
        () => {},
      );
    }
  }
}

/** Looks, changes nothing; throws as `migrate` would for an edited file or a schema from the future. */
export async function schemaStatus(sql: Database, migrations?: readonly Migration[]): Promise<SchemaStatus> {
  const known = migrations ?? (await readMigrations());
  const [table] = await sql<
    { present: boolean }[]
  >`SELECT to_regclass('schema_migrations') IS NOT NULL AS present`;
  const applied = table?.present ? await appliedRows(sql) : [];
  const pending = comparePending(known, applied);
  return { version: applied.at(-1)?.version ?? 0, pending: pending.map(titleOf) };
}

async function appliedRows(sql: Database | ReservedConnection): Promise<readonly AppliedRow[]> {
  return sql<AppliedRow[]>`SELECT version, name, sha256 FROM schema_migrations ORDER BY version`;
}

/** Pure: which files are left to apply, after the applied ones have been found to be the known ones. */
export function comparePending(
  known: readonly Migration[],
  applied: readonly AppliedRow[],
): readonly Migration[] {
  const last = applied.at(-1);
  if (last && last.version > known.length) {
    throw new EdgeError(
      'SLUICE_SCHEMA_NEWER',
      `the database has schema ${last.version} (${last.name}), and this build knows up to ${known.length}`,
      'Run the build that made it, or a newer one. Schemas go forward only.',
    );
  }
  for (const [index, row] of applied.entries()) {
    const file = known[index];
    if (!file || file.version !== row.version) {
      throw new EdgeError(
        'SLUICE_MIGRATION_MISSING',
        `schema_migrations has no row for version ${index + 1}, though it has later ones`,
        'Somebody changed that table by hand: restore it from a backup.',
      );
    }
    if (file.sha256 !== row.sha256) {
      throw new EdgeError(
        'SLUICE_MIGRATION_EDITED',
        `migration ${titleOf(file)} was changed after it had been applied to this database`,
        'Put the old file back, and write what is to change into a new one.',
      );
    }
  }
  return known.slice(applied.length);
}

async function apply(connection: ReservedConnection, migration: Migration, log: Logger): Promise<void> {
  const { version, name, sha256, text } = migration;
  // Number, file name and hex need no quoting; parameters would need the other protocol, which takes one statement.
  const whole = `${text}\n;INSERT INTO schema_migrations (version, name, sha256) VALUES (${version}, '${name}', '${sha256}')`;
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await connection.unsafe(whole).simple();
        break;
      } catch (error) {
        if ((error as { code?: unknown }).code !== DEADLOCK || attempt >= ATTEMPTS_MAX) throw error;
        log.warn(
          { migration: titleOf(migration), attempt },
          'a migration and another process waited for each other; again',
        );
      }
    }
  } catch (error) {
    // Nothing is wrong with the file: it may be tried again as it is.
    if (isUnreachable(error)) throw error;
    const position = (error as { position?: string }).position;
    throw new EdgeError(
      'SLUICE_MIGRATION_FAILED',
      `migration ${titleOf(migration)}${lineOf(text, position)}: ${messageOf(error)}`,
      'Nothing of it was kept. Check the rights of the database user and the version of the server.',
      error,
    );
  }
  log.info({ migration: titleOf(migration) }, `database schema: applied ${titleOf(migration)}`);
}

/** The server counts characters of the whole text; people count lines. */
function lineOf(text: string, position: string | undefined): string {
  const characters = Number(position);
  return characters > 0 ? ` line ${text.slice(0, characters).split('\n').length}` : '';
}

function titleOf(migration: Migration): string {
  return `${String(migration.version).padStart(6, '0')}_${migration.name}`;
}
