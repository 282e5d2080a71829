/** PPS and FPPS on a real PostgreSQL: every minute once, in order, never below the stop line. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { configExample } from '../../config/example.ts';
import { parseConfig } from '../../config/load.ts';
import { POTS } from '../../src/domain/pot.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { Registry } from '../../src/kit/metrics.ts';
import { post } from '../../src/ledger/books.ts';
import { readLuck, readReserve } from '../../src/ledger/reserve/reserve-facts.ts';
import { obey } from '../../src/ledger/settlement/operator-orders.ts';
import { RewardDesk } from '../../src/ledger/settlement/reward-desk.ts';
import { BITS_OF_DIFFICULTY_ONE, MINUTE_MS, NOON, SettlementStage } from '../kit/settlement-stage.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const payOut = (address: string, sompi: string) =>
  ({ order: 'pay-out', from: 'pool_fee', address, sompi }) as const;

let server: TestDatabase;
let stage: SettlementStage;

beforeAll(async () => {
  server = await withTestDatabase();
}, 60_000);

afterEach(() => stage?.close());
afterAll(() => server?.stop());

const BLOCK_WORK = 1n << 32n;
const DEPOSIT = 'dd'.repeat(32);
const terms = (stopKas: string) => ({
  pps: { feePercent: 4, reserveStopKas: stopKas },
  fpps: { feePercent: 4, reserveStopKas: stopKas },
});

async function openStage(stopKas = '0'): Promise<RewardDesk> {
  stage = await SettlementStage.open(server, 2, terms(stopKas));
  const parsed = parseConfig(configExample(), 'example');
  if (!parsed.ok) throw new Error('the example is good');
  return new RewardDesk({
    lead: stage.lead,
    rewards: { ...parsed.config.rewards, ...terms(stopKas) },
    clock: () => stage.nowMs,
    log: silentLogger,
    registry: new Registry(),
    source: {
      networkFacts: async () => ({
        networkBits: BITS_OF_DIFFICULTY_ONE,
        subsidySompi: 10_000_000n,
        feesSompi: 1_000_000n,
      }),
    },
  });
}

async function fund(sompi: bigint, txid = DEPOSIT): Promise<void> {
  await stage.output(txid, 'deposit', sompi, null);
  await obey(stage.lead, { order: 'fund-reserve', outpoint: `${txid}:0` }, txid);
}

describe('PPS', () => {
  it('credits the work of every complete minute once, less the fee, from the reserve', async () => {
    const desk = await openStage();
    await fund(100_000_000n);
    await stage.work('pps', 1, 0, BLOCK_WORK);
    await stage.work('pps', 2, 0, BLOCK_WORK / 2n);
    await stage.work('fpps', 1, 1, BLOCK_WORK);
    await desk.tick();
    expect(await stage.balances()).toEqual(new Map());
    stage.nowMs = NOON + 2 * MINUTE_MS;
    const { pps } = await desk.tick();
    // Bits of difficulty 1 are a little easier than 2^32 hashes: what comes out is a little more than the subsidy.
    const gross = pps.creditedSompi;
    expect(pps.creditedMinutes).toBe(2);
    expect(Number(gross) / 26_000_000).toBeCloseTo(1, 3);
    expect(await stage.balance('reserve')).toBe(100_000_000n - gross);
    const fee = await stage.balance('pool_fee');
    expect(Number(fee) / Number(gross)).toBeCloseTo(0.04, 6);
    const balances = await stage.balances();
    expect([...balances.values()].reduce((sum, one) => sum + one, 0n) + fee).toBe(gross);
    expect((await desk.tick()).pps.creditedMinutes).toBe(0);
    expect(await stage.balances()).toEqual(balances);
  });

  it('pauses at the stop line, keeps what is owed in order, and goes on when the reserve is filled', async () => {
    const desk = await openStage('0.05');
    await fund(16_000_000n);
    for (const minute of [0, 1, 2]) await stage.work('pps', 1, minute, BLOCK_WORK);
    stage.nowMs = NOON + 5 * MINUTE_MS;
    const { pps } = await desk.tick();
    expect(pps.creditedMinutes).toBe(1);
    expect(pps.paused).toMatchObject([{ pot: POTS.pps, minuteMs: NOON + MINUTE_MS }]);
    expect(await stage.balance('reserve')).toBeGreaterThanOrEqual(5_000_000n);
    expect((await readReserve(stage.sql)).pots[0]).toMatchObject({ owedMinutes: 2, scheme: 'pps' });
    await fund(20_000_000n, 'ee'.repeat(32));
    expect((await desk.tick()).pps).toMatchObject({ creditedMinutes: 2, paused: [] });
  });

  it('fills the reserve with its blocks, also those that nobody has worked for', async () => {
    const desk = await openStage();
    await stage.block({ pot: 'pps', finder: 1, minute: 0, sompi: 5_000n });
    await stage.block({ pot: 'fpps', finder: 2, minute: 0, sompi: 6_000n });
    const { settlements } = await desk.tick();
    expect(settlements.settled).toHaveLength(2);
    expect([await stage.balance('reserve'), await stage.balance('unsettled')]).toEqual([11_000n, 0n]);
  });

  it('pays a minute that no node told of by the one before it', async () => {
    const desk = await openStage();
    await fund(100_000_000n);
    await desk.tick();
    await stage.work('pps', 1, 7, BLOCK_WORK);
    await stage.sql`
      INSERT INTO network_minutes (minute, network_bits, subsidy_sompi, fees_sompi)
      VALUES (${new Date(NOON + 8 * MINUTE_MS)}, ${BigInt(BITS_OF_DIFFICULTY_ONE)}, 1, 1)`;
    stage.nowMs = NOON + 9 * MINUTE_MS;
    expect(Number((await desk.tick()).pps.creditedSompi) / 10_000_000).toBeCloseTo(1, 3);
  });
});

describe('the reserve', () => {
  it('takes a deposit once, and collected fees as often as they are there', async () => {
    await openStage();
    await fund(1_000n);
    await obey(stage.lead, { order: 'fund-reserve', outpoint: `${DEPOSIT}:0` }, 'again');
    expect([await stage.balance('reserve'), await stage.balance('deposits')]).toEqual([1_000n, 0n]);
    await expect(
      obey(stage.lead, { order: 'fund-reserve-from-fees', sompi: '1' }, '1'),
    ).rejects.toMatchObject({ code: 'SLUICE_FEES_SHORT' });
  });

  it('gets no fees that the pool has spent on the network, and neither does the operator', async () => {
    await openStage();
    const { lead } = stage;
    const entries = [
      { kind: 'treasury', sompi: -600n },
      { kind: 'pool_fee', sompi: 1_000n },
      { kind: 'network_fees', sompi: -400n },
    ] as const;
    await post(lead.sql, lead.epoch, { key: 'fees', kind: 'reward', detail: {}, entries });
    await expect(obey(lead, { order: 'fund-reserve-from-fees', sompi: '601' }, '1')).rejects.toMatchObject({
      code: 'SLUICE_FEES_SHORT',
    });
    await expect(obey(lead, payOut('kaspadev:1', '601'), '1')).rejects.toMatchObject({
      code: 'SLUICE_FEES_SHORT',
    });
    await obey(lead, { order: 'fund-reserve-from-fees', sompi: '100' }, '2');
    await obey(lead, payOut('kaspadev:owner', '500'), '3');
    expect([await stage.balance('reserve'), await stage.balance('pool_fee')]).toEqual([100n, 400n]);
    expect(await stage.balances()).toEqual(new Map([[3, 500n]]));
    await expect(obey(lead, payOut('kaspadev:owner', '1'), '4')).rejects.toThrow();
  });

  it('knows the luck of the blocks that fill it', async () => {
    const desk = await openStage();
    await stage.work('pps', 1, 0, 4n * BLOCK_WORK);
    await stage.block({ pot: 'pps', finder: 1, minute: 0, sompi: 5_000n });
    await stage.block({ pot: 'pps', finder: 1, minute: 0, sompi: 7_000n });
    stage.nowMs = NOON + 5 * MINUTE_MS;
    await desk.tick();
    const luck = await readLuck(stage.sql, [POTS.pps], 3_650);
    expect(luck).toMatchObject({ paidBlocks: 2, blockSompi: 6_000 });
    expect(luck.expectedBlocks).toBeCloseTo(4, 2);
  });
});
