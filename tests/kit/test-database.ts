/**
 * A PostgreSQL for a test file: one server, one migrated template, one clone per test (about 15 ms each).
 * Set SLUICE_TEST_DATABASE_URL to use a running server instead; its user needs CREATEDB.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../src/kit/log.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/ledger/embedded-postgres.ts';
import { migrate } from '../../src/ledger/migrate.ts';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/ledger/stores/postgres.ts';

export interface FreshDatabase {
  readonly url: string;
  /** Closed by `drop` and by the fixture's `stop`. */
  readonly sql: Database;
  drop(): Promise<void>;
}

export interface TestDatabase {
  /** The embedded server; undefined when SLUICE_TEST_DATABASE_URL names another one. */
  readonly server: EmbeddedPostgres | undefined;
  /** A migrated database of its own. */
  freshDatabase(options?: Partial<DatabaseOptions>): Promise<FreshDatabase>;
  /** With all that another one holds, to which nobody may be connected: for what is costly to build. */
  copyOf(source: FreshDatabase): Promise<FreshDatabase>;
  /** An empty one, for the tests of the migrations. */
  emptyDatabase(options?: Partial<DatabaseOptions>): Promise<FreshDatabase>;
  /** Call it in afterAll, whatever happened. */
  stop(): Promise<void>;
}

/** Call it in beforeAll. */
export async function withTestDatabase(): Promise<TestDatabase> {
  const external = process.env.SLUICE_TEST_DATABASE_URL;
  const folder = await mkdtemp(join(tmpdir(), 'sluice-pg-'));
  // When root runs the tests, the server's account must be able to enter; the data folder itself is 0700.
  await chmod(folder, 0o711);
  // Durability is not what these tests are about, and it is most of their time.
  const settings = { fsync: 'off', full_page_writes: 'off', shared_buffers: '32MB' };
  const server = external
    ? undefined
    : await startEmbeddedPostgres({ dataDir: join(folder, 'pg'), log: silentLogger, settings });
  const url = external ?? server!.url;
  const admin = openDatabase(url, { applicationName: 'sluice tests', max: 1 });
  const open = new Set<FreshDatabase>();
  const prefix = `sluice_test_${process.pid}_${Date.now().toString(36)}`;
  const template = `${prefix}_template`;
  let made = 0;

  const create = async (options: Partial<DatabaseOptions>, from?: string): Promise<FreshDatabase> => {
    const name = `${prefix}_${++made}`;
    await admin.unsafe(`CREATE DATABASE ${name}${from ? ` TEMPLATE ${from}` : ''}`);
    const own = withDatabase(url, name);
    const sql = openDatabase(own, { applicationName: 'sluice tests', max: 4, ...options });
    const fresh: FreshDatabase = {
      url: own,
      sql,
      drop: async () => {
        if (!open.delete(fresh)) return;
        await sql.end({ timeout: 1 });
        await admin.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).catch(() => {});
      },
    };
    open.add(fresh);
    return fresh;
  };

  await admin.unsafe(`CREATE DATABASE ${template}`);
  const schema = openDatabase(withDatabase(url, template), { applicationName: 'sluice tests', max: 1 });
  await migrate(schema, { log: silentLogger });
  // A template with a connection on it cannot be cloned.
  await schema.end();

  return {
    server,
    freshDatabase: (options = {}) => create(options, template),
    copyOf: (source) => create({}, new URL(source.url).pathname.slice(1)),
    emptyDatabase: (options = {}) => create(options),
    stop: async () => {
      for (const fresh of [...open]) await fresh.drop();
      await admin.unsafe(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`).catch(() => {});
      await admin.end({ timeout: 1 });
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Of the same database, as the superuser: the embedded server's has the same password. */
export function superuserUrl(url: string): string {
  const other = new URL(url);
  if (!process.env.SLUICE_TEST_DATABASE_URL) other.username = 'postgres';
  return other.href;
}

function withDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}
