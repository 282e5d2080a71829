/** Everything that can be asked, against a real PostgreSQL with whole books, and in the shape that the schemas promise. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpRequest, HttpResponse } from '../../src/api/http-engine.ts';
import { PoolReader } from '../../src/api/pool-reader.ts';
import { CursorInvalid, ReadUnavailable } from '../../src/api/pool-reads.ts';
import { Answerer } from '../../src/api/routes/answer.ts';
import { ENDPOINTS, matchPath } from '../../src/api/routes/api-table.ts';
import { encodeAddress } from '../../src/chains/kaspa/address.ts';
import { readDocument, verifyDocument } from '../../src/ledger/settlement/settlement-document.ts';
import { Boards } from '../../src/ledger/views/boards.ts';
import type { EngineFeed } from '../../src/live/engine-feed.ts';
import { snapshotFeed } from '../../src/live/snapshot-feed.ts';
import { SAMPLE_TERMS } from '../kit/sample-terms.ts';
import { buildSmallLedger } from '../kit/small-ledger.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';
import { HOSTILE_NAME, SAMPLE } from '../unit/api/sample-snapshot.ts';

const ADDRESSES = [1, 2, 3, 4].map((number) => addressOf(number));
const STRANGER = addressOf(99);
/** Half past an hour, so that the hours and spans of a day lie as people would expect. */
const NOW = Math.floor(Date.now() / 3_600_000) * 3_600_000 + 1_830_000 - 3_600_000;
const minutesAgo = (minutes: number): Date => new Date(Math.floor(NOW / 60_000) * 60_000 - minutes * 60_000);

function addressOf(number: number): string {
  return encodeAddress({ prefix: 'kaspadev', version: 0, payload: new Uint8Array(32).fill(number) });
}

let database: TestDatabase;
let fresh: FreshDatabase;
let boards: Boards;
let reads: PoolReader;

const feed: EngineFeed = {
  ...snapshotFeed(() => SAMPLE),
  workersOf: (address) =>
    address === ADDRESSES[0]
      ? [
          {
            ...{ instance: 'a', worker: HOSTILE_NAME, agent: 'BzMiner/v1', dialect: 'default', portIndex: 0 },
            ...{
              port: 'small',
              difficulty: 512,
              connectedAtUnixMs: NOW - 60_000,
              lastShareAtUnixMs: NOW - 12_000,
            },
            ...{ accepted: 3, rejected: {}, creditedDifficulty: 1536 },
          },
        ]
      : [],
  diariesOf: async (address) =>
    address === ADDRESSES[0]
      ? [
          {
            ...{ instance: 'a', worker: HOSTILE_NAME, agent: 'BzMiner/v1', dialect: 'default', portIndex: 0 },
            ...{ port: 'small', secondsConnected: 60, difficulty: 512 },
            events: [{ kind: 'refused', msAgo: 900, verdict: 'stale_job', jobId: 7, jobAgeMs: 16_000 }],
          },
        ]
      : [],
};

beforeAll(async () => {
  database = await withTestDatabase();
  fresh = await database.freshDatabase();
  const { sql } = fresh;
  await buildSmallLedger(sql);
  for (const [index, address] of ADDRESSES.entries())
    await sql`UPDATE accounts SET address = ${address} WHERE id = ${BigInt(index + 1)}`;
  await sql`UPDATE workers SET name = ${HOSTILE_NAME} WHERE id = (SELECT min(id) FROM workers WHERE account_id = 1)`;
  await work();
  boards = new Boards({ sql, wallClock: () => NOW, onFault: () => {} });
  await boards.refresh();
  reads = new PoolReader({ sql, boards, live: feed, terms: SAMPLE_TERMS, wallClock: () => NOW });
}, 60_000);
afterAll(() => database?.stop());

