/** Ways to spoil entries, balances, the chain of hashes, epochs, guards and shares. */
import { COVER_TRACKS, type Corruption, type Pick, posting } from './corruption.ts';

type Row = readonly [kind: string, caughtBy: string, sql: (pick: Pick) => string];

const settled = `transaction_id IN (SELECT transaction_id FROM settlements)`;
const minerEntry = `${settled} AND ledger_account_id IN (SELECT id FROM ledger_accounts WHERE kind = 'miner')`;

const ENTRIES: readonly Row[] = [
  [
    'entry: amount changed',
    'entries-sum-to-zero',
    (p) =>
      `UPDATE ledger_entries SET amount_sompi = amount_sompi + ${p.number(1000)} WHERE ctid = ${p.row('ledger_entries', 'amount_sompi > 0')}`,
  ],
  [
    'entry: amount changed by one sompi, balances and hashes made anew',
    'entries-sum-to-zero',
    (p) =>
      `UPDATE ledger_entries SET amount_sompi = amount_sompi + 1 WHERE ctid = ${p.row('ledger_entries', 'amount_sompi > 0')};${COVER_TRACKS}`,
  ],
  [
    'entry: removed',
    'entries-sum-to-zero',
    (p) => `DELETE FROM ledger_entries WHERE ctid = ${p.row('ledger_entries')}`,
  ],
  [
    'entry: added',
    'entries-sum-to-zero',
    (p) =>
      `INSERT INTO ledger_entries SELECT t.id, l.id, ${p.number(500)} FROM ledger_transactions t, ledger_accounts l WHERE NOT EXISTS (SELECT FROM ledger_entries e WHERE e.transaction_id = t.id AND e.ledger_account_id = l.id) ORDER BY md5(t.id || l.kind || '${p.number(99)}') LIMIT 1`,
  ],
  [
    'entry: moved to another transaction',
    'entries-sum-to-zero',
    (p) =>
      `UPDATE ledger_entries SET transaction_id = ${p.one('ledger_transactions', 'id', "kind = 'policy'")} WHERE ctid = ${p.row('ledger_entries')}`,
  ],
  [
    'entry: moved to another account',
    'balances-are-entries',
    (p) =>
      `UPDATE ledger_entries e SET ledger_account_id = (SELECT id FROM ledger_accounts l WHERE l.kind = 'reserve') WHERE ctid = ${p.row('ledger_entries', "transaction_id NOT IN (SELECT id FROM ledger_transactions WHERE kind = 'reserve')")}`,
  ],
  [
    'entries: two of one transaction changed, the sum kept',
    'balances-are-entries',
    (p) =>
      `UPDATE ledger_entries SET amount_sompi = amount_sompi + 3 * sign(amount_sompi) WHERE transaction_id = ${p.one('ledger_transactions', 'id', "kind = 'reward'")}`,
  ],
  [
    'entries: count changed',
    'entries-sum-to-zero',
    (p) =>
      `UPDATE ledger_transactions SET entry_count = entry_count + 1 WHERE id = ${p.one('ledger_transactions', 'id')}`,
  ],
  [
    'entries: of a transaction that is gone',
    'entries-sum-to-zero',
    (p) =>
      `DELETE FROM ledger_transactions WHERE id = ${p.one('ledger_transactions', 'id', "kind = 'reward'")}`,
  ],
  [
    'balance: raised',
    'balances-are-entries',
    (p) =>
      `UPDATE ledger_accounts SET balance_sompi = balance_sompi + ${p.number(9)} WHERE id = ${p.one('ledger_accounts', 'id', "kind = 'miner'")}`,
  ],
  [
    'balance: moved from one account to another',
    'balances-are-entries',
    (p) =>
      `UPDATE ledger_accounts SET balance_sompi = balance_sompi + CASE account_id WHEN 1 THEN 77 ELSE -77 END WHERE kind = 'miner' AND account_id IN (1, ${1 + p.number(3)})`,
  ],
  [
    'balance: wiped',
    'balances-are-entries',
    (p) =>
      `UPDATE ledger_accounts SET balance_sompi = 0 WHERE id = ${p.one('ledger_accounts', 'id', 'balance_sompi <> 0')}`,
  ],
  [
    'balance: a miner below zero',
    'balances-have-their-sign',
    (p) =>
      `ALTER TABLE ledger_accounts DROP CONSTRAINT balance_has_its_sign; UPDATE ledger_accounts SET balance_sompi = -${p.number(9)} WHERE id = ${p.one('ledger_accounts', 'id', "kind = 'miner'")}`,
  ],
  [
    'balance: the treasury above zero',
    'balances-have-their-sign',
    (p) =>
      `ALTER TABLE ledger_accounts DROP CONSTRAINT balance_has_its_sign; UPDATE ledger_accounts SET balance_sompi = ${p.number(9)} WHERE kind = 'treasury'`,
  ],
  [
    'posting: dust swept into the fees',
    'dust-is-carried',
    (p) =>
      posting(`sweep:${p.number(9)}`, 'setting', [
        ["ledger_account('dust')", "-(SELECT balance_sompi FROM ledger_accounts WHERE kind = 'dust')"],
        ["ledger_account('pool_fee')", "(SELECT balance_sompi FROM ledger_accounts WHERE kind = 'dust')"],
      ]),
  ],
  [
    'posting: fees out of the treasury',
    'everything-is-accounted',
    (p) =>
      posting(`gift:${p.number(9)}`, 'setting', [
        ["ledger_account('pool_fee')", '-1000'],
        ["ledger_account('treasury')", '1000'],
      ]),
  ],
  [
    'posting: undivided rewards into the fees',
    'everything-is-accounted',
    (p) =>
      posting(`early:${p.number(9)}`, 'setting', [
        ["ledger_account('unsettled')", '-1000'],
        ["ledger_account('pool_fee')", '1000'],
      ]),
  ],
  [
    'posting: what is in flight given back',
    'reserved-before-signed',
    (p) =>
      posting(`back:${p.number(9)}`, 'setting', [
        [
          "(SELECT id FROM ledger_accounts WHERE kind = 'in_flight' AND balance_sompi > 0 ORDER BY id LIMIT 1)",
          '-500',
        ],
        ["ledger_account('pool_fee')", '500'],
      ]),
  ],
];

