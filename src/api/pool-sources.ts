/**
 * Everything behind the pages and the JSON interface, opened and closed together: connections, boards, reads, the desk for settings. The
 * same in an engine's API thread and in `sluice api`.
 */

import { type Database, openDatabase } from '../ledger/stores/postgres.ts';
import { Boards } from '../ledger/views/boards.ts';
import type { PoolTerms } from '../ledger/views/pool-terms.ts';
import type { EngineFeed } from '../live/engine-feed.ts';
import { PoolReader } from './pool-reader.ts';
import { SettingsDesk } from './settings-desk.ts';

export interface PoolSourcesOptions {
  /** Absent: nothing is known but what engines tell. */
  readonly databaseUrl?: string | undefined;
  readonly terms: PoolTerms;
  readonly live: EngineFeed;
  readonly onFault: (error: unknown) => void;
  readonly boardsEveryMs?: number;
}

export interface PoolSources {
  readonly reads: PoolReader;
  readonly boards: Boards | undefined;
  /** Absent where there is no database to write to. */
  readonly desk: SettingsDesk | undefined;
  close(): Promise<void>;
}

/** For questions that somebody waits for; two answer hundreds a second. */
const CONNECTIONS = 2;
const STATEMENT_TIMEOUT_MS = 2_000;
/** The first reading of a large pool sums a day of it, piece by piece. */
const BOARD_TIMEOUT_MS = 120_000;

export function openPoolSources(options: PoolSourcesOptions): PoolSources {
  const { databaseUrl, terms, live, onFault, boardsEveryMs } = options;
  const wallClock = Date.now;
  if (databaseUrl === undefined) {
    const reads = new PoolReader({ live, terms, wallClock });
    return { reads, boards: undefined, desk: undefined, close: async () => {} };
  }
  const sql = openDatabase(databaseUrl, {
    applicationName: 'sluice api',
    max: CONNECTIONS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    connectTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const boardSql = openDatabase(databaseUrl, {
    applicationName: 'sluice api boards',
    max: 1,
    statementTimeoutMs: BOARD_TIMEOUT_MS,
    // Nobody waits for it; on three at once, those who ask for pages waited half a second where cores are few.
    oneCore: true,
  });
  const boards = new Boards({
    sql: boardSql,
    wallClock,
    onFault,
    ...(boardsEveryMs !== undefined && { everyMs: boardsEveryMs }),
  });
  boards.start();
  return {
    reads: new PoolReader({ sql, boards, live, terms, wallClock }),
    boards,
    desk: new SettingsDesk(sql, terms, wallClock),
    close: async () => {
      const stopped = boards.close();
      await Promise.all([end(sql), end(boardSql)]);
      await stopped;
    },
  };
}

function end(sql: Database): Promise<void> {
  return sql.end({ timeout: 0 }).catch(() => {});
}
