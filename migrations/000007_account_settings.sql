-- Settings that an account signed: only ever newer ones, and all of them kept.
--
-- Whoever writes the table gets the same rules, since they are the table's own: the engine's API applies settings without the
-- payer's lead, for no money moves here.

CREATE TABLE account_setting_changes (
  id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id            bigint NOT NULL REFERENCES accounts (id),
  threshold_sompi       bigint,
  donation_basis_points integer NOT NULL,
  alerts_address        text,
  signed_at             timestamptz NOT NULL,
  message               text NOT NULL,
  signature             text NOT NULL,
  received_at           timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, signed_at)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_setting_changes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE account_setting_changes IS
  'Append-only: every settings message that was taken, with its signature, so that anybody can check later who asked for what.';

ALTER TABLE account_settings ADD CHECK (octet_length(message) <= 4096), ADD CHECK (octet_length(signature) <= 256),
  ADD CHECK (octet_length(alerts_address) <= 200);

CREATE FUNCTION keep_settings_newer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.account_id <> OLD.account_id OR NEW.signed_at <= OLD.signed_at) THEN
    RAISE EXCEPTION 'settings of account % signed at % are not newer than %', OLD.account_id, NEW.signed_at, OLD.signed_at
      USING ERRCODE = 'SL004';
  END IF;
  INSERT INTO account_setting_changes (account_id, threshold_sompi, donation_basis_points, alerts_address, signed_at, message, signature)
  VALUES (NEW.account_id, NEW.threshold_sompi, NEW.donation_basis_points, NEW.alerts_address, NEW.signed_at, NEW.message, NEW.signature);
  RETURN NEW;
END
$$;
CREATE TRIGGER only_newer BEFORE INSERT OR UPDATE ON account_settings
  FOR EACH ROW EXECUTE FUNCTION keep_settings_newer();
CREATE TRIGGER never_gone BEFORE DELETE OR TRUNCATE ON account_settings
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

/*
 * Takes what was signed, and says what became of it:
 *   applied    it holds now
 *   unchanged  this very message holds already: the answer to it was lost, and it came again
 *   older      what is stored was signed at the same moment or later
 *   unknown    no account of that address; one is made by the first accepted share, never by a stranger's message
 *
 * Looks at the row under its lock: of two that arrive at once one is first, and the other is compared with it.
 */
CREATE FUNCTION apply_account_settings(of_address text, threshold bigint, donation integer, alerts text, at timestamptz,
                                       signed_message text, signed_by text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  account bigint;
  stored  account_settings;
BEGIN
  -- The account's row is the lock: there may be no settings to lock yet. NO KEY: the loader's foreign keys do not wait for it.
  SELECT id INTO account FROM accounts WHERE address = of_address FOR NO KEY UPDATE;
  IF account IS NULL THEN RETURN 'unknown'; END IF;
  SELECT * INTO stored FROM account_settings WHERE account_id = account;
  IF NOT FOUND THEN
    INSERT INTO account_settings (account_id, threshold_sompi, donation_basis_points, alerts_address, signed_at, message, signature)
    VALUES (account, threshold, donation, alerts, at, signed_message, signed_by);
    RETURN 'applied';
  END IF;
  IF stored.signed_at = at AND stored.message = signed_message THEN RETURN 'unchanged'; END IF;
  IF stored.signed_at >= at THEN RETURN 'older'; END IF;
  UPDATE account_settings SET threshold_sompi = threshold, donation_basis_points = donation, alerts_address = alerts,
    signed_at = at, message = signed_message, signature = signed_by, updated_at = now()
  WHERE account_id = account;
  RETURN 'applied';
END
$$;
COMMENT ON FUNCTION apply_account_settings(text, bigint, integer, text, timestamptz, text, text) IS
  'Applies signed settings if they are newer than those stored; says applied, unchanged, older or unknown. The signature was checked by the caller.';