/** A day of it: the first rig a share of 2^32 each minute, the second only 20 hours ago, and some refusals. */
async function work(): Promise<void> {
  const { sql } = fresh;
  const rigs = await sql<
    { id: bigint; account: bigint }[]
  >`SELECT id, account_id AS account FROM workers ORDER BY id`;
  const steady = rigs.find(({ account }) => account === 1n)!.id;
  const stopped = rigs.findLast(({ account }) => account === 1n)!.id;
  for (const day of [0, 1])
    await sql`SELECT ensure_day_partitions(${minutesAgo(day * 1_440)}::timestamptz::date)`;
  await sql`
    INSERT INTO share_sums (bucket, worker_id, instance_id, shares, work_hashes, pot)
    SELECT ${minutesAgo(0)}::timestamptz - make_interval(mins => n), ${steady}, 1, 1, 4294967296, 1 FROM generate_series(1, 1450) n`;
  await sql`
    INSERT INTO share_sums (bucket, worker_id, instance_id, shares, work_hashes, pot)
    VALUES (${minutesAgo(1_200)}, ${stopped}, 2, 10, 42949672960, 1)`;
  const span = new Date(Math.floor(NOW / 600_000) * 600_000 - 600_000);
  await sql`INSERT INTO worker_refusals (bucket, worker_id, verdict, count) VALUES (${span}, ${steady}, 5, 3), (${span}, ${steady}, 0, 2)`;
  await sql`UPDATE journal_progress SET loaded_through = ${new Date(NOW)}`;
}

