/** Ways to spoil payouts: states, steps, payees, inputs, fees and change. */
import { COVER_TRACKS, type Corruption, type Pick } from './corruption.ts';

type Row = readonly [kind: string, caughtBy: string, sql: (pick: Pick) => string];

const confirmed = "state = 'CONFIRMED'";

const PAYOUTS: readonly Row[] = [
  [
    'payout: state jumped',
    'steps-are-allowed',
    (p) =>
      `UPDATE payouts SET state = 'CONFIRMED', txid = coalesce(txid, repeat('d', 64)), signed_bytes = '\\x01', accepting_block = repeat('c', 64) WHERE id = ${p.one('payouts', 'id', "state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED')")}`,
  ],
  [
    'payout: state set back',
    'steps-are-allowed',
    (p) => `UPDATE payouts SET state = 'BROADCAST' WHERE id = ${p.one('payouts', 'id', confirmed)}`,
  ],
  [
    'payout: cancelled by hand',
    'reserved-before-signed',
    (p) =>
      `UPDATE payouts SET state = 'CANCELLED' WHERE id = ${p.one('payouts', 'id', "state = 'PLANNED'")}; INSERT INTO payout_steps (payout_id, from_state, to_state, leader_epoch) SELECT id, 'PLANNED', 'CANCELLED', 2 FROM payouts WHERE state = 'CANCELLED' AND id > ${p.number(2) + 6}`,
  ],
  [
    'payout: confirmed in the ledger only',
    'reserved-before-signed',
    (p) =>
      `UPDATE payouts SET state = 'ACCEPTED' WHERE id = ${p.one('payouts', 'id', confirmed)}; DELETE FROM payout_steps s WHERE to_state = 'CONFIRMED' AND payout_id IN (SELECT id FROM payouts WHERE state = 'ACCEPTED')`,
  ],
  [
    'payout: never reserved',
    'reserved-before-signed',
    (p) =>
      `INSERT INTO payouts (kind, state, plan, plan_hash, paid_sompi, fee_sompi, change_sompi, fee_from, mass_grams, txid, signed_bytes, leader_epoch) SELECT 'payment', 'SIGNED', '{}', repeat('1', 64), 1000, 0, 0, 'pool', 1, repeat('9', 64), '\\x01', 2; INSERT INTO payments SELECT max(id), ${p.number(4)}, 1000, 0, 1000 FROM payouts`,
  ],
  [
    'payout: deleted altogether',
    'reserved-before-signed',
    (p) =>
      `CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT ${p.one('payouts', 'id', "kind = 'payment'")} AS id; DELETE FROM payments WHERE payout_id = (SELECT id FROM gone); DELETE FROM payout_inputs WHERE payout_id = (SELECT id FROM gone); DELETE FROM payout_steps WHERE payout_id = (SELECT id FROM gone); DELETE FROM payouts WHERE id = (SELECT id FROM gone)`,
  ],
  [
    'payment: raised',
    'reserved-before-signed',
    (p) =>
      `UPDATE payments SET reserved_sompi = reserved_sompi + 10, output_sompi = output_sompi + 10 WHERE ctid = ${p.row('payments')}`,
  ],
  [
    'payment: to another account',
    'reserved-before-signed',
    (p) =>
      `INSERT INTO accounts (address) VALUES ('kaspatest:thief'); UPDATE payments SET account_id = (SELECT max(id) FROM accounts) WHERE ctid = ${p.row('payments')}`,
  ],
  [
    'payment: deleted',
    'reserved-before-signed',
    (p) => `DELETE FROM payments WHERE ctid = ${p.row('payments')}`,
  ],
  [
    'plan: reserved less, all traces covered',
    'reserved-before-signed',
    (p) =>
      `UPDATE ledger_entries SET amount_sompi = amount_sompi - sign(amount_sompi) WHERE transaction_id = (SELECT id FROM ledger_transactions WHERE key = 'plan:' || ${p.one('payouts', 'id', "state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED')")});${COVER_TRACKS}`,
  ],
  [
    'step: deleted',
    'steps-are-allowed',
    (p) => `DELETE FROM payout_steps WHERE id = ${p.one('payout_steps', 'id')}`,
  ],
  [
    'step: invented',
    'steps-are-allowed',
    (p) =>
      `INSERT INTO payout_steps (payout_id, from_state, to_state, leader_epoch) VALUES (${p.one('payouts', 'id', confirmed)}, 'CONFIRMED', 'SIGNED', 2)`,
  ],
  [
    'step: from another state',
    'steps-are-allowed',
    (p) =>
      `UPDATE payout_steps SET from_state = 'ACCEPTED' WHERE id = ${p.one('payout_steps', 'id', "from_state IS DISTINCT FROM 'ACCEPTED'")}`,
  ],
  [
    'step: of another payout',
    'steps-are-allowed',
    (p) => `UPDATE payout_steps SET payout_id = 1 + payout_id % 9 WHERE id = ${p.one('payout_steps', 'id')}`,
  ],
  [
    'input: live twice',
    'one-payout-per-input',
    (p) =>
      `DROP INDEX payout_inputs_live; INSERT INTO payout_inputs (payout_id, txid, output_index) SELECT 9, txid, output_index FROM payout_inputs WHERE ctid = ${p.row('payout_inputs', 'live AND payout_id <> 9')}`,
  ],
  [
    'input: set free',
    'one-payout-per-input',
    (p) => `UPDATE payout_inputs SET live = false WHERE ctid = ${p.row('payout_inputs', 'live')}`,
  ],
  [
    'input: of a payout that came to nothing, live',
    'one-payout-per-input',
    (p) =>
      `DROP INDEX payout_inputs_live; UPDATE payout_inputs SET live = true WHERE ctid = ${p.row('payout_inputs', 'NOT live')}`,
  ],
  [
    'input: deleted',
    'transactions-add-up',
    (p) => `DELETE FROM payout_inputs WHERE ctid = ${p.row('payout_inputs')}`,
  ],
  [
    'input: another output',
    'transactions-add-up',
    (p) =>
      `UPDATE payout_inputs SET txid = lpad(to_hex(100), 64, '0'), output_index = 3 WHERE ctid = ${p.row('payout_inputs')}`,
  ],
  [
    'output: spent_by wiped',
    'one-payout-per-input',
    (p) =>
      `UPDATE treasury_outputs SET spent_by = NULL WHERE ctid = ${p.row('treasury_outputs', 'spent_by IS NOT NULL')}`,
  ],
  [
    'output: spent by another payout',
    'one-payout-per-input',
    (p) =>
      `UPDATE treasury_outputs SET spent_by = repeat('8', 64) WHERE ctid = ${p.row('treasury_outputs', 'spent_by IS NOT NULL')}`,
  ],
  [
    'output: spent, it is said',
    'one-payout-per-input',
    (p) =>
      `UPDATE treasury_outputs SET spent_by = ${p.one('payouts', 'txid', confirmed)} WHERE ctid = ${p.row('treasury_outputs', 'spent_by IS NULL')}`,
  ],
  [
    'fee: changed',
    'transactions-add-up',
    (p) => `UPDATE payouts SET fee_sompi = fee_sompi + ${p.number(9)} WHERE id = ${p.one('payouts', 'id')}`,
  ],
  [
    'fee: above the cap, out of the change',
    'transactions-add-up',
    (p) =>
      `UPDATE payouts SET fee_sompi = fee_sompi + 200000000, change_sompi = change_sompi - 200000000 WHERE id = ${p.one('payouts', 'id', "state NOT IN ('CANCELLED', 'CONFIRMED')")}`,
  ],
  [
    'paid: changed',
    'transactions-add-up',
    (p) => `UPDATE payouts SET paid_sompi = paid_sompi + ${p.number(9)} WHERE id = ${p.one('payouts', 'id')}`,
  ],
  [
    'change: changed',
    'transactions-add-up',
    (p) =>
      `UPDATE payouts SET change_sompi = change_sompi - ${p.number(9)} WHERE id = ${p.one('payouts', 'id')}`,
  ],
  [
    'change: its output smaller',
    'transactions-add-up',
    (p) =>
      `UPDATE treasury_outputs SET amount_sompi = amount_sompi - ${p.number(9)} WHERE ctid = ${p.row('treasury_outputs', "origin = 'change'")}`,
  ],
  [
    'change: its output gone',
    'transactions-add-up',
    (p) => `DELETE FROM treasury_outputs WHERE ctid = ${p.row('treasury_outputs', "origin = 'change'")}`,
  ],
];

export const PAYOUT_CORRUPTIONS: readonly Corruption[] = PAYOUTS.map(([kind, caughtBy, sql]) => ({
  kind,
  caughtBy,
  sql,
}));