const CHAIN: readonly Row[] = [
  [
    'hash: flipped',
    'hash-chain-holds',
    (p) =>
      `UPDATE ledger_transactions SET hash = set_byte(hash, ${p.number(31)}, get_byte(hash, 0) # 1 # get_byte(hash, 5)) WHERE id = ${p.one('ledger_transactions', 'id')}; UPDATE ledger_transactions SET hash = sha256(hash) WHERE id = ${p.one('ledger_transactions', 'id')}`,
  ],
  [
    'transaction: detail edited',
    'hash-chain-holds',
    (p) =>
      `UPDATE ledger_transactions SET detail = '{"by": "nobody"}' WHERE id = ${p.one('ledger_transactions', 'id')}`,
  ],
  [
    'transaction: key edited',
    'hash-chain-holds',
    (p) => `UPDATE ledger_transactions SET key = key || '0' WHERE id = ${p.one('ledger_transactions', 'id')}`,
  ],
  [
    'transaction: kind edited',
    'hash-chain-holds',
    (p) => `UPDATE ledger_transactions SET kind = 'halt' WHERE id = ${p.one('ledger_transactions', 'id')}`,
  ],
  [
    'transaction: deleted with its entries, balances made anew',
    'hash-chain-holds',
    (p) =>
      `DELETE FROM ledger_transactions WHERE id = ${p.one('ledger_transactions', 'id', "kind = 'confirm'")}; DELETE FROM ledger_entries WHERE transaction_id NOT IN (SELECT id FROM ledger_transactions); UPDATE ledger_accounts l SET balance_sompi = coalesce((SELECT sum(amount_sompi) FROM ledger_entries WHERE ledger_account_id = l.id), 0)`,
  ],
  [
    'transaction: the last one deleted',
    'hash-chain-holds',
    () =>
      `DELETE FROM ledger_entries WHERE transaction_id = (SELECT max(id) FROM ledger_transactions); DELETE FROM ledger_transactions WHERE id = (SELECT max(id) FROM ledger_transactions)`,
  ],
  [
    'transaction: the last one deleted, all traces covered',
    'reserved-before-signed',
    () =>
      `DELETE FROM ledger_entries WHERE transaction_id = (SELECT max(id) FROM ledger_transactions); DELETE FROM ledger_transactions WHERE id = (SELECT max(id) FROM ledger_transactions);${COVER_TRACKS}`,
  ],
  [
    'transactions: two in the other order',
    'hash-chain-holds',
    (p) => {
      const id = 3 + p.number(8);
      return `UPDATE ledger_transactions SET id = 100000 WHERE id = ${id}; UPDATE ledger_transactions SET id = ${id} WHERE id = ${id + 1}; UPDATE ledger_transactions SET id = ${id + 1} WHERE id = 100000; UPDATE ledger_entries SET transaction_id = 100000 WHERE transaction_id = ${id}; UPDATE ledger_entries SET transaction_id = ${id} WHERE transaction_id = ${id + 1}; UPDATE ledger_entries SET transaction_id = ${id + 1} WHERE transaction_id = 100000`;
    },
  ],
  [
    'head: moved back',
    'hash-chain-holds',
    (p) => `UPDATE ledger_head SET transaction_id = transaction_id - ${p.number(3)}`,
  ],
  ['head: emptied', 'hash-chain-holds', () => `DELETE FROM ledger_head`],
  [
    'hash text: function replaced and the chain made anew',
    'hash-chain-holds',
    () =>
      `CREATE OR REPLACE FUNCTION ledger_text(id bigint, key text, kind text, leader_epoch bigint, detail jsonb, ledger_account_ids bigint[], amounts bigint[]) RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT concat_ws('|', id, key) $f$;${COVER_TRACKS}`,
  ],
  [
    'credit: given to another account, all traces covered',
    'settlements-add-up',
    (p) =>
      `UPDATE ledger_entries e SET amount_sompi = amount_sompi + CASE rank WHEN 1 THEN 5000 ELSE -5000 END FROM (SELECT transaction_id, ledger_account_id, row_number() OVER (ORDER BY ledger_account_id) AS rank FROM ledger_entries WHERE ${minerEntry} AND transaction_id = ${p.one('settlements', 'transaction_id')}) m WHERE m.rank <= 2 AND (e.transaction_id, e.ledger_account_id) = (m.transaction_id, m.ledger_account_id);${COVER_TRACKS}`,
  ],
  [
    'credit: given to another account in parts and entries, all traces covered',
    'credit-follows-work',
    (p) =>
      `CREATE TEMP TABLE chosen ON COMMIT DROP AS SELECT s.id AS settlement_id, s.transaction_id FROM settlements s WHERE id = ${p.one('settlements', 'id', 'window_work > 0')}; UPDATE settlement_parts SET gross_sompi = gross_sompi + CASE account_id WHEN 1 THEN 5000 ELSE -5000 END WHERE settlement_id = (SELECT settlement_id FROM chosen) AND account_id IN (1, 3); UPDATE ledger_entries e SET amount_sompi = amount_sompi + CASE l.account_id WHEN 1 THEN 5000 ELSE -5000 END FROM ledger_accounts l WHERE l.id = e.ledger_account_id AND l.kind = 'miner' AND l.account_id IN (1, 3) AND e.transaction_id = (SELECT transaction_id FROM chosen);${COVER_TRACKS}`,
  ],
];

