import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TreasuryUtxo } from '../../src/chains/kaspa/treasury.ts';
import { SeededRandom } from '../../src/simnode/random.ts';
import { MATURITY_DAA, PAY_SCRIPT, RewardStage, TREASURY_ADDRESS } from '../kit/reward-stage.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const sent = (n: number, amountSompi: bigint): TreasuryUtxo => ({
  ...{
    transactionId: `e${n.toString(16).padStart(63, '0')}`,
    index: 0,
    address: TREASURY_ADDRESS,
    amountSompi,
  },
  ...{ script: PAY_SCRIPT, scriptVersion: 0, blockDaaScore: 1n, isCoinbase: false },
});

describe('the intake of rewards', () => {
  let database: TestDatabase;
  let stage: RewardStage;

  beforeAll(async () => {
    database = await withTestDatabase();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    stage = await RewardStage.open(database);
  });
  afterEach(() => stage.close());

  /** Books and chain say the very same of all that is mature. */
  const expectExact = async () => {
    const { outputs, balances } = await stage.books();
    const chain = await stage.matureOnChain();
    const rows = Object.values(outputs);
    expect(rows.reduce((sum, row) => sum + row.count, 0)).toBe(chain.count);
    expect(rows.reduce((sum, row) => sum + row.sompi, 0n)).toBe(chain.sompi);
    expect(balances.treasury).toBe(-chain.sompi);
    const [wrong] = await stage.sql<{ count: number }[]>`
      SELECT count(*)::int AS count FROM blocks b LEFT JOIN LATERAL (
        SELECT sum(amount_sompi) AS paid FROM treasury_outputs t WHERE t.block_id = b.id) t ON true
      WHERE (b.state = 'matured') <> (t.paid IS NOT NULL) OR (b.state = 'matured' AND b.reward_sompi <> t.paid)`;
    expect(wrong!.count).toBe(0);
    return outputs;
  };

  it('books each reward once when it matures, and not before', async () => {
    const hashes = [];
    for (let n = 0; n < 4; n++) hashes.push(await stage.mine());
    await stage.others(3);
    await stage.follow();
    expect(await stage.block(hashes[0]!)).toMatchObject({ state: 'blue' });
    const young = await stage.intake();
    expect(young).toMatchObject({ immature: 4, learned: 4, missing: [] });
    expect((await stage.books()).outputs).toEqual({});
    await stage.others(MATURITY_DAA);
    expect((await stage.intake()).booked.blue.count).toBe(4);
    await expectExact();
    for (const hash of hashes)
      expect(await stage.block(hash)).toMatchObject({ state: 'matured', colour: 'blue' });
    expect((await stage.intake()).booked.blue.count).toBe(0);
    stage.killPayer();
    expect((await stage.intake()).booked.blue.count).toBe(0);
    await expectExact();
  });

  it('follows a reorganisation to the coinbase that pays in the end', async () => {
    const hash = await stage.mine();
    await stage.others(2);
    await stage.follow();
    await stage.intake();
    const before = await stage.block(hash);
    await stage.reorganise(3, false);
    await stage.others(2);
    await stage.follow();
    const after = await stage.block(hash);
    expect(after).toMatchObject({ colour: 'blue' });
    expect(after!.merging_block).not.toBe(before!.merging_block);
    await stage.intake();
    await stage.others(MATURITY_DAA + 2);
    await stage.intake();
    expect((await expectExact()).blue?.count).toBe(1);
    const [origins] =
      await stage.sql`SELECT count(*)::int AS count FROM reward_origins WHERE origin = 'blue'`;
    expect(origins!.count).toBe(2);
  });

  it('books nothing for a block that a reorganisation turned red, however blue it was', async () => {
    const hash = await stage.mine();
    await stage.others(MATURITY_DAA - 4);
    await stage.follow();
    // As old as it can be without being anybody's money.
    expect(await stage.block(hash)).toMatchObject({ state: 'blue', deep: false });
    await stage.intake();
    await stage.reorganise(MATURITY_DAA - 3, true);
    await stage.others(2);
    await stage.follow();
    expect(await stage.block(hash)).toMatchObject({ state: 'accepted', colour: 'red', reward_sompi: 0n });
    await stage.others(MATURITY_DAA * 2);
    await stage.follow();
    expect((await stage.intake()).booked.blue.count).toBe(0);
    expect(await stage.block(hash)).toMatchObject({ state: 'red', deep: true });
    expect(await expectExact()).toEqual({});
  });

  it('books what our own block got for the reds that it merged', async () => {
    await stage.node.command('red', { value: '1' });
    const red = await stage.mine();
    const merger = await stage.mine();
    await stage.others(MATURITY_DAA + 3);
    await stage.follow();
    await stage.intake();
    const outputs = await expectExact();
    expect(outputs).toMatchObject({ blue: { count: 1 }, reds: { count: 1 } });
    expect(await stage.block(red)).toMatchObject({ colour: 'red', reward_sompi: 0n });
    expect(await stage.block(merger)).toMatchObject({
      state: 'matured',
      reward_sompi: outputs.blue!.sompi + outputs.reds!.sompi,
    });
  });

  it('finds what matured while both engine and payer were down', async () => {
    const hashes = [];
    for (let n = 0; n < 30; n++) hashes.push(await stage.mine());
    await stage.follow();
    await stage.restartEngine();
    await stage.others(500);
    const report = await stage.intake();
    expect(report.booked.blue.count).toBe(30);
    await expectExact();
    await stage.follow();
    for (const hash of hashes) expect(await stage.block(hash)).toMatchObject({ state: 'matured' });
  });

  it('learns whose outputs they are without a pause, when many have matured meanwhile', async () => {
    for (let n = 0; n < 40; n++) await stage.mine();
    await stage.others(3);
    await stage.follow();
    await stage.others(MATURITY_DAA);
    const first = await stage.intake();
    // The audit must not call overdue what is only waited for.
    expect(first).toMatchObject({ learned: 32, waiting: 8, more: true });
    expect(first.waitingFromDaa).toBeGreaterThan(0n);
    expect(await stage.intake()).toMatchObject({ waiting: 0, waitingFromDaa: undefined, more: false });
    await expectExact();
  });

  it('waits for a block that only the journal knows yet, and gives up a coinbase of nobody in the end', async () => {
    await stage.mine(false);
    await stage.others(MATURITY_DAA + 3);
    expect(await stage.intake()).toMatchObject({ waiting: 1, booked: { unattributed: { count: 0 } } });
    await stage.others(MATURITY_DAA * 2);
    expect(await stage.intake()).toMatchObject({ waiting: 1 });
    await stage.others(MATURITY_DAA);
    expect((await stage.intake()).booked.unattributed.count).toBe(1);
    const { balances } = await stage.books();
    expect(balances.unattributed).toBe(-balances.treasury!);
    expect(balances.unsettled).toBe(0n);
  });

  it('holds a coinbase as long as a block of ours is open that it may be for', async () => {
    await stage.mine();
    await stage.follow();
    // The node cannot tell, and the engine is away: the block stays `accepted`.
    const { rewardOrigins } = stage.chain;
    Object.assign(stage.chain, { rewardOrigins: async () => [] });
    for (let n = 0; n < 5; n++) {
      await stage.others(MATURITY_DAA * 2);
      expect(await stage.intake()).toMatchObject({ booked: { unattributed: { count: 0 } } });
    }
    Object.assign(stage.chain, { rewardOrigins });
    expect((await stage.intake()).booked.blue.count).toBe(1);
    await expectExact();
  });

  it('books deposits apart, and ten thousand of one sompi as nothing but a number', async () => {
    await stage.others(MATURITY_DAA);
    stage.extraUtxos = [
      sent(1, 5_000_000_000n),
      ...Array.from({ length: 10_000 }, (_, n) => sent(n + 2, 1n)),
    ];
    const report = await stage.intake();
    expect(report).toMatchObject({
      dust: { count: 10_000, sompi: 10_000n },
      booked: { deposit: { count: 1 } },
    });
    expect(await stage.intake()).toMatchObject({
      dust: { count: 10_000 },
      booked: { deposit: { count: 0 } },
    });
    const { outputs, balances } = await stage.books();
    expect(outputs).toEqual({ deposit: { count: 1, sompi: 5_000_000_000n } });
    expect(balances).toMatchObject({ deposits: 5_000_000_000n, treasury: -5_000_000_000n, unsettled: 0n });
  });

  it('takes no more deposits at once than it can swallow, and says that there are more', async () => {
    await stage.others(MATURITY_DAA);
    stage.extraUtxos = Array.from({ length: 700 }, (_, n) => sent(n + 1, 10n ** 8n));
    expect(await stage.intake()).toMatchObject({ more: true, booked: { deposit: { count: 500 } } });
    expect(await stage.intake()).toMatchObject({ more: false, booked: { deposit: { count: 200 } } });
  });

  it('lists outputs that the books have and the chain has not, unless the node is behind', async () => {
    await stage.mine();
    await stage.others(MATURITY_DAA + 3);
    await stage.follow();
    await stage.intake();
    expect(await stage.missing()).toEqual([]);
    const [row] = await stage.sql`SELECT txid, output_index, amount_sompi FROM treasury_outputs`;
    stage.hidden.add(`${row!.txid}:${row!.output_index}`);
    stage.extraUtxos = [sent(1, 10n ** 8n)];
    const gone = {
      txid: row!.txid,
      index: row!.output_index,
      amountSompi: row!.amount_sompi,
      origin: 'blue',
    };
    expect(await stage.missing()).toEqual([gone]);
    expect(await stage.intake()).toMatchObject({
      missing: [gone],
      held: 1,
      booked: { deposit: { count: 0 } },
    });
    Object.assign(stage.chain, { virtualDaaScore: async () => 5n });
    expect(await stage.missing()).toEqual([]);
  });

  it('is exact after reds, forks, reorganisations and restarts in any order', {
    timeout: 120_000,
  }, async () => {
    await stage.close();
    stage = await RewardStage.open(database, { redRate: 0.3, forkRate: 0.3, seed: 'rewards' });
    const random = new SeededRandom(7);
    for (let turn = 0; turn < 40; turn++) {
      for (let n = random.below(3); n >= 0; n--) await stage.mine();
      await stage.others(1 + random.below(6));
      if (random.below(4) === 0) await stage.reorganise(1 + random.below(8), random.below(2) === 0);
      if (random.below(3) > 0) await stage.follow();
      if (random.below(6) === 0) await stage.restartEngine();
      if (random.below(6) === 0) stage.killPayer();
      if (random.below(3) > 0) await stage.intake();
    }
    await stage.others(MATURITY_DAA * 4);
    await stage.follow();
    for (let n = 0; n < 5; n++) await stage.intake();
    await stage.follow();
    const outputs = await expectExact();
    expect(outputs.unattributed).toBeUndefined();
    expect(outputs.blue!.count).toBeGreaterThan(20);
    const [red] = await stage.sql<{ count: number }[]>`SELECT count(*)::int AS count FROM red_causes`;
    expect(red!.count).toBeGreaterThan(5);
  });

  it('comes out right when it is killed at any statement', async () => {
    await stage.sql.unsafe(`
      CREATE SEQUENCE steps; CREATE TABLE fatal (step bigint);
      CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('steps') = (SELECT step FROM fatal) THEN
          PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5);
        END IF;
        RETURN NEW;
      END $$;`);
    for (const [when, table] of [
      ['INSERT', 'treasury_outputs'],
      ['INSERT', 'ledger_transactions'],
      ['INSERT', 'ledger_entries'],
      ['INSERT', 'reward_origins'],
      ['UPDATE', 'ledger_accounts'],
      ['UPDATE', 'ledger_head'],
      ['UPDATE', 'blocks'],
    ])
      await stage.sql.unsafe(
        `CREATE TRIGGER z_die AFTER ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION die()`,
      );
    let deaths = 0;
    for (let step = 1; ; step++) {
      await stage.mine();
      await stage.others(MATURITY_DAA + 3);
      await stage.follow();
      await stage.sql`DELETE FROM fatal`;
      await stage.sql`INSERT INTO fatal VALUES (${step})`;
      await stage.sql`SELECT setval('steps', 1, false)`;
      const died = await stage.intake().then(
        () => false,
        () => true,
      );
      await stage.sql`DELETE FROM fatal`;
      await stage.intake();
      expect((await expectExact()).blue?.count).toBe(step);
      if (!died) break;
      deaths++;
    }
    // Origin, transaction, two entries, two balances, the head, the output, the block twice.
    expect(deaths).toBe(10);
  });
});
