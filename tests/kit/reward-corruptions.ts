/** Ways to spoil outputs, settlements and credited minutes. */
import { type Corruption, type Pick, posting } from './corruption.ts';

type Row = readonly [kind: string, caughtBy: string, sql: (pick: Pick) => string];

const reward = "origin IN ('blue', 'reds') AND settlement_id IS NOT NULL";

const OUTPUTS: readonly Row[] = [
  [
    'reward: booked a second time',
    'one-reward-per-output',
    (p) =>
      posting(`reward:${'0'.repeat(63)}${p.number(9)}:1`, 'reward', [
        ["ledger_account('treasury')", '-500000000'],
        ["ledger_account('unsettled')", '500000000'],
      ]),
  ],
  [
    'output: amount changed',
    'one-reward-per-output',
    (p) =>
      `UPDATE treasury_outputs SET amount_sompi = amount_sompi + ${p.number(9)} WHERE ctid = ${p.row('treasury_outputs', "origin <> 'change'")}`,
  ],
  [
    'output: deleted',
    'one-reward-per-output',
    (p) => `DELETE FROM treasury_outputs WHERE ctid = ${p.row('treasury_outputs', "origin <> 'change'")}`,
  ],
  [
    'output: under another txid',
    'one-reward-per-output',
    (p) =>
      `UPDATE treasury_outputs SET txid = repeat('e', 64) WHERE ctid = ${p.row('treasury_outputs', "origin <> 'change'")}`,
  ],
  [
    'output: of another ledger transaction',
    'one-reward-per-output',
    (p) =>
      `UPDATE treasury_outputs SET transaction_id = 1 WHERE ctid = ${p.row('treasury_outputs', "origin <> 'change'")}`,
  ],
  [
    'output: a deposit counts as reward',
    'one-reward-per-output',
    () => `UPDATE treasury_outputs SET origin = 'blue', block_id = 14 WHERE origin = 'deposit'`,
  ],
  [
    'output: change of nothing',
    'transactions-add-up',
    (p) =>
      `INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, leader_epoch) VALUES (repeat('f', 64), ${p.number(9)}, 77, 'change', 1, 1)`,
  ],
  [
    'block: matured and not booked',
    'one-reward-per-output',
    (p) =>
      `INSERT INTO blocks (block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, found_at, updated_at, state, reward_sompi) SELECT repeat('a', 64), 1, 1, 1, 1, 1, 1, 1, now() + interval '1 minute', now() - interval '${10 + p.number(50)} minutes', 'matured', 5`,
  ],
];

