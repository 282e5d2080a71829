-- From the chain into the books: outputs of the treasury, settlements, what an account asked for.

-- Everything that ever lay at the treasury's address, each output once. What the chain shows and this table does not, or the other
-- way round, stops the payer.
CREATE TABLE treasury_outputs (
  txid           text NOT NULL CHECK (txid ~ '^[0-9a-f]{64}$'),
  output_index   integer NOT NULL CHECK (output_index >= 0),
  amount_sompi   bigint NOT NULL CHECK (amount_sompi > 0),
  origin         text NOT NULL CHECK (origin IN ('blue', 'reds', 'unattributed', 'deposit', 'change')),
  daa_score      bigint NOT NULL CHECK (daa_score >= 0),
  block_id       bigint REFERENCES blocks (id),
  transaction_id bigint UNIQUE REFERENCES ledger_transactions (id),
  settlement_id  bigint,
  leader_epoch   bigint NOT NULL CHECK (leader_epoch > 0),
  seen_at        timestamptz NOT NULL DEFAULT now(),
  spent_by       text CHECK (spent_by ~ '^[0-9a-f]{64}$'),
  PRIMARY KEY (txid, output_index),
  CHECK ((origin IN ('blue', 'reds')) = (block_id IS NOT NULL)),
  CHECK ((origin = 'change') = (transaction_id IS NULL))
);
CREATE INDEX treasury_outputs_unspent ON treasury_outputs (amount_sompi) WHERE spent_by IS NULL;
CREATE INDEX treasury_outputs_unsettled ON treasury_outputs (daa_score) WHERE settlement_id IS NULL AND origin IN ('blue', 'reds');
CREATE INDEX treasury_outputs_block ON treasury_outputs (block_id) WHERE block_id IS NOT NULL;
COMMENT ON TABLE treasury_outputs IS 'Outputs at the treasury''s address that are mature, keyed by their outpoint: the outpoint is what makes a reward count once.';
COMMENT ON COLUMN treasury_outputs.origin IS
  'blue: coinbase, for a blue block of ours; reds: coinbase of our own chain block, for the reds it merged; unattributed: coinbase of no known block; deposit: came from elsewhere; change: of our own payout.';
COMMENT ON COLUMN treasury_outputs.daa_score IS 'DAA score of the block that accepted it.';
COMMENT ON COLUMN treasury_outputs.transaction_id IS 'The ledger transaction that brought it into the books; none for change, which never left them.';
COMMENT ON COLUMN treasury_outputs.settlement_id IS 'The settlement that divided it; NULL = not yet.';
COMMENT ON COLUMN treasury_outputs.spent_by IS 'Txid of the confirmed payout that spent it.';

CREATE TABLE settlements (
  id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pot               smallint NOT NULL REFERENCES pots (id),
  policy_id         bigint NOT NULL REFERENCES policies (id),
  round             bigint NOT NULL CHECK (round > 0),
  window_from       timestamptz NOT NULL,
  window_to         timestamptz NOT NULL,
  window_work       numeric(60, 0) NOT NULL CHECK (window_work >= 0),
  account_count     integer NOT NULL CHECK (account_count >= 0),
  reward_sompi      bigint NOT NULL CHECK (reward_sompi > 0),
  dust_in_sompi     bigint NOT NULL CHECK (dust_in_sompi >= 0),
  dust_out_sompi    bigint NOT NULL CHECK (dust_out_sompi >= 0),
  fee_sompi         bigint NOT NULL CHECK (fee_sompi >= 0),
  donation_sompi    bigint NOT NULL CHECK (donation_sompi >= 0),
  late_instances    text[] NOT NULL DEFAULT '{}',
  transaction_id    bigint NOT NULL UNIQUE REFERENCES ledger_transactions (id),
  leader_epoch      bigint NOT NULL CHECK (leader_epoch > 0),
  settled_at        timestamptz NOT NULL DEFAULT now(),
  UNIQUE (pot, round),
  CHECK (window_from <= window_to)
);
ALTER TABLE treasury_outputs ADD FOREIGN KEY (settlement_id) REFERENCES settlements (id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON settlements
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE settlements IS
  'One division of rewards: the outputs of one pot whose blocks were found in the same minute, by the work of one window.';
COMMENT ON COLUMN settlements.round IS 'Counts the pot''s settlements from 1.';
COMMENT ON COLUMN settlements.window_from IS 'First minute whose work counts.';
COMMENT ON COLUMN settlements.window_to IS 'End of the last minute whose work counts (exclusive).';
COMMENT ON COLUMN settlements.window_work IS 'Expected hashes of all accounts in the window.';
COMMENT ON COLUMN settlements.dust_in_sompi IS 'Carried in from earlier settlements; reward + dust_in = credits + fee + donation + dust_out.';
COMMENT ON COLUMN settlements.late_instances IS 'Engines whose journals were not loaded to the window''s end when waiting for them was given up.';

CREATE TABLE settlement_parts (
  settlement_id  bigint NOT NULL REFERENCES settlements (id),
  account_id     bigint NOT NULL REFERENCES accounts (id),
  work           numeric(60, 0) NOT NULL CHECK (work >= 0),
  gross_sompi    bigint NOT NULL CHECK (gross_sompi >= 0),
  bonus_sompi    bigint NOT NULL CHECK (bonus_sompi >= 0),
  fee_sompi      bigint NOT NULL CHECK (fee_sompi >= 0),
  donation_sompi bigint NOT NULL CHECK (donation_sompi >= 0),
  PRIMARY KEY (settlement_id, account_id),
  CHECK (fee_sompi + donation_sompi <= gross_sompi + bonus_sompi)
);
CREATE INDEX settlement_parts_account ON settlement_parts (account_id, settlement_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_parts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE settlement_parts IS 'What each account got of a settlement and why; credit = gross + bonus - fee - donation.';

CREATE TABLE account_terms (
  account_id       bigint PRIMARY KEY REFERENCES accounts (id),
  fee_basis_points integer NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
  set_at           timestamptz NOT NULL DEFAULT now(),
  set_by           text NOT NULL
);
COMMENT ON TABLE account_terms IS 'A fee of its own, given by the operator to one account.';

CREATE TABLE account_settings (
  account_id             bigint PRIMARY KEY REFERENCES accounts (id),
  threshold_sompi        bigint CHECK (threshold_sompi > 0),
  donation_basis_points  integer NOT NULL DEFAULT 0 CHECK (donation_basis_points BETWEEN 0 AND 10000),
  alerts_address         text,
  signed_at              timestamptz NOT NULL,
  message                text NOT NULL,
  signature              text NOT NULL,
  updated_at             timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE account_settings IS 'What an account asked for, proved by a signature of its own address. signed_at only moves forward: an older message cannot be played again.';

CREATE TABLE network_minutes (
  minute        timestamptz PRIMARY KEY CHECK (extract(second FROM minute) = 0),
  network_bits  bigint NOT NULL CHECK (network_bits BETWEEN 0 AND 4294967295),
  subsidy_sompi bigint NOT NULL CHECK (subsidy_sompi >= 0),
  fees_sompi    bigint NOT NULL CHECK (fees_sompi >= 0)
);
COMMENT ON TABLE network_minutes IS 'What a block was worth and how hard it was, minute by minute: PPS and FPPS pay by it.';
COMMENT ON COLUMN network_minutes.fees_sompi IS 'Mean of the transaction fees in recent coinbases.';