const EPOCHS: readonly Row[] = [
  ['epoch: of the lead lowered', 'epochs-never-fall', () => `UPDATE leaders SET epoch = 1`],
  [
    'epoch: of a transaction raised',
    'epochs-never-fall',
    (p) =>
      `UPDATE ledger_transactions SET leader_epoch = leader_epoch + ${p.number(5)} WHERE id = ${p.one('ledger_transactions', 'id')}`,
  ],
  [
    'epoch: of a late transaction lowered',
    'epochs-never-fall',
    (p) =>
      `UPDATE ledger_transactions SET leader_epoch = 1 WHERE id = ${p.one('ledger_transactions', 'id', 'leader_epoch = 2 AND id > (SELECT min(id) FROM ledger_transactions WHERE leader_epoch = 2)')}`,
  ],
  [
    'epoch: of a payout raised',
    'epochs-never-fall',
    (p) => `UPDATE payouts SET leader_epoch = ${2 + p.number(9)} WHERE id = ${p.one('payouts', 'id')}`,
  ],
  [
    'epoch: of a step raised',
    'epochs-never-fall',
    (p) =>
      `UPDATE payout_steps SET leader_epoch = ${2 + p.number(9)} WHERE id = ${p.one('payout_steps', 'id')}`,
  ],
  [
    'epoch: of an output changed',
    'epochs-never-fall',
    (p) =>
      `UPDATE treasury_outputs SET leader_epoch = 2 WHERE ctid = ${p.row('treasury_outputs', "origin <> 'change'")}`,
  ],
  [
    'epoch: of a settlement changed',
    'epochs-never-fall',
    (p) => `UPDATE settlements SET leader_epoch = 3 - leader_epoch WHERE id = ${p.one('settlements', 'id')}`,
  ],
];

