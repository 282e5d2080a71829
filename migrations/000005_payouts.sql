-- Payments. One row per transaction on the chain, one per payee in it, one per input; and the latch that stops it all.
--
--   PLANNED --> SIGNED --> BROADCAST --> ACCEPTED --> CONFIRMED
--      |           |            ^  ^________|  (reorganised away: the same bytes again)
--      |           |            |
--      '--> CANCELLED (by a person; SIGNED only while its bytes were never sent)   BROADCAST --> CONFLICTED (an input is spent by
--                                                                                  another transaction, confirmed)

CREATE TABLE payouts (
  id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind              text NOT NULL CHECK (kind IN ('payment', 'consolidation')),
  state             text NOT NULL CHECK (state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED', 'CONFIRMED', 'CONFLICTED', 'CANCELLED')),
  plan              jsonb NOT NULL,
  plan_hash         text NOT NULL CHECK (plan_hash ~ '^[0-9a-f]{64}$'),
  paid_sompi        bigint NOT NULL CHECK (paid_sompi >= 0),
  fee_sompi         bigint NOT NULL CHECK (fee_sompi >= 0),
  change_sompi      bigint NOT NULL CHECK (change_sompi >= 0),
  fee_from          text NOT NULL CHECK (fee_from IN ('payees', 'pool')),
  mass_grams        bigint NOT NULL CHECK (mass_grams > 0),
  txid              text UNIQUE CHECK (txid ~ '^[0-9a-f]{64}$'),
  signed_bytes      bytea,
  chain_from        text CHECK (chain_from ~ '^[0-9a-f]{64}$'),
  accepting_block   text CHECK (accepting_block ~ '^[0-9a-f]{64}$'),
  accepting_daa     bigint,
  broadcast_at      timestamptz,
  leader_epoch      bigint NOT NULL CHECK (leader_epoch > 0),
  planned_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  CHECK ((txid IS NULL) = (signed_bytes IS NULL)),
  CHECK (state IN ('PLANNED', 'CANCELLED') OR txid IS NOT NULL),
  CHECK ((state IN ('ACCEPTED', 'CONFIRMED')) <= (accepting_block IS NOT NULL))
);
CREATE INDEX payouts_live ON payouts (id) WHERE state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED');
CREATE INDEX payouts_planned ON payouts (planned_at);
COMMENT ON TABLE payouts IS 'One transaction on the chain that pays many accounts, or joins many small outputs into one.';
COMMENT ON COLUMN payouts.plan IS 'Inputs, outputs and fee as they will be signed; never changed.';
COMMENT ON COLUMN payouts.signed_bytes IS 'Stored and committed before the first byte leaves; a resume sends these very bytes.';
COMMENT ON COLUMN payouts.chain_from IS 'A chain block of before the broadcast: where to begin to look for the block that accepted it.';

CREATE TABLE payments (
  payout_id      bigint NOT NULL REFERENCES payouts (id),
  account_id     bigint NOT NULL REFERENCES accounts (id),
  reserved_sompi bigint NOT NULL CHECK (reserved_sompi > 0),
  fee_sompi      bigint NOT NULL CHECK (fee_sompi >= 0),
  output_sompi   bigint NOT NULL CHECK (output_sompi > 0),
  PRIMARY KEY (payout_id, account_id),
  CHECK (reserved_sompi = output_sompi + fee_sompi)
);
CREATE INDEX payments_account ON payments (account_id, payout_id);
COMMENT ON TABLE payments IS 'One payee of a payout: reserved from the account = what it is sent + its part of the network''s fee.';

CREATE TABLE payout_inputs (
  payout_id    bigint NOT NULL REFERENCES payouts (id),
  txid         text NOT NULL,
  output_index integer NOT NULL,
  live         boolean NOT NULL DEFAULT true,
  PRIMARY KEY (payout_id, txid, output_index),
  FOREIGN KEY (txid, output_index) REFERENCES treasury_outputs (txid, output_index)
);
CREATE UNIQUE INDEX payout_inputs_live ON payout_inputs (txid, output_index) WHERE live;
COMMENT ON TABLE payout_inputs IS 'Outputs that a payout spends; each belongs to at most one live payout.';
COMMENT ON COLUMN payout_inputs.live IS 'False once the payout was cancelled or lost to a conflict: then another may spend it. A confirmed payout keeps its inputs for ever.';

CREATE TABLE payout_steps (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payout_id    bigint NOT NULL REFERENCES payouts (id),
  from_state   text,
  to_state     text NOT NULL,
  reason       text NOT NULL DEFAULT '',
  leader_epoch bigint NOT NULL CHECK (leader_epoch > 0),
  at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payout_steps_payout ON payout_steps (payout_id, id);
COMMENT ON TABLE payout_steps IS 'Every change of a payout''s state, written by a trigger.';

-- The allowed edges, enforced: whatever a program believes, a payment cannot go back to be signed again.
CREATE FUNCTION step_payout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.id, NEW.kind, NEW.plan, NEW.plan_hash, NEW.paid_sompi, NEW.fee_sompi, NEW.change_sompi, NEW.fee_from, NEW.planned_at)
       IS DISTINCT FROM
       (OLD.id, OLD.kind, OLD.plan, OLD.plan_hash, OLD.paid_sompi, OLD.fee_sompi, OLD.change_sompi, OLD.fee_from, OLD.planned_at)
       OR (OLD.txid IS NOT NULL AND (NEW.txid, NEW.signed_bytes) IS DISTINCT FROM (OLD.txid, OLD.signed_bytes))
       OR NEW.leader_epoch < OLD.leader_epoch THEN
      RAISE EXCEPTION 'payout %: what was planned and signed never changes', OLD.id USING ERRCODE = 'SL004';
    END IF;
    IF NEW.state = OLD.state THEN RETURN NEW; END IF;
    IF (OLD.state, NEW.state) NOT IN (('PLANNED', 'SIGNED'), ('PLANNED', 'CANCELLED'), ('SIGNED', 'BROADCAST'), ('SIGNED', 'CANCELLED'),
        ('BROADCAST', 'ACCEPTED'), ('BROADCAST', 'CONFLICTED'), ('ACCEPTED', 'BROADCAST'), ('ACCEPTED', 'CONFIRMED')) THEN
      RAISE EXCEPTION 'payout % cannot go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'SL005';
    END IF;
    INSERT INTO payout_steps (payout_id, from_state, to_state, reason, leader_epoch)
    VALUES (NEW.id, OLD.state, NEW.state, coalesce(current_setting('sluice.reason', true), ''), NEW.leader_epoch);
    NEW.updated_at := now();
    RETURN NEW;
  END IF;
  INSERT INTO payout_steps (payout_id, to_state, leader_epoch) VALUES (NEW.id, NEW.state, NEW.leader_epoch);
  RETURN NULL;
END
$$;
CREATE TRIGGER step BEFORE UPDATE ON payouts FOR EACH ROW EXECUTE FUNCTION step_payout();
CREATE TRIGGER first_step AFTER INSERT ON payouts FOR EACH ROW EXECUTE FUNCTION step_payout();
CREATE TRIGGER never_gone BEFORE DELETE OR TRUNCATE ON payouts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payout_steps
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- --------------------------------------------------------------------------------------------------------------- latch

CREATE TABLE halts (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL CHECK (code <> ''),
  reason     text NOT NULL CHECK (reason <> ''),
  raised_by  text NOT NULL,
  raised_at  timestamptz NOT NULL DEFAULT now(),
  cleared_by text,
  cleared_at timestamptz,
  CHECK ((cleared_by IS NULL) = (cleared_at IS NULL))
);
CREATE UNIQUE INDEX halts_open ON halts (code) WHERE cleared_at IS NULL;
COMMENT ON TABLE halts IS 'While one is not cleared, no payout is planned, signed or sent. Anybody may raise one; only a person clears it.';

CREATE FUNCTION raise_halt(halt_code text, halt_reason text, by_whom text) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO halts (code, reason, raised_by) VALUES (halt_code, halt_reason, by_whom) ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION raise_halt(text, text, text) IS 'Stops payouts; once per code until it is cleared.';

CREATE FUNCTION refuse_while_halted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state IN ('PLANNED', 'SIGNED', 'BROADCAST') AND (TG_OP = 'INSERT' OR NEW.state <> OLD.state) 
     AND NOT (TG_OP = 'UPDATE' AND OLD.state = 'ACCEPTED')
     AND EXISTS (SELECT FROM halts WHERE cleared_at IS NULL) THEN
    RAISE EXCEPTION 'payouts are halted: %', (SELECT string_agg(code || ' ' || reason, '; ') FROM halts WHERE cleared_at IS NULL)
      USING ERRCODE = 'SL006';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER latch BEFORE INSERT OR UPDATE ON payouts FOR EACH ROW EXECUTE FUNCTION refuse_while_halted();

-- ------------------------------------------------------------------------------------------------------ people and payer

-- A person at a terminal has not got the lead while the payer runs: what is wanted is written here, and the payer does it.
CREATE TABLE payout_requests (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  verb         text NOT NULL CHECK (verb IN ('run', 'cancel', 'order')),
  order_text   jsonb,
  payout_id    bigint REFERENCES payouts (id),
  reason       text NOT NULL DEFAULT '',
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  done_at      timestamptz,
  outcome      text,
  CHECK ((verb = 'cancel') = (payout_id IS NOT NULL)),
  CHECK ((verb = 'order') = (order_text IS NOT NULL)),
  CHECK ((done_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX payout_requests_open ON payout_requests (id) WHERE done_at IS NULL;
COMMENT ON TABLE payout_requests IS 'What verbs ask of a running payer (a round, a cancellation, an order in the books), and what it answered.';

CREATE TABLE payer_status (
  only_one     boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  leader_epoch bigint NOT NULL CHECK (leader_epoch > 0),
  status       jsonb NOT NULL,
  told_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE payer_status IS 'What the running payer last said of itself: duties, faults, nodes. For `sluice payout status`; nothing is decided by it.';

-- --------------------------------------------------------------------------------------------------------------- audits

CREATE TABLE audits (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scope           text NOT NULL CHECK (scope IN ('incremental', 'full')),
  through_id      bigint NOT NULL,
  started_at      timestamptz NOT NULL,
  finished_at     timestamptz NOT NULL DEFAULT now(),
  violation_count integer NOT NULL CHECK (violation_count >= 0)
);
COMMENT ON TABLE audits IS 'Runs of the auditor; through_id = last ledger transaction that it has seen.';

CREATE TABLE audit_violations (
  audit_id  bigint NOT NULL REFERENCES audits (id),
  number    smallint NOT NULL,
  name      text NOT NULL,
  detail    text NOT NULL
);
COMMENT ON TABLE audit_violations IS 'What an audit found: number and name of the invariant (docs/LEDGER.md) and the rows that break it.';
