/** One settlement over a window of real sums, posted as the payer would: for tests that divide it again. */

import { type Entry, post } from '../../src/ledger/books.ts';
import { workInWindow } from '../../src/ledger/reward-window.ts';
import { splitReward } from '../../src/ledger/schemes/split.ts';
import type { Database } from '../../src/ledger/stores/postgres.ts';

const REWARD = 777_777_777n;

/** Whole minutes. Gives the settlement's number. */
export async function settleWindow(sql: Database, fromMs: number, toMs: number): Promise<bigint> {
  const [lead] = await sql<{ epoch: bigint }[]>`SELECT take_lead('payer', 'test') AS epoch`;
  const [last] = await sql<{ round: bigint }[]>`SELECT coalesce(max(round), 0) + 1 AS round FROM settlements`;
  const round = last!.round;
  const key = (of: string) => `${of}:1:${round}`;
  const write = (of: string, kind: string, entries: readonly Entry[]) =>
    post(sql, lead!.epoch, { key: of, kind, detail: {}, entries });
  const policy = await write(key('policy'), 'policy', []);
  await sql`INSERT INTO policies (pot, terms, effective_at, transaction_id)
    VALUES (1, '{"scheme": "pplns", "feeBasisPoints": 0}', ${new Date(fromMs + Number(round))}, ${policy})`;
  const txid = round.toString(16).padStart(64, 'c');
  const reward = await write(`reward:${txid}:0`, 'reward', [
    { kind: 'treasury', sompi: -REWARD },
    { kind: 'unsettled', sompi: REWARD },
  ]);
  const window = await workInWindow(sql, 1, { fromMs, toMs });
  const work = window.reduce((sum, one) => sum + one.work, 0n);
  const { parts } = splitReward(REWARD, 0n, window);
  const settled = await write(key('settlement'), 'settlement', [
    { kind: 'unsettled', sompi: -REWARD },
    ...parts.map(({ accountId, sompi }): Entry => ({ kind: 'miner', accountId, sompi })),
  ]);
  const [settlement] = await sql<{ id: bigint }[]>`
    INSERT INTO settlements (pot, policy_id, round, window_from, window_to, window_work, account_count, reward_sompi, dust_in_sompi,
      dust_out_sompi, fee_sompi, donation_sompi, transaction_id, leader_epoch)
    SELECT 1, max(id), ${round}, ${new Date(fromMs)}, ${new Date(toMs)}, ${String(work)}, ${parts.length}, ${REWARD}, 0, 0, 0, 0, ${settled},
      ${lead!.epoch} FROM policies RETURNING id`;
  for (const { accountId, sompi } of parts) {
    const one = window.find((row) => row.accountId === accountId)!;
    await sql`
      INSERT INTO settlement_parts (settlement_id, account_id, work, gross_sompi, bonus_sompi, fee_sompi, donation_sompi)
      VALUES (${settlement!.id}, ${accountId}, ${String(one.work)}, ${sompi}, 0, 0, 0)`;
  }
  await sql`INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, block_id, transaction_id, settlement_id, leader_epoch)
    SELECT ${txid}, 0, ${REWARD}, 'blue', 1, min(id), ${reward}, ${settlement!.id}, ${lead!.epoch} FROM blocks`;
  return settlement!.id;
}
