import { randomUUID } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { segmentFileName } from '../../src/journal/record-layout.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { type RebuildOptions, rebuild } from '../../src/ledger/rebuild/rebuild.ts';
import { AT, LoaderStage, writeShares } from '../kit/loader-stage.ts';
import { settleWindow } from '../kit/settled-window.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

describe('a rebuild', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let stage: LoaderStage;

  beforeAll(async () => {
    database = await withTestDatabase();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    stage = await LoaderStage.open(database);
    writeShares(stage.journal, 4000);
    stage.journal.block(
      { address: 'kaspatest:1', name: '', job: 1, nonce: 5n, difficultyLog2: 3, receivedAtMs: AT + 1000 },
      'ab'.repeat(32),
    );
    stage.publish();
    await stage.start().drain(20_000);
    await stage.closeLoaders();
  });
  afterEach(() => stage.close());

  const run = (options: Partial<RebuildOptions> = {}) =>
    rebuild({
      databaseUrl: stage.fresh.url,
      folders: [stage.directory],
      instanceName: 'one',
      span: { fromMs: 0, toMs: Date.UTC(2200) },
      schema: `sluice_rebuild_${randomUUID().replaceAll('-', '')}`,
      keepSchema: false,
      log: silentLogger,
      ...options,
    });
  const tableOf = (report: Awaited<ReturnType<typeof run>>, name: string) =>
    report.tables.find(({ table }) => table === name)!;
  /** The first rows of a partitioned table in an order of ours. */
  const first =
    '(tableoid, ctid) = (SELECT tableoid, ctid FROM shares ORDER BY segment, slot OFFSET 1234 LIMIT 1)';

  it('says the same as the tables, digest by digest, and leaves no schema behind', async () => {
    const report = await run();
    expect(report.tables.flatMap(({ differences }) => differences)).toEqual([]);
    expect(report.equal).toBe(true);
    expect(tableOf(report, 'shares')).toMatchObject({ liveRows: 4000, rebuiltRows: 4000 });
    expect(tableOf(report, 'blocks').liveRows).toBe(1);
    for (const { liveSha256, rebuiltSha256 } of report.tables) expect(rebuiltSha256).toBe(liveSha256);
    const schemas = await stage.sql`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'sluice_rebuild%'`;
    expect(schemas).toHaveLength(0);
  });

  it('compares one day when asked to', async () => {
    const day = Date.UTC(2025, 5, 2);
    const report = await run({ span: { fromMs: day, toMs: day + 86_400_000 } });
    expect(report.equal).toBe(true);
    const { liveRows } = tableOf(report, 'shares');
    expect(liveRows).toBeGreaterThan(0);
    expect(liveRows).toBeLessThan(4000);
  });

  it('stops at the mark of the database, whatever else the journal holds', async () => {
    writeShares(stage.journal, 500);
    stage.publish();
    expect((await run()).equal).toBe(true);
  });

  it.each([
    [
      'shares',
      `UPDATE shares SET difficulty_log2 = difficulty_log2 + 1 WHERE ${first}`,
      /in the database, .* by the journal/,
    ],
    ['shares', `DELETE FROM shares WHERE ${first}`, /in the journal, not in the database/],
    [
      'shares',
      `INSERT INTO shares SELECT * FROM shares WHERE ${first}`,
      /in the database, not in the journal/,
    ],
    ['shares', `UPDATE shares SET worker_id = worker_id % 5 + 1 WHERE ${first}`, /kaspatest/],
    [
      'share_sums',
      'UPDATE share_sums SET work_hashes = work_hashes + 1 WHERE (bucket, worker_id) = (SELECT bucket, worker_id FROM share_sums ORDER BY 1, 2 LIMIT 1)',
      /by the journal/,
    ],
    ['blocks', 'UPDATE blocks SET nonce = nonce + 1', /by the journal/],
  ])('finds a row of %s that was tampered with: %s', async (table, text, words) => {
    await stage.sql.unsafe(text);
    const report = await run();
    expect(report.equal).toBe(false);
    expect(tableOf(report, table).differences[0]).toMatch(words);
  });

  it('compares what is left when the first segments are gone', async () => {
    unlinkSync(join(stage.directory, segmentFileName(1)));
    const report = await run();
    expect(report.equal).toBe(true);
    expect(report.coverage[0]).toMatchObject({ firstSegment: 2 });
    expect(report.coverage[0]!.sumsFromMs).toBeGreaterThan(AT);
  });

  it('refuses when a segment in the middle is gone, and says which', async () => {
    unlinkSync(join(stage.directory, segmentFileName(2)));
    await expect(run()).rejects.toMatchObject({ code: 'SLUICE_REBUILD_JOURNAL' });
  });

  it('refuses the journal of an engine that this database does not know', async () => {
    await expect(run({ instanceName: 'two' })).rejects.toMatchObject({ code: 'SLUICE_REBUILD_JOURNAL' });
  });

  it('divides settlements again from the rebuilt sums', async () => {
    await settleWindow(stage.sql, AT, AT + 2 * 60_000);
    const sound = await run();
    expect(sound.settlements).toMatchObject({ replayed: 1, notCovered: 0, differences: [] });
    // The sum and the part agree with each other, and the journal with neither.
    await stage.sql`UPDATE share_sums SET work_hashes = work_hashes * 2 WHERE worker_id = 1`;
    await settleWindow(stage.sql, AT, AT + 2 * 60_000);
    const report = await run();
    expect(report.equal).toBe(false);
    expect(report.settlements.differences[0]).toMatch(
      /settlement 2, kaspatest:\d: \d+ sompi for .* by the journal/,
    );
  });
});
