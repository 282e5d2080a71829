import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/ledger/stores/postgres.ts';
import { RUNBOOKS, read } from '../kit/monitoring-files.ts';
import { listFiles } from '../kit/source-tree.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const STATEMENTS = listFiles(RUNBOOKS, () => true).flatMap((path) =>
  [...read(path).matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql]) => ({ path, sql: sql! })),
);

describe('the SQL of the runbooks', () => {
  let database: TestDatabase;
  let sql: Database;

  beforeAll(async () => {
    database = await withTestDatabase();
    sql = (await database.freshDatabase()).sql;
  });

  afterAll(() => database.stop());

  it.each(STATEMENTS)('runs as it is printed in $path', async ({ sql: text }) => {
    await expect(sql.unsafe(text)).resolves.toBeDefined();
  });
});
