import { readdirSync, renameSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { segmentFileName } from '../../src/journal/record-layout.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { Loader, type LoaderOptions } from '../../src/ledger/loader.ts';
import { LoaderLanes } from '../../src/ledger/loader-lanes.ts';
import { migrate } from '../../src/ledger/migrate.ts';
import { countShares, findDoubles } from '../../src/ledger/share-counts.ts';
import { JournalFixture } from '../kit/journal-fixture.ts';
import { AT, expectExact, LoaderStage, writeShares } from '../kit/loader-stage.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

describe('the loader', () => {
  let database: TestDatabase;
  let stage: LoaderStage;

  beforeAll(async () => {
    database = await withTestDatabase();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    stage = await LoaderStage.open(database);
  });
  afterEach(() => stage.close());

  /** A loader in this thread, stepped by hand. */
  const inline = (options: Partial<LoaderOptions> = {}) =>
    new Loader({
      journalDirectory: stage.directory,
      instanceName: 'one',
      databaseUrl: stage.fresh.url,
      durablePosition: () => (stage.mark.read().segment === 0 ? undefined : stage.mark.read()),
      retainMs: 86_400_000,
      rowsMax: 200,
      intervalMs: 10,
      log: () => {},
      ...options,
    });

  it('puts every share of the journal into the tables, once and exactly', async () => {
    writeShares(stage.journal, 3000);
    stage.journal.reboot();
    writeShares(stage.journal, 1500);
    stage.publish();
    const loader = stage.start();
    expect(await loader.drain(20_000)).toBe(true);
    await expectExact(stage.sql, stage.journal);
    expect(loader.status()).toMatchObject({
      state: 'running',
      fault: '',
      loadedRecords: 4500,
      lagRecords: 0,
    });
    const [days] = await stage.sql<{ days: number }[]>`
      SELECT count(DISTINCT tableoid)::int AS days FROM shares`;
    expect(days!.days).toBe(2);
  });

  /** Connections of the loader, or of everybody to this database. */
  const connections = async (name = '%') => {
    const [row] = await stage.sql<{ count: number }[]>`
      SELECT count(*)::int AS count FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE ${name}`;
    return row!.count;
  };

  it('takes a backlog over two connections, and keeps one', async () => {
    writeShares(stage.journal, 1000);
    stage.publish();
    const loader = inline();
    expect(await loader.step()).toBe('full batch');
    expect(await connections('sluice loader one')).toBe(2);
    while ((await loader.step()) !== 'idle');
    await pollUntil('one is left', async () => (await connections('sluice loader one')) === 1 || undefined);
    await loader.close();
    await expectExact(stage.sql, stage.journal);
  });

  it('takes a backlog over one connection where the server gives no second', async () => {
    writeShares(stage.journal, 1000);
    stage.publish();
    const [{ name } = { name: '' }] = await stage.sql<{ name: string }[]>`SELECT current_database() AS name`;
    await stage.sql.unsafe(`ALTER DATABASE ${name} CONNECTION LIMIT ${(await connections()) + 1}`);
    const said: string[] = [];
    const loader = inline({ log: (_level, _fields, message) => said.push(message) });
    expect(await loader.step()).toBe('full batch');
    expect(await connections('sluice loader one')).toBe(1);
    while ((await loader.step()) !== 'idle');
    expect(said).toEqual([
      'a second database connection cannot be had: the backlog is loaded over one, more slowly',
    ]);
    await loader.close();
    await expectExact(stage.sql, stage.journal);
  });

  it('says once an outage that the server gives no second connection, whatever the number of attempts', async () => {
    const [{ name } = { name: '' }] = await stage.sql<{ name: string }[]>`SELECT current_database() AS name`;
    const limit = (count: number) => stage.sql.unsafe(`ALTER DATABASE ${name} CONNECTION LIMIT ${count}`);
    const lines: unknown[] = [];
    const lanes = new LoaderLanes({
      databaseUrl: stage.fresh.url,
      instanceName: 'one',
      aloneMs: 0,
      log: (...line) => lines.push(line),
    });
    await limit(await connections());
    for (let attempts = 0; attempts < 3; attempts++) expect(await lanes.openSecond()).toBe(false);
    expect(lines).toMatchObject([['warn', { code: 'SLUICE_DATABASE_UNREACHABLE' }, expect.any(String)]]);
    await limit(-1);
    expect(await lanes.openSecond()).toBe(true);
    await lanes.discard();
    await pollUntil('it is gone', async () => (await connections('sluice loader one')) === 0 || undefined);
    await limit(await connections());
    for (let attempts = 0; attempts < 2; attempts++) expect(await lanes.openSecond()).toBe(false);
    expect(lines.length).toBe(2);
    await lanes.discard();
  });

  it('goes by the parent table where it may not write to the table of a day', async () => {
    writeShares(stage.journal, 100);
    stage.publish();
    await stage.sql`SELECT ensure_day_partitions('2025-06-01')`;
    await stage.sql`REVOKE INSERT ON shares_20250601 FROM CURRENT_USER`;
    const loader = stage.start();
    expect(await loader.drain(10_000)).toBe(true);
    await expectExact(stage.sql, stage.journal);
  });

  it('follows the durable mark and goes no further', async () => {
    const loader = stage.start();
    for (const part of [10, 500, 1, 700]) {
      writeShares(stage.journal, part);
      stage.publish();
      expect(await loader.drain(10_000)).toBe(true);
      await expectExact(stage.sql, stage.journal);
    }
    const before = stage.journal.shares.length;
    writeShares(stage.journal, 50);
    stage.journal.save();
    expect(await loader.drain(10_000)).toBe(true);
    expect((await countShares(stage.sql)).rows).toBe(BigInt(before));
  });

  it('stores found blocks once, whoever comes first', async () => {
    const hash = 'c0'.repeat(32);
    const input = {
      address: 'kaspatest:1',
      name: 'rig',
      job: 1,
      nonce: 2n ** 64n - 5n,
      difficultyLog2: 3,
      receivedAtMs: AT,
    };
    stage.journal.share({ ...input, verdict: 2 });
    stage.journal.block(input, hash);
    stage.journal.open();
    stage.journal.block(input, hash);
    stage.publish();
    await stage.start().drain(10_000);
    const blocks = await stage.sql`
      SELECT b.block_hash, b.nonce, b.daa_score, b.blue_score, b.network_bits, b.state, a.address
      FROM blocks b JOIN workers w ON w.id = b.worker_id JOIN accounts a ON a.id = w.account_id`;
    expect([...blocks]).toEqual([
      {
        block_hash: hash,
        nonce: -5n,
        daa_score: 123n,
        blue_score: 122n,
        network_bits: BigInt(0x1e7fffff),
        state: 'candidate',
        address: 'kaspatest:1',
      },
    ]);
  });

  it('goes on in the middle of a segment after a stop', async () => {
    writeShares(stage.journal, 3000);
    stage.publish();
    const loader = inline();
    for (let step = 0; step < 3; step++) expect(await loader.step()).toBe('full batch');
    await loader.close();
    const second = inline();
    while ((await second.step()) !== 'idle');
    await second.close();
    await expectExact(stage.sql, stage.journal);
  });

  it('lets two loaders of one instance load every record once', async () => {
    writeShares(stage.journal, 6000);
    stage.publish();
    const [a, b] = [stage.start(), stage.start()];
    expect(await Promise.all([a.drain(30_000), b.drain(30_000)])).toEqual([true, true]);
    await expectExact(stage.sql, stage.journal);
  });

  it('loads two instances side by side, each from its own journal', async () => {
    writeShares(stage.journal, 1000);
    stage.publish();
    const other = stage.start({ instanceName: 'two', rowsMax: 100 });
    await Promise.all([stage.start().drain(20_000), other.drain(20_000)]);
    const counts = await Promise.all(['one', 'two'].map((name) => countShares(stage.sql, name)));
    expect(counts.map((count) => [count.rows, count.summedShares])).toEqual([
      [1000n, 1000n],
      [1000n, 1000n],
    ]);
    // The same work stored twice is what `findDoubles` is for.
    expect(await findDoubles(stage.sql, 5)).toHaveLength(5);
  });

  it('loads what can be read of a torn segment', async () => {
    writeShares(stage.journal, 400);
    const torn = stage.journal.shares.filter((share) => share.slot === 300)[0]!;
    stage.journal.tear(torn.slot);
    stage.journal.reboot();
    writeShares(stage.journal, 100);
    stage.publish();
    const loader = stage.start();
    expect(await loader.drain(10_000)).toBe(true);
    stage.journal.shares.splice(stage.journal.shares.indexOf(torn), 1);
    await expectExact(stage.sql, stage.journal);
    expect(loader.status()).toMatchObject({ state: 'running', damagedRecords: 1 });
  });

  it('stops loudly at a missing segment and goes on by itself when it is back', async () => {
    writeShares(stage.journal, 2500);
    stage.publish();
    expect(stage.journal.segment).toBe(3);
    const second = join(stage.directory, segmentFileName(2));
    renameSync(second, `${second}.away`);
    const loader = stage.start();
    await pollUntil('the gap is seen', () => loader.refresh().then(({ state }) => state === 'gap'));
    expect(loader.status().fault).toContain('no segment on disk follows segment 1');
    expect((await countShares(stage.sql)).rows).toBe(0n);
    renameSync(`${second}.away`, second);
    expect(await loader.drain(20_000)).toBe(true);
    await expectExact(stage.sql, stage.journal);
  });

  it('stops loudly when the journal folder was replaced by another', async () => {
    writeShares(stage.journal, 300);
    stage.publish();
    const loader = stage.start();
    expect(await loader.drain(10_000)).toBe(true);
    await loader.close();
    stage.journal = new JournalFixture(stage.directory, 1024, 1_760_000_000_000);
    writeShares(stage.journal, 900);
    stage.publish();
    const second = stage.start();
    await pollUntil('the gap is seen', () => second.refresh().then(({ state }) => state === 'gap'));
    expect(second.status().fault).toContain('the journal folder was replaced');
    expect(second.status().fault).toContain('journal_progress');
    expect((await countShares(stage.sql)).rows).toBe(300n);
  });

  it('keeps trying while the tables are not there, and says so', async () => {
    const empty = await database.emptyDatabase();
    writeShares(stage.journal, 300);
    stage.publish();
    const loader = stage.start({ databaseUrl: empty.url });
    await pollUntil('the fault is seen', () =>
      loader.refresh().then(({ state, fault }) => state === 'failing' && fault.includes('ensure_instance')),
    );
    await migrate(empty.sql, { log: silentLogger });
    expect(await loader.drain(20_000)).toBe(true);
    await expectExact(empty.sql, stage.journal);
    await loader.close();
    await empty.drop();
  });

  // With 0, too, a fresh one stays: the next start looks into it for shares that may not be credited again.
  it.each([3_600_000, 0])(
    'deletes old segments that are loaded, and no others (retention %i ms)',
    async (retainMs) => {
      writeShares(stage.journal, 3500);
      stage.publish();
      expect(stage.journal.segment).toBe(4);
      const old = new Date(Date.now() - 7_200_000);
      for (const segment of [1, 2, 4]) utimesSync(join(stage.directory, segmentFileName(segment)), old, old);
      const loader = inline({ rowsMax: 5000 });
      // The first round deletes nothing: nothing was loaded when it began.
      while ((await loader.step()) !== 'idle');
      await loader.close();
      expect(readdirSync(stage.directory)).toHaveLength(4);
      const next = inline({ retainMs });
      expect(await next.step()).toBe('idle');
      await next.close();
      expect(readdirSync(stage.directory)).toEqual([segmentFileName(3), segmentFileName(4)]);
      await expectExact(stage.sql, stage.journal);
    },
  );
});
