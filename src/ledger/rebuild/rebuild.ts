/**
 * Shares and sums made anew from the journal, by the very code that loads them, into an empty schema; then compared with what the
 * database holds. In flow journal folders and a database, out flows a comparison. It must never write to the live tables, delete a
 * segment, or compare beyond the mark up to which the database says it has loaded.
 *
 *   BEGIN repeatable read > marks > schema made, migrated > loader up to each mark > rows against rows > settlements > schema dropped
 */

import { listWithHeaders } from '../../journal/segment-files.ts';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import type { Logger } from '../../kit/log.ts';
import { DatabaseSession } from '../database-session.ts';
import { LOADER_ROWS_MAX, Loader } from '../loader.ts';
import { migrate } from '../migrate.ts';
import { openDatabase, type ReservedConnection } from '../stores/postgres.ts';
import { replaySettlements, type SettlementReplay } from './replayed-settlements.ts';
import { type Coverage, compareTables, type Span, type TableComparison } from './row-streams.ts';

export interface RebuildOptions {
  readonly databaseUrl: string;
  readonly folders: readonly string[];
  /** Of the only folder; by default what its segments say. */
  readonly instanceName: string | undefined;
  readonly span: Span;
  /** Made for this and dropped afterwards. */
  readonly schema: string;
  readonly keepSchema: boolean;
  readonly log: Logger;
}

export interface RebuildReport {
  readonly equal: boolean;
  readonly coverage: readonly Coverage[];
  readonly tables: readonly TableComparison[];
  readonly settlements: SettlementReplay;
}

interface JournalOf {
  readonly folder: string;
  readonly instanceName: string;
  readonly firstSegment: number;
  /** No segment of this journal was ever deleted. */
  readonly whole: boolean;
}

/** One statement may sort a day of shares. */
const DEADLINE_MS = 4 * 3_600_000;
const MINUTE_MS = 60_000;

export async function rebuild(options: RebuildOptions): Promise<RebuildReport> {
  const { databaseUrl, schema } = options;
  const journals = await Promise.all(
    options.folders.map((folder) => journalIn(folder, options.instanceName)),
  );
  const live = await DatabaseSession.open(databaseUrl, 'sluice rebuild', DEADLINE_MS);
  try {
    // The snapshot is held while the loader works on another connection.
    await live.sql`SELECT set_config('idle_in_transaction_session_timeout', '0', false)`;
    await live.sql.unsafe(`CREATE SCHEMA ${schema}`);
    try {
      await live.sql`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`;
      return await rebuildInto(
        `${databaseUrl}${databaseUrl.includes('?') ? '&' : '?'}search_path=${schema}`,
        live,
        journals,
        options,
      );
    } finally {
      await live.sql`ROLLBACK`;
      if (!options.keepSchema) await live.sql.unsafe(`DROP SCHEMA ${schema} CASCADE`);
    }
  } finally {
    live.discard();
  }
}

async function rebuildInto(
  url: string,
  live: DatabaseSession,
  journals: readonly JournalOf[],
  options: RebuildOptions,
): Promise<RebuildReport> {
  const sql = openDatabase(url, { max: 1, applicationName: 'sluice rebuild' });
  try {
    await migrate(sql, { log: options.log });
  } finally {
    await sql.end({ timeout: 5 });
  }
  const coverage: Coverage[] = [];
  const rebuilt = await DatabaseSession.open(url, 'sluice rebuild', DEADLINE_MS);
  try {
    for (const journal of journals) {
      await load(url, live.sql, journal);
      coverage.push(await coverageOf(live.sql, rebuilt.sql, journal));
    }
    // A cursor needs a transaction.
    await rebuilt.sql`BEGIN READ ONLY`;
    const tables = await compareTables(live.sql, rebuilt.sql, coverage, options.span);
    const settlements = await replaySettlements(live.sql, rebuilt.sql, coverage, options.span);
    const equal = tables.every(({ differing }) => differing === 0) && settlements.differences.length === 0;
    return { equal, coverage, tables, settlements };
  } finally {
    rebuilt.discard();
  }
}

async function journalIn(folder: string, instanceName: string | undefined): Promise<JournalOf> {
  const listed = await listWithHeaders(folder);
  const first = listed[0];
  const header = listed.find((one) => one.header)?.header;
  if (!first || !header) {
    throw new EdgeError(
      'SLUICE_REBUILD_JOURNAL',
      `${folder} holds no segment that can be read`,
      'Name the folder that holds the segment-*.slj files.',
    );
  }
  return {
    folder,
    instanceName: instanceName ?? header.instanceName,
    firstSegment: first.file.segment,
    whole: first.header?.previousSegment === 0,
  };
}

/** Up to the live database's mark: what lies behind it was not loaded there either. */
async function load(url: string, live: ReservedConnection, journal: JournalOf): Promise<void> {
  const [mark] = await live<{ segment: bigint; slot: bigint }[]>`
    SELECT segment, slot FROM journal_progress JOIN instances ON id = instance_id WHERE name = ${journal.instanceName}`;
  if (!mark) {
    throw new EdgeError(
      'SLUICE_REBUILD_JOURNAL',
      `the database has loaded nothing of instance ${journal.instanceName}, whose journal ${journal.folder} is`,
      'Name the folder of an engine of this database, or its name by --instance.',
    );
  }
  const until = { segment: Number(mark.segment), slot: Number(mark.slot) };
  const loader = new Loader({
    journalDirectory: journal.folder,
    instanceName: journal.instanceName,
    databaseUrl: url,
    durablePosition: () => until,
    retainMs: Number.POSITIVE_INFINITY,
    rowsMax: LOADER_ROWS_MAX,
    log: () => {},
  });
  try {
    for (;;) {
      const outcome = await loader.step();
      if (outcome === 'idle') return;
      if (outcome === 'failed') {
        throw new EdgeError(
          'SLUICE_REBUILD_JOURNAL',
          `the journal ${journal.folder} cannot be loaded up to segment ${until.segment}, slot ${until.slot}: ${loader.status(0, 0).fault}`,
          'Put the missing segments back, from the backup of the journal where there is one.',
        );
      }
    }
  } finally {
    await loader.close().catch((error: unknown) => {
      throw new Error(`the loader did not close: ${messageOf(error)}`);
    });
  }
}

/**
 * Where the first segments are gone, a minute may have a part of its shares in them. The database still tells which minutes those
 * are, while its shares are kept; else the first minute of the journal is left out.
 */
async function coverageOf(
  live: ReservedConnection,
  rebuilt: ReservedConnection,
  { instanceName, firstSegment, whole }: JournalOf,
): Promise<Coverage> {
  if (whole) return { instanceName, firstSegment, sumsFromMs: 0 };
  const [gone] = await live<{ at: number }[]>`
    SELECT coalesce(extract(epoch FROM max(received_at)) * 1000, 0)::float8 AS at FROM shares s JOIN instances i ON i.id = s.instance_id
    WHERE i.name = ${instanceName} AND segment < ${firstSegment}`;
  const [first] = await rebuilt<{ at: number }[]>`
    SELECT coalesce(extract(epoch FROM min(received_at)) * 1000, 0)::float8 AS at FROM shares s JOIN instances i ON i.id = s.instance_id
    WHERE i.name = ${instanceName}`;
  const lastMs = Math.max(gone!.at, first!.at);
  return { instanceName, firstSegment, sumsFromMs: (Math.floor(lastMs / MINUTE_MS) + 1) * MINUTE_MS };
}
