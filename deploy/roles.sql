-- Roles with no right beyond their work. Run it as the owner of the database or as a superuser, after `sluice migrate`, and again after
-- every upgrade: it takes away what it does not know and gives anew. Then one login per process:
--
--   psql -d sluice -f deploy/roles.sql
--   CREATE ROLE pool_engine LOGIN PASSWORD '...' IN ROLE sluice_engine;
--
--   sluice_engine    serve          shares, sums, identities, blocks; no money, raises the latch but cannot clear it
--   sluice_payer     payer          money, through post_transaction only; never changes history
--   sluice_auditor   audit          reads, notes its audits, raises the latch
--   sluice_reader    dashboards     reads
--
-- Migrations are run by the owner: give the engine `sluice migrate` beforehand, since its own role may not make tables.

DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['sluice_engine', 'sluice_payer', 'sluice_auditor', 'sluice_reader'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role_name);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', current_schema(), role_name);
    EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM %I', current_schema(), role_name);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', current_schema(), role_name);
  END LOOP;
END
$$;

-- Nobody's by default, or these would be everybody's.
REVOKE EXECUTE ON FUNCTION post_transaction(bigint, text, text, jsonb, bigint[], bigint[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION take_lead(text, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION raise_halt(text, text, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ensure_day_partitions(date) FROM PUBLIC;

-- Three functions do with the owner's rights what their callers may not do otherwise: make the tables of a day, write the books in
-- the one way that balances, raise the latch. Their search path is fixed, so that no caller can put a table of his own before ours.
DO $$
DECLARE
  signature text;
BEGIN
  FOREACH signature IN ARRAY ARRAY['ensure_day_partitions(date)', 'raise_halt(text, text, text)',
                                   'post_transaction(bigint, text, text, jsonb, bigint[], bigint[])'] LOOP
    EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', signature, current_schema());
  END LOOP;
END
$$;

GRANT INSERT ON accounts, workers, instances, jobs, shares TO sluice_engine;
GRANT INSERT, UPDATE ON share_sums, reject_sums, journal_progress, blocks, account_settings TO sluice_engine;
GRANT EXECUTE ON FUNCTION ensure_day_partitions(date) TO sluice_engine;
GRANT EXECUTE ON FUNCTION raise_halt(text, text, text) TO sluice_engine, sluice_payer, sluice_auditor;

-- An account of the ledger is opened at zero; only post_transaction moves its balance.
GRANT INSERT (kind, account_id) ON ledger_accounts TO sluice_payer;
GRANT EXECUTE ON FUNCTION post_transaction(bigint, text, text, jsonb, bigint[], bigint[]) TO sluice_payer;
GRANT EXECUTE ON FUNCTION take_lead(text, text) TO sluice_payer;
GRANT INSERT ON accounts, policies, settlements, settlement_parts, payments, payout_steps TO sluice_payer;
GRANT INSERT, UPDATE ON leaders, treasury_outputs, payouts, payout_inputs, halts, account_terms, network_minutes TO sluice_payer;

-- The payer audits with its own connection.
GRANT INSERT ON audits, audit_violations TO sluice_payer, sluice_auditor;
