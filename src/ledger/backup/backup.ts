/**
 * A backup: every table of one snapshot as a file, by the server's own COPY, and a manifest. In flow a database and an empty
 * folder, out flows the manifest. It must never lock what the pool writes, and never leave a manifest beside files that are not whole.
 *
 * COPY and not pg_dump: a pg_dump that is older than its server refuses, and the one at hand often is; COPY is there wherever the
 * server is. What pg_dump would add, the definitions, are this project's own migrations.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import { DatabaseSession } from '../database-session.ts';
import type { ReservedConnection } from '../stores/postgres.ts';
import { type Manifest, writeManifest } from './manifest.ts';
import { tablesOf } from './tables.ts';

/** A year of shares at 100 MB a second is hours. */
const DEADLINE_MS = 24 * 3_600_000;
/** Level 1: shares are half the size at a third of the time of the default. */
const GZIP_LEVEL = 1;
/**
 * Who wrote a transaction means nothing in another cluster, and its numbers may come again there; 3 is before every real one, so nothing
 * can be added to a transaction that was restored.
 */
const XID_BEFORE_ALL = `'3'::xid8`;

export async function takeBackup(databaseUrl: string, folder: string, takenAt: Date): Promise<Manifest> {
  await emptyFolder(folder);
  const session = await DatabaseSession.open(databaseUrl, 'sluice backup', DEADLINE_MS);
  try {
    await session.sql`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`;
    const manifest = await copyAll(session, folder, takenAt);
    await session.sql`COMMIT`;
    await writeManifest(folder, manifest);
    return manifest;
  } finally {
    session.discard();
  }
}

async function emptyFolder(folder: string): Promise<void> {
  let found: string[];
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    found = await readdir(folder);
  } catch (error) {
    throw new EdgeError(
      'SLUICE_BACKUP_FOLDER',
      `${folder} cannot be made: ${messageOf(error)}`,
      'Name a folder that this user may write.',
      error,
    );
  }
  if (found.length > 0)
    throw new EdgeError(
      'SLUICE_BACKUP_FOLDER',
      `${folder} is not empty`,
      'Name a folder of its own for each backup.',
    );
}

async function copyAll(session: DatabaseSession, folder: string, takenAt: Date): Promise<Manifest> {
  const { sql } = session;
  const tables: Manifest['tables'] = [];
  for (const { name, columns } of await tablesOf(sql)) {
    const selected = columns.map((column) =>
      name === 'ledger_transactions' && column === 'xid' ? `${XID_BEFORE_ALL} AS xid` : column,
    );
    const file = `${name}.copy.gz`;
    const source = await session.copyOut(`COPY (SELECT ${selected.join(', ')} FROM ${name}) TO STDOUT`);
    tables.push({ name, columns, file, ...(await store(source, join(folder, file))) });
  }
  return { format: 1, takenAt: takenAt.toISOString(), tables, ...(await headsOf(sql)) };
}

/** In COPY's text a row is a line: what is a line break inside of a value is written `\n`. */
async function store(source: NodeJS.ReadableStream, path: string): Promise<{ rows: number; sha256: string }> {
  const hash = createHash('sha256');
  let rows = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      for (const byte of chunk) if (byte === 10) rows++;
      done(null, chunk);
    },
  });
  const hashed = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true });
  await pipeline(source, counted, createGzip({ level: GZIP_LEVEL }), hashed, file);
  return { rows, sha256: hash.digest('hex') };
}

async function headsOf(
  sql: ReservedConnection,
): Promise<Pick<Manifest, 'serverVersion' | 'migrations' | 'ledgerHead' | 'marks' | 'days' | 'sequences'>> {
  const [server] = await sql<{ version: string }[]>`SELECT current_setting('server_version') AS version`;
  const migrations = await sql<
    Manifest['migrations']
  >`SELECT version, name, sha256 FROM schema_migrations ORDER BY version`;
  const [head] = await sql<{ id: bigint; hash: string }[]>`
    SELECT transaction_id AS id, encode(hash, 'hex') AS hash FROM ledger_head`;
  const marks = await sql<{ name: string; segment: bigint; slot: bigint; boot: bigint | null }[]>`
    SELECT name, segment, slot, segment_boot AS boot FROM journal_progress JOIN instances ON id = instance_id ORDER BY name`;
  const days = await sql<{ day: string }[]>`
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD')::text AS day FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('shares'::regclass, 'share_sums'::regclass) GROUP BY 1 ORDER BY 1`;
  await refuseBlind(sql);
  // Numbers that were given and taken back are not given again: a payout's number is in its ledger keys.
  const sequences = await sql<{ table: string; column: string; last: string }[]>`
    SELECT a.attrelid::regclass::text AS table, a.attname AS column, s.last_value::text AS last
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_sequences s ON format('%I.%I', s.schemaname, s.sequencename) = pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)
    WHERE a.attidentity <> '' AND c.relnamespace = current_schema()::regnamespace AND s.last_value IS NOT NULL ORDER BY 1, 2`;
  return {
    serverVersion: server!.version,
    migrations: [...migrations],
    ledgerHead: { transactionId: String(head!.id), hash: head!.hash },
    marks: marks.map(({ name, segment, slot, boot }) => ({
      instanceName: name,
      segment: Number(segment),
      slot: Number(slot),
      boot: boot === null ? null : Number(boot),
    })),
    days: days.map(({ day }) => day),
    sequences: sequences.map(({ table, column, last }) => ({ table, column, lastValue: last })),
  };
}

/** To a role without the right, `pg_sequences` shows nothing, as of a counter that was never used. */
async function refuseBlind(sql: ReservedConnection): Promise<void> {
  const [row] = await sql<{ hidden: number; role: string }[]>`
    SELECT count(*)::int AS hidden, current_user AS role FROM pg_sequences
    WHERE schemaname = current_schema() AND NOT has_sequence_privilege(format('%I.%I', schemaname, sequencename), 'SELECT')`;
  if (row!.hidden === 0) return;
  throw new EdgeError(
    'SLUICE_BACKUP_RIGHTS',
    `the role ${row!.role} may not read ${row!.hidden} counters; numbers would be given twice after a restore`,
    'Run deploy/roles.sql again, or back up as the owner of the database.',
  );
}
