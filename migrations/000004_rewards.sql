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
CREATE INDEX treasury_outputs_settlement ON treasury_outputs (settlement_id) WHERE settlement_id IS NOT NULL;
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
  reserve_sompi     bigint NOT NULL DEFAULT 0 CHECK (reserve_sompi >= 0),
  credit_sompi      bigint NOT NULL GENERATED ALWAYS AS
    (reward_sompi + dust_in_sompi - fee_sompi - donation_sompi - reserve_sompi - dust_out_sompi) STORED CHECK (credit_sompi >= 0),
  network_bits      bigint CHECK (network_bits BETWEEN 0 AND 4294967295),
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
COMMENT ON COLUMN settlements.window_work IS 'Expected hashes of all accounts in the window; SOLO: of the finders.';
COMMENT ON COLUMN settlements.dust_in_sompi IS 'Carried in from the pot''s settlement before; reward + dust_in = credit + fee + donation + reserve + dust_out.';
COMMENT ON COLUMN settlements.dust_out_sompi IS 'What nobody had a claim to, for want of work in the window; the pot''s next settlement divides it.';
COMMENT ON COLUMN settlements.reserve_sompi IS 'PPS and FPPS: rewards fill the reserve, work was credited from it by the minute.';
COMMENT ON COLUMN settlements.network_bits IS 'Compact network target of the first of the blocks: a PPLNS window is measured by it.';
COMMENT ON COLUMN settlements.late_instances IS 'Engines whose journals were not loaded to the window''s end when waiting for them was given up.';

