/** What a settlement waits for, and that it never waits, or gives up, for the wrong reason. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { obey } from '../../src/ledger/settlement/operator-orders.ts';
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

describe('a settlement that waits', () => {
  it('does not give up an engine because somebody set the clock', async () => {
    stage = await SettlementStage.open(server, 1);
    await stage.work('pplns', 1, 0, 1n);
    await stage.block({ pot: 'pplns', finder: 1, minute: 0 });
    await stage.loadedThrough(0);
    let monotonicMs = 0;
    const settler = stage.settlerOf(stage.lead, 10 * MINUTE_MS, () => monotonicMs);
    const tickAt = async (minutesByClock: number, minutes: number) => {
      later(minutesByClock);
      monotonicMs = minutes * MINUTE_MS;
      return settler.tick();
    };
    expect((await tickAt(2 * 24 * 60, 1)).waiting).toMatchObject([{ reason: 'journals' }]);
    expect((await tickAt(3, 3)).waiting).toMatchObject([{ reason: 'journals' }]);
    expect(await stage.sql`SELECT FROM pot_minutes`).toHaveLength(0);
    // Back to the right time, and from there on as long as after a start.
    expect((await tickAt(12, 12)).waiting).toMatchObject([{ reason: 'journals' }]);
    expect((await tickAt(13, 13)).settled).toHaveLength(1);
  });

  it('does not keep PROP waiting for ever for a blue block that nobody pays, or that a person gave its output', async () => {
    stage = await SettlementStage.open(server, 1);
    await stage.work('prop', 1, 0, 1n);
    await stage.work('prop', 1, 2, 1n);
    const first = await stage.block({ pot: 'prop', finder: 1, minute: 0, state: 'blue' });
    const late = await stage.block({ pot: 'prop', finder: 1, minute: 1, state: 'blue' });
    await stage.block({ pot: 'prop', finder: 1, minute: 2 });
    await stage.sql`UPDATE blocks SET deep = true`;
    later(5);
    expect((await stage.settler().tick()).waiting).toMatchObject([{ reason: 'blocks' }]);
    await stage.output('ab'.repeat(32), 'unattributed', 1_000n, null);
    const outpoint = `${'ab'.repeat(32)}:0`;
    await obey(stage.lead, { order: 'attribute', outpoint, blockHash: first }, '1');
    const blocks =
      await stage.sql`SELECT state, reward_sompi AS reward FROM blocks WHERE block_hash = ${first}`;
    expect(blocks).toMatchObject([{ state: 'matured', reward: 1_000n }]);
    expect((await stage.settler().tick()).waiting).toMatchObject([{ reason: 'blocks' }]);
    await stage.sql`UPDATE blocks SET updated_at = now() - interval '25 hours' WHERE block_hash = ${late}`;
    await stage.settler().tick();
    expect([await stage.balance('unsettled'), await stage.balances()]).toEqual([0n, new Map([[1, 1_980n]])]);
  });
});
