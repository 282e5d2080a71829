import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Verdict } from '../../src/domain/share.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const MINUTE_S = 60;
const SPAN_S = 600;
const HOUR_S = 3_600;
/** Two hours ago, at a full hour: whatever is rolled from here on is well within the 30 days. */
const T0 = Math.floor(Date.now() / 1_000 / HOUR_S) * HOUR_S - 2 * HOUR_S;

describe('spans', () => {
  let database: TestDatabase;
  let fresh: FreshDatabase;

  beforeAll(async () => {
    database = await withTestDatabase();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    fresh = await database.freshDatabase();
    await fresh.sql`INSERT INTO accounts (address) VALUES ('kaspatest:a'), ('kaspatest:b')`;
    await fresh.sql`INSERT INTO workers (account_id, name) VALUES (1, 'one'), (1, 'two'), (2, '')`;
    for (const name of ['north', 'south']) await fresh.sql`SELECT ensure_instance(${name})`;
  });
  afterEach(() => fresh.drop());

  const mined = async (atS: number, worker: number, shares: number, work: number, instance = 1, pot = 1) => {
    await fresh.sql`SELECT ensure_day_partitions((to_timestamp(${atS}::float8) AT TIME ZONE 'UTC')::date)`;
    await fresh.sql`
      INSERT INTO share_sums (bucket, worker_id, instance_id, pot, shares, work_hashes)
      VALUES (to_timestamp(${atS}::float8), ${worker}, ${instance}, ${pot}, ${shares}, ${work})`;
  };
  const loaded = (instance: number, atS: number) => fresh.sql`
    INSERT INTO journal_progress (instance_id, segment, slot, loaded_through)
    VALUES (${instance}, 1, 1, to_timestamp(${atS}::float8))
    ON CONFLICT (instance_id) DO UPDATE SET loaded_through = excluded.loaded_through`;
  const refuse = async (
    batch: { instance?: number; boot?: number; sequence: number; throughS?: number },
    pool: (string | number)[][],
    workers: (string | number)[][],
  ) => {
    const { instance = 1, boot = 1, sequence, throughS = T0 + HOUR_S } = batch;
    const [row] = await fresh.sql<{ taken: boolean }[]>`
      SELECT note_refusals(${instance}::smallint, ${boot}::bigint, ${sequence}::bigint, to_timestamp(${throughS}::float8),
        ${JSON.stringify(pool)}::text::jsonb, ${JSON.stringify(workers)}::text::jsonb) AS taken`;
    return row!.taken;
  };
  const roll = async (max = 100) => {
    const [row] = await fresh.sql<{ rolled: number }[]>`SELECT roll_spans(${max}) AS rolled`;
    return row!.rolled;
  };
  const poolSpans = () => fresh.sql`
    SELECT (extract(epoch FROM span_start)::int - ${T0}) / 60 AS minute, pot, work_hashes::int AS work, accepted::int, refused::int,
      workers, accounts FROM pool_spans ORDER BY 1, 2`;
  const workerSpans = () => fresh.sql`
    SELECT (extract(epoch FROM span_start)::int - ${T0}) / 60 AS minute, worker_id::int AS worker, shares::int, work_hashes::int AS work
    FROM worker_spans ORDER BY 1, 2`;

  it('hold the sums of ten minutes by worker, by pot and by account and hour', async () => {
    await mined(T0, 1, 2, 20);
    await mined(T0 + 9 * MINUTE_S, 1, 1, 10, 2);
    await mined(T0 + 9 * MINUTE_S, 3, 4, 40, 1, 3);
    await mined(T0 + SPAN_S, 2, 5, 50);
    await refuse(
      { sequence: 1 },
      [
        [T0 + MINUTE_S, 1, Verdict.StaleJob, 3],
        [T0 + SPAN_S, 3, Verdict.Duplicate, 2],
      ],
      [[T0 + MINUTE_S, 'kaspatest:a', 'one', Verdict.StaleJob, 3]],
    );
    expect(await roll()).toBe(2);
    expect(await workerSpans()).toEqual([
      { minute: 0, worker: 1, shares: 3, work: 30 },
      { minute: 0, worker: 3, shares: 4, work: 40 },
      { minute: 10, worker: 2, shares: 5, work: 50 },
    ]);
    expect(await poolSpans()).toEqual([
      { minute: 0, pot: 1, work: 30, accepted: 3, refused: 3, workers: 1, accounts: 1 },
      { minute: 0, pot: 3, work: 40, accepted: 4, refused: 0, workers: 1, accounts: 1 },
      { minute: 10, pot: 1, work: 50, accepted: 5, refused: 0, workers: 1, accounts: 1 },
      { minute: 10, pot: 3, work: 0, accepted: 0, refused: 2, workers: 0, accounts: 0 },
    ]);
    const hours = await fresh.sql`
      SELECT account_id::int AS account, shares::int, work_hashes::int AS work, refused::int FROM account_hours ORDER BY 1`;
    expect(hours).toEqual([
      { account: 1, shares: 8, work: 80, refused: 3 },
      { account: 2, shares: 4, work: 40, refused: 0 },
    ]);
    expect(await roll()).toBe(0);
  });

  it('wait for engines that are a little late, and not for those that are away', async () => {
    const nowS = Math.floor(Date.now() / 1_000);
    const lastS = Math.floor(nowS / SPAN_S) * SPAN_S - 2 * SPAN_S;
    await mined(lastS, 1, 1, 10);
    await loaded(1, nowS);
    await loaded(2, lastS + MINUTE_S);
    // More than five minutes past its end.
    expect(await roll()).toBe(1);
    expect(await workerSpans()).toHaveLength(1);
    const [rolled] = await fresh.sql<{ through: Date }[]>`SELECT through FROM spans_rolled`;
    expect(rolled!.through.getTime() / 1_000).toBeLessThanOrEqual(nowS - 5 * MINUTE_S);
  });

  it('are rolled again for an engine that was late, as far as it has caught up', async () => {
    const nowS = Math.floor(Date.now() / 1_000);
    await mined(T0, 1, 1, 10);
    await mined(T0 + 3 * SPAN_S, 1, 1, 10);
    await loaded(1, nowS);
    await loaded(2, T0 + MINUTE_S);
    await roll();
    await mined(T0 + 2 * MINUTE_S, 2, 7, 70, 2);
    await mined(T0 + 2 * SPAN_S, 2, 8, 80, 2);
    await mined(T0 + 3 * SPAN_S, 2, 9, 90, 2);
    await loaded(2, T0 + 3 * SPAN_S);
    expect(await roll()).toBe(2);
    expect((await workerSpans()).filter((row) => row.worker === 2)).toEqual([
      { minute: 0, worker: 2, shares: 7, work: 70 },
      { minute: 20, worker: 2, shares: 8, work: 80 },
    ]);
    await loaded(2, nowS);
    expect(await roll()).toBe(1);
    expect((await workerSpans()).filter((row) => row.worker === 2)).toHaveLength(3);
    expect(await roll()).toBe(0);
    expect((await poolSpans()).map((row) => row.accepted)).toEqual([8, 8, 10]);
  });

  it('are rolled a few at a time when many are due', async () => {
    for (let n = 0; n < 5; n++) await mined(T0 + n * SPAN_S, 1, 1, 10);
    expect(await roll(2)).toBe(2);
    expect(await roll(2)).toBe(2);
    expect(await roll(2)).toBe(1);
    expect(await workerSpans()).toHaveLength(5);
  });

  it('are rolled by one at a time', async () => {
    await mined(T0, 1, 1, 10);
    await fresh.sql.begin(async (other) => {
      await other`SELECT pg_advisory_xact_lock(hashtext('sluice:roll-spans'), 0)`;
      expect(await roll()).toBe(0);
    });
    expect(await roll()).toBe(1);
  });

  it('go with the day they are of, thirty days later', async () => {
    const oldS = T0 - 33 * 86_400;
    await mined(oldS, 1, 1, 10);
    await refuse({ sequence: 1 }, [[oldS, 1, 4, 1]], [[oldS, 'kaspatest:a', 'one', 4, 1]]);
    const count = async () => {
      const [row] = await fresh.sql<{ all: number }[]>`
        SELECT (SELECT count(*) FROM worker_refusals)::int + (SELECT count(*) FROM reject_sums)::int AS all`;
      return row!.all;
    };
    expect(await count()).toBe(2);
    expect(await roll()).toBe(0);
    expect(await count()).toBe(0);
    const [sums] = await fresh.sql<{ kept: number }[]>`SELECT count(*)::int AS kept FROM share_sums`;
    expect(sums!.kept).toBe(1);
  });

  describe('of refusals', () => {
    const counts = () => fresh.sql`
      SELECT (extract(epoch FROM bucket)::int - ${T0}) / 60 AS minute, worker_id::int AS worker, verdict, count::int
      FROM worker_refusals ORDER BY 1, 2, 3`;

    it('take each batch once, however often it comes', async () => {
      const pool = [[T0, 1, 5, 4]];
      const workers = [[T0, 'kaspatest:a', 'two', 5, 4]];
      expect(await refuse({ sequence: 1 }, pool, workers)).toBe(true);
      expect(await refuse({ sequence: 1 }, pool, workers)).toBe(false);
      expect(await refuse({ sequence: 2 }, pool, workers)).toBe(true);
      expect(await refuse({ boot: 2, sequence: 1 }, pool, workers)).toBe(true);
      expect(await refuse({ instance: 2, sequence: 1 }, pool, workers)).toBe(true);
      expect(await counts()).toEqual([{ minute: 0, worker: 2, verdict: 5, count: 16 }]);
      const [sum] = await fresh.sql<{ sum: number }[]>`SELECT sum(count)::int AS sum FROM reject_sums`;
      expect(sum!.sum).toBe(16);
    });

    it('write no row for a worker that never had a share', async () => {
      const stranger = '<img src=x onerror=alert(1)>\u2028\\';
      await refuse(
        { sequence: 1 },
        [[T0, 1, 3, 9]],
        [
          [T0, 'kaspatest:nobody', 'one', 3, 4],
          [T0, 'kaspatest:a', stranger, 3, 4],
          [T0 + 11 * MINUTE_S, 'kaspatest:a', 'one', 3, 1],
        ],
      );
      expect(await counts()).toEqual([{ minute: 10, worker: 1, verdict: 3, count: 1 }]);
    });
  });
});
