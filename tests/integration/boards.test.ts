/** Figures of pages against what lies in PostgreSQL, where engines are late, clocks are put back and a pool has just begun. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Boards } from '../../src/ledger/views/boards.ts';
import { type PoolFacts, readPoolFacts } from '../../src/ledger/views/pool-facts.ts';
import { gridOf, readPoolSeries } from '../../src/ledger/views/series-rows.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const MINUTE_S = 60;
const SPAN_S = 600;
const HOUR_S = 3_600;

describe('figures of pages', () => {
  let database: TestDatabase;
  let fresh: FreshDatabase;

  beforeAll(async () => {
    database = await withTestDatabase();
    fresh = await database.freshDatabase();
    await fresh.sql`INSERT INTO accounts (address) VALUES ('kaspatest:a'), ('kaspatest:b')`;
    await fresh.sql`INSERT INTO workers (account_id, name) VALUES (1, 'one'), (1, 'two'), (2, '')`;
    for (const name of ['north', 'south']) await fresh.sql`SELECT ensure_instance(${name})`;
    for (const days of [0, 1]) await fresh.sql`SELECT ensure_day_partitions(current_date - ${days}::int)`;
  });
  afterAll(() => database?.stop());
  beforeEach(
    () => fresh.sql`TRUNCATE share_sums, reject_sums, worker_refusals, worker_spans, pool_spans, account_hours, spans_rolled,
      span_progress, journal_progress, refusal_progress`,
  );

  const mined = (atS: number, worker: number, work: number, { instance = 1, pot = 1 } = {}) => fresh.sql`
    INSERT INTO share_sums (bucket, worker_id, instance_id, pot, shares, work_hashes)
    VALUES (to_timestamp(${atS}::float8), ${worker}, ${instance}, ${pot}, 1, ${work}) ON CONFLICT DO NOTHING`;
  const loaded = (instance: number, atS: number) => fresh.sql`
    INSERT INTO journal_progress (instance_id, segment, slot, loaded_through)
    VALUES (${instance}, 1, 1, to_timestamp(${atS}::float8))
    ON CONFLICT (instance_id) DO UPDATE SET loaded_through = excluded.loaded_through`;
  const roll = async (max = 200) => (await fresh.sql<{ n: number }[]>`SELECT roll_spans(${max}) AS n`)[0]!.n;
  const minuteNow = () => Math.floor(Date.now() / 60_000) * MINUTE_S;
  const h24 = ({ work }: Boards, worker: number) => work.windowsOf(work.slotOf(worker)!).h24;

  it('have the work of an engine that caught up after hours, before its spans are rolled again', async () => {
    const nowS = minuteNow();
    const spanS = Math.floor(nowS / SPAN_S) * SPAN_S - 3 * HOUR_S;
    await mined(spanS, 1, 10);
    await loaded(1, nowS);
    await loaded(2, spanS - SPAN_S);
    await roll();
    const boards = new Boards({ sql: fresh.sql, wallClock: () => nowS * 1_000, onFault: () => {} });
    await boards.refresh();
    expect(h24(boards, 1)).toBe(10);
    await mined(spanS, 3, 40, { instance: 2 });
    await loaded(2, nowS);
    await boards.refresh();
    expect([h24(boards, 1), h24(boards, 3)]).toEqual([10, 40]);
    // Who reads for the first time then has the same, and so has who reads when it is rolled.
    for (let round = 0; round < 2; round++) {
      const later = new Boards({ sql: fresh.sql, wallClock: () => nowS * 1_000, onFault: () => {} });
      await later.refresh();
      expect([h24(later, 1), h24(later, 3)]).toEqual([10, 40]);
      while ((await roll()) > 0);
    }
  });

  it('remember for a week who has stopped, once the first figures are shown', async () => {
    const nowS = minuteNow();
    const spanS = Math.floor((nowS - 3 * 24 * HOUR_S) / SPAN_S) * SPAN_S;
    await fresh.sql`SELECT ensure_day_partitions(to_timestamp(${spanS}::float8)::date)`;
    await fresh.sql`
      INSERT INTO worker_spans (span_start, worker_id, shares, work_hashes)
      VALUES (to_timestamp(${spanS}::float8), 2, 1, 10)`;
    await mined(nowS - MINUTE_S, 1, 5);
    let clockS = nowS;
    const boards = new Boards({ sql: fresh.sql, wallClock: () => clockS * 1_000, onFault: () => {} });
    await boards.refresh();
    expect(boards.work.account('kaspatest:a')!.slots).toHaveLength(1);
    clockS += 10;
    await boards.refresh();
    const { slots } = boards.work.account('kaspatest:a')!;
    expect(slots.map((slot) => boards.work.nameOf(slot))).toEqual(['one', 'two']);
    expect(boards.work.lastShareMs(slots[1]!)).toBe((spanS + SPAN_S) * 1_000);
    expect(boards.work.windowsOf(slots[1]!)).toEqual({ m10: 0, h1: 0, h24: 0 });
  });

  it('do not wait for an engine that was taken down', async () => {
    const nowS = minuteNow();
    await loaded(1, nowS);
    await loaded(2, nowS - 2 * HOUR_S);
    const boards = new Boards({ sql: fresh.sql, wallClock: () => nowS * 1_000, onFault: () => {} });
    await boards.refresh();
    expect(boards.work.throughMinute).toBe(nowS / MINUTE_S);
    await loaded(2, nowS - 2 * MINUTE_S);
    await boards.refresh();
    expect(boards.work.throughMinute).toBe(nowS / MINUTE_S - 2);
  });

  it('go on after a clock that was wrong is put back', async () => {
    const nowS = minuteNow();
    let clockS = nowS + 26 * HOUR_S;
    const boards = new Boards({ sql: fresh.sql, wallClock: () => clockS * 1_000, onFault: () => {} });
    await mined(nowS - 2 * HOUR_S, 1, 10);
    await mined(nowS - MINUTE_S, 1, 5);
    await boards.refresh();
    clockS = nowS;
    await boards.refresh();
    expect(boards.work.windowsOf(boards.work.slotOf(1)!)).toEqual({ m10: 5, h1: 5, h24: 15 });
  });

  it('have the pool of the first minutes, and an hour that is sixty minutes long, rolled or not', async () => {
    const nowS = minuteNow();
    await fresh.sql`
      INSERT INTO share_sums (bucket, worker_id, instance_id, pot, shares, work_hashes)
      SELECT to_timestamp(${nowS}::float8) - make_interval(mins => n), 1, 1, 1, 1, 100 FROM generate_series(1, 200) n`;
    await loaded(1, nowS);
    for (let round = 0; round < 2; round++) {
      const { work24hHashes, schemes } = await readPoolFacts(fresh.sql);
      expect(work24hHashes).toBeCloseTo(20_000, 3);
      const { work1hHashes } = schemes.find(({ scheme }) => scheme === 'pplns')!;
      // A minute may have passed since they were made, and on a slow machine a second one.
      expect(work1hHashes).toBeLessThanOrEqual(6_001);
      expect(work1hHashes).toBeGreaterThan(5_750);
      await roll();
    }
  });

  it('say of the whole pool what the database says, of minutes that they have read as well', async () => {
    const nowS = minuteNow();
    for (const [minutesAgo, instance, pot, work] of [
      [300, 1, 1, 7],
      [64, 1, 1, 70],
      [50, 2, 3, 700],
      [3, 1, 1, 7_000],
      [3, 2, 3, 70_000],
      [1, 1, 1, 700_000],
    ] as const)
      await mined(nowS - minutesAgo * MINUTE_S, instance, work, { instance, pot });
    for (const instance of [1, 2]) await loaded(instance, nowS);
    const boards = new Boards({ sql: fresh.sql, wallClock: () => Date.now(), onFault: () => {} });
    const figuresOf = ({ work24hHashes, schemes }: PoolFacts) => ({
      day: Math.round(work24hHashes),
      hours: schemes.map(({ scheme, work1hHashes }) => [scheme, Math.round(work1hHashes / 100)]),
    });
    // Not rolled, rolled in part, rolled as far as it goes.
    for (let round = 0; round < 3; round++) {
      const fromMinutes = figuresOf(await readPoolFacts(fresh.sql));
      expect(fromMinutes.day).toBe(777_777);
      const later = new Boards({ sql: fresh.sql, wallClock: () => Date.now(), onFault: () => {} });
      await later.refresh();
      expect(figuresOf(later.facts!)).toEqual(fromMinutes);
      await boards.refresh();
      expect(Math.round(boards.facts!.work24hHashes)).toBe(777_777);
      await roll(round === 0 ? 3 : 200);
    }
  });

  it('show a minute in which everything was refused', async () => {
    const nowS = minuteNow();
    await fresh.sql`
      INSERT INTO reject_sums (bucket, instance_id, pot, verdict, count) VALUES (to_timestamp(${nowS - 5 * MINUTE_S}::float8), 1, 1, 3, 7)`;
    await mined(nowS - 4 * MINUTE_S, 1, 60);
    const { hashrate, rejectedShare } = await readPoolSeries(fresh.sql, gridOf('1h', nowS * 1_000));
    expect(rejectedShare.slice(-5)).toEqual([1, 0, null, null, null]);
    expect(hashrate.slice(-5)).toEqual([null, 1, null, null, null]);
  });

  it('are the sums of minutes, whichever engine was late and whenever it was rolled', async () => {
    const nowS = minuteNow();
    const firstS = Math.floor(nowS / SPAN_S) * SPAN_S - 4 * SPAN_S;
    const share = fc.record({
      minute: fc.nat(29),
      worker: fc.integer({ min: 1, max: 3 }),
      instance: fc.constantFrom(1, 2),
      pot: fc.constantFrom(1, 3),
      work: fc.integer({ min: 1, max: 1_000 }),
    });
    await fc.assert(
      fc
        .asyncProperty(fc.array(share, { maxLength: 12 }), fc.nat(29), async (shares, lateMinute) => {
          for (const { minute, worker, instance, pot, work } of shares)
            if (instance === 1 || minute < lateMinute)
              await mined(firstS + minute * MINUTE_S, worker, work, { instance, pot });
          await loaded(1, nowS);
          await loaded(2, firstS + lateMinute * MINUTE_S);
          await fresh.sql`INSERT INTO spans_rolled (through) VALUES (to_timestamp(${firstS}::float8))`;
          await fresh.sql`INSERT INTO span_progress SELECT instance_id, to_timestamp(${firstS}::float8) FROM journal_progress`;
          await roll(2);
          for (const { minute, worker, instance, pot, work } of shares)
            await mined(firstS + minute * MINUTE_S, worker, work, { instance, pot });
          await loaded(2, nowS);
          while ((await roll(3)) > 0);
          const differences = await fresh.sql`
            SELECT * FROM (
              SELECT date_bin('10 minutes', bucket, 'epoch'::timestamptz) AS at, worker_id, sum(work_hashes), sum(shares) FROM share_sums GROUP BY 1, 2
              EXCEPT SELECT span_start, worker_id, work_hashes, shares FROM worker_spans) AS workers
            UNION ALL SELECT * FROM (
              SELECT date_bin('10 minutes', bucket, 'epoch'::timestamptz), pot, sum(work_hashes), sum(shares) FROM share_sums GROUP BY 1, 2
              EXCEPT SELECT span_start, pot, work_hashes, accepted FROM pool_spans) AS pots
            UNION ALL SELECT * FROM (
              SELECT date_bin('1 hour', s.bucket, 'epoch'::timestamptz), w.account_id, sum(s.work_hashes), sum(s.shares)
              FROM share_sums s JOIN workers w ON w.id = s.worker_id GROUP BY 1, 2
              EXCEPT SELECT hour_start, account_id, work_hashes, shares FROM account_hours) AS accounts`;
          expect(differences).toEqual([]);
        })
        .beforeEach(
          async () =>
            void (await fresh.sql`TRUNCATE share_sums, worker_spans, pool_spans, account_hours, spans_rolled, span_progress, journal_progress`),
        ),
      { numRuns: 8 },
    );
  });
});
