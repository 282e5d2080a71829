/**
 * Where the numbering of segments goes on when the journal's folder is empty: on a new disk, after a move, after somebody tidied
 * up. The database remembers how far it has loaded; a journal that began at 1 again would lie behind that mark, and its shares
 * would be taken for loaded ones.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { newestSegment } from '../journal/segment-files.ts';
import { messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import { type Database, isUnreachable, openDatabase } from '../ledger/stores/postgres.ts';

const RETRY_MS = 1_000;
/** Undefined table: a database without our schema has loaded nothing. */
const NO_SUCH_TABLE = '42P01';

/** The last segment that the database knows of; 0 where the folder itself tells, or nobody has loaded anything. */
export async function lastNumberedSegment(
  directory: string,
  instanceName: string,
  databaseUrl: string,
  log: Logger,
): Promise<number> {
  if (existsSync(directory) && (await newestSegment(directory)) !== undefined) return 0;
  const sql = openDatabase(databaseUrl, { max: 1, applicationName: 'sluice engine' });
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await loadedSegment(sql, instanceName);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        if (attempt === 1) {
          log.warn(
            { fault: messageOf(error) },
            'the journal folder is empty and the database is away: waiting for it to say where numbering goes on',
          );
        }
        await sleep(RETRY_MS);
      }
    }
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function loadedSegment(sql: Database, instanceName: string): Promise<number> {
  try {
    const [row] = await sql<{ segment: bigint }[]>`
      SELECT segment FROM journal_progress JOIN instances ON instances.id = instance_id WHERE name = ${instanceName}`;
    return Number(row?.segment ?? 0n);
  } catch (error) {
    if ((error as { code?: unknown }).code === NO_SUCH_TABLE) return 0;
    throw error;
  }
}
