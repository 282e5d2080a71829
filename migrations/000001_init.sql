-- The first schema: who mines, what was loaded from which journal, the shares, their sums, the blocks.
--
-- Forward only. Needs PostgreSQL 15 or later and no right beyond CREATE on the schema. The runner wraps each file in one
-- transaction, so nothing here may need to run outside of one.
--
-- Days are UTC days everywhere. An unsigned 64-bit number (nonce) is stored as the bigint with the same bits, since SQL
-- has no unsigned type; ids that only count upwards stay positive.

-- ---------------------------------------------------------------------------------------------------------- who mines

CREATE TABLE accounts (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address    text NOT NULL UNIQUE CHECK (address <> ''),
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE accounts IS 'One row per payout address that ever had a share accepted.';
COMMENT ON COLUMN accounts.address IS 'Canonical form with the network prefix, as the chain''s address rules give it.';

CREATE TABLE workers (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES accounts (id),
  name       text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, name)
);
COMMENT ON TABLE workers IS 'A miner''s rig. The name is what the miner typed: data, never markup; empty when none was given.';

CREATE TABLE instances (
  id         smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL UNIQUE CHECK (name <> ''),
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE instances IS 'One row per engine instance, each with a journal of its own.';

-- An INSERT .. ON CONFLICT burns an identity value even when the row exists, and a smallint would run out after 32,767
-- starts. So: look first, insert only when nothing is there, look again when somebody else was faster.
CREATE FUNCTION ensure_instance(instance_name text) RETURNS smallint
LANGUAGE plpgsql AS $$
DECLARE
  found_id smallint;
BEGIN
  SELECT id INTO found_id FROM instances WHERE name = instance_name;
  IF found_id IS NULL THEN
    INSERT INTO instances (name) VALUES (instance_name) ON CONFLICT (name) DO NOTHING RETURNING id INTO found_id;
  END IF;
  IF found_id IS NULL THEN
    SELECT id INTO found_id FROM instances WHERE name = instance_name;
  END IF;
  RETURN found_id;
END
$$;
COMMENT ON FUNCTION ensure_instance(text) IS 'The id of the instance of that name; makes the row when there is none.';

-- ------------------------------------------------------------------------------------------------------- what is loaded

CREATE TABLE journal_progress (
  instance_id    smallint PRIMARY KEY REFERENCES instances (id),
  segment        bigint NOT NULL CHECK (segment >= 0),
  slot           bigint NOT NULL CHECK (slot >= 0),
  loaded_records bigint NOT NULL DEFAULT 0 CHECK (loaded_records >= 0),
  updated_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE journal_progress IS
  'The contiguous high-water mark of each instance''s journal. Moved in the same transaction as the rows it stands for: that is what makes a share count once.';
COMMENT ON COLUMN journal_progress.segment IS 'Number of the journal segment that is loaded next.';
COMMENT ON COLUMN journal_progress.slot IS 'Index, within that segment, of the next record to load; everything before it is in the database.';
COMMENT ON COLUMN journal_progress.loaded_records IS 'Share records loaded from this instance since its first start.';

-- --------------------------------------------------------------------------------------------------------------- shares

-- No index per row and no foreign keys: a btree costs three times the load rate (measured: 0.36 against 1.19 million rows a
-- second), and the loader is the only writer and has just made the ids. Time ranges are found by partition and BRIN.
-- Columns are ordered by width, 8 bytes first, so that no row carries padding in the middle.
CREATE TABLE shares (
  received_at     timestamptz NOT NULL,
  worker_id       bigint NOT NULL,
  job_id          bigint NOT NULL,
  nonce           bigint NOT NULL,
  segment         bigint NOT NULL,
  slot            integer NOT NULL,
  port            integer NOT NULL,
  extranonce      integer NOT NULL,
  instance_id     smallint NOT NULL,
  difficulty_log2 smallint NOT NULL CHECK (difficulty_log2 BETWEEN -31 AND 62),
  verdict         smallint NOT NULL CHECK (verdict IN (1, 2)),
  credit          smallint NOT NULL CHECK (credit BETWEEN 0 AND 2)
) PARTITION BY RANGE (received_at);
CREATE INDEX shares_received_at ON shares USING brin (received_at) WITH (pages_per_range = 32);
COMMENT ON TABLE shares IS 'Every accepted share, one partition per UTC day (shares_YYYYMMDD), appended by the loader only.';
COMMENT ON COLUMN shares.nonce IS 'Unsigned 64 bits, stored as the bigint with the same bits: negative means 2^63 and above.';
COMMENT ON COLUMN shares.segment IS 'Journal segment of the instance that holds the share''s record.';
COMMENT ON COLUMN shares.slot IS 'Index of the record within that segment. (instance_id, segment, slot) is the share''s own name.';
COMMENT ON COLUMN shares.port IS 'TCP port the miner was connected to.';
COMMENT ON COLUMN shares.difficulty_log2 IS
  'log2 of the difficulty the share was checked against; worth 2^(difficulty_log2 + 32) hashes, exactly.';
COMMENT ON COLUMN shares.verdict IS 'Code of the verdict table: 1 share, 2 block.';
COMMENT ON COLUMN shares.credit IS 'When it is credited: 0 now, 1 after confirmation, 2 never.';

-- Not partitioned by worker: the two questions are "the pool in this window" and "this worker in this window", and a day of
-- one-minute buckets answers both from the key.
CREATE TABLE share_sums (
  bucket      timestamptz NOT NULL CHECK (extract(second FROM bucket) = 0),
  worker_id   bigint NOT NULL,
  instance_id smallint NOT NULL,
  shares      bigint NOT NULL CHECK (shares >= 0),
  work_hashes numeric(40, 0) NOT NULL CHECK (work_hashes >= 0),
  PRIMARY KEY (bucket, worker_id, instance_id)
) PARTITION BY RANGE (bucket);
COMMENT ON TABLE share_sums IS
  'Credited work per worker and minute: the sums of the shares with credit 0, kept in the loader''s transaction. One partition per UTC day.';
COMMENT ON COLUMN share_sums.bucket IS 'Start of the minute (60 s bucket) in which the shares were received.';
COMMENT ON COLUMN share_sums.work_hashes IS
  'Exact sum of 2^(difficulty_log2 + 32) expected hashes. Largest share 2^94, so 40 digits hold 10^11 of the largest.';

-- Makes the partitions of one UTC day in every table that is partitioned by day. Safe when several loaders call it at once,
-- and inside a transaction that has already written: CREATE TABLE .. PARTITION OF would take an exclusive lock on the
-- parent, on which two writers deadlock, so the table is made on its own and attached (a lock that lets writers through).
-- The advisory lock orders the makers; who finds the partition there waits for nobody. Two traps, both met in tests:
-- to_regclass answers from a cache that waiting for an advisory lock does not refresh, so the looks read pg_class; and a
-- transaction that wrote to the parent before keeps its old list of partitions until it takes some new lock (PostgreSQL
-- 15: "no partition of relation found for row"), so it takes, at the end, the lock that its inserts need anyway.
CREATE FUNCTION ensure_day_partitions(day date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  parent text;
  child  text;
  home   text;
  home_id oid;
  from_at timestamptz := day::timestamp AT TIME ZONE 'UTC';
  to_at   timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
  FOREACH parent IN ARRAY ARRAY['shares', 'share_sums'] LOOP
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
COMMENT ON FUNCTION ensure_day_partitions(date) IS 'Makes the day partitions of shares and share_sums for one UTC day, if missing.';

-- Refused submissions are counted, never listed: junk must not be able to write a row per message or per invented worker.
CREATE TABLE reject_sums (
  bucket      timestamptz NOT NULL CHECK (extract(second FROM bucket) = 0),
  instance_id smallint NOT NULL REFERENCES instances (id),
  verdict     smallint NOT NULL CHECK (verdict BETWEEN 0 AND 255),
  count       bigint NOT NULL CHECK (count >= 0),
  PRIMARY KEY (bucket, instance_id, verdict)
);
COMMENT ON TABLE reject_sums IS 'Submissions that were not accepted, per minute, instance and code of the verdict table.';
COMMENT ON COLUMN reject_sums.bucket IS 'Start of the minute (60 s bucket).';

-- --------------------------------------------------------------------------------------------------------------- blocks

CREATE TABLE blocks (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  block_hash     text NOT NULL UNIQUE CHECK (block_hash ~ '^[0-9a-f]{64}$'),
  instance_id    smallint NOT NULL REFERENCES instances (id),
  worker_id      bigint NOT NULL REFERENCES workers (id),
  job_id         bigint NOT NULL,
  nonce          bigint NOT NULL,
  daa_score      bigint NOT NULL CHECK (daa_score >= 0),
  blue_score     bigint NOT NULL CHECK (blue_score >= 0),
  network_bits   bigint NOT NULL CHECK (network_bits BETWEEN 0 AND 4294967295),
  found_at       timestamptz NOT NULL,
  state          text NOT NULL DEFAULT 'candidate' CHECK (state IN
                   ('candidate', 'submitted', 'accepted', 'refused', 'blue', 'red', 'matured', 'orphaned')),
  submit_reports jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(submit_reports) = 'array'),
  colour         text NOT NULL DEFAULT 'unknown' CHECK (colour IN ('unknown', 'blue', 'red')),
  merging_block  text CHECK (merging_block ~ '^[0-9a-f]{64}$'),
  reward_sompi   bigint CHECK (reward_sompi >= 0),
  updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX blocks_found_at ON blocks (found_at);
CREATE INDEX blocks_worker ON blocks (worker_id, found_at);
-- What the block follower asks for every second; a few rows, however long the pool's history.
CREATE INDEX blocks_open ON blocks (found_at) WHERE state IN ('candidate', 'submitted', 'accepted', 'blue');
COMMENT ON TABLE blocks IS
  'Every block candidate, once per hash: a node answers success to a block that it already has, so the hash is the identity.';
COMMENT ON COLUMN blocks.block_hash IS 'Lower-case hex, 64 digits, as nodes print it.';
COMMENT ON COLUMN blocks.nonce IS 'Unsigned 64 bits, stored as the bigint with the same bits.';
COMMENT ON COLUMN blocks.daa_score IS 'DAA score of the template the block was made of; maturity counts from the merging block.';
COMMENT ON COLUMN blocks.network_bits IS 'Compact network target of the template (unsigned 32 bits).';
COMMENT ON COLUMN blocks.state IS
  'candidate (found) > submitted (sent) > accepted | refused by the nodes > blue | red once merged > matured, or orphaned.';
COMMENT ON COLUMN blocks.submit_reports IS 'One object per node and attempt: nodeName, outcome, reason, elapsedMs.';
COMMENT ON COLUMN blocks.merging_block IS 'Hash of the chain block that merged it; its coinbase carries our output. NULL while unknown.';
COMMENT ON COLUMN blocks.reward_sompi IS 'Sompi (10^-8 KAS) paid to us for this block; NULL while unknown, 0 for a red one.';
