/** Settlements on a real PostgreSQL: each scheme through the books, held against the division that SQL makes by itself. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/lib/seeded-random.ts';
import { POTS, type SchemeName } from '../../src/domain/pot.ts';
import { Lead } from '../../src/ledger/lead.ts';
import { attributeOutput, setAccountFee } from '../../src/ledger/settlement/operator-orders.ts';
import { readDocument, verifyDocument } from '../../src/ledger/settlement/settlement-document.ts';
import { readSettlement } from '../../src/ledger/settlement/settlement-reader.ts';
import { MINUTE_MS, NOON, SettlementStage } from '../kit/settlement-stage.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

let server: TestDatabase;
let stage: SettlementStage;

beforeAll(async () => {
  server = await withTestDatabase();
}, 60_000);

afterEach(() => stage?.close());
afterAll(() => server?.stop());

const later = (minutes: number) => {
  stage.nowMs = NOON + minutes * MINUTE_MS;
};

describe('a settlement', () => {
  it('divides a PPLNS block by the work of its window, bonus first, fee and donation after', async () => {
    stage = await SettlementStage.open(server, 3, {
      pplns: { feePercent: 1, finderBonusPercent: 10, windowDifficulties: 2, windowHoursMax: 1 },
    });
    // A little more than a block costs, so that two minutes hold two difficulties.
    const one = (1n << 32n) + (1n << 18n);
    await stage.work('pplns', 1, 0, one);
    await stage.work('pplns', 2, 1, one);
    await stage.work('pplns', 3, 2, one);
    await stage.block({ pot: 'pplns', finder: 1, minute: 2, sompi: 100_000n });
    later(5);
    const report = await stage.settler().tick();
    expect(report.settled).toMatchObject([{ pot: 1, round: 1n, rewardSompi: 100_000n, accounts: 3 }]);
    // Two difficulties back from minute 2 ends with minute 1; the finder has only the bonus.
    expect(await stage.balances()).toEqual(
      new Map([
        [1, 9_900n],
        [2, 44_550n],
        [3, 44_550n],
      ]),
    );
    expect([await stage.balance('unsettled'), await stage.balance('pool_fee')]).toEqual([0n, 1_000n]);
    expect((await stage.settler().tick()).settled).toEqual([]);
  });

  it('takes blocks of one minute together and of another minute apart, in the order they were found', async () => {
    stage = await SettlementStage.open(server, 2);
    await stage.work('pplns', 1, 0, 1n);
    await stage.work('pplns', 2, 1, 1n);
    await stage.block({ pot: 'pplns', finder: 1, minute: 1 });
    await stage.block({ pot: 'pplns', finder: 1, minute: 0 });
    await stage.block({ pot: 'pplns', finder: 2, minute: 1 });
    later(5);
    const { settled } = await stage.settler().tick();
    expect(settled.map(({ round, rewardSompi }) => [round, rewardSompi])).toEqual([
      [1n, 1_000n],
      [2n, 2_000n],
    ]);
  });

  it('gives a SOLO block to its finder, and divides a PROP round since the paid block before', async () => {
    stage = await SettlementStage.open(server, 3);
    for (const pot of ['solo', 'prop'] as const)
      for (const account of [1, 2, 3]) await stage.work(pot, account, account, 10n);
    await stage.block({ pot: 'solo', finder: 2, minute: 3, sompi: 1_000n });
    await stage.block({ pot: 'prop', finder: 1, minute: 1, sompi: 2_000n });
    await stage.block({ pot: 'prop', finder: 1, minute: 3, sompi: 4_000n });
    later(5);
    await stage.settler().tick();
    // Account 1 alone in the first round; 2 and 3 share the second.
    expect(await stage.balances()).toEqual(
      new Map([
        [1, 1_980n],
        [2, 990n + 1_980n],
        [3, 1_980n],
      ]),
    );
  });

  it('waits with PROP until every earlier block is final', async () => {
    stage = await SettlementStage.open(server, 1);
    await stage.work('prop', 1, 0, 1n);
    const open = await stage.block({ pot: 'prop', finder: 1, minute: 0, state: 'blue' });
    await stage.block({ pot: 'prop', finder: 1, minute: 1 });
    later(5);
    expect((await stage.settler().tick()).waiting).toMatchObject([{ pot: 2, reason: 'blocks' }]);
    await stage.sql`UPDATE blocks SET state = 'orphaned' WHERE block_hash = ${open}`;
    expect((await stage.settler().tick()).settled).toHaveLength(1);
  });

  it('divides all rewards of a round of points when the round is over', async () => {
    stage = await SettlementStage.open(server, 2, { points: { feePercent: 0, roundMinutes: 30 } });
    await stage.work('points', 1, 1, 3n);
    await stage.work('points', 2, 29, 1n);
    await stage.work('points', 2, 30, 100n);
    await stage.block({ pot: 'points', finder: 1, minute: 2 });
    await stage.block({ pot: 'points', finder: 1, minute: 28 });
    later(29);
    expect((await stage.settler().tick()).waiting).toMatchObject([{ pot: 6, reason: 'journals' }]);
    later(30);
    expect((await stage.settler().tick()).settled).toMatchObject([{ rewardSompi: 2_000n }]);
    expect(await stage.balances()).toEqual(
      new Map([
        [1, 1_500n],
        [2, 500n],
      ]),
    );
  });

  it('keeps what nobody has worked for and divides it with the next reward of the pot', async () => {
    stage = await SettlementStage.open(server, 1, { points: { feePercent: 0, roundMinutes: 1 } });
    await stage.block({ pot: 'points', finder: 1, minute: 0, sompi: 700n });
    await stage.work('points', 1, 1, 1n);
    later(5);
    await stage.settler().tick();
    expect(await stage.balance('dust')).toBe(700n);
    await stage.block({ pot: 'points', finder: 1, minute: 1, sompi: 300n });
    await stage.settler().tick();
    expect([await stage.balance('dust'), await stage.balances()]).toEqual([0n, new Map([[1, 1_000n]])]);
  });

  it('waits for the slowest engine, and names it when it was waited for long enough', async () => {
    stage = await SettlementStage.open(server, 1);
    await stage.sql`SELECT ensure_instance('b')`;
    await stage.work('pplns', 1, 0, 1n);
    await stage.block({ pot: 'pplns', finder: 1, minute: 0 });
    const settler = stage.settler(10 * MINUTE_MS);
    later(9);
    expect((await settler.tick()).waiting).toMatchObject([{ reason: 'journals' }]);
    later(11);
    expect((await settler.tick()).settled).toHaveLength(1);
    const [row] = await stage.sql<
      { late: string }[]
    >`SELECT array_to_string(late_instances, ',') AS late FROM settlements`;
    expect(row!.late).toBe('b');
  });

  it('uses the terms that held when the block was found', async () => {
    stage = await SettlementStage.open(server, 1);
    await stage.work('solo', 1, 0, 1n);
    later(3);
    expect(await stage.applyTerms({ solo: { feePercent: 50 } })).toEqual(['solo']);
    expect(await stage.applyTerms({ solo: { feePercent: 50 } })).toEqual([]);
    await stage.block({ pot: 'solo', finder: 1, minute: 2 });
    await stage.block({ pot: 'solo', finder: 1, minute: 3 });
    later(5);
    await stage.settler().tick();
    expect(await stage.balance('pool_fee')).toBe(10n + 500n);
    const [event] = await stage.sql<{ count: number }[]>`
      SELECT count(*)::int AS count FROM ledger_transactions WHERE kind = 'policy'`;
    expect(event!.count).toBe(7);
  });

  it('charges an account its own fee, and gives an attributed output to its block', async () => {
    stage = await SettlementStage.open(server, 1);
    await setAccountFee(stage.lead, 'kaspadev:1', 2_500n, 'test', 1);
    await stage.work('pplns', 1, 0, 1n);
    const hash = await stage.block({ pot: 'pplns', finder: 1, minute: 0, state: 'red' });
    await stage.output('ab'.repeat(32), 'unattributed', 1_000n, null);
    await attributeOutput(stage.lead, { txid: 'ab'.repeat(32), index: 0 }, hash);
    later(5);
    await stage.settler().tick();
    expect([await stage.balance('unattributed'), await stage.balances()]).toEqual([0n, new Map([[1, 750n]])]);
  });
});

describe('a division that SQL makes otherwise', () => {
  it('is not kept, and halts payouts and settlements until a person has looked', async () => {
    stage = await SettlementStage.open(server, 2);
    await stage.work('pplns', 1, 0, 1n);
    await stage.block({ pot: 'pplns', finder: 1, minute: 0 });
    // The fee that is applied is another one than the terms that SQL reads.
    await stage.sql`
      CREATE OR REPLACE FUNCTION recompute_settlement(of_settlement bigint, live_terms boolean DEFAULT false)
      RETURNS TABLE (account_id bigint, work numeric, gross_sompi numeric, bonus_sompi numeric, fee_basis_points integer,
                     fee_sompi numeric, donation_basis_points integer, donation_sompi numeric)
      LANGUAGE sql STABLE AS $$ SELECT 1::bigint, 1::numeric, 1000::numeric, 0::numeric, 100, 11::numeric, 0, 0::numeric $$`;
    later(5);
    expect((await stage.settler().tick()).halted).toBe(true);
    expect((await stage.settler().tick()).halted).toBe(true);
    const [counts] = await stage.sql<{ settlements: number; halts: number; reason: string }[]>`
      SELECT (SELECT count(*)::int FROM settlements) AS settlements, count(*)::int AS halts, max(reason) AS reason FROM halts`;
    expect(counts).toMatchObject({ settlements: 0, halts: 1 });
    expect(counts!.reason).toContain('account 1: 1 1000 0 10 0 ledger 990 / 1 1000 0 11 0 ledger 989');
    expect([await stage.balance('unsettled'), await stage.balances()]).toEqual([1_000n, new Map()]);
  });
});

describe('sums of ten minutes', () => {
  const window = {
    pplns: { feePercent: 0, finderBonusPercent: 0, windowDifficulties: 1e6, windowHoursMax: 1 },
  };

  it('are used for the inside of a window and give the same', async () => {
    stage = await SettlementStage.open(server, 2, window);
    for (let minute = 0; minute < 45; minute++) await stage.work('pplns', 1 + (minute % 2), minute, 1n);
    await stage.block({ pot: 'pplns', finder: 1, minute: 44, sompi: 4_500n });
    later(60);
    expect((await stage.settler().tick()).settled).toHaveLength(1);
    const [row] = await stage.sql<{ count: number }[]>`SELECT count(*)::int AS count FROM account_spans`;
    expect(row!.count).toBe(10);
    expect(await stage.balances()).toEqual(
      new Map([
        [1, 2_300n],
        [2, 2_200n],
      ]),
    );
  });

  it('give way to the minutes when shares came after them, without a halt', async () => {
    stage = await SettlementStage.open(server, 2, window);
    await stage.work('pplns', 1, 0, 1n);
    later(60);
    await stage.settler().tick();
    await stage.work('pplns', 2, 5, 1n);
    await stage.block({ pot: 'pplns', finder: 1, minute: 20, sompi: 1_000n });
    const report = await stage.settler().tick();
    expect(report).toMatchObject({ halted: false, settled: [{ accounts: 2 }] });
    expect(await stage.balances()).toEqual(
      new Map([
        [1, 500n],
        [2, 500n],
      ]),
    );
  });
});

describe('many settlements of seeded pools', () => {
  it.each([1, 2, 3])(
    'follow from their files, and from SQL years later (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      const upTo = (n: number) => Math.floor(random() * n);
      stage = await SettlementStage.open(server, 25, {
        pplns: { feePercent: 1.5, finderBonusPercent: 2.5, windowDifficulties: 3, windowHoursMax: 1 },
        prop: { feePercent: 2, finderBonusPercent: 1, windowHoursMax: 1 },
        points: { feePercent: 0.5, roundMinutes: 7 },
        feeTiers: [
          { fromTerahash: 0.0001, feePercent: 0.25 },
          { fromTerahash: 0.000_01, feePercent: 0.75 },
        ],
      });
      await stage.sql`
      INSERT INTO account_settings (account_id, donation_basis_points, signed_at, message, signature)
      SELECT id, id * 37, now(), '', '' FROM accounts WHERE id % 3 = 0`;
      await setAccountFee(stage.lead, 'kaspadev:4', 333n, 'test', 1);
      const pots: SchemeName[] = ['pplns', 'prop', 'solo', 'points', 'pps', 'fpps'];
      for (const pot of pots) {
        for (let minute = 0; minute < 30; minute++)
          for (let account = 1; account <= 25; account++)
            if (random() < 0.25) await stage.work(pot, account, minute, 1n + BigInt(upTo(2 ** 30)) * 64n);
        for (let blocks = 0; blocks < 6; blocks++)
          await stage.block({
            pot,
            finder: 1 + upTo(25),
            minute: upTo(30),
            sompi: 1n + BigInt(upTo(10 ** 12)),
            origin: blocks === 5 ? 'reds' : 'blue',
          });
      }
      later(60);
      const settler = stage.settler();
      for (let round = 0; round < 3; round++) expect((await settler.tick()).halted).toBe(false);
      expect(await stage.balance('unsettled')).toBe(0n);
      // What accounts ask for later changes nothing of what was divided.
      await setAccountFee(stage.lead, 'kaspadev:4', undefined, 'test', 2);
      await stage.sql`UPDATE account_settings SET donation_basis_points = 0, signed_at = now()`;
      const ids = await stage.sql<{ id: bigint; pot: number }[]>`SELECT id, pot FROM settlements ORDER BY id`;
      expect(new Set(ids.map(({ pot }) => pot))).toEqual(new Set(Object.values(POTS)));
      for (const { id } of ids) {
        const json = JSON.parse(JSON.stringify(await readSettlement(stage.sql, id)));
        expect(verifyDocument(readDocument(json)).differences, `settlement ${id}`).toEqual([]);
        expect(await stage.sql`SELECT * FROM settlement_differences(${id})`).toHaveLength(0);
      }
    },
    60_000,
  );

  it('do not verify when a single sompi was moved', async () => {
    stage = await SettlementStage.open(server, 3);
    for (const account of [1, 2, 3]) await stage.work('pplns', account, 0, BigInt(account));
    await stage.block({ pot: 'pplns', finder: 1, minute: 0 });
    later(5);
    const { settled } = await stage.settler().tick();
    const json = JSON.parse(JSON.stringify(await readSettlement(stage.sql, settled[0]!.settlementId)));
    json.accounts[0].grossSompi = String(BigInt(json.accounts[0].grossSompi) + 1n);
    json.settlement.windowFrom = '2026-06-01T11:00:00.000Z';
    expect(verifyDocument(readDocument(json)).differences.join('\n')).toMatch(/windowFrom[\s\S]*account 1/);
  });
});

describe('a payer that is killed', () => {
  it('at any statement of a settlement has settled it once or not at all', async () => {
    stage = await SettlementStage.open(server, 2);
    let statements = 0;
    for (let finished = false; !finished && statements < 60; ) {
      await stage.work('pplns', 1, statements, 1n);
      await stage.block({ pot: 'pplns', finder: 1, minute: statements });
      later(++statements);
      const dying = dyingAfter(stage.lead, statements);
      finished = await stage
        .settlerOf(dying)
        .tick()
        .then(
          () => true,
          () => false,
        );
      stage.lead.close();
      stage.lead = await takeLead(stage.database.url);
      await stage.settler().tick();
      await stage.settler().tick();
      expect(await stage.balances(), `after ${statements} statements`).toEqual(
        new Map([[1, 990n * BigInt(statements)]]),
      );
      const [row] = await stage.sql<{ count: number }[]>`SELECT count(*)::int AS count FROM settlements`;
      expect(row!.count).toBe(statements);
    }
    // Of the statements of a whole settlement each was the last one once.
    expect(statements).toBeGreaterThan(15);
    expect(statements).toBeLessThan(60);
  }, 120_000);
});

/** The server needs a moment to see that the old connection is gone. */
async function takeLead(url: string): Promise<Lead> {
  for (;;) {
    try {
      return await Lead.take(url, 'successor');
    } catch (error) {
      if (!/has the lead/.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** A lead whose connection is cut before its n-th statement is sent. */
function dyingAfter(lead: Lead, statements: number): Lead {
  let left = statements;
  const counted = (sql: Lead['sql']): Lead['sql'] =>
    new Proxy(sql, {
      apply(target, self, args: unknown[]) {
        // Fragments are templates, too, and are no statements; none is used by the settler.
        if (--left < 0) {
          lead.close();
          throw new Error('killed');
        }
        return Reflect.apply(target as unknown as (...a: unknown[]) => unknown, self, args);
      },
    });
  return {
    epoch: lead.epoch,
    get sql() {
      return counted(lead.sql);
    },
    transaction: (work: (sql: Lead['sql']) => Promise<unknown>) =>
      lead.transaction((sql) => work(counted(sql))),
    close: () => lead.close(),
  } as unknown as Lead;
}
