-- What charts and the miner's page read: refusals by worker, and sums over ten minutes and hours.
--
-- A short cut, never money: rewards are divided by share_sums. Everything here can be emptied, and is then rolled anew from what
-- share_sums still has. Spans begin at whole ten minutes UTC.

-- ---------------------------------------------------------------------------------------------------------------- tables

-- Only workers of the table `workers`, which an accepted share has made: junk logins must not be able to write a row each.
CREATE TABLE worker_refusals (
  bucket    timestamptz NOT NULL CHECK (mod(extract(epoch FROM bucket), 600) = 0),
  worker_id bigint NOT NULL,
  verdict   smallint NOT NULL CHECK (verdict BETWEEN 0 AND 255),
  count     bigint NOT NULL CHECK (count > 0),
  PRIMARY KEY (worker_id, bucket, verdict)
) PARTITION BY RANGE (bucket);
CREATE INDEX worker_refusals_bucket ON worker_refusals USING brin (bucket) WITH (pages_per_range = 32);
COMMENT ON TABLE worker_refusals IS
  'Refused submissions per worker, ten minutes and verdict, told by engines once a minute. Kept for 30 days, one partition per UTC day.';
COMMENT ON COLUMN worker_refusals.bucket IS 'Start of the ten minutes (600 s) in which they were refused.';

CREATE TABLE worker_spans (
  span_start  timestamptz NOT NULL CHECK (mod(extract(epoch FROM span_start), 600) = 0),
  worker_id   bigint NOT NULL,
  shares      bigint NOT NULL CHECK (shares >= 0),
  work_hashes numeric(40, 0) NOT NULL CHECK (work_hashes >= 0),
  PRIMARY KEY (worker_id, span_start)
) PARTITION BY RANGE (span_start);
CREATE INDEX worker_spans_start ON worker_spans USING brin (span_start) WITH (pages_per_range = 32);
COMMENT ON TABLE worker_spans IS
  'Credited shares and work per worker and ten minutes, of all pots and instances. Kept for 30 days, one partition per UTC day.';

CREATE TABLE account_hours (
  hour_start  timestamptz NOT NULL CHECK (mod(extract(epoch FROM hour_start), 3600) = 0),
  account_id  bigint NOT NULL,
  shares      bigint NOT NULL CHECK (shares >= 0),
  work_hashes numeric(40, 0) NOT NULL CHECK (work_hashes >= 0),
  refused     bigint NOT NULL CHECK (refused >= 0),
  PRIMARY KEY (account_id, hour_start)
) PARTITION BY RANGE (hour_start);
COMMENT ON TABLE account_hours IS
  'The spans of an account''s workers by the hour; the last one grows while its spans are rolled. Kept for 30 days, one partition per UTC day.';
COMMENT ON COLUMN account_hours.refused IS 'Refused submissions, those of worker_refusals.';

CREATE TABLE pool_spans (
  span_start  timestamptz NOT NULL CHECK (mod(extract(epoch FROM span_start), 600) = 0),
  pot         smallint NOT NULL REFERENCES pots (id),
  work_hashes numeric(60, 0) NOT NULL CHECK (work_hashes >= 0),
  accepted    bigint NOT NULL CHECK (accepted >= 0),
  refused     bigint NOT NULL CHECK (refused >= 0),
  workers     integer NOT NULL CHECK (workers >= 0),
  accounts    integer NOT NULL CHECK (accounts >= 0),
  PRIMARY KEY (span_start, pot)
);
COMMENT ON TABLE pool_spans IS
  'The pool by pot and ten minutes. No row = neither a share nor a refusal, once spans_rolled has passed it. A year is 53,000 rows a pot: never deleted.';
COMMENT ON COLUMN pool_spans.accepted IS 'Credited shares.';
COMMENT ON COLUMN pool_spans.refused IS 'Submissions that were not accepted, of known workers or not.';
COMMENT ON COLUMN pool_spans.workers IS 'Distinct, with at least one credited share.';

ALTER TABLE reject_sums ADD COLUMN pot smallint NOT NULL DEFAULT 1;
ALTER TABLE reject_sums DROP CONSTRAINT reject_sums_pkey;
ALTER TABLE reject_sums ADD PRIMARY KEY (bucket, instance_id, pot, verdict);
COMMENT ON TABLE reject_sums IS
  'Submissions that were not accepted, per minute, instance, pot and code of the verdict table, told by engines once a minute. Kept for 30 days.';
COMMENT ON COLUMN reject_sums.pot IS 'The pot of the port that it came to.';

CREATE TABLE refusal_progress (
  instance_id smallint PRIMARY KEY REFERENCES instances (id),
  boot        bigint NOT NULL,
  sequence    bigint NOT NULL CHECK (sequence > 0),
  through     timestamptz NOT NULL
);
COMMENT ON TABLE refusal_progress IS
  'The last batch of refusals that was taken from each engine, moved in the transaction of its rows: one that comes again is passed over.';
