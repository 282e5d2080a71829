/** PostgreSQL: can it be reached, does it keep its word after a power loss, is there room, is the schema there, how far is it. Reads only. */
import { databaseUrlOf } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import { schemaStatus } from '../../ledger/migrate.ts';
import { checkServer, type Database, openDatabase, toDatabaseError } from '../../ledger/stores/postgres.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** What a power loss must not undo: shares can be loaded again, a payout that was signed and forgotten cannot. */
const SAFE_SETTINGS = ['fsync', 'full_page_writes', 'synchronous_commit'] as const;
/** Loader, tracker, claim, accounts and API of an engine, and the payer. */
const CONNECTIONS_WANTED = 20;
const ROUND_TRIPS = 20;
const LATENCY_WARN_MS = 5;
const OFFSET_WARN_MS = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;

export async function lookAtDatabase(config: Config, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  let url: string | undefined;
  try {
    url = databaseUrlOf(config, env);
  } catch (error) {
    return [faultOf('url', error)];
  }
  if (url === undefined) {
    return [
      warn('database', 'server', {
        found: 'the embedded one',
        expected: 'a server of your own: nobody backs this one up',
        change: 'database.urlFile (docs/DATABASE.md)',
      }),
    ];
  }
  const sql = openDatabase(url, {
    max: 1,
    applicationName: 'sluice doctor',
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  });
  try {
    return await askServer(sql);
  } catch (error) {
    return [faultOf('server', toDatabaseError(error, url))];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function askServer(sql: Database): Promise<Finding[]> {
  const version = await checkServer(sql);
  return [
    ok('database', 'server', `PostgreSQL ${version}`),
    ...(await latencyAndClock(sql)),
    ...(await settings(sql)),
    await connections(sql),
    ...(await schema(sql)),
  ];
}

function faultOf(name: string, error: unknown): Finding {
  return fail('database', name, {
    found: messageOf(error),
    expected: 'a PostgreSQL of version 15 or newer that answers',
    change: error instanceof EdgeError && error.remedy !== '' ? error.remedy : 'docs/DATABASE.md',
  });
}

async function latencyAndClock(sql: Database): Promise<Finding[]> {
  const times: number[] = [];
  const offsets: number[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const startedMs = performance.now();
    const [row] = await sql<{ ms: number }[]>`
      SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms`;
    const took = performance.now() - startedMs;
    times.push(took);
    offsets.push(row!.ms + took / 2 - Date.now());
  }
  const middle = (values: readonly number[]): number =>
    [...values].sort((a, b) => a - b)[values.length >> 1]!;
  const latency = middle(times);
  const offset = Math.round(middle(offsets));
  const slow = warn('database', 'round trip', {
    found: `${latency.toFixed(2)} ms`,
    expected: `below ${LATENCY_WARN_MS} ms: the loader waits for it once a batch, the payer many times a payout`,
    change: 'a server nearer by',
  });
  const apart = warn('clock', 'against the database', {
    found: `${offset} ms`,
    expected: `within ${OFFSET_WARN_MS} ms: days of shares and minutes of work go by both clocks`,
    change: 'chrony on both machines',
  });
  return [
    latency > LATENCY_WARN_MS ? slow : ok('database', 'round trip', `${latency.toFixed(2)} ms`),
    Math.abs(offset) > OFFSET_WARN_MS ? apart : ok('clock', 'against the database', `${offset} ms`),
  ];
}

async function settings(sql: Database): Promise<Finding[]> {
  const rows = await sql<{ name: string; value: string }[]>`
    SELECT name, current_setting(name) AS value FROM unnest(${[...SAFE_SETTINGS]}::text[]) AS name`;
  return rows.map(({ name, value }) =>
    value === 'off'
      ? fail('database', name, {
          found: value,
          expected: 'on: a payout that was signed and forgotten is paid twice',
          change: `ALTER SYSTEM SET ${name} = on; SELECT pg_reload_conf();`,
        })
      : ok('database', name, value),
  );
}

async function connections(sql: Database): Promise<Finding> {
  const [row] = await sql<{ most: number; used: number }[]>`
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most,
           (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used`;
  const { most, used } = row!;
  const found = `${used} of ${most} in use`;
  if (most - used >= CONNECTIONS_WANTED) return ok('database', 'connections', found);
  return warn('database', 'connections', {
    found,
    expected: `${CONNECTIONS_WANTED} free: an engine and a payer take them`,
    change: 'ALTER SYSTEM SET max_connections = 200; then restart PostgreSQL',
  });
}

async function schema(sql: Database): Promise<Finding[]> {
  const [rights] = await sql<{ role: string; makes: boolean; superuser: boolean }[]>`
    SELECT current_user AS role, has_schema_privilege(current_schema(), 'CREATE') AS makes,
           (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser`;
  const { role, makes, superuser } = rights!;
  const { version, pending } = await schemaStatus(sql);
  const found = `version ${version}${pending.length === 0 ? '' : `, ${pending.length} behind`}`;
  const behind = { found, expected: 'the schema of this build', change: 'systemctl start sluice-migrate' };
  const findings = [
    pending.length === 0
      ? ok('database', 'schema', found)
      : makes
        ? warn('database', 'schema', {
            ...behind,
            expected: `${behind.expected}; the engine would migrate at its start`,
          })
        : fail('database', 'schema', behind),
  ];
  if (superuser) {
    findings.push(
      warn('database', 'role', {
        found: `${role} is a superuser`,
        expected: 'a role that may do its own work only: no trigger and no right holds a superuser',
        change: 'deploy/roles.sql makes them',
      }),
    );
  } else if (version > 0) findings.push(await roleFinding(sql, role));
  return findings;
}

async function roleFinding(sql: Database, role: string): Promise<Finding> {
  const [may] = await sql<{ shares: boolean; reads: boolean }[]>`
    SELECT has_table_privilege('shares', 'INSERT') AS shares, has_table_privilege('blocks', 'SELECT') AS reads`;
  if (may!.reads)
    return ok('database', 'role', `${role}, ${may!.shares ? 'may write shares' : 'reads only'}`);
  return fail('database', 'role', {
    found: `${role} may not read the tables`,
    expected: 'a role of the engine',
    change: 'psql -d sluice -f deploy/roles.sql, and a login IN ROLE sluice_engine',
  });
}