const GUARDS: readonly Row[] = [
  [
    'guard: trigger dropped',
    'guards-stand',
    (p) =>
      `DROP TRIGGER append_only ON ${['ledger_transactions', 'ledger_entries', 'settlements', 'settlement_parts', 'payments', 'payout_steps', 'policies'][p.number(7) - 1]}`,
  ],
  [
    'guard: trigger disabled',
    'guards-stand',
    (p) =>
      `ALTER TABLE payouts DISABLE TRIGGER ${['step', 'first_step', 'latch', 'never_gone'][p.number(4) - 1]}`,
  ],
  [
    'guard: balance trigger dropped',
    'guards-stand',
    () => `DROP TRIGGER entries_sum_to_zero ON ledger_transactions`,
  ],
  ['guard: unique index dropped', 'guards-stand', () => `DROP INDEX payout_inputs_live`],
  [
    'guard: unique key dropped',
    'guards-stand',
    (p) =>
      `ALTER TABLE ${['ledger_transactions DROP CONSTRAINT ledger_transactions_key_key', 'blocks DROP CONSTRAINT blocks_block_hash_key', 'payouts DROP CONSTRAINT payouts_txid_key', 'settlements DROP CONSTRAINT settlements_pot_round_key'][p.number(4) - 1]}`,
  ],
  [
    'guard: check of signs dropped',
    'guards-stand',
    () => `ALTER TABLE ledger_accounts DROP CONSTRAINT balance_has_its_sign`,
  ],
  [
    'guard: a right too many',
    'guards-stand',
    (p) =>
      `DO $$ BEGIN IF to_regrole('sluice_engine') IS NULL THEN CREATE ROLE sluice_engine; END IF; END $$; GRANT ${['INSERT', 'UPDATE', 'DELETE'][p.number(3) - 1]} ON ledger_entries TO sluice_engine`,
  ],
];

