import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkDatabase,
  type Database,
  databasePlace,
  isUnreachable,
  openDatabase,
  toDatabaseError,
} from '../../src/ledger/stores/postgres.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

let database: TestDatabase;
const SECRET = 'hunter2';

beforeAll(async () => {
  database = await withTestDatabase();
});
afterAll(() => database?.stop());

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('the connection to PostgreSQL', () => {
  it('gives bigint for int8, takes bigint, and keeps UTC', async () => {
    const { sql, url } = await database.freshDatabase();
    const [row] = await sql`SELECT ${2n ** 62n}::bigint AS big, current_setting('TimeZone') AS zone`;
    expect(row).toEqual({ big: 2n ** 62n, zone: 'UTC' });
    expect((await checkDatabase(sql, url)).version).toMatch(/^\d+/);
  });

  it('takes lists of any texts', async () => {
    const { sql } = await database.freshDatabase();
    const texts = ['', 'NULL', 'a"b', 'c\\d', '{e,f}', ' ü ', "g'h", 'i\nj'];
    const rows = await sql<{ text: string }[]>`SELECT text FROM unnest(${texts}::text[]) AS given (text)`;
    expect(rows.map(({ text }) => text)).toEqual(texts);
    expect(await sql`SELECT cardinality(${[] as string[]}::text[])::int AS none`).toEqual([{ none: 0 }]);
  });

  it('asks nothing of its own on a new connection: what fails there is heard by no promise and ends the process', async () => {
    const { url } = await database.freshDatabase();
    const through = new URL(url);
    let asked = '';
    const relay = createServer((client) => {
      const upstream = connect(Number(new URL(url).port), '127.0.0.1');
      client.on('data', (bytes) => {
        asked += bytes.toString('latin1');
        upstream.write(bytes);
      });
      upstream.on('data', (bytes) => client.write(bytes));
      for (const socket of [client, upstream]) socket.on('error', () => {});
      client.on('close', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    through.port = String((relay.address() as { port: number }).port);
    const sql = openDatabase(through.href, { applicationName: 'test', max: 1 });
    expect(await sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
    expect(asked.match(/\bselect\b/gi)).toEqual(['SELECT']);
    await sql.end();
    await new Promise((resolve) => relay.close(resolve));
  });

  it('goes by the name it was given', async () => {
    const { sql } = await database.freshDatabase({ applicationName: 'sluice loader' });
    expect(await sql`SELECT current_setting('application_name') AS name`).toEqual([
      { name: 'sluice loader' },
    ]);
  });

  it('fails a query at once where nobody listens, and the next one too: no connection slot is lost', async () => {
    const url = `postgres://sluice:${SECRET}@127.0.0.1:${await closedPort()}/sluice`;
    const sql = openDatabase(url, { applicationName: 'test', max: 1 });
    for (let attempt = 0; attempt < 3; attempt++) {
      const error = await checkDatabase(sql, url).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'SLUICE_DATABASE_UNREACHABLE',
        remedy: expect.stringContaining('database.url'),
      });
      expect(isUnreachable(error)).toBe(true);
      expect(String(error)).not.toContain(SECRET);
    }
    await sql.end();
  });

  it('is back by itself when its connections were cut', async () => {
    const { sql } = await database.freshDatabase({ max: 1 });
    const failures = [
      await sql`SELECT pg_terminate_backend(pg_backend_pid())`.catch((thrown: unknown) => thrown),
    ];
    // What is sent before the client has seen the connection end fails with it.
    for (;;) {
      const answer = await sql`SELECT 1 AS one`.catch(
        (thrown: unknown) => failures.push(thrown) && undefined,
      );
      if (answer) break;
    }
    expect(failures.every(isUnreachable)).toBe(true);
  });

  it('says what is wrong with a password or a database name', async () => {
    const { url } = await database.freshDatabase();
    for (const wrong of [url.replace(/:[^:@]*@/, `:${SECRET}@`), url.replace(/\/[^/]*$/, '/nowhere')]) {
      const sql = openDatabase(wrong, { applicationName: 'test', max: 1 });
      const error = await checkDatabase(sql, wrong).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'SLUICE_DATABASE_REFUSED' });
      expect(isUnreachable(error)).toBe(false);
      expect(String(error)).not.toContain(SECRET);
      await sql.end();
    }
  });

  it('passes on what is about the statement and not about the server', async () => {
    const { sql, url } = await database.freshDatabase();
    const error = await sql`SELECT nonsense`.catch((thrown: unknown) => thrown);
    expect(toDatabaseError(error, url)).toBe(error);
  });

  it('loads a binary COPY and ends it before the promise does', async () => {
    const { sql } = await database.freshDatabase();
    await sql`CREATE TABLE numbers (n bigint)`;
    expect(await copyNumbers(sql, 5000)).toEqual([{ n: 5000n, sum: 12_497_500n }]);
  });

  it.each([
    `mysql://u:${SECRET}@h/d`,
    `postgres://u:${SECRET}@h:99999/d`,
    `postgres://u:${SECRET}@h/%zz`,
    `u:${SECRET}@h`,
    '',
  ])('refuses a URL that is none, without repeating it (%#)', (url) => {
    let error: unknown;
    try {
      openDatabase(url, { applicationName: 'test' });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'SLUICE_DATABASE_URL' });
    expect(JSON.stringify(error) + String(error)).not.toContain(SECRET);
  });

  it('names a database without its password', () => {
    expect(databasePlace(`postgres://pool:${SECRET}@db1,db2:5433/shares?sslmode=require`).text).toBe(
      'db1,db2:5433/shares as pool',
    );
  });
});

async function copyNumbers(sql: Database, count: number): Promise<unknown> {
  const bytes = Buffer.alloc(19 + count * 14 + 2);
  bytes.write('PGCOPY\n\xff\r\n\0', 'latin1');
  for (let n = 0; n < count; n++) {
    const at = 19 + n * 14;
    bytes.writeInt16BE(1, at);
    bytes.writeInt32BE(8, at + 2);
    bytes.writeBigInt64BE(BigInt(n), at + 6);
  }
  bytes.writeInt16BE(-1, bytes.length - 2);
  const stream = await sql`COPY numbers FROM STDIN (FORMAT binary)`.writable();
  await new Promise<void>((resolve, reject) => stream.once('error', reject).end(bytes, resolve));
  return sql`SELECT count(*) AS n, sum(n)::bigint AS sum FROM numbers`;
}
