import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SubmitReport } from '../../src/chains/chain.ts';
import { targetOfBits, workOfTarget } from '../../src/domain/target.ts';
import { listBlocks, redBlocks, showBlock } from '../../src/ledger/block-report.ts';
import { PostgresBlockStore } from '../../src/ledger/stores/block-store.ts';
import type { BlockProgress } from '../../src/ledger/stores/store.ts';
import { fixtureWork } from '../kit/journal-fixture.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const MINUTE_MS = 60_000;
const T0 = Date.UTC(2026, 0, 5, 12, 0, 0);
const BITS = 0x1e7fffff;
const hashOf = (n: number) => n.toString(16).padStart(64, '0');
const yes = (elapsedMs: number): SubmitReport => ({
  nodeName: 'a',
  outcome: 'accepted',
  reason: '',
  elapsedMs,
});
const RED: BlockProgress = {
  ...{ state: 'accepted', reports: [yes(20)], colour: 'red', mergingBlockHash: hashOf(999), rewardSompi: 0n },
  deep: false,
};

describe('the figures of found blocks', () => {
  let database: TestDatabase;
  let fresh: FreshDatabase;
  let store: PostgresBlockStore;

  beforeAll(async () => {
    database = await withTestDatabase();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    fresh = await database.freshDatabase();
    store = new PostgresBlockStore(fresh.sql, 'one');
  });
  afterEach(() => fresh.drop());

  const find = (n: number, foundAtUnixMs: number, pot = 1, times = { templateAgeMs: 80, queueMs: 1 }) =>
    store.insert({
      ...{ blockHash: hashOf(n), address: 'kaspatest:a', workerName: 'rig', nonce: BigInt(n), pot },
      ...{
        prePowHash: fixtureWork(1).prePowHash,
        templateTimestampMs: 1n,
        daaScore: 1n,
        blueScore: 1n,
        bits: BITS,
      },
      ...{ foundAtUnixMs, ...times },
    });
  /** Work in units of what a block needs. */
  const work = async (minute: number, units: number, pot = 1) => {
    const hashes = String(BigInt(units) * workOfTarget(targetOfBits(BITS)));
    await fresh.sql`SELECT ensure_day_partitions('2026-01-05')`;
    await fresh.sql`
      INSERT INTO share_sums (bucket, worker_id, instance_id, pot, shares, work_hashes)
      VALUES (to_timestamp(${(T0 + minute * MINUTE_MS) / 1000}::float8), 1, 1, ${pot}, 1, ${hashes}::numeric)`;
  };
  const loadedTo = (minute: number) => fresh.sql`
    INSERT INTO journal_progress (instance_id, segment, slot, loaded_through)
    VALUES (ensure_instance('one'), 1, 1, to_timestamp(${(T0 + minute * MINUTE_MS) / 1000}::float8))
    ON CONFLICT (instance_id) DO UPDATE SET loaded_through = excluded.loaded_through`;
  const efforts = async () =>
    Object.fromEntries(
      (await listBlocks(fresh.sql, 100)).map((line) => [Number(`0x${line.blockHash}`), line.effort]),
    );

  it('know how many hashes compact bits stand for, to the last one', async () => {
    const bits = fc.oneof(
      fc.constantFrom(0, 0x1d00ffff, 0x207fffff, 0x2100ffff, 0x03800000, 0x01ff0000, 0xffffffff),
      fc.tuple(fc.integer({ min: 1, max: 36 }), fc.nat(0xffffff)).map(([e, m]) => e * 2 ** 24 + m),
    );
    const samples = fc.sample(bits, 300);
    const rows = await fresh.sql<{ work: string }[]>`
      SELECT expected_hashes(bits)::text AS work
      FROM unnest(${`{${samples.join(',')}}`}::text::bigint[]) WITH ORDINALITY AS s (bits, place) ORDER BY place`;
    expect(rows.map((row) => BigInt(row.work))).toEqual(
      samples.map((one) => workOfTarget(targetOfBits(one))),
    );
  });

  it('give each block the work since the one before, of its own pot', async () => {
    for (const [minute, units] of [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ] as const)
      await work(minute, units);
    await work(1, 50, 3);
    await find(1, T0 + 1.5 * MINUTE_MS);
    await find(2, T0 + 3.5 * MINUTE_MS);
    await find(3, T0 + 2.5 * MINUTE_MS, 3);
    await loadedTo(10);
    expect(await store.measureEfforts()).toBe(3);
    expect(await efforts()).toEqual({ 1: 3, 2: 7, 3: 50 });
    expect((await listBlocks(fresh.sql, 1))[0]).toMatchObject({ effort: 7, luck: 1 / 7, scheme: 'pplns' });
  });

  it('share a minute`s work among the blocks found in it, so that the sum of all is the work done', async () => {
    await work(0, 20);
    for (const n of [1, 2, 3, 4]) await find(n, T0 + n * 1_000);
    await loadedTo(1);
    await store.measureEfforts();
    expect(await efforts()).toEqual({ 1: 5, 2: 5, 3: 5, 4: 5 });
    // One more of that minute, which only the journal knew.
    await find(5, T0 + 50_000);
    await store.measureEfforts();
    expect(Object.values(await efforts())).toEqual([4, 4, 4, 4, 4]);
  });

  it('wait until every engine has loaded the minute', async () => {
    const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
    await find(1, now - 2 * MINUTE_MS);
    await fresh.sql`
      INSERT INTO journal_progress (instance_id, segment, slot, loaded_through)
      VALUES (ensure_instance('one'), 1, 1, now()), (ensure_instance('two'), 1, 1, now() - interval '10 minutes')`;
    expect(await store.measureEfforts()).toBe(0);
    await fresh.sql`UPDATE journal_progress SET loaded_through = now()`;
    expect(await store.measureEfforts()).toBe(1);
    expect(await store.measureEfforts()).toBe(0);
  });

  it('tell why a block went red', async () => {
    await find(1, T0);
    await store.update(hashOf(1), RED);
    await find(2, T0 + 3_600_000, 1, { templateAgeMs: 9_000, queueMs: 700 });
    const no: SubmitReport = { nodeName: 'b', outcome: 'unreachable', reason: 'gone', elapsedMs: 3_000 };
    await store.update(hashOf(2), { ...RED, reports: [yes(40), no] });
    for (let n = 3; n < 7; n++) await find(n, T0 + 7_200_000 + n);
    await store.update(hashOf(3), RED);
    await find(7, T0 + 9_000_000);
    await store.update(hashOf(7), { ...RED, colour: 'blue', state: 'blue' });
    // The tracker hears of a colour at its own time; the test's blocks are of long ago.
    await fresh.sql`UPDATE blocks SET coloured_at = found_at + interval '2 seconds' WHERE coloured_at IS NOT NULL`;
    const days = Math.ceil((Date.now() - T0) / 86_400_000) + 1;
    const report = await redBlocks(fresh.sql, days, 10);
    expect(report).toMatchObject({
      merged: 4,
      red: 3,
      byCause: { burst: 1, chance: 1, 'old template': 1, 'slow submit': 1, 'refused by nodes': 1 },
    });
    expect(report.blocks.map(({ causes }) => causes)).toEqual([
      ['burst'],
      ['old template', 'slow submit', 'refused by nodes'],
      ['chance'],
    ]);
    expect(report.blocks[1]!.explanation).toContain('9000 ms old, which is a lot');
    expect(report.blocks[1]!.explanation).toContain('b: unreachable (gone)');
    expect(report.blocks[2]!.explanation).toContain('the network was faster');
  });

  it('show one block with all that is known of it, and one that only the journal knew', async () => {
    await find(1, T0);
    expect(await showBlock(fresh.sql, hashOf(1))).toMatchObject({
      ...{ state: 'candidate', instance: 'one', templateAgeMs: 80, queueMs: 1, mergedAfterMs: undefined },
      ...{ causes: ['no answer known'], outputs: [], submitReports: [] },
    });
    await fresh.sql`UPDATE blocks SET template_age_ms = NULL, queue_ms = NULL`;
    expect((await showBlock(fresh.sql, hashOf(1)))?.explanation).toContain('Known from the journal only');
    expect(await showBlock(fresh.sql, hashOf(2))).toBeUndefined();
  });

  it('keep what the payer booked, whatever the engine hears later', async () => {
    await find(1, T0);
    await fresh.sql`UPDATE blocks SET state = 'matured', reward_sompi = 77`;
    await store.update(hashOf(1), { ...RED, state: 'blue', colour: 'blue', rewardSompi: 5n });
    expect(await store.recent(1)).toMatchObject([{ state: 'matured', rewardSompi: 77n }]);
  });
});
