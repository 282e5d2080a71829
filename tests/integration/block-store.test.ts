import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SubmitReport } from '../../src/chains/chain.ts';
import { PostgresBlockStore } from '../../src/ledger/stores/block-store.ts';
import { isUnreachable, openDatabase } from '../../src/ledger/stores/postgres.ts';
import type { BlockProgress, FoundBlock } from '../../src/ledger/stores/store.ts';
import { fixtureWork } from '../kit/journal-fixture.ts';
import { AT, LoaderStage } from '../kit/loader-stage.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { startTcpProxy } from '../kit/tcp-proxy.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const HASH = 'ab'.repeat(32);
const REPORT: SubmitReport = { nodeName: 'a', outcome: 'accepted', reason: '', elapsedMs: 4 };
const BLOCK: FoundBlock = {
  blockHash: HASH,
  address: 'kaspatest:a',
  workerName: "rig'); DROP TABLE blocks; --",
  nonce: 2n ** 64n - 9n,
  prePowHash: fixtureWork(1).prePowHash,
  templateTimestampMs: fixtureWork(1).timestampMs,
  daaScore: 123n,
  blueScore: 122n,
  bits: 0x1e7fffff,
  pot: 3,
  foundAtUnixMs: AT,
  templateAgeMs: 12.5,
  queueMs: 0.75,
};
const BLUE: BlockProgress = {
  state: 'blue',
  reports: [REPORT],
  colour: 'blue',
  mergingBlockHash: 'cd'.repeat(32),
  rewardSompi: 2n ** 60n + 1n,
  deep: false,
};

describe('blocks in PostgreSQL', () => {
  let database: TestDatabase;
  let stage: LoaderStage;
  let store: PostgresBlockStore;

  beforeAll(async () => {
    database = await withTestDatabase();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    stage = await LoaderStage.open(database);
    store = new PostgresBlockStore(stage.sql, 'one');
  });
  afterEach(() => stage.close());

  const loadJournal = async () => {
    const { address, workerName, nonce } = BLOCK;
    stage.journal.block(
      { address, name: workerName, job: 1, nonce, difficultyLog2: 3, receivedAtMs: AT, pot: BLOCK.pot },
      HASH,
    );
    stage.publish();
    expect(await stage.start().drain(10_000)).toBe(true);
  };

  it('come back as they were written', async () => {
    await store.insert(BLOCK);
    expect(await store.update(HASH, BLUE)).toBe(true);
    const expected = {
      ...BLUE,
      blockHash: HASH,
      address: BLOCK.address,
      workerName: BLOCK.workerName,
      daaScore: BLOCK.daaScore,
      foundAtUnixMs: AT,
    };
    expect(await store.unfinished(10)).toEqual([expected]);
    expect(await store.recent(10)).toEqual([expected]);
  });

  it('are one row whether the loader or the tracker comes first', async () => {
    await loadJournal();
    await store.insert(BLOCK);
    expect(await store.recent(10)).toHaveLength(1);
    const [row] =
      await stage.sql`SELECT nonce, job_id, worker_id, pot, template_age_ms, queue_ms, found_at::text FROM blocks`;
    expect(row).toMatchObject({ pot: 3, template_age_ms: 12.5, queue_ms: 0.75 });
    await stage.sql`DELETE FROM blocks`;
    await store.insert(BLOCK);
    const [again] =
      await stage.sql`SELECT nonce, job_id, worker_id, pot, template_age_ms, queue_ms, found_at::text FROM blocks`;
    expect(again).toEqual(row);
  });

  it('keep what the tracker knows when the loader comes second', async () => {
    await store.insert(BLOCK);
    await store.update(HASH, BLUE);
    await loadJournal();
    expect(await store.recent(10)).toMatchObject([{ state: 'blue', rewardSompi: BLUE.rewardSompi }]);
  });

  it('keep the reports of an earlier run', async () => {
    await store.insert(BLOCK);
    await store.update(HASH, BLUE);
    await store.update(HASH, { ...BLUE, reports: [], state: 'matured' });
    expect(await store.recent(1)).toMatchObject([{ state: 'matured', reports: [REPORT] }]);
  });

  it('are unfinished until their state is final, and only for the instance that found them', async () => {
    await store.insert(BLOCK);
    expect(await new PostgresBlockStore(stage.sql, 'two').unfinished(10)).toEqual([]);
    for (const state of ['submitted', 'accepted', 'blue'] as const) {
      await store.update(HASH, { ...BLUE, state });
      expect(await store.unfinished(10)).toHaveLength(1);
    }
    await store.update(HASH, { ...BLUE, deep: true });
    expect(await store.unfinished(10)).toEqual([]);
    expect(await store.recent(10)).toMatchObject([{ state: 'blue', deep: true }]);
    for (const state of ['refused', 'red', 'matured', 'orphaned'] as const) {
      await store.update(HASH, { ...BLUE, state });
      expect(await store.unfinished(10)).toEqual([]);
    }
  });

  it('outlive a connection that dies while they are written, and so does the process', async () => {
    const through = new URL(stage.fresh.url);
    const proxy = await startTcpProxy(through.host);
    through.host = proxy.address;
    const sql = openDatabase(through.href, { applicationName: 'test', max: 2 });
    const proxied = new PostgresBlockStore(sql, 'one');
    // Somebody holds what the insert needs, so that it is under way when the connection dies.
    await stage.sql.begin(async (holder) => {
      await holder`INSERT INTO accounts (address) VALUES (${BLOCK.address})`;
      const inserted = proxied.insert(BLOCK).catch((thrown: unknown) => thrown);
      await pollUntil('the insert waits', async () => {
        const [row] = await stage.sql`SELECT 1 FROM pg_locks WHERE NOT granted`;
        return row !== undefined;
      });
      proxy.cut();
      expect(isUnreachable(await inserted)).toBe(true);
    });
    await proxied.insert(BLOCK);
    expect(await proxied.unfinished(10)).toHaveLength(1);
    await sql.end({ timeout: 1 });
    await proxy.close();
  });

  it('says when there is no such block to update', async () => {
    expect(await store.update(HASH, BLUE)).toBe(false);
  });
});