CREATE TABLE settlement_parts (
  settlement_id  bigint NOT NULL REFERENCES settlements (id),
  account_id     bigint NOT NULL REFERENCES accounts (id),
  work           numeric(60, 0) NOT NULL CHECK (work >= 0),
  gross_sompi    bigint NOT NULL CHECK (gross_sompi >= 0),
  bonus_sompi    bigint NOT NULL CHECK (bonus_sompi >= 0),
  fee_sompi      bigint NOT NULL CHECK (fee_sompi >= 0),
  donation_sompi bigint NOT NULL CHECK (donation_sompi >= 0),
  fee_basis_points      integer NOT NULL DEFAULT 0 CHECK (fee_basis_points BETWEEN 0 AND 10000),
  donation_basis_points integer NOT NULL DEFAULT 0 CHECK (donation_basis_points BETWEEN 0 AND 10000),
  PRIMARY KEY (settlement_id, account_id),
  CHECK (fee_sompi + donation_sompi <= gross_sompi + bonus_sompi)
);
CREATE INDEX settlement_parts_account ON settlement_parts (account_id, settlement_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_parts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE settlement_parts IS 'What each account got of a settlement and why; credit = gross + bonus - fee - donation. Also those whose work came to nothing: the others cannot be recomputed without them.';
COMMENT ON COLUMN settlement_parts.fee_basis_points IS 'As it was applied: of the account itself, of a tier, or of the scheme.';

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

-- ------------------------------------------------------------------------------------------------------- minutes of a pot

CREATE TABLE pot_minutes (
  pot    smallint NOT NULL REFERENCES pots (id),
  minute timestamptz NOT NULL CHECK (extract(second FROM minute) = 0),
  work   numeric(60, 0) NOT NULL CHECK (work > 0),
  PRIMARY KEY (pot, minute)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pot_minutes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE pot_minutes IS
  'Work of a pot and minute, summed once, when every engine had loaded that minute (or was no longer waited for). Windows are measured by it: a bound can be found again whatever is loaded later.';

CREATE TABLE pot_minutes_progress (
  only_one      boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  through       timestamptz NOT NULL CHECK (extract(second FROM through) = 0)
);
COMMENT ON TABLE pot_minutes_progress IS 'One row: every minute before it is in pot_minutes.';

-- What is summed once need not be summed for every block: a window of hours is mostly whole spans of ten minutes.
CREATE TABLE account_spans (
  pot        smallint NOT NULL,
  span_start timestamptz NOT NULL CHECK (mod(extract(epoch FROM span_start), 600) = 0),
  account_id bigint NOT NULL,
  work       numeric(60, 0) NOT NULL CHECK (work > 0),
  PRIMARY KEY (span_start, pot, account_id)
);
COMMENT ON TABLE account_spans IS
  'Work per account, pot and ten minutes, of minutes that every engine had loaded. A short cut: each settlement is held against share_sums, and deleting all rows here and in account_spans_range only costs time.';

CREATE TABLE account_spans_range (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  from_at  timestamptz NOT NULL,
  through  timestamptz NOT NULL
);
COMMENT ON TABLE account_spans_range IS 'One row: which spans are there and may be used.';

CREATE TABLE pps_minutes (
  pot            smallint NOT NULL REFERENCES pots (id),
  minute         timestamptz NOT NULL CHECK (extract(second FROM minute) = 0),
  policy_id      bigint NOT NULL REFERENCES policies (id),
  network_bits   bigint NOT NULL CHECK (network_bits BETWEEN 0 AND 4294967295),
  value_sompi    bigint NOT NULL CHECK (value_sompi >= 0),
  work           numeric(60, 0) NOT NULL CHECK (work >= 0),
  account_count  integer NOT NULL CHECK (account_count >= 0),
  gross_sompi    bigint NOT NULL CHECK (gross_sompi >= 0),
  fee_sompi      bigint NOT NULL CHECK (fee_sompi >= 0),
  donation_sompi bigint NOT NULL CHECK (donation_sompi >= 0),
  transaction_id bigint NOT NULL UNIQUE REFERENCES ledger_transactions (id),
  PRIMARY KEY (pot, minute),
  CHECK (fee_sompi + donation_sompi <= gross_sompi)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pps_minutes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE pps_minutes IS 'Minutes that PPS and FPPS have credited, in order and without gaps among those with work.';
COMMENT ON COLUMN pps_minutes.value_sompi IS 'What a block was worth: subsidy, with FPPS and the mean of the fees.';
COMMENT ON COLUMN pps_minutes.gross_sompi IS 'What left the reserve.';

-- --------------------------------------------------------------------------------------------- the division, once more, in SQL

/*
 * The whole division of a settlement by another road: numeric instead of integers, window functions instead of a sort, from the
 * sums of shares themselves. Only the bounds, the outputs and the policy are taken as given.
 *
 * live_terms: fees and donations from the accounts as they are now, as the settler took them; else as the parts tell, which is what
 * can be asked for years later. After a late journal was loaded the sums are no longer those that were divided: such settlements
 * name the late engines.
 */
CREATE FUNCTION recompute_settlement(of_settlement bigint, live_terms boolean DEFAULT false)
RETURNS TABLE (account_id bigint, work numeric, gross_sompi numeric, bonus_sompi numeric, fee_basis_points integer,
               fee_sompi numeric, donation_basis_points integer, donation_sompi numeric)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  s       settlements;
  terms   jsonb;
  seconds numeric;
BEGIN
  SELECT * INTO STRICT s FROM settlements WHERE id = of_settlement;
  SELECT p.terms INTO STRICT terms FROM policies p WHERE p.id = s.policy_id;
  IF terms ->> 'scheme' IN ('pps', 'fpps') THEN RETURN; END IF;
  seconds := extract(epoch FROM s.window_to - s.window_from);
  -- EXECUTE: planned for these bounds, so that only the days of the window are touched, and by several processes.
  RETURN QUERY EXECUTE $query$
    WITH finders AS (
      SELECT w.account_id AS id, sum(o.amount_sompi) AS found,
        sum(div(o.amount_sompi::numeric * coalesce(($4 ->> 'finderBonusBasisPoints')::numeric, 0), 10000)) AS bonus
      FROM treasury_outputs o JOIN blocks b ON b.id = o.block_id JOIN workers w ON w.id = b.worker_id
      WHERE o.settlement_id = $1 GROUP BY w.account_id
    ), rigs AS (
      SELECT worker_id, sum(work_hashes) AS work FROM share_sums
      WHERE bucket >= $2 AND bucket < $3 AND pot = $5 GROUP BY worker_id
    ), worked AS (
      SELECT w.account_id AS id, sum(r.work) AS work FROM rigs r JOIN workers w ON w.id = r.worker_id GROUP BY w.account_id
    ), claims AS (
      SELECT id, coalesce(d.work, 0) AS work, coalesce(f.found, 0) AS found,
        CASE WHEN $4 ->> 'scheme' = 'solo' THEN 0 ELSE coalesce(f.bonus, 0) END AS bonus
      FROM worked d FULL JOIN finders f USING (id)
      WHERE f.id IS NOT NULL OR (d.work > 0 AND $4 ->> 'scheme' <> 'solo')
    ), totals AS (
      SELECT $6 - sum(bonus) AS rest, nullif(sum(work), 0) AS all_work FROM claims
    ), floors AS (
      SELECT c.*, t.rest, coalesce(div(t.rest * c.work, t.all_work), 0) AS base,
        coalesce(mod(t.rest * c.work, t.all_work), 0) AS remainder, t.all_work IS NULL AS unclaimed
      FROM claims c, totals t
    ), placed AS (
      SELECT f.*, f.rest - sum(f.base) OVER () AS left_over, row_number() OVER (ORDER BY f.remainder DESC, f.id) AS place FROM floors f
    ), amounts AS (
      SELECT p.id, p.work, p.bonus,
        CASE WHEN $4 ->> 'scheme' = 'solo' THEN p.found
             WHEN p.unclaimed THEN 0
             ELSE p.base + (p.place <= p.left_over)::int END AS gross
      FROM placed p
    ), priced AS (
      SELECT a.*,
        CASE WHEN $8 THEN coalesce(own.fee_basis_points,
          (SELECT (tier ->> 'feeBasisPoints')::int FROM jsonb_array_elements($4 -> 'feeTiers') tier
           WHERE a.work >= (tier ->> 'fromHashesPerSecond')::numeric * $7
           ORDER BY (tier ->> 'fromHashesPerSecond')::numeric DESC LIMIT 1),
          ($4 ->> 'feeBasisPoints')::int) ELSE part.fee_basis_points END AS fee_points,
        CASE WHEN $8 THEN coalesce(asked.donation_basis_points, 0) ELSE part.donation_basis_points END AS donation_points
      FROM amounts a
      LEFT JOIN account_terms own ON own.account_id = a.id
      LEFT JOIN account_settings asked ON asked.account_id = a.id
      LEFT JOIN settlement_parts part ON part.settlement_id = $1 AND part.account_id = a.id
      WHERE a.work > 0 OR a.gross + a.bonus > 0
    ), charged AS (
      SELECT p.*, div((p.gross + p.bonus) * p.fee_points, 10000) AS fee FROM priced p
    )
    SELECT c.id, c.work, c.gross, c.bonus, c.fee_points, c.fee, c.donation_points,
      div((c.gross + c.bonus - c.fee) * c.donation_points, 10000)
    FROM charged c
  $query$ USING s.id, s.window_from, s.window_to, terms, s.pot, (s.reward_sompi + s.dust_in_sompi)::numeric, seconds, live_terms;
END
$$;
COMMENT ON FUNCTION recompute_settlement(bigint, boolean) IS 'The division of a settlement made anew in SQL from share_sums.';

/*
 * What of a settlement is not as recompute_settlement has it; no row = all equal. Parts, sums and the ledger's entries are compared.
 */
CREATE FUNCTION settlement_differences(of_settlement bigint, live_terms boolean DEFAULT false)
RETURNS TABLE (account_id bigint, stored text, recomputed text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  WITH anew AS MATERIALIZED (SELECT * FROM recompute_settlement(of_settlement, live_terms)),
  parts AS (SELECT * FROM settlement_parts WHERE settlement_id = of_settlement),
  entries AS (
    SELECT a.account_id, e.amount_sompi FROM settlements s
    JOIN ledger_entries e ON e.transaction_id = s.transaction_id JOIN ledger_accounts a ON a.id = e.ledger_account_id
    WHERE s.id = of_settlement AND a.kind = 'miner'
  ), rows AS (
    SELECT coalesce(p.account_id, r.account_id) AS id,
      concat_ws(' ', p.work, p.gross_sompi, p.bonus_sompi, p.fee_sompi, p.donation_sompi) AS stored,
      concat_ws(' ', r.work, r.gross_sompi, r.bonus_sompi, r.fee_sompi, r.donation_sompi) AS recomputed,
      r.gross_sompi + r.bonus_sompi - r.fee_sompi - r.donation_sompi AS credit
    FROM parts p FULL JOIN anew r USING (account_id)
  ), both_sides AS (
    SELECT coalesce(rows.id, e.account_id) AS id,
      concat_ws(' ', rows.stored, 'ledger', coalesce(e.amount_sompi, 0)) AS stored,
      concat_ws(' ', rows.recomputed, 'ledger', coalesce(rows.credit, 0)) AS recomputed
    FROM rows FULL JOIN entries e ON e.account_id = rows.id
  )
  SELECT b.id, b.stored, b.recomputed FROM both_sides b WHERE b.stored <> b.recomputed
  UNION ALL
  SELECT NULL, t.stored, t.recomputed FROM (
    SELECT concat_ws(' ', 'sums', s.window_work, s.account_count, s.credit_sompi, s.fee_sompi, s.donation_sompi) AS stored,
      CASE WHEN p.terms ->> 'scheme' IN ('pps', 'fpps') THEN concat_ws(' ', 'sums', s.window_work, 0, 0, 0, 0)
           ELSE (SELECT concat_ws(' ', 'sums', coalesce(sum(r.work), 0), count(*),
                   coalesce(sum(r.gross_sompi + r.bonus_sompi - r.fee_sompi - r.donation_sompi), 0),
                   coalesce(sum(r.fee_sompi), 0), coalesce(sum(r.donation_sompi), 0)) FROM anew r) END AS recomputed
    FROM settlements s JOIN policies p ON p.id = s.policy_id WHERE s.id = of_settlement) t
  WHERE t.stored <> t.recomputed
  UNION ALL
  SELECT NULL, t.stored, t.recomputed FROM (
    SELECT concat_ws(' ', 'reward', s.reward_sompi) AS stored,
      concat_ws(' ', 'reward', (SELECT sum(o.amount_sompi) FROM treasury_outputs o WHERE o.settlement_id = s.id)) AS recomputed
    FROM settlements s WHERE s.id = of_settlement) t
  WHERE t.stored <> t.recomputed;
END
$$;
COMMENT ON FUNCTION settlement_differences(bigint, boolean) IS 'Where a settlement differs from recompute_settlement, its ledger entries or its outputs; no row when all is equal.';