const SETTLEMENTS: readonly Row[] = [
  [
    'settlement: reward changed',
    'settlements-add-up',
    (p) => `UPDATE settlements SET reward_sompi = reward_sompi + 1 WHERE id = ${p.one('settlements', 'id')}`,
  ],
  [
    'settlement: fee changed',
    'settlements-add-up',
    (p) =>
      `UPDATE settlements SET fee_sompi = fee_sompi + ${p.number(9)} WHERE id = ${p.one('settlements', 'id')}`,
  ],
  [
    'settlement: donation changed',
    'settlements-add-up',
    (p) =>
      `UPDATE settlements SET donation_sompi = donation_sompi + ${p.number(9)} WHERE id = ${p.one('settlements', 'id')}`,
  ],
  [
    'settlement: dust lost',
    'settlements-add-up',
    (p) =>
      `UPDATE settlements SET dust_out_sompi = dust_out_sompi + 1 WHERE id = ${p.one('settlements', 'id')}`,
  ],
  [
    'settlement: dust in wiped',
    'dust-is-carried',
    () => `UPDATE settlements SET dust_in_sompi = 0 WHERE dust_in_sompi > 0`,
  ],
  [
    'settlement: more dust than accounts',
    'dust-is-carried',
    (p) =>
      `UPDATE settlements SET dust_out_sompi = ${100 + p.number(900)} WHERE id = ${p.one('settlements', 'id')}`,
  ],
  [
    'settlement: accounts miscounted',
    'settlements-add-up',
    (p) =>
      `UPDATE settlements SET account_count = account_count + ${p.number(9)} WHERE id = ${p.one('settlements', 'id')}`,
  ],
  [
    'settlement: deleted with its parts',
    'settlements-add-up',
    (p) =>
      `DELETE FROM settlements WHERE id = ${p.one('settlements', 'id')}; DELETE FROM settlement_parts WHERE settlement_id NOT IN (SELECT id FROM settlements)`,
  ],
  [
    'settlement: under another ledger transaction',
    'settlements-add-up',
    (p) =>
      `UPDATE settlements SET transaction_id = ${p.one('ledger_transactions', 'id', "kind = 'reward'")} WHERE id = ${p.one('settlements', 'id')}`,
  ],
  [
    'settlement: an output points elsewhere',
    'settlements-add-up',
    (p) =>
      `UPDATE treasury_outputs SET settlement_id = 1 + settlement_id % 6 WHERE ctid = ${p.row('treasury_outputs', reward)}`,
  ],
  [
    'settlement: an output points nowhere',
    'settlements-add-up',
    (p) =>
      `UPDATE treasury_outputs SET settlement_id = NULL WHERE ctid = ${p.row('treasury_outputs', reward)}`,
  ],
  [
    'settlement: an undivided output claimed',
    'settlements-add-up',
    (p) =>
      `UPDATE treasury_outputs SET settlement_id = ${p.number(6)} WHERE origin IN ('blue', 'reds') AND settlement_id IS NULL`,
  ],
  [
    'window: begins later',
    'windows-recompute',
    (p) =>
      `UPDATE settlements SET window_from = window_from + interval '1 minute' WHERE id = ${p.one('settlements', 'id')}`,
  ],
  [
    'window: ends later',
    'windows-recompute',
    (p) =>
      `UPDATE settlements SET window_to = window_to + interval '1 minute' WHERE id = ${p.one('settlements', 'id')}`,
  ],
  [
    'window: work changed',
    'windows-recompute',
    (p) =>
      `UPDATE settlements SET window_work = window_work + ${p.number(9)} WHERE id = ${p.one('settlements', 'id')}`,
  ],
  [
    'part: credit raised',
    'settlements-add-up',
    (p) =>
      `UPDATE settlement_parts SET gross_sompi = gross_sompi + ${p.number(9)} WHERE ctid = ${p.row('settlement_parts')}`,
  ],
  [
    'part: fee and credit raised',
    'settlements-add-up',
    (p) =>
      `UPDATE settlement_parts SET gross_sompi = gross_sompi + 50, fee_sompi = fee_sompi + 50 WHERE ctid = ${p.row('settlement_parts')}`,
  ],
  [
    'part: paid out of all proportion',
    'credit-follows-work',
    (p) =>
      `UPDATE settlement_parts SET gross_sompi = gross_sompi + 5000, fee_sompi = fee_sompi + 5000 WHERE ctid = ${p.row('settlement_parts')}`,
  ],
  [
    'part: bonus taken for credit',
    'credit-follows-work',
    (p) =>
      `UPDATE settlement_parts SET gross_sompi = gross_sompi + bonus_sompi, bonus_sompi = 0 WHERE ctid = ${p.row('settlement_parts', 'bonus_sompi > 0')}`,
  ],
  [
    'part: given to another account',
    'settlements-add-up',
    (p) =>
      `INSERT INTO accounts (address) VALUES ('kaspatest:thief'); UPDATE settlement_parts SET account_id = (SELECT max(id) FROM accounts) WHERE ctid = ${p.row('settlement_parts')}`,
  ],
  [
    'part: deleted',
    'settlements-add-up',
    (p) => `DELETE FROM settlement_parts WHERE ctid = ${p.row('settlement_parts')}`,
  ],
  [
    'part: work changed',
    'windows-recompute',
    (p) => `UPDATE settlement_parts SET work = work + 1 WHERE ctid = ${p.row('settlement_parts')}`,
  ],
  [
    'parts: work of two swapped',
    'windows-recompute',
    (p) =>
      `UPDATE settlement_parts p SET work = o.work FROM settlement_parts o WHERE p.settlement_id = o.settlement_id AND p.account_id + o.account_id = 5 AND p.settlement_id = ${p.one('settlements', 'id', 'window_work > 0')}`,
  ],
];

const MINUTES: readonly Row[] = [
  [
    'minute: took more from the reserve',
    'settlements-add-up',
    (p) => `UPDATE pps_minutes SET gross_sompi = gross_sompi + ${p.number(9)}`,
  ],
  ['minute: deleted', 'settlements-add-up', () => `DELETE FROM pps_minutes`],
  [
    'output: attributed by nobody',
    'one-reward-per-output',
    () => `UPDATE ledger_transactions SET key = 'attribute:x:1' WHERE key LIKE 'attribute:%'`,
  ],
  [
    'part: fee points changed',
    'windows-recompute',
    (p) =>
      `UPDATE settlement_parts SET fee_basis_points = fee_basis_points + ${p.number(9)} WHERE ctid = ${p.row('settlement_parts', 'gross_sompi > 0')}`,
  ],
  [
    'policy: terms changed',
    'windows-recompute',
    () => `UPDATE policies SET terms = jsonb_set(terms, '{finderBonusBasisPoints}', '51')`,
  ],
  [
    'settlement: reserve changed',
    'settlements-add-up',
    (p) => `UPDATE settlements SET reserve_sompi = ${p.number(9)} WHERE id = ${p.one('settlements', 'id')}`,
  ],
];

export const REWARD_CORRUPTIONS: readonly Corruption[] = [...OUTPUTS, ...SETTLEMENTS, ...MINUTES].map(
  ([kind, caughtBy, sql]) => ({ kind, caughtBy, sql }),
);
