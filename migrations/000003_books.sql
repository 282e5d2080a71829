-- The books: who leads, double entry, the policy that rewards are divided by.
--
-- Signs: an amount above zero is owed or set aside by the pool, so `treasury`, which is what lies on the chain, is carried below
-- zero. A reward of 100 is {treasury -100, unsettled +100}; all accounts together are always zero.
--
-- Every function here is one statement to its caller and checks the leader's epoch inside of it: a payer that was stopped and
-- wakes up an hour later is refused by the database, whatever it believes.

-- ------------------------------------------------------------------------------------------------------------- who leads

CREATE TABLE leaders (
  role     text PRIMARY KEY CHECK (role IN ('payer')),
  epoch    bigint NOT NULL CHECK (epoch > 0),
  holder   text NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE leaders IS 'The fencing row: whoever took the lead last has the highest epoch, and only that epoch may write money.';
COMMENT ON COLUMN leaders.holder IS 'Host, process and start time of the leader, for people.';

CREATE FUNCTION take_lead(lead_role text, lead_holder text) RETURNS bigint
LANGUAGE sql AS $$
  INSERT INTO leaders (role, epoch, holder) VALUES (lead_role, 1, lead_holder)
  ON CONFLICT (role) DO UPDATE SET epoch = leaders.epoch + 1, holder = excluded.holder, taken_at = now()
  RETURNING epoch
$$;
COMMENT ON FUNCTION take_lead(text, text) IS 'Takes the lead and gives its epoch; every earlier epoch is refused from then on.';

-- Row lock in share mode: two writers of one epoch may go on side by side, a new leader waits for both and then fences them.
CREATE FUNCTION assert_lead(lead_role text, lead_epoch bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  current_epoch bigint;
BEGIN
  SELECT epoch INTO current_epoch FROM leaders WHERE role = lead_role FOR SHARE;
  IF current_epoch IS DISTINCT FROM lead_epoch THEN
    RAISE EXCEPTION 'epoch % of % is over: the lead is at %', lead_epoch, lead_role, coalesce(current_epoch::text, 'nobody')
      USING ERRCODE = 'SL001';
  END IF;
END
$$;
COMMENT ON FUNCTION assert_lead(text, bigint) IS 'Raises SL001 unless that epoch leads; holds the lead still until the transaction ends.';

-- ------------------------------------------------------------------------------------------------------------- accounts

CREATE TABLE ledger_accounts (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind          text NOT NULL CHECK (kind IN ('miner', 'in_flight', 'unsettled', 'pool_fee', 'donation', 'network_fees',
                                              'dust', 'treasury', 'reserve', 'deposits', 'unattributed')),
  account_id    bigint REFERENCES accounts (id),
  balance_sompi bigint NOT NULL DEFAULT 0,
  updated_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (kind, account_id),
  CHECK ((kind IN ('miner', 'in_flight')) = (account_id IS NOT NULL)),
  CONSTRAINT balance_has_its_sign CHECK (CASE kind
    WHEN 'treasury' THEN balance_sompi <= 0
    WHEN 'network_fees' THEN balance_sompi <= 0
    ELSE balance_sompi >= 0 END)
);
COMMENT ON TABLE ledger_accounts IS 'Accounts of the double-entry ledger; balances are kept by post_transaction and checked against the entries by the auditor.';
COMMENT ON COLUMN ledger_accounts.kind IS
  'miner: owed and free to pay; in_flight: reserved by a planned payment; unsettled: matured, not divided yet; pool_fee, donation; network_fees: paid by the pool, below zero; dust: carried to the next settlement; treasury: on the chain, below zero; reserve: backs PPS; deposits: came from elsewhere, never distributed; unattributed: coinbase to us of no known block.';
INSERT INTO ledger_accounts (kind) VALUES ('unsettled'), ('pool_fee'), ('donation'), ('network_fees'), ('dust'), ('treasury'),
  ('reserve'), ('deposits'), ('unattributed');

-- --------------------------------------------------------------------------------------------------------- transactions

CREATE TABLE ledger_transactions (
  id          bigint PRIMARY KEY,
  key         text NOT NULL UNIQUE CHECK (key <> ''),
  kind        text NOT NULL CHECK (kind IN ('reward', 'deposit', 'settlement', 'pps', 'plan', 'cancel', 'confirm', 'conflict',
                                            'reserve', 'attribute', 'withdraw', 'policy', 'setting', 'halt')),
  leader_epoch bigint NOT NULL CHECK (leader_epoch > 0),
  posted_at   timestamptz NOT NULL DEFAULT now(),
  entry_count integer NOT NULL CHECK (entry_count >= 0),
  detail      jsonb NOT NULL DEFAULT '{}',
  xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
  hash        bytea NOT NULL CHECK (octet_length(hash) = 32)
);
COMMENT ON TABLE ledger_transactions IS 'Append-only; ids count up by one without gaps, and hash covers the one before: nothing can be taken out or slipped in unseen.';
COMMENT ON COLUMN ledger_transactions.key IS 'Idempotency key, e.g. reward:TXID:0. The same key again with the same content changes nothing; with another content it is refused.';
COMMENT ON COLUMN ledger_transactions.hash IS 'sha256(hash of id-1 | text of this one), see ledger_text.';
COMMENT ON COLUMN ledger_transactions.xid IS 'The database transaction that made it: entries can only be added inside of that one.';

CREATE TABLE ledger_entries (
  transaction_id    bigint NOT NULL REFERENCES ledger_transactions (id),
  ledger_account_id bigint NOT NULL REFERENCES ledger_accounts (id),
  amount_sompi      bigint NOT NULL CHECK (amount_sompi <> 0),
  PRIMARY KEY (transaction_id, ledger_account_id)
);
CREATE INDEX ledger_entries_account ON ledger_entries (ledger_account_id, transaction_id);
COMMENT ON TABLE ledger_entries IS 'Append-only; at most one entry per account and transaction; they sum to zero.';

-- One row: the end of the chain. Locking it orders all postings.
CREATE TABLE ledger_head (
  only_one       boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  transaction_id bigint NOT NULL CHECK (transaction_id >= 0),
  hash           bytea NOT NULL CHECK (octet_length(hash) = 32)
);
INSERT INTO ledger_head (transaction_id, hash) VALUES (0, decode(repeat('00', 32), 'hex'));
COMMENT ON TABLE ledger_head IS 'Number and hash of the last transaction; 0 and zeros for empty books.';

-- The text that is hashed. Entries in the order of their accounts, so that one content has one text; jsonb prints its keys in
-- one order by itself.
CREATE FUNCTION ledger_text(id bigint, key text, kind text, leader_epoch bigint, detail jsonb, ledger_account_ids bigint[], amounts bigint[])
RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT concat_ws('|', id, key, kind, leader_epoch, detail::text,
    (SELECT coalesce(string_agg(a || ':' || s, ',' ORDER BY a), '') FROM unnest(ledger_account_ids, amounts) AS e (a, s)))
$$;
COMMENT ON FUNCTION ledger_text(bigint, text, text, bigint, jsonb, bigint[], bigint[]) IS
  'id|key|kind|epoch|detail|account:amount,account:amount,... with accounts ascending';

/*
 * Posts one transaction and gives its id.
 *   SL001  another epoch leads
 *   SL002  the key was posted before with another content
 *   SL003  the entries do not sum to zero, an account comes twice, or an amount is zero
 *   23514  a balance would get the wrong sign (constraint balance_has_its_sign)
 */
CREATE FUNCTION post_transaction(lead_epoch bigint, tx_key text, tx_kind text, tx_detail jsonb,
                                 ledger_account_ids bigint[], amounts bigint[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  head   ledger_head;
  earlier ledger_transactions;
  new_id bigint;
  entries integer := coalesce(cardinality(ledger_account_ids), 0);
BEGIN
  PERFORM assert_lead('payer', lead_epoch);
  SELECT * INTO STRICT head FROM ledger_head FOR UPDATE;
  SELECT * INTO earlier FROM ledger_transactions WHERE key = tx_key;
  IF FOUND THEN
    IF earlier.kind = tx_kind AND earlier.detail = tx_detail AND earlier.entry_count = entries AND NOT EXISTS (
      SELECT FROM unnest(ledger_account_ids, amounts) AS e (a, s)
      WHERE NOT EXISTS (SELECT FROM ledger_entries l
                        WHERE l.transaction_id = earlier.id AND l.ledger_account_id = e.a AND l.amount_sompi = e.s))
    THEN RETURN earlier.id; END IF;
    RAISE EXCEPTION 'ledger key % was posted before with another content', tx_key USING ERRCODE = 'SL002';
  END IF;
  IF entries <> coalesce(cardinality(amounts), 0)
     OR (SELECT coalesce(sum(s), 0) <> 0 OR bool_or(s IS NULL OR s = 0) OR count(DISTINCT a) <> count(*)
         FROM unnest(ledger_account_ids, amounts) AS e (a, s) HAVING count(*) > 0) THEN
    RAISE EXCEPTION 'the entries of % do not balance', tx_key USING ERRCODE = 'SL003';
  END IF;
  new_id := head.transaction_id + 1;
  INSERT INTO ledger_transactions (id, key, kind, leader_epoch, entry_count, detail, hash)
  VALUES (new_id, tx_key, tx_kind, lead_epoch, entries, tx_detail,
          sha256(head.hash || convert_to(ledger_text(new_id, tx_key, tx_kind, lead_epoch, tx_detail, ledger_account_ids, amounts), 'UTF8')))
  RETURNING hash INTO head.hash;
  INSERT INTO ledger_entries (transaction_id, ledger_account_id, amount_sompi)
  SELECT new_id, a, s FROM unnest(ledger_account_ids, amounts) AS e (a, s) ORDER BY a;
  UPDATE ledger_accounts l SET balance_sompi = l.balance_sompi + e.s, updated_at = now()
  FROM unnest(ledger_account_ids, amounts) AS e (a, s) WHERE l.id = e.a;
  UPDATE ledger_head SET transaction_id = new_id, hash = head.hash;
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION post_transaction(bigint, text, text, jsonb, bigint[], bigint[]) IS
  'Posts one transaction under the leader''s epoch and gives its id; the only way that money moves.';

CREATE FUNCTION ledger_account(account_kind text, of_account bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  found_id bigint;
BEGIN
  SELECT id INTO found_id FROM ledger_accounts WHERE kind = account_kind AND account_id IS NOT DISTINCT FROM of_account;
  IF found_id IS NULL THEN
    INSERT INTO ledger_accounts (kind, account_id) VALUES (account_kind, of_account) ON CONFLICT DO NOTHING;
    SELECT id INTO STRICT found_id FROM ledger_accounts
    WHERE kind = account_kind AND account_id IS NOT DISTINCT FROM of_account;
  END IF;
  RETURN found_id;
END
$$;
COMMENT ON FUNCTION ledger_account(text, bigint) IS 'Id of that ledger account; makes the row when there is none.';

-- ---------------------------------------------------------------------------------- what the database itself enforces

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: it is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'SL004';
END
$$;

-- At commit, so that it sees all entries.
CREATE FUNCTION assert_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  total numeric;
  entries bigint;
BEGIN
  SELECT coalesce(sum(amount_sompi), 0), count(*) INTO total, entries FROM ledger_entries WHERE transaction_id = NEW.id;
  IF total <> 0 OR entries <> NEW.entry_count THEN
    RAISE EXCEPTION 'ledger transaction % has % entries that sum to %', NEW.id, entries, total USING ERRCODE = 'SL003';
  END IF;
  RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER entries_sum_to_zero AFTER INSERT ON ledger_transactions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION assert_balanced();

CREATE FUNCTION assert_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM added a JOIN ledger_transactions t ON t.id = a.transaction_id WHERE t.xid <> pg_current_xact_id()) THEN
    RAISE EXCEPTION 'an entry was added to a ledger transaction that is closed' USING ERRCODE = 'SL004';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER closed_when_committed AFTER INSERT ON ledger_entries
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION assert_open();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_gone BEFORE DELETE OR TRUNCATE ON ledger_accounts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- --------------------------------------------------------------------------------------------------------------- policy

-- Which pot a share falls into is written in the share's own journal record, so a port that changes its scheme changes nothing of
-- the past. The numbers are the journal's.
CREATE TABLE pots (
  id     smallint PRIMARY KEY CHECK (id BETWEEN 1 AND 255),
  scheme text NOT NULL UNIQUE
);
INSERT INTO pots VALUES (1, 'pplns'), (2, 'prop'), (3, 'solo'), (4, 'pps'), (5, 'fpps'), (6, 'points');
COMMENT ON TABLE pots IS 'One pot per reward scheme: shares of all ports with that scheme, and the blocks found there.';

CREATE TABLE policies (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pot            smallint NOT NULL REFERENCES pots (id),
  terms          jsonb NOT NULL,
  effective_at   timestamptz NOT NULL,
  transaction_id bigint NOT NULL UNIQUE REFERENCES ledger_transactions (id),
  UNIQUE (pot, effective_at)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON policies
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE policies IS 'Terms of each pot from a moment on: a settlement uses those in force when its blocks were found. A change is a ledger event.';
COMMENT ON COLUMN policies.terms IS 'feeBasisPoints, finderBonusBasisPoints, feeTiers, windowDifficulties, ... as src/ledger/schemes reads them.';

ALTER TABLE share_sums ADD COLUMN pot smallint NOT NULL DEFAULT 1;
ALTER TABLE share_sums DROP CONSTRAINT share_sums_pkey;
ALTER TABLE share_sums ADD PRIMARY KEY (bucket, worker_id, instance_id, pot);
COMMENT ON COLUMN share_sums.pot IS 'The pot (reward scheme) that these shares fall into.';

ALTER TABLE blocks ADD COLUMN pot smallint NOT NULL DEFAULT 1;
COMMENT ON COLUMN blocks.pot IS 'The pot of the port that the finder was connected to.';

ALTER TABLE journal_progress ADD COLUMN loaded_through timestamptz;
COMMENT ON COLUMN journal_progress.loaded_through IS
  'Every share received before this moment is in the database. Moves also while nothing is mined; a settlement waits for it.';
