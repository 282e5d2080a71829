/** A journal, a database and loaders between them, for tests that compare the two. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { workOfShare } from '../../src/domain/target.ts';
import { DurableMark } from '../../src/journal/durable-mark.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { type LoaderClient, type LoaderClientOptions, startLoader } from '../../src/ledger/loader-client.ts';
import { countShares, findDoubles } from '../../src/ledger/share-counts.ts';
import type { Database } from '../../src/ledger/stores/postgres.ts';
import { FIXTURE_EXTRANONCE, FIXTURE_PORT, fixtureWork, JournalFixture } from './journal-fixture.ts';
import { pollUntil } from './poll-until.ts';
import type { FreshDatabase, TestDatabase } from './test-database.ts';

export const AT = Date.UTC(2025, 5, 1, 23, 59, 0);
/** 2 to the 36 and more: exercise the whole range that a credit can have in practice. */
const difficultyOf = (n: number) => (n % 72) - 31;

/** Writes `count` shares of 40 workers, half a second apart in all, over midnight. */
export function writeShares(journal: JournalFixture, count: number): void {
  const first = journal.shares.length;
  for (let n = first; n < first + count; n++) {
    journal.share({
      address: `kaspatest:${n % 8}`,
      name: n % 5 === 0 ? '' : `rig-${n % 5}`,
      job: 1 + Math.floor(n / 300),
      nonce: (BigInt(n) << 40n) | 0x8000_0000_0000_0000n,
      difficultyLog2: difficultyOf(n),
      receivedAtMs: AT + n * 20,
      verdict: n % 977 === 0 ? 2 : 1,
      pot: Math.floor(n / 300) % 7,
    });
  }
}

interface StoredShare {
  segment: bigint;
  slot: number;
  address: string;
  name: string;
  hash: string;
  timestamp_ms: bigint;
  nonce: bigint;
  difficulty_log2: number;
  at: string;
  verdict: number;
  port: number;
  extranonce: number;
  credit: number;
  pot: number;
}

/** Journal and tables say the very same: row by row, sum by sum. */
export async function expectExact(sql: Database, journal: JournalFixture): Promise<void> {
  const rows = await sql<StoredShare[]>`
    SELECT s.segment, s.slot, a.address, w.name, encode(j.pre_pow_hash, 'hex') AS hash, j.timestamp_ms, s.nonce,
      s.difficulty_log2, (extract(epoch FROM s.received_at) * 1000)::bigint::text AS at, s.verdict, s.port, s.extranonce, s.credit, s.pot
    FROM shares s JOIN workers w ON w.id = s.worker_id JOIN accounts a ON a.id = w.account_id JOIN jobs j ON j.id = s.job_id
    ORDER BY s.segment, s.slot`;
  const expected = journal.shares.map((share) => {
    const work = fixtureWork(share.job);
    return {
      segment: BigInt(share.segment),
      slot: share.slot,
      address: share.address,
      name: share.name,
      hash: Buffer.from(work.prePowHash).toString('hex'),
      timestamp_ms: work.timestampMs,
      nonce: BigInt.asIntN(64, share.nonce),
      difficulty_log2: share.difficultyLog2,
      at: String(share.receivedAtMs),
      verdict: share.verdict,
      port: FIXTURE_PORT,
      extranonce: FIXTURE_EXTRANONCE,
      credit: 0,
      pot: share.pot,
    };
  });
  expect(rows.length).toBe(expected.length);
  expect([...rows]).toEqual(expected);
  const counts = await countShares(sql);
  const work = journal.shares.reduce((sum, share) => sum + workOfShare(share.difficultyLog2), 0n);
  const total = BigInt(expected.length);
  expect(counts).toMatchObject({
    rows: total,
    summedShares: total,
    creditedRows: total,
    loadedRecords: total,
    summedWork: work,
    creditedWork: work,
  });
  expect(await findDoubles(sql)).toEqual([]);
  const [difference] = await sql<{ rows: number }[]>`
    SELECT count(*)::int AS rows FROM (
      SELECT date_trunc('minute', received_at) AS bucket, worker_id, instance_id, pot, count(*) AS shares,
        sum(power(2::numeric, difficulty_log2 + 32))::numeric(40, 0) AS work_hashes
      FROM shares WHERE credit = 0 GROUP BY 1, 2, 3, 4
    ) computed FULL JOIN share_sums kept USING (bucket, worker_id, instance_id, pot)
    WHERE computed.shares IS DISTINCT FROM kept.shares OR computed.work_hashes IS DISTINCT FROM kept.work_hashes`;
  expect(difference!.rows).toBe(0);
}

/** Waits until a batch more is committed; false when there is nothing left to load. */
export async function moreLoaded(sql: Database, total: number): Promise<boolean> {
  const loaded = async () => Number((await sql`SELECT loaded_records AS n FROM journal_progress`)[0]?.n ?? 0);
  const before = await loaded();
  const now = await pollUntil('more is loaded', async () => {
    const count = await loaded();
    return count > before || count === total ? count : undefined;
  });
  return now < total;
}

export class LoaderStage {
  readonly fresh: FreshDatabase;
  readonly directory: string;
  readonly mark = new DurableMark();
  journal: JournalFixture;
  readonly #clients: LoaderClient[] = [];

  private constructor(fresh: FreshDatabase, directory: string) {
    this.fresh = fresh;
    this.directory = directory;
    this.journal = new JournalFixture(directory, 1024);
  }

  static async open(database: TestDatabase): Promise<LoaderStage> {
    return new LoaderStage(await database.freshDatabase(), mkdtempSync(join(tmpdir(), 'sluice-loader-')));
  }

  get sql(): Database {
    return this.fresh.sql;
  }

  /** What is written is durable from here on. */
  publish(): void {
    this.journal.save();
    this.mark.advance(this.journal.mark.segment, this.journal.mark.slot);
  }

  /** A loader on its thread, of instance `one`; closed with the stage. */
  start(options: Partial<LoaderClientOptions> = {}): LoaderClient {
    const client = startLoader({
      journalDirectory: this.directory,
      instanceName: 'one',
      databaseUrl: this.fresh.url,
      durableMark: this.mark.buffer,
      intervalMs: 20,
      rowsMax: 200,
      log: silentLogger,
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  async closeLoaders(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
  }

  async close(): Promise<void> {
    await this.closeLoaders();
    await this.fresh.drop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