const SHARES: readonly Row[] = [
  [
    'share: row doubled',
    'shares-count-once',
    (p) =>
      `INSERT INTO shares SELECT * FROM shares WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM shares ORDER BY nonce, received_at OFFSET ${p.number(400)} LIMIT 1)`,
  ],
  [
    'share: doubled as another record',
    'shares-count-once',
    (p) =>
      `INSERT INTO shares SELECT received_at, worker_id, job_id, nonce, segment, slot + 5000, port, extranonce, instance_id, difficulty_log2, verdict, credit FROM (SELECT * FROM shares ORDER BY nonce, received_at OFFSET ${p.number(400)} LIMIT 1) s`,
  ],
  [
    'share: doubled for another rig, a minute later',
    'shares-count-once',
    (p) =>
      `INSERT INTO shares SELECT received_at + interval '1 minute', 1 + worker_id % 6, job_id, nonce, segment, slot + 5000, port, extranonce, 3 - instance_id, difficulty_log2, verdict, credit FROM (SELECT * FROM shares ORDER BY nonce, received_at OFFSET ${p.number(400)} LIMIT 1) s`,
  ],
  [
    'share: deleted',
    'sums-match-shares',
    (p) =>
      `DELETE FROM shares WHERE slot = (SELECT slot FROM shares ORDER BY slot OFFSET ${p.number(400)} LIMIT 1)`,
  ],
  [
    'share: difficulty raised',
    'sums-match-shares',
    (p) =>
      `UPDATE shares SET difficulty_log2 = difficulty_log2 + 1 WHERE slot = (SELECT slot FROM shares ORDER BY slot OFFSET ${p.number(400)} LIMIT 1)`,
  ],
  [
    'share: given to another rig',
    'sums-match-shares',
    (p) =>
      `UPDATE shares SET worker_id = 1 + worker_id % 6 WHERE slot = (SELECT slot FROM shares ORDER BY slot OFFSET ${p.number(400)} LIMIT 1)`,
  ],
  [
    'sum: work raised',
    'sums-match-shares',
    (p) =>
      `UPDATE share_sums SET work_hashes = work_hashes + ${p.number(9)} WHERE (bucket, worker_id, instance_id) = (SELECT bucket, worker_id, instance_id FROM share_sums ORDER BY 1, 2, 3 OFFSET ${p.number(60)} LIMIT 1)`,
  ],
  [
    'sum: given to a new rig of another account',
    'windows-recompute',
    (p) =>
      `UPDATE share_sums SET worker_id = worker_id % 2 + 1, instance_id = 9 WHERE (bucket, worker_id, instance_id) = (SELECT bucket, worker_id, instance_id FROM share_sums ORDER BY 1, 2, 3 OFFSET ${p.number(60)} LIMIT 1)`,
  ],
  [
    'sum: put into another pot',
    'windows-recompute',
    (p) =>
      `UPDATE share_sums SET pot = 3 WHERE (bucket, worker_id, instance_id) = (SELECT bucket, worker_id, instance_id FROM share_sums ORDER BY 1, 2, 3 OFFSET ${p.number(60)} LIMIT 1)`,
  ],
  [
    'sum: deleted',
    'sums-match-shares',
    (p) =>
      `DELETE FROM share_sums WHERE (bucket, worker_id, instance_id) = (SELECT bucket, worker_id, instance_id FROM share_sums ORDER BY 1, 2, 3 OFFSET ${p.number(60)} LIMIT 1)`,
  ],
  [
    'sum: invented',
    'sums-match-shares',
    (p) =>
      `INSERT INTO share_sums (bucket, worker_id, instance_id, shares, work_hashes) SELECT bucket + make_interval(mins => 30), worker_id, instance_id, shares, work_hashes FROM share_sums ORDER BY 1, 2, 3 OFFSET ${p.number(60)} LIMIT 1`,
  ],
  [
    'journal: loaded records changed',
    'sums-match-shares',
    (p) =>
      `UPDATE journal_progress SET loaded_records = loaded_records + ${p.number(3)} WHERE instance_id = ${p.number(2)}`,
  ],
  [
    'block: doubled',
    'shares-count-once',
    (p) =>
      `ALTER TABLE blocks DROP CONSTRAINT blocks_block_hash_key; INSERT INTO blocks (block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, found_at) SELECT block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, found_at FROM blocks WHERE id = ${p.one('blocks', 'id')}`,
  ],
];

export const BOOK_CORRUPTIONS: readonly Corruption[] = [
  ...ENTRIES,
  ...CHAIN,
  ...EPOCHS,
  ...GUARDS,
  ...SHARES,
].map(([kind, caughtBy, sql]) => ({ kind, caughtBy, sql }));
