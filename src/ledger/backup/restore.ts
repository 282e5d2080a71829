/**
 * A backup put back: checked first, then loaded in one transaction, all or nothing. In flow a folder and a database, out flows what was
 * done. It must never touch a database that holds something unless it was told to, and never leave a half.
 *
 *   checksums > journal reaches back? > database empty? > schema of the backup > BEGIN; empty; COPY each; count; COMMIT > schema of this build
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { EdgeError } from '../../kit/edge-error.ts';
import type { Logger } from '../../kit/log.ts';
import { DatabaseSession } from '../database-session.ts';
import { type Migration, migrate, readMigrations } from '../migrate.ts';
import { openDatabase, type ReservedConnection } from '../stores/postgres.ts';
import { journalReach, type Reach } from './journal-reach.ts';
import { type Manifest, readManifest } from './manifest.ts';

export interface RestoreOptions {
  readonly databaseUrl: string;
  readonly folder: string;
  /** Of all engines, as far as they are at hand. */
  readonly journals: readonly string[];
  /** Over a database that holds something. */
  readonly force: boolean;
  /** Also where the journal does not reach back to the backup. */
  readonly acceptLostShares: boolean;
  readonly log: Logger;
}

export interface RestoreReport {
  readonly manifest: Manifest;
  readonly reach: readonly Reach[];
}

const DEADLINE_MS = 24 * 3_600_000;

export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const { databaseUrl, folder, force, log } = options;
  const manifest = await readManifest(folder);
  const known = await readMigrations();
  const then = schemaOf(manifest, known);
  const reach = await journalReach(manifest.marks, options.journals).catch((error: unknown) => {
    if (!options.acceptLostShares) throw error;
    return [];
  });
  const sql = openDatabase(databaseUrl, { max: 1, applicationName: 'sluice restore' });
  try {
    if (!force) await refuseFull(sql);
    await migrate(sql, { log, migrations: then });
    await load(databaseUrl, folder, manifest);
    await migrate(sql, { log, migrations: known });
  } finally {
    await sql.end({ timeout: 5 });
  }
  return { manifest, reach };
}

/** The migrations that the backup's database had, as this build has them. */
function schemaOf(manifest: Manifest, known: readonly Migration[]): readonly Migration[] {
  const last = manifest.migrations.length;
  const same = manifest.migrations.every(({ version, sha256 }) => known[version - 1]?.sha256 === sha256);
  if (last <= known.length && same) return known.slice(0, last);
  throw new EdgeError(
    'SLUICE_RESTORE_SCHEMA',
    `the backup has schema ${last} (${manifest.migrations.at(-1)?.name}), and this build ${last > known.length ? `knows up to ${known.length}` : 'has another text for it'}`,
    'Restore with the build that took the backup, or a newer one.',
  );
}

async function refuseFull(sql: ReturnType<typeof openDatabase>): Promise<void> {
  const [table] = await sql<{ present: boolean }[]>`SELECT to_regclass('accounts') IS NOT NULL AS present`;
  if (!table!.present) return;
  const [row] = await sql<{ full: boolean }[]>`
    SELECT EXISTS (SELECT FROM accounts) OR EXISTS (SELECT FROM ledger_transactions) OR EXISTS (SELECT FROM journal_progress) AS full`;
  if (!row!.full) return;
  throw new EdgeError(
    'SLUICE_RESTORE_NOT_EMPTY',
    'the database holds a pool already',
    'Name an empty database, or give --force to replace what is there. Stop engine and payer first.',
  );
}

async function load(databaseUrl: string, folder: string, manifest: Manifest): Promise<void> {
  const session = await DatabaseSession.open(databaseUrl, 'sluice restore', DEADLINE_MS);
  try {
    const { sql } = session;
    const names = manifest.tables.map(({ name }) => name);
    await sql`BEGIN`;
    // The guards of history stand in the way of putting history back; they are down within this transaction only.
    for (const name of names) await sql.unsafe(`ALTER TABLE ${name} DISABLE TRIGGER USER`);
    await sql.unsafe(`TRUNCATE ${names.join(', ')}`);
    for (const day of manifest.days) await sql`SELECT ensure_day_partitions(${day}::text::date)`;
    for (const table of manifest.tables) {
      const source = createReadStream(join(folder, table.file)).pipe(createGunzip());
      await session.copyInFrom(`COPY ${table.name} (${table.columns.join(', ')}) FROM STDIN`, source);
      await expectRows(sql, table);
    }
    for (const { table, column, lastValue } of manifest.sequences)
      await sql`SELECT setval(pg_get_serial_sequence(${table}, ${column}), ${lastValue}::text::bigint)`;
    await countOn(sql);
    for (const name of names) await sql.unsafe(`ALTER TABLE ${name} ENABLE TRIGGER USER`);
    const answer = await sql`COMMIT`;
    if (answer.command !== 'COMMIT') throw new Error(`the server answered ${answer.command} to COMMIT`);
  } finally {
    session.discard();
  }
}

/** A counter is never behind what it numbers: backups by a role that could not read counters have none of them. */
async function countOn(sql: ReservedConnection): Promise<void> {
  const columns = await sql<{ table: string; column: string; sequence: string }[]>`
    SELECT a.attrelid::regclass::text AS table, quote_ident(a.attname) AS column,
           quote_literal(pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)) AS sequence
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attidentity <> '' AND c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace`;
  for (const { table, column, sequence } of columns) {
    await sql.unsafe(`SELECT setval(${sequence}, max(${column})) FROM ${table}
      HAVING max(${column}) > coalesce(pg_sequence_last_value(${sequence}::regclass), 0)`);
  }
}

async function expectRows(
  sql: ReservedConnection,
  { name, rows }: Manifest['tables'][number],
): Promise<void> {
  const [found] = await sql.unsafe<{ rows: bigint }[]>(`SELECT count(*) AS rows FROM ${name}`);
  if (Number(found!.rows) === rows) return;
  throw new EdgeError(
    'SLUICE_BACKUP_DAMAGED',
    `${name} holds ${found!.rows} rows after it was loaded, and ${rows} were backed up`,
    'Nothing was restored. Use another backup.',
  );
}