describe('the reads of a pool', () => {
  it('tell hashrates of a miner as its work over the whole window', async () => {
    const miner = (await reads.miner(ADDRESSES[0]!))!;
    const perMinute = 2 ** 32 / 60;
    expect(miner.hashrate.m10).toBeCloseTo(perMinute, 3);
    expect(miner.hashrate.h1).toBeCloseTo(perMinute, 3);
    expect(miner.hashrate.h24 / (perMinute + (10 * 2 ** 32) / 86_400)).toBeCloseTo(1, 6);
    // The pool's day holds what is not rolled up yet as well. It ends by the database's clock, 30 to 90 minutes after NOW.
    const part = reads.pool().hashrate.h24 / miner.hashrate.h24;
    const sinceMinutes = (Date.now() - NOW) / 60_000;
    expect(part).toBeGreaterThan(1 - (sinceMinutes + 5) / 1_440);
    expect(part).toBeLessThan(1.01);
    expect(miner.shares.h1).toEqual({ accepted: 60, rejected: { stale_job: 3, low_difficulty: 2 } });
    expect(miner.lastShareAt).toBe(new Date(NOW - 12_000).toISOString());
    expect(miner.workers).toEqual({ online: 1, idle: 0, offline: 1 });
  });

  it('tell when a threshold is reached by what was earned since the miner came, if that is less than a day', async () => {
    const { sql } = fresh;
    await sql`UPDATE accounts SET created_at = ${new Date(NOW - 3_600_000)} WHERE id = 1`;
    const young = new Boards({ sql, wallClock: () => NOW, onFault: () => {} });
    await young.refresh();
    const terms = { ...SAMPLE_TERMS, defaultThresholdSompi: 10n ** 15n };
    const one = new PoolReader({ sql, boards: young, live: feed, terms, wallClock: () => NOW });
    const { threshold, balanceSompi, earned24hSompi, nextPayout } = (await one.miner(ADDRESSES[0]!))!;
    const missing = Number(threshold.sompi) - Number(balanceSompi);
    const expected = Number(earned24hSompi) > 0 ? (missing * 3_600) / Number(earned24hSompi) : null;
    expect(nextPayout.reachedInSeconds).toBe(expected === null ? null : Math.ceil(expected));
  });

  it('tell the money of a miner as the books have it', async () => {
    const { sql } = fresh;
    let paid = 0n;
    for (const [index, address] of ADDRESSES.entries()) {
      const [books] = await sql<{ balance: string; in_flight: string; paid: string; earned: string }[]>`
        SELECT coalesce(sum(balance_sompi) FILTER (WHERE kind = 'miner'), 0)::text AS balance,
          coalesce(sum(balance_sompi) FILTER (WHERE kind = 'in_flight'), 0)::text AS in_flight,
          (SELECT coalesce(sum(p.output_sompi), 0)::text FROM payments p JOIN payouts o ON o.id = p.payout_id
           WHERE p.account_id = ${BigInt(index + 1)} AND o.state = 'CONFIRMED') AS paid,
          (SELECT sum(e.amount_sompi)::text FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
           JOIN ledger_accounts a ON a.id = e.ledger_account_id
           WHERE a.kind = 'miner' AND a.account_id = ${BigInt(index + 1)} AND t.kind IN ('settlement', 'pps')) AS earned
        FROM ledger_accounts WHERE account_id = ${BigInt(index + 1)}`;
      const miner = (await reads.miner(address))!;
      expect(miner.balanceSompi).toBe(books!.balance);
      expect(miner.inFlightSompi).toBe(books!.in_flight);
      expect(miner.paidSompi).toBe(books!.paid);
      expect(miner.earned24hSompi).toBe(books!.earned);
      paid += BigInt(miner.paidSompi);
    }
    expect(paid).toBeGreaterThan(0n);
  });

  it('take what changed since, and nothing twice', async () => {
    const before = boards.money.of(1);
    await boards.refresh();
    await boards.refresh();
    expect(boards.money.of(1)).toEqual(before);
    const miner = (await reads.miner(ADDRESSES[0]!))!;
    expect(miner.shares.h24.accepted).toBe(1_440 + 10);
  });

  it('sort workers by trouble: what stopped today before what is refused much, and that before what is fine', async () => {
    const { items, next } = (await reads.workers(ADDRESSES[0]!, { limit: 1 }))!;
    expect(items[0]).toMatchObject({ state: 'offline', accepted24h: 10 });
    const rest = (await reads.workers(ADDRESSES[0]!, { limit: 10, cursor: next! }))!;
    expect(rest.items).toHaveLength(1);
    expect(rest.items[0]).toMatchObject({
      name: HOSTILE_NAME,
      state: 'online',
      agent: 'BzMiner/v1',
      connections: 1,
    });
    expect(rest.next).toBeNull();
  });

  it('say why shares were refused, in words, with the last events of its connections', async () => {
    const { reasons, connections } = (await reads.refusals(ADDRESSES[0]!))!;
    expect(reasons.map(({ verdict, count }) => [verdict, count])).toEqual([
      ['stale_job', 3],
      ['low_difficulty', 2],
    ]);
    expect(reasons[0]!.remedy).not.toBe('');
    expect(connections[0]!.events[0]!.text).toBe('Refused: stale job (job 7, 16.0 s old).');
  });

  it.each(['blocks', 'payouts'] as const)(
    'list all %s page by page, each once, newest first',
    async (list) => {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await reads[list]({ limit: 3, ...(cursor !== undefined && { cursor }) });
        seen.push(...page.items.map((item) => ('hash' in item ? item.hash : item.id)));
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      const whole = await reads[list]({ limit: 100 });
      expect(seen).toEqual(whole.items.map((item) => ('hash' in item ? item.hash : item.id)));
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.length).toBeGreaterThan(6);
      expect(whole.next).toBeNull();
    },
  );

  it('give settlements as documents that can be recomputed', async () => {
    const { items } = await reads.blocks({ limit: 100 });
    const id = items.find(({ settlements }) => settlements.length > 0)!.settlements[0]!;
    const document = readDocument(JSON.parse((await reads.settlement(id))!));
    expect(verifyDocument(document).differences.filter((one) => !one.startsWith('window'))).toEqual([]);
    expect(await reads.settlement('999999')).toBeUndefined();
  });

  it('know nothing of strangers, and nothing at all before the first reading', async () => {
    expect(await reads.miner(STRANGER)).toBeUndefined();
    const empty = new Boards({ sql: fresh.sql, wallClock: () => NOW, onFault: () => {} });
    const early = new PoolReader({
      sql: fresh.sql,
      boards: empty,
      live: feed,
      terms: SAMPLE_TERMS,
      wallClock: () => NOW,
    });
    await expect(early.miner(ADDRESSES[0]!)).rejects.toThrow(ReadUnavailable);
    expect(early.pool().miners).toBe(SAMPLE.miners);
  });

  it('refuse cursors that are not theirs', async () => {
    const { next } = await reads.blocks({ limit: 1 });
    await expect(reads.payouts({ limit: 1, cursor: next! })).rejects.toThrow(CursorInvalid);
    for (const cursor of [
      'x',
      'YmxvY2sgMSAxOyBEUk9Q',
      Buffer.from('block 99999999999999999999 1').toString('base64url'),
    ])
      await expect(reads.blocks({ limit: 1, cursor })).rejects.toThrow(CursorInvalid);
  });
});

