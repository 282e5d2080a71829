import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInvariants } from '../../src/ledger/audit/audit-run.ts';
import type { AuditView } from '../../src/ledger/audit/audit-view.ts';
import { INVARIANTS } from '../../src/ledger/audit/invariants.ts';
import { type Database, openDatabase, type ReservedConnection } from '../../src/ledger/stores/postgres.ts';
import { BOOK_CORRUPTIONS } from '../kit/book-corruptions.ts';
import { Pick } from '../kit/corruption.ts';
import { PAYOUT_CORRUPTIONS } from '../kit/payout-corruptions.ts';
import { REWARD_CORRUPTIONS } from '../kit/reward-corruptions.ts';
import { buildSmallLedger } from '../kit/small-ledger.ts';
import {
  type FreshDatabase,
  superuserUrl,
  type TestDatabase,
  withTestDatabase,
} from '../kit/test-database.ts';

const SEEDS = 200;
const CORRUPTIONS = [...BOOK_CORRUPTIONS, ...REWARD_CORRUPTIONS, ...PAYOUT_CORRUPTIONS];
const FEE_CAP_SOMPI = 100_000_000n;

let database: TestDatabase;
let fresh: FreshDatabase;
let admin: Database;
let sql: ReservedConnection;

beforeAll(async () => {
  database = await withTestDatabase();
  fresh = await database.freshDatabase();
  // Past every trigger and foreign key: a right of superusers, in one connection for the savepoints.
  admin = openDatabase(superuserUrl(fresh.url), { applicationName: 'sluice tests', max: 1 });
  await buildSmallLedger(admin);
  sql = await admin.reserve();
});

afterAll(async () => {
  sql?.release();
  await admin?.end({ timeout: 1 });
  await database?.stop();
});

async function audit(): Promise<string[]> {
  const [head] = await sql<{ id: bigint }[]>`SELECT max(id) AS id FROM ledger_transactions`;
  const view: AuditView = {
    sql,
    full: true,
    afterId: 0n,
    throughId: head!.id,
    recentFrom: new Date(0),
    sharesFrom: new Date(0),
    feeCapSompi: FEE_CAP_SOMPI,
    chain: undefined,
    journals: [],
    chainOutputs: undefined,
    knownBalances: undefined,
  };
  const { violations } = await runInvariants(view);
  return violations.map(({ invariant, detail }) => `${invariant.name}: ${detail}`);
}

async function spoiled(corruption: (typeof CORRUPTIONS)[number], seed: number): Promise<string[]> {
  await sql`BEGIN ISOLATION LEVEL REPEATABLE READ`;
  try {
    await sql`SET LOCAL session_replication_role = replica`;
    await sql.unsafe(corruption.sql(new Pick(seed))).simple();
    return await audit();
  } finally {
    await sql`ROLLBACK`;
  }
}

describe('the auditor', () => {
  it('finds nothing in sound books', async () => {
    await sql`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`;
    const found = await audit();
    await sql`ROLLBACK`;
    expect(found).toEqual([]);
  });

  it(`names the invariant that each of ${SEEDS} corruptions breaks`, async () => {
    expect(CORRUPTIONS.length).toBeGreaterThanOrEqual(40);
    const missed: string[] = [];
    const names = new Set<string>(INVARIANTS.map(({ name }) => name));
    for (let seed = 0; seed < SEEDS; seed++) {
      const corruption = CORRUPTIONS[seed % CORRUPTIONS.length]!;
      expect(names).toContain(corruption.caughtBy);
      const found = await spoiled(corruption, seed).catch((error: unknown) => [`failed: ${String(error)}`]);
      if (
        found.some(
          (line) => line.startsWith(`${corruption.caughtBy}: `) && !line.includes('cannot be checked'),
        )
      )
        continue;
      missed.push(
        `seed ${seed}, ${corruption.kind}: not ${corruption.caughtBy}, but [${found.join(' | ').slice(0, 300)}]`,
      );
    }
    expect(missed).toEqual([]);
  }, 300_000);

  it('finds sound books again after each was taken back', async () => {
    await sql`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`;
    const found = await audit();
    await sql`ROLLBACK`;
    expect(found).toEqual([]);
  });
});