COMMENT ON COLUMN refusal_progress.boot IS 'Start of the engine, unix ms; its batches are numbered from 1.';
COMMENT ON COLUMN refusal_progress.through IS 'Every refusal of before is in the tables.';

CREATE TABLE spans_rolled (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  through  timestamptz NOT NULL CHECK (mod(extract(epoch FROM through), 600) = 0)
);
COMMENT ON TABLE spans_rolled IS 'One row: every span before it has been rolled, with what was there.';

CREATE TABLE span_progress (
  instance_id smallint PRIMARY KEY REFERENCES instances (id),
  through     timestamptz NOT NULL CHECK (mod(extract(epoch FROM through), 600) = 0)
);
COMMENT ON TABLE span_progress IS
  'Up to when the spans hold all of an instance. Behind spans_rolled: it was late, and its spans are rolled again as it catches up.';

-- ------------------------------------------------------------------------------------------------------------- partitions

-- As it was in 000001, with the tables of this file.
CREATE OR REPLACE FUNCTION ensure_day_partitions(day date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  parent text;
  child  text;
  home   text;
  home_id oid;
  from_at timestamptz := day::timestamp AT TIME ZONE 'UTC';
  to_at   timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
  FOREACH parent IN ARRAY ARRAY['shares', 'share_sums', 'worker_refusals', 'worker_spans', 'account_hours'] LOOP
    child := parent || '_' || to_char(day, 'YYYYMMDD');
    SELECT n.oid, n.nspname INTO STRICT home_id, home
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = parent::regclass;
    IF NOT EXISTS (SELECT FROM pg_class WHERE relname = child AND relnamespace = home_id AND relispartition) THEN
      PERFORM pg_advisory_xact_lock(hashtext('sluice:day-partitions'), day - DATE '2000-01-01');
      IF NOT EXISTS (SELECT FROM pg_class WHERE relname = child AND relnamespace = home_id AND relispartition) THEN
        EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', home, child, home, parent);
        EXECUTE format('ALTER TABLE %I.%I ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                       home, parent, home, child, from_at, to_at);
      END IF;
    END IF;
    EXECUTE format('LOCK TABLE %I.%I IN ROW EXCLUSIVE MODE', home, child);
  END LOOP;
END
$$;
COMMENT ON FUNCTION ensure_day_partitions(date) IS 'Makes the day partitions of one UTC day in every table that has them, if missing.';

-- 200 ms: a drop waits for readers, and who comes after it waits for the drop.
CREATE FUNCTION drop_old_spans() RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
  old     record;
  dropped integer := 0;
  keep    timestamptz := now() - interval '31 days';
BEGIN
  FOR old IN
    SELECT n.nspname, c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.inhparent IN ('worker_refusals'::regclass, 'worker_spans'::regclass, 'account_hours'::regclass)
      AND right(c.relname, 8) < to_char(keep AT TIME ZONE 'UTC', 'YYYYMMDD') ORDER BY right(c.relname, 8) LIMIT 6
  LOOP
    BEGIN
      EXECUTE format('DROP TABLE %I.%I', old.nspname, old.relname);
      dropped := dropped + 1;
    EXCEPTION WHEN lock_not_available THEN
      EXIT; -- Somebody reads it. The next time, then.
    END;
  END LOOP;
  DELETE FROM reject_sums WHERE ctid = ANY (ARRAY(SELECT ctid FROM reject_sums WHERE bucket < keep ORDER BY bucket LIMIT 10000));
  RETURN dropped;
END
$$;
COMMENT ON FUNCTION drop_old_spans() IS 'Drops a few day partitions that are past their 30 days, and rows of reject_sums; gives how many partitions.';

-- -------------------------------------------------------------------------------------------------------------- refusals

/*
 * Takes one batch of an engine's refusals; false = it was taken before.
 *   pool_rows     [[minute, pot, verdict, count], ...]            all of them
 *   worker_rows   [[minute, address, name, verdict, count], ...]  the part that logged-in workers stand for
 * minute: unix seconds of its start. Workers without a share are passed over: they are in pool_rows.
 */
CREATE FUNCTION note_refusals(of_instance smallint, of_boot bigint, of_sequence bigint, through_at timestamptz,
                              pool_rows jsonb, worker_rows jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  last refusal_progress;
  day  date;
BEGIN
  INSERT INTO refusal_progress VALUES (of_instance, of_boot, of_sequence, through_at) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    SELECT * INTO last FROM refusal_progress WHERE instance_id = of_instance FOR NO KEY UPDATE;
    -- Another boot is another count, whatever its clock says: two engines of one name cannot run.
    IF last.boot = of_boot AND last.sequence >= of_sequence THEN RETURN false; END IF;
    UPDATE refusal_progress SET boot = of_boot, sequence = of_sequence, through = greatest(through_at, through)
    WHERE instance_id = of_instance;
  END IF;
  INSERT INTO reject_sums (bucket, instance_id, pot, verdict, count)
  SELECT to_timestamp((r ->> 0)::bigint), of_instance, (r ->> 1)::smallint, (r ->> 2)::smallint, sum((r ->> 3)::bigint)
  FROM jsonb_array_elements(pool_rows) AS r GROUP BY 1, 3, 4
  ON CONFLICT (bucket, instance_id, pot, verdict) DO UPDATE SET count = reject_sums.count + excluded.count;
  IF worker_rows = '[]' THEN RETURN true; END IF;
  FOR day IN SELECT DISTINCT (to_timestamp((r ->> 0)::bigint) AT TIME ZONE 'UTC')::date FROM jsonb_array_elements(worker_rows) AS r LOOP
    PERFORM ensure_day_partitions(day);
  END LOOP;
  -- In the order of the key: engines that write at once do not wait in a circle.
  INSERT INTO worker_refusals (bucket, worker_id, verdict, count)
  SELECT date_bin('10 minutes', to_timestamp((r ->> 0)::bigint), 'epoch'::timestamptz), w.id, (r ->> 3)::smallint, sum((r ->> 4)::bigint)
  FROM jsonb_array_elements(worker_rows) AS r
  JOIN accounts a ON a.address = r ->> 1 JOIN workers w ON w.account_id = a.id AND w.name = r ->> 2
  GROUP BY 1, 2, 3 ORDER BY 2, 1, 3
  ON CONFLICT (worker_id, bucket, verdict) DO UPDATE SET count = worker_refusals.count + excluded.count;
  RETURN true;
END
$$;
COMMENT ON FUNCTION note_refusals(smallint, bigint, bigint, timestamptz, jsonb, jsonb) IS
  'Adds a batch of refused submissions to reject_sums and worker_refusals, once; false = it was there.';

-- ----------------------------------------------------------------------------------------------------------------- rollup

-- One span, of whatever is there now. Sums only grow, so rolling again is harmless. EXECUTE: planned for this span.
CREATE FUNCTION roll_span(span timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  span_end timestamptz := span + interval '10 minutes';
  hour     timestamptz := date_bin('1 hour', span, 'epoch'::timestamptz);
BEGIN
  PERFORM ensure_day_partitions((span AT TIME ZONE 'UTC')::date);
  EXECUTE $query$
    INSERT INTO worker_spans (span_start, worker_id, shares, work_hashes)
    SELECT $1, worker_id, sum(shares), sum(work_hashes) FROM share_sums WHERE bucket >= $1 AND bucket < $2 GROUP BY worker_id
    ON CONFLICT (worker_id, span_start) DO UPDATE SET shares = excluded.shares, work_hashes = excluded.work_hashes
  $query$ USING span, span_end;
  EXECUTE $query$
    INSERT INTO pool_spans (span_start, pot, work_hashes, accepted, refused, workers, accounts)
    SELECT $1, pot, coalesce(work, 0), coalesce(shares, 0), coalesce(refused, 0), coalesce(workers, 0), coalesce(accounts, 0) FROM (
      SELECT r.pot, sum(r.work) AS work, sum(r.shares) AS shares, count(*) AS workers, count(DISTINCT w.account_id) AS accounts
      FROM (SELECT pot, worker_id, sum(work_hashes) AS work, sum(shares) AS shares FROM share_sums
            WHERE bucket >= $1 AND bucket < $2 GROUP BY pot, worker_id) AS r
      JOIN workers w ON w.id = r.worker_id GROUP BY r.pot
    ) AS done FULL JOIN (
      SELECT pot, sum(count) AS refused FROM reject_sums WHERE bucket >= $1 AND bucket < $2 GROUP BY pot
    ) AS turned_down USING (pot)
    ON CONFLICT (span_start, pot) DO UPDATE SET work_hashes = excluded.work_hashes, accepted = excluded.accepted,
      refused = excluded.refused, workers = excluded.workers, accounts = excluded.accounts
  $query$ USING span, span_end;
  EXECUTE $query$
    INSERT INTO account_hours (hour_start, account_id, shares, work_hashes, refused)
    SELECT $1, w.account_id, sum(u.shares), sum(u.work), sum(u.refused) FROM (
      SELECT worker_id, shares, work_hashes AS work, 0 AS refused FROM worker_spans WHERE span_start >= $1 AND span_start < $2
      UNION ALL
      SELECT worker_id, 0, 0, count FROM worker_refusals WHERE bucket >= $1 AND bucket < $2
    ) AS u JOIN workers w ON w.id = u.worker_id GROUP BY w.account_id
    ON CONFLICT (account_id, hour_start) DO UPDATE SET shares = excluded.shares, work_hashes = excluded.work_hashes, refused = excluded.refused
  $query$ USING hour, hour + interval '1 hour';
END
$$;
COMMENT ON FUNCTION roll_span(timestamptz) IS 'Sums one span of ten minutes into worker_spans, pool_spans and account_hours.';

-- Up to when everything of an instance is in the tables, shares and refusals.
CREATE VIEW instance_marks AS
SELECT p.instance_id, coalesce(least(p.loaded_through, r.through), '-infinity') AS through
FROM journal_progress p LEFT JOIN refusal_progress r USING (instance_id);
COMMENT ON VIEW instance_marks IS 'Up to when the shares and refusals of an instance are in the database; an engine that tells no refusals is measured by its shares.';

/*
 * Rolls at most `spans_max` spans and gives how many. A span is rolled when every engine has told all of it, or five minutes later
 * without the late ones; theirs are rolled again as they catch up. Anybody may call it at any time: one works, the others get 0.
 *
 *      span_progress of a late one         spans_rolled        now
 *     ------------|--------------------------------|-------------|-->
 *                 again, as its mark passes          next
 */
CREATE FUNCTION roll_spans(spans_max integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  ten     interval := interval '10 minutes';
  epoch   timestamptz := 'epoch';
  loaded  timestamptz;
  first   timestamptz;
  at      timestamptz;
  late    record;
  rolled  integer := 0;
  looked  integer := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('sluice:roll-spans'), 0) THEN RETURN 0; END IF;
  SELECT greatest(min(through), now() - interval '5 minutes') INTO loaded FROM instance_marks;
  SELECT through INTO at FROM spans_rolled;
  -- A month of minutes is as far as charts go.
  at := greatest(at, date_bin(ten, now() - interval '30 days', epoch));
  -- One that is new may have mined before the database first heard of it.
  INSERT INTO span_progress
  SELECT m.instance_id, least(at, date_bin(ten, greatest(i.created_at - interval '1 day', now() - interval '30 days'), epoch))
  FROM instance_marks m JOIN instances i ON i.id = m.instance_id ON CONFLICT DO NOTHING;
  LOOP
    -- Where nothing was mined nothing is rolled.
    SELECT least((SELECT min(bucket) FROM share_sums WHERE bucket >= at), (SELECT min(bucket) FROM reject_sums WHERE bucket >= at)) INTO first;
    UPDATE span_progress p SET through = greatest(at, date_bin(ten, least(first, loaded), epoch)) FROM instance_marks m
    WHERE m.instance_id = p.instance_id AND p.through = at AND m.through >= greatest(at, date_bin(ten, least(first, loaded), epoch));
    at := greatest(at, date_bin(ten, least(first, loaded), epoch));
    EXIT WHEN first IS NULL OR at + ten > loaded OR rolled >= spans_max;
    PERFORM roll_span(at);
    rolled := rolled + 1;
    UPDATE span_progress p SET through = at + ten FROM instance_marks m
    WHERE m.instance_id = p.instance_id AND p.through = at AND m.through >= at + ten;
    at := at + ten;
  END LOOP;
  INSERT INTO spans_rolled (through) VALUES (at) ON CONFLICT (only_one) DO UPDATE SET through = excluded.through;
  FOR late IN
    SELECT p.instance_id, s.span FROM span_progress p JOIN instance_marks m USING (instance_id)
    CROSS JOIN LATERAL generate_series(greatest(p.through, now() - interval '30 days'), least(m.through, at) - ten, ten) AS g (moment)
    CROSS JOIN LATERAL (SELECT date_bin(ten, g.moment, epoch) AS span) AS s
    WHERE p.through < at AND m.through >= p.through + ten ORDER BY s.span, p.instance_id
  LOOP
    EXIT WHEN rolled >= spans_max OR looked >= 24;
    looked := looked + 1;
    IF EXISTS (SELECT FROM share_sums WHERE bucket >= late.span AND bucket < late.span + ten AND instance_id = late.instance_id)
        OR EXISTS (SELECT FROM reject_sums WHERE bucket >= late.span AND bucket < late.span + ten AND instance_id = late.instance_id) THEN
      PERFORM roll_span(late.span);
      rolled := rolled + 1;
    END IF;
    UPDATE span_progress SET through = late.span + ten WHERE instance_id = late.instance_id;
  END LOOP;
  PERFORM drop_old_spans();
  RETURN rolled;
END
$$;
COMMENT ON FUNCTION roll_spans(integer) IS 'Rolls spans that are due into worker_spans, pool_spans and account_hours, at most so many; gives how many.';
