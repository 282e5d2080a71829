import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DurableMark } from '../../src/journal/durable-mark.ts';
import { openShareJournal } from '../../src/journal/share-journal.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/ledger/embedded-postgres.ts';
import { startLoader } from '../../src/ledger/loader-client.ts';
import { migrate } from '../../src/ledger/migrate.ts';
import { countShares, findDoubles } from '../../src/ledger/share-counts.ts';
import { openDatabase } from '../../src/ledger/stores/postgres.ts';
import { fixtureWork, JournalFixture } from '../kit/journal-fixture.ts';
import { expectExact, LoaderStage, moreLoaded, writeShares } from '../kit/loader-stage.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { startTcpProxy } from '../kit/tcp-proxy.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

describe('the loader under faults', () => {
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

  it('stays exact while its backend is terminated again and again', async () => {
    writeShares(stage.journal, 15_000);
    stage.publish();
    const loader = stage.start({ rowsMax: 100 });
    const drained = loader.drain(60_000);
    let kills = 0;
    while (kills < 10 && (await moreLoaded(stage.sql, stage.journal.shares.length))) {
      // The look above took a moment of its own, so this hits another statement of the batch each time.
      const killed = await stage.sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'sluice loader one' AND datname = current_database() AND state <> 'idle'`;
      kills += killed.length;
    }
    expect(await drained).toBe(true);
    expect(kills).toBeGreaterThan(0);
    await expectExact(stage.sql, stage.journal);
  });

  it('stays exact while its connection is cut at any moment, answers to COMMIT included', async () => {
    writeShares(stage.journal, 5000);
    stage.publish();
    const url = new URL(stage.fresh.url);
    const proxy = await startTcpProxy(url.host);
    url.host = proxy.address;
    try {
      const loader = stage.start({ rowsMax: 250, databaseUrl: url.href });
      const drained = loader.drain(60_000);
      for (let cuts = 0; cuts < 12 && (await moreLoaded(stage.sql, stage.journal.shares.length)); cuts++) {
        // From one to eight milliseconds on: a batch takes about five, and much longer where the proxy holds back its bytes.
        await new Promise((resolve) => setTimeout(resolve, 1 + (cuts % 8)));
        proxy.cut();
      }
      expect(await drained).toBe(true);
      await expectExact(stage.sql, stage.journal);
    } finally {
      await stage.closeLoaders();
      await proxy.close();
    }
  });

  it('stays exact while its thread is killed in the middle of loading, and answers the drain that was waiting', async () => {
    writeShares(stage.journal, 30_000);
    stage.publish();
    const loader = stage.start({ rowsMax: 50 });
    const drained = loader.drain(60_000);
    for (let kills = 1; kills <= 4; kills++) {
      expect(await moreLoaded(stage.sql, stage.journal.shares.length)).toBe(true);
      await loader.restart();
    }
    expect(await drained).toBe(true);
    expect(loader.restarts).toBe(4);
    await expectExact(stage.sql, stage.journal);
  });

  it("takes what the engine's own journal calls durable, while it is written", async () => {
    const folder = join(stage.directory, 'own');
    let settle = () => {};
    const journal = await openShareJournal({
      directory: folder,
      instanceName: 'one',
      bootUnixMs: Date.now(),
      limits: { slotsPerSegment: 2048, ringSlots: 1024 },
      log: silentLogger,
      listener: { onDurable: () => settle(), onFailure: () => {}, onRecovered: () => {} },
    });
    const loader = stage.start({ journalDirectory: folder, durableMark: journal.durableMark });
    const powTop = new Uint8Array(16);
    let appended = 0;
    for (let job = 1; job <= 20; job++) {
      const { prePowHash, timestampMs } = fixtureWork(job);
      journal.registerJob(job, prePowHash, timestampMs);
      const worker = journal.acquireWorker(`kaspatest:${job % 4}`, 'rig');
      for (let n = 0; n < 250; n++) {
        expect(journal.appendShare(1, 4, n, job, Date.now(), worker, job, 7, 0, powTop, 0)).toBeGreaterThan(
          0,
        );
        appended++;
      }
      journal.flush();
      await new Promise<void>((resolve) => {
        settle = () => journal.durableSequence === journal.appendedSequence && resolve();
        settle();
      });
    }
    await journal.close();
    expect(await loader.drain(20_000)).toBe(true);
    expect(await countShares(stage.sql)).toMatchObject({
      rows: BigInt(appended),
      summedShares: BigInt(appended),
    });
    expect(await findDoubles(stage.sql)).toEqual([]);
    expect(await loader.refresh()).toMatchObject({
      state: 'running',
      lagRecords: 0,
      damagedRecords: 0,
      missingRecords: 0,
    });
  });
});

describe('the loader and a server that crashes', () => {
  let directory: string;
  let server: EmbeddedPostgres;

  afterEach(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('stays exact when PostgreSQL is killed in the middle of loading', async () => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-crash-'));
    const boot = () => startEmbeddedPostgres({ dataDir: join(directory, 'pg'), log: silentLogger });
    server = await boot();
    const journalDirectory = join(directory, 'journal');
    mkdirSync(journalDirectory);
    const journal = new JournalFixture(journalDirectory, 4096);
    writeShares(journal, 20_000);
    journal.save();
    const mark = new DurableMark();
    mark.advance(journal.mark.segment, journal.mark.slot);
    let sql = openDatabase(server.url, { applicationName: 'test' });
    await migrate(sql, { log: silentLogger });
    await sql.end();
    for (let round = 0; ; round++) {
      const loader = startLoader({
        journalDirectory,
        instanceName: 'one',
        databaseUrl: server.url,
        durableMark: mark.buffer,
        rowsMax: 250,
        intervalMs: 5,
        log: silentLogger,
      });
      const drained = loader.drain(30_000);
      if (round < 3) {
        await pollUntil('rows come', () =>
          loader.refresh().then((status) => status.loadedRecords > round * 2000),
        );
        await server.kill('SIGKILL');
        await pollUntil('the outage is seen', () =>
          loader.refresh().then(({ state }) => state === 'database unreachable'),
        );
        await loader.close();
        await drained;
        await server.stop();
        server = await boot();
        continue;
      }
      expect(await drained).toBe(true);
      await loader.close();
      break;
    }
    sql = openDatabase(server.url, { applicationName: 'test' });
    await expectExact(sql, journal);
    await sql.end();
  });
});
