import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/kit/log.ts';
import { type Migration, migrate, readMigrations, schemaStatus } from '../../src/ledger/migrate.ts';
import { type Database, isUnreachable, openDatabase } from '../../src/ledger/stores/postgres.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await withTestDatabase();
});
afterAll(() => database?.stop());

function migration(version: number, name: string, text: string): Migration {
  return { version, name, text, sha256: createHash('sha256').update(text).digest('hex') };
}

const CARS = migration(
  1,
  'cars',
  'CREATE TABLE cars (id int); -- with a comment; and a semicolon\nINSERT INTO cars VALUES (1);',
);
const WHEELS = migration(2, 'wheels', 'CREATE TABLE wheels (id int);');

async function tables(sql: Database): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`;
  return rows.map((row) => row.name);
}

describe('the migration runner', () => {
  it("applies the project's own files to an empty database, and then has nothing to do", async () => {
    const { sql } = await database.emptyDatabase();
    const known = await readMigrations();
    expect(await schemaStatus(sql)).toEqual({
      version: 0,
      pending: known.map((file) => expect.stringContaining(file.name)),
    });
    expect(await migrate(sql, { log: silentLogger })).toEqual({
      applied: expect.arrayContaining(['000001_init']),
      version: known.length,
    });
    expect(await migrate(sql, { log: silentLogger })).toEqual({ applied: [], version: known.length });
    expect(await schemaStatus(sql)).toEqual({ version: known.length, pending: [] });
  });

  it('lets one of several that start together work, and the others find it done', async () => {
    const { url } = await database.emptyDatabase();
    const clients = [1, 2, 3, 4].map(() => openDatabase(url, { applicationName: 'test', max: 1 }));
    const migrations = [CARS, WHEELS];
    const results = await Promise.all(clients.map((sql) => migrate(sql, { log: silentLogger, migrations })));
    expect(results.map((result) => result.applied.length).sort()).toEqual([0, 0, 0, 2]);
    expect(await clients[0]!`SELECT count(*) AS n FROM cars`).toEqual([{ n: 1n }]);
    await Promise.all(clients.map((sql) => sql.end()));
  });

  it('refuses a file that was edited after it had been applied', async () => {
    const { sql } = await database.emptyDatabase();
    await migrate(sql, { log: silentLogger, migrations: [CARS] });
    const migrations = [migration(1, 'cars', `${CARS.text} `), WHEELS];
    await expect(migrate(sql, { log: silentLogger, migrations })).rejects.toMatchObject({
      code: 'SLUICE_MIGRATION_EDITED',
    });
    await expect(schemaStatus(sql, migrations)).rejects.toMatchObject({ code: 'SLUICE_MIGRATION_EDITED' });
    expect(await tables(sql)).toEqual(['cars', 'schema_migrations']);
  });

  it('refuses a database that is newer than this build', async () => {
    const { sql } = await database.emptyDatabase();
    await migrate(sql, { log: silentLogger, migrations: [CARS, WHEELS] });
    await expect(migrate(sql, { log: silentLogger, migrations: [CARS] })).rejects.toMatchObject({
      code: 'SLUICE_SCHEMA_NEWER',
    });
  });

  it('keeps nothing of a file that fails, names its line, and keeps the files before it', async () => {
    const { sql } = await database.emptyDatabase();
    const broken = migration(
      2,
      'broken',
      'CREATE TABLE half (id int);\nCREATE TABLE oops (\n  id nonsense);',
    );
    await expect(migrate(sql, { log: silentLogger, migrations: [CARS, broken] })).rejects.toMatchObject({
      code: 'SLUICE_MIGRATION_FAILED',
      message: expect.stringContaining('000002_broken line 3'),
    });
    expect(await tables(sql)).toEqual(['cars', 'schema_migrations']);
    expect(await schemaStatus(sql, [CARS, broken])).toEqual({ version: 1, pending: ['000002_broken'] });
    expect(await migrate(sql, { log: silentLogger, migrations: [CARS, WHEELS] })).toMatchObject({
      version: 2,
    });
  });

  it('keeps nothing of a file in which the connection died, and calls that no fault of the file', async () => {
    const { sql } = await database.emptyDatabase();
    const deadly = migration(
      2,
      'deadly',
      'CREATE TABLE half (id int);\nSELECT pg_terminate_backend(pg_backend_pid());\nSELECT 1; -- the end',
    );
    const error = await migrate(sql, { log: silentLogger, migrations: [CARS, deadly] }).catch(
      (thrown: unknown) => thrown,
    );
    expect(isUnreachable(error)).toBe(true);
    expect(await tables(sql)).toEqual(['cars', 'schema_migrations']);
    expect(await migrate(sql, { log: silentLogger, migrations: [CARS, WHEELS] })).toMatchObject({
      applied: ['000002_wheels'],
    });
  });

  it('is tried again when it and an engine that loads waited for each other', async () => {
    const { sql, url } = await database.emptyDatabase();
    await migrate(sql, { log: silentLogger, migrations: [CARS, WHEELS] });
    const paint = migration(
      3,
      'paint',
      'ALTER TABLE cars ADD COLUMN paint text; SELECT pg_sleep(0.3); ALTER TABLE wheels ADD COLUMN paint text;',
    );
    const engine = openDatabase(url, { applicationName: 'an engine that loads', max: 1 });
    // The client gives no connection to reserve before a first query has made one.
    await engine`SELECT 1`;
    const loading = await engine.reserve();
    // The migration has the cars and wants the wheels, the engine has the wheels and wants the cars.
    await loading`BEGIN`;
    await loading`LOCK TABLE wheels IN ACCESS SHARE MODE`;
    const migrated = migrate(sql, { log: silentLogger, migrations: [CARS, WHEELS, paint] });
    await new Promise((resolve) => setTimeout(resolve, 600));
    await loading`SELECT count(*) FROM cars`.catch(() => {});
    await loading`ROLLBACK`;
    loading.release();
    expect((await migrated).applied).toHaveLength(1);
    expect(await sql`SELECT paint FROM wheels`).toHaveLength(0);
    await engine.end({ timeout: 5 });
  });

  it('touches no server that is too old', async () => {
    const asked: string[] = [];
    const old = async ([text]: TemplateStringsArray) => {
      asked.push(text!.trim());
      return [{ version: '14.19', number: 140_019 }];
    };
    await expect(migrate(old as unknown as Database, { log: silentLogger })).rejects.toMatchObject({
      code: 'SLUICE_DATABASE_TOO_OLD',
    });
    expect(asked).toHaveLength(1);
  });

  it('refuses a folder whose numbers have a gap', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-migrations-'));
    await writeFile(join(folder, '000001_init.sql'), 'SELECT 1');
    await writeFile(join(folder, '000003_late.sql'), 'SELECT 1');
    await expect(readMigrations(folder)).rejects.toMatchObject({ code: 'SLUICE_MIGRATION_FILES' });
    await rm(folder, { recursive: true });
  });
});

describe('the first schema', () => {
  it('makes the partitions of a UTC day once, whoever asks at the same time and in whatever time zone', async () => {
    const { sql } = await database.freshDatabase({ max: 8 });
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        sql.begin(async (transaction) => {
          await transaction.unsafe(`SET LOCAL TimeZone = '${i % 2 ? 'Asia/Tokyo' : 'America/Lima'}'`);
          await transaction`SELECT ensure_day_partitions('2026-11-21')`;
        }),
      ),
    );
    const parents = ['account_hours', 'share_sums', 'shares', 'worker_refusals', 'worker_spans'];
    expect((await tables(sql)).filter((name) => /_\d{8}$/.test(name))).toEqual(
      parents.map((name) => `${name}_20261121`),
    );
    const bounds = await sql<{ bounds: string }[]>`
      SELECT pg_get_expr(relpartbound, oid) AS bounds FROM pg_class WHERE relname = 'shares_20261121'`;
    expect(bounds[0]?.bounds).toBe(
      "FOR VALUES FROM ('2026-11-21 00:00:00+00') TO ('2026-11-22 00:00:00+00')",
    );
  });

  it('makes the next day inside transactions that have already written, without a deadlock', async () => {
    const { sql } = await database.freshDatabase({ max: 4 });
    await sql`SELECT ensure_day_partitions('2026-11-21')`;
    const written = barrier(3);
    await Promise.all(
      [0, 1, 2].map((slot) =>
        sql.begin(async (transaction) => {
          await insertShare(transaction as unknown as Database, {
            slot,
            received_at: '2026-11-21T23:59:59.999Z',
          });
          await written();
          await transaction`SELECT ensure_day_partitions('2026-11-22')`;
          await insertShare(transaction as unknown as Database, {
            slot,
            received_at: '2026-11-22T00:00:00Z',
          });
        }),
      ),
    );
    expect(
      await sql`SELECT count(*)::int AS n, tableoid::regclass::text AS part FROM shares GROUP BY 2 ORDER BY 2`,
    ).toEqual([
      { n: 3, part: 'shares_20261121' },
      { n: 3, part: 'shares_20261122' },
    ]);
  });

  it('indexes every partition by BRIN and by nothing else', async () => {
    const { sql } = await database.freshDatabase();
    await sql`SELECT ensure_day_partitions('2026-11-21')`;
    const indexes = await sql<{ definition: string }[]>`
      SELECT indexdef AS definition FROM pg_indexes WHERE tablename = 'shares_20261121'`;
    expect(indexes.map((index) => index.definition)).toEqual([
      expect.stringContaining('USING brin (received_at)'),
    ]);
  });

  it('gives back an unsigned nonce by its bits, and 40 digits of work exactly', async () => {
    const { sql } = await database.freshDatabase();
    await sql`SELECT ensure_day_partitions('2026-11-21')`;
    const nonce = 0xfedc_ba98_7654_3210n;
    await insertShare(sql, { nonce: BigInt.asIntN(64, nonce) });
    const [share] = await sql<{ nonce: bigint }[]>`SELECT nonce FROM shares`;
    expect(BigInt.asUintN(64, share!.nonce)).toBe(nonce);
    const work = 10n ** 40n - 1n;
    await sql`INSERT INTO share_sums VALUES ('2026-11-21T10:05:00Z', 1, 1, 5, ${String(work)})`;
    const [sum] = await sql<{ work_hashes: string }[]>`SELECT work_hashes FROM share_sums`;
    expect(BigInt(sum!.work_hashes)).toBe(work);
  });

  it.each([
    ['a verdict that is not accepted', { verdict: 0 }],
    ['a credit that does not exist', { credit: 3 }],
    ['a difficulty beyond the range', { difficulty_log2: 63 }],
  ])('refuses %s', async (_, columns) => {
    const { sql } = await database.freshDatabase();
    await sql`SELECT ensure_day_partitions('2026-11-21')`;
    await expect(insertShare(sql, columns)).rejects.toMatchObject({ code: '23514' });
  });

  it('refuses a share of a day that has no partition, rather than keep it somewhere', async () => {
    const { sql } = await database.freshDatabase();
    await expect(insertShare(sql, {})).rejects.toMatchObject({ code: '23514' });
  });

  it('burns no instance id when an instance starts again', async () => {
    const { sql } = await database.freshDatabase({ max: 4 });
    const ask = async (name: string) =>
      (await sql<{ id: number }[]>`SELECT ensure_instance(${name}) AS id`)[0]!.id;
    for (let i = 0; i < 5; i++) expect(await ask('berlin')).toBe(1);
    expect(await ask('lima')).toBe(2);
    expect(new Set(await Promise.all([1, 2, 3, 4].map(() => ask('tokyo')))).size).toBe(1);
  });

  it('has one row per block hash and refuses a state that does not exist', async () => {
    const { sql } = await database.freshDatabase();
    await sql`SELECT ensure_instance('berlin')`;
    await sql`INSERT INTO accounts (address) VALUES ('kaspa:q')`;
    await sql`INSERT INTO workers (account_id, name) VALUES (1, '<b>rig</b>')`;
    const add = (hash: string, state: string) => sql`
      INSERT INTO blocks (block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, found_at, state)
      VALUES (${hash}, 1, 1, 1, -1, 1, 1, ${0x1e7fffff}, now(), ${state})`;
    await add('a'.repeat(64), 'submitted');
    await expect(add('a'.repeat(64), 'submitted')).rejects.toMatchObject({ code: '23505' });
    await expect(add('b'.repeat(64), 'lost')).rejects.toMatchObject({ code: '23514' });
    await expect(add('B'.repeat(64), 'blue')).rejects.toMatchObject({ code: '23514' });
  });
});

/** Resolves for all when `count` have arrived. */
function barrier(count: number): () => Promise<void> {
  let arrived = 0;
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    if (++arrived === count) open();
    return opened;
  };
}

async function insertShare(sql: Database, columns: Record<string, string | number | bigint>): Promise<void> {
  const row = {
    received_at: '2026-11-21T12:00:00Z',
    worker_id: 1,
    job_id: 1,
    nonce: 1,
    segment: 1,
    slot: 0,
    port: 65_535,
    extranonce: 1,
    instance_id: 1,
    difficulty_log2: -10,
    verdict: 1,
    credit: 0,
    ...columns,
  };
  await sql`INSERT INTO shares ${sql(row)}`;
}
