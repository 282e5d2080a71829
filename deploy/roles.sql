-- Roles with no right beyond their work. Run it as the owner of the database or as a superuser, after `sluice migrate`, and again after
-- every upgrade: it takes away what it does not know and gives anew. Then one login per process:
--
--   psql -d sluice -f deploy/roles.sql
--   CREATE ROLE pool_engine LOGIN PASSWORD '...' IN ROLE sluice_engine;
--
--   sluice_engine    serve          shares, sums, identities, blocks; no money, raises the latch but cannot clear it
--   sluice_payer     payer          money, through post_transaction only; never changes history
--   sluice_auditor   audit          reads, notes its audits, raises the latch
--   sluice_reader    backup, boards reads
--   sluice_api       api            reads, takes settings that an account has signed
--   sluice_operator  console        reads, raises and clears the latch, asks the payer for a round; no money (operator.databaseUrlFile)
--
-- Migrations are run by the owner: give the engine `sluice migrate` beforehand, since its own role may not make tables.

DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['sluice_engine', 'sluice_payer', 'sluice_auditor', 'sluice_reader', 'sluice_operator', 'sluice_api'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role_name);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', current_schema(), role_name);
    EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM %I', current_schema(), role_name);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', current_schema(), role_name);
    -- Counters, too: a backup that lacked them would give numbers twice.
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM %I', current_schema(), role_name);
    EXECUTE format('GRANT SELECT ON ALL SEQUENCES IN SCHEMA %I TO %I', current_schema(), role_name);
  END LOOP;
END
$$;

-- What is here may be of a later or an earlier schema: what is not there is passed over.
DO $$
DECLARE
  right_of record;
  signature text;
BEGIN
  -- Nobody's by default, or these would be everybody's.
  FOREACH signature IN ARRAY ARRAY['post_transaction(bigint, text, text, jsonb, bigint[], bigint[])', 'take_lead(text, text)',
      'raise_halt(text, text, text)', 'ensure_day_partitions(date)', 'measure_efforts(integer)',
      'note_refusals(smallint, bigint, bigint, timestamptz, jsonb, jsonb)', 'roll_spans(integer)', 'roll_span(timestamptz)', 'drop_old_spans()',
      'apply_account_settings(text, bigint, integer, text, timestamptz, text, text)'] LOOP
    CONTINUE WHEN to_regprocedure(signature) IS NULL;
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', signature);
  END LOOP;

  -- These do with the owner's rights what their callers may not do otherwise: make the tables of a day, write the books in the one way
  -- that balances, raise the latch, take settings that are newer, sum
  -- up what is old and drop what is older. Their search path is fixed, so that no caller can put a table of
  -- his own before ours.
  FOREACH signature IN ARRAY ARRAY['ensure_day_partitions(date)', 'raise_halt(text, text, text)',
      'post_transaction(bigint, text, text, jsonb, bigint[], bigint[])',
      'note_refusals(smallint, bigint, bigint, timestamptz, jsonb, jsonb)', 'roll_spans(integer)',
      'apply_account_settings(text, bigint, integer, text, timestamptz, text, text)'] LOOP
    CONTINUE WHEN to_regprocedure(signature) IS NULL;
    EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', signature, current_schema());
  END LOOP;

  FOR right_of IN SELECT * FROM (VALUES
    ('sluice_engine', 'raise_halt(text, text, text)'), ('sluice_payer', 'raise_halt(text, text, text)'),
    ('sluice_auditor', 'raise_halt(text, text, text)'),
    ('sluice_operator', 'raise_halt(text, text, text)'),
    ('sluice_engine', 'ensure_day_partitions(date)'),
    ('sluice_engine', 'measure_efforts(integer)'),
    ('sluice_engine', 'note_refusals(smallint, bigint, bigint, timestamptz, jsonb, jsonb)'),
    ('sluice_engine', 'roll_spans(integer)'),
    ('sluice_engine', 'apply_account_settings(text, bigint, integer, text, timestamptz, text, text)'),
    ('sluice_api', 'apply_account_settings(text, bigint, integer, text, timestamptz, text, text)'),
    ('sluice_payer', 'post_transaction(bigint, text, text, jsonb, bigint[], bigint[])'),
    ('sluice_payer', 'take_lead(text, text)')) AS f (role, signature) LOOP
    CONTINUE WHEN to_regprocedure(right_of.signature) IS NULL;
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', right_of.signature, right_of.role);
  END LOOP;

  FOR right_of IN SELECT f.role, f.rights, unnest(string_to_array(f.tables, ' ')) AS one FROM (VALUES
    ('sluice_engine', 'INSERT', 'accounts workers instances jobs shares'),
    ('sluice_engine', 'INSERT, UPDATE', 'share_sums journal_progress blocks'),
    -- History is only added to.
    ('sluice_payer', 'INSERT', 'accounts policies settlements settlement_parts pot_minutes pps_minutes reward_origins payments payout_steps'),
    ('sluice_payer', 'INSERT, UPDATE', 'leaders treasury_outputs payouts payout_inputs payout_requests payer_status halts network_minutes'),
    ('sluice_payer', 'INSERT, UPDATE', 'pot_minutes_progress'),
    ('sluice_payer', 'INSERT, UPDATE, DELETE', 'account_terms'),
    -- That a block's reward is in the books is the payer's to say.
    ('sluice_payer', 'UPDATE', 'blocks'),
    -- The payer audits with its own connection.
    ('sluice_payer', 'INSERT', 'audits audit_violations'),
    ('sluice_operator', 'INSERT, UPDATE', 'payout_requests'),
    ('sluice_operator', 'UPDATE', 'halts'),
    ('sluice_auditor', 'INSERT', 'audits audit_violations')) AS f (role, rights, tables) LOOP
    CONTINUE WHEN to_regclass(right_of.one) IS NULL;
    EXECUTE format('GRANT %s ON %I TO %I', right_of.rights, right_of.one, right_of.role);
  END LOOP;
END
$$;

-- An account of the ledger is opened at zero; only post_transaction moves its balance.
GRANT INSERT (kind, account_id) ON ledger_accounts TO sluice_payer;
