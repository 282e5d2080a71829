import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AnsweredMark } from '../../src/journal/answered-mark.ts';
import { Loader } from '../../src/ledger/loader.ts';
import { AT, LoaderStage, writeShares } from '../kit/loader-stage.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

describe('how far everything is loaded', () => {
  let database: TestDatabase;
  let stage: LoaderStage;
  let answeredMs = 0;
  let loader: Loader;

  beforeAll(async () => {
    database = await withTestDatabase();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    stage = await LoaderStage.open(database);
    answeredMs = 0;
    loader = newLoader();
  });
  afterEach(async () => {
    await loader.close();
    await stage.close();
  });

  /** Stepped by hand. */
  function newLoader(): Loader {
    return new Loader({
      ...{ journalDirectory: stage.directory, instanceName: 'one', databaseUrl: stage.fresh.url },
      durablePosition: () => (stage.mark.read().segment === 0 ? undefined : stage.mark.read()),
      answeredThroughMs: () => answeredMs,
      ...{ retainMs: 86_400_000, rowsMax: 200, intervalMs: 10, log: () => {} },
    });
  }

  const through = async (): Promise<number | null> => {
    const [row] = await stage.sql<{ at: number | null }[]>`
      SELECT (extract(epoch FROM loaded_through) * 1000)::float8 AS at FROM journal_progress`;
    return row?.at ?? null;
  };

  it('is not said before anybody told what is answered', async () => {
    writeShares(stage.journal, 10);
    stage.publish();
    expect(await loader.step()).toBe('batch');
    expect(await loader.step()).toBe('idle');
    expect(await through()).toBeNull();
  });

  it('moves with a batch that reaches the durable mark', async () => {
    writeShares(stage.journal, 10);
    stage.publish();
    answeredMs = AT + 60_000;
    await loader.step();
    expect(await through()).toBe(AT + 60_000);
  });

  it('stands still while the journal does: a share that is not durable holds it, however long', async () => {
    writeShares(stage.journal, 10);
    stage.publish();
    // Share 11 was received at AT + 200 ms and the disk hangs: the engine says that it is under way.
    answeredMs = AT + 200;
    await loader.step();
    writeShares(stage.journal, 1);
    stage.journal.save();
    for (let n = 0; n < 3; n++) expect(await loader.step()).toBe('idle');
    expect(await through()).toBe(AT + 200);
    // The disk is back: durable, answered, loaded.
    stage.publish();
    answeredMs = AT + 90_000;
    await loader.step();
    expect(await through()).toBe(AT + 90_000);
    const [row] = await stage.sql`SELECT count(*)::int AS count FROM shares`;
    expect(row!.count).toBe(11);
  });

  it('is never ahead of the rows in a backlog, and does not wait for the end of one that grows', async () => {
    writeShares(stage.journal, 900);
    stage.publish();
    answeredMs = AT + 18_000;
    const seen: (number | null)[] = [];
    for (let n = 0; n < 12; n++) {
      await loader.step();
      seen.push(await through());
      // As fast as it is loaded, more comes.
      writeShares(stage.journal, 150);
      stage.publish();
      answeredMs += 3_000;
      const at = await through();
      if (at === null) continue;
      const [row] = await stage.sql<{ count: number }[]>`SELECT count(*)::int AS count FROM shares`;
      expect(row!.count).toBeGreaterThanOrEqual(
        stage.journal.shares.filter((s) => s.receivedAtMs < at).length,
      );
    }
    expect(seen[0]).toBeNull();
    expect(seen.at(-1)).toBeGreaterThanOrEqual(AT + 18_000);
  });

  it('goes on while nothing is mined', async () => {
    writeShares(stage.journal, 10);
    stage.publish();
    answeredMs = AT + 60_000;
    await loader.step();
    answeredMs = AT + 120_000;
    expect(await loader.step()).toBe('idle');
    expect(await through()).toBe(AT + 120_000);
  });

  it('is passed from the engine to the loader`s thread, over its death and a lost database connection', async () => {
    const answered = new AnsweredMark();
    const client = stage.start({ answeredMark: answered.buffer });
    writeShares(stage.journal, 500);
    stage.publish();
    answered.set(AT + 61_000, 0, Number.POSITIVE_INFINITY);
    await pollUntil('it is loaded', async () => (await through()) === AT + 60_000);
    await client.restart();
    answered.set(AT + 121_000, 0, Number.POSITIVE_INFINITY);
    await pollUntil('it moved on', async () => (await through()) === AT + 120_000);
    await stage.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sluice loader%'`;
    answered.set(AT + 181_000, 0, Number.POSITIVE_INFINITY);
    await pollUntil('it moved on again', async () => (await through()) === AT + 180_000);
  });
});