describe('the JSON interface over real data', () => {
  let answerer: Answerer;
  beforeAll(() => {
    answerer = new Answerer({ reads, terms: SAMPLE_TERMS, nowMs: () => performance.now() });
  });

  const get = async (url: string, more: Partial<HttpRequest> = {}): Promise<HttpResponse> => {
    const [path = '', query = ''] = url.split(/\?(.*)/s, 2);
    const request = {
      method: 'GET',
      path,
      query,
      ifNoneMatch: '',
      peer: '127.0.0.1',
      forwardedFor: '',
      ...more,
    };
    const match = matchPath(path);
    return match ? answerer.answer(request as HttpRequest, match) : { status: 404, headers: {}, body: '' };
  };

  it('answers every address of the table with a body that its schema takes, and nothing beside', async () => {
    const { items } = await reads.blocks({ limit: 100 });
    const settled = items.find(({ settlements }) => settlements.length > 0)!;
    for (const { path, response, query } of ENDPOINTS) {
      const url = path
        .replace('{address}', ADDRESSES[0]!)
        .replace('{hash}', settled.hash)
        .replace('pools/{id}', 'pools/kaspa')
        .replace('{id}', settled.settlements[0]!);
      const ranges =
        'range' in query.shape ? ['1h', '24h', '7d', '30d'].map((range) => `?range=${range}`) : [''];
      for (const range of ranges) {
        const { status, body, headers } = await get(url + range);
        expect([url, status]).toEqual([url, 200]);
        const value = JSON.parse(body as string);
        expect(response.parse(value)).toEqual(value);
        expect(body).not.toContain('"inside"');
        expect((await get(url + range, { ifNoneMatch: headers.etag! })).status).toBe(304);
      }
    }
  });

  it.each([
    ['/api/v1/blocks?limit=0', 'limit'],
    ['/api/v1/blocks?limit=100000', 'limit'],
    ['/api/v1/blocks?limit=1e1;DROP', 'limit'],
    ['/api/v1/blocks?limit=1&limit=2', 'query'],
    ['/api/v1/blocks?limit[]=1', 'query'],
    ['/api/v1/blocks?__proto__=1', 'query'],
    ['/api/v1/blocks?cursor=%00', 'cursor'],
    ["/api/v1/blocks?cursor='%20OR%201=1--", 'cursor'],
    ['/api/v1/blocks?cursor=AAAA', 'cursor'],
    ['/api/v1/blocks?%zz=1', 'query'],
    ['/api/v1/pool/series?range=1y', 'range'],
    ['/api/v1/pool?x=<script>', 'query'],
    ['/balance?limit=1001', 'limit'],
  ])('refuses %s and names the parameter', async (url, parameter) => {
    const { status, body, headers } = await get(url);
    expect(status).toBe(400);
    expect(headers['content-type']).toBe('application/problem+json');
    const problem = JSON.parse(body as string) as Record<string, unknown>;
    expect(problem).toMatchObject({ type: '/problems/parameter-invalid', parameter });
    for (const echo of ['<script>', 'DROP', '1=1', '__proto__']) expect(body).not.toContain(echo);
  });

  it('takes an address in one case and alone, with its colon encoded or not', async () => {
    const at = (text: string) => get(`/api/v1/miners/${text}`).then(({ status }) => status);
    const address = ADDRESSES[0]!;
    expect(await at(address.replace(':', '%3A'))).toBe(200);
    expect(await at(address.toUpperCase())).toBe(200);
    expect(await at(address.slice(address.indexOf(':') + 1))).toBe(200);
    expect(await at(`${address.slice(0, -1)}Q`)).toBe(400);
    expect(await at(`${address}.rig1`)).toBe(400);
    expect(await at(address.replace('kaspadev', 'kaspa'))).toBe(400);
    expect(await at("' OR 1=1--")).toBe(400);
    expect(await at(STRANGER)).toBe(404);
    expect((await get('/api/v1/blocks/xyz')).status).toBe(404);
    expect((await get('/api/v1/settlements/-1')).status).toBe(404);
    expect((await get(`/api/pools/bitcoin/miners/${address}`)).status).toBe(404);
  });

  it('slows down one client and not its neighbour', async () => {
    const from = (peer: string) => get('/api/v1/pool', { peer }).then(({ status }) => status);
    let last = 200;
    for (let n = 0; n < 400 && last === 200; n++) last = await from('203.0.113.7');
    expect(last).toBe(429);
    expect(await from('203.0.113.8')).toBe(200);
  });
});
