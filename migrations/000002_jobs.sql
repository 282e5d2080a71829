-- The work behind a job number. An engine counts its jobs from 1 at every start, so a job number and a nonce can honestly
-- come twice; (pre-PoW hash, timestamp, nonce) cannot. Keyed by that hash and timestamp, a job has one id for ever, and a
-- share that was counted twice shows as two rows with the same (job_id, nonce).

CREATE TABLE jobs (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pre_pow_hash bytea NOT NULL CHECK (octet_length(pre_pow_hash) = 32),
  timestamp_ms bigint NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  UNIQUE (pre_pow_hash, timestamp_ms)
);
COMMENT ON TABLE jobs IS 'One row per piece of work that ever had a share accepted: at most a few a second, whatever the number of miners.';
COMMENT ON COLUMN jobs.pre_pow_hash IS 'Hash of the header with timestamp and nonce zero, 32 bytes.';
COMMENT ON COLUMN jobs.timestamp_ms IS 'Timestamp of the template''s header, ms; an unsigned 64-bit number stored as the bigint with the same bits.';

COMMENT ON COLUMN shares.job_id IS 'jobs.id: (job_id, nonce) is the identity of the share''s proof of work.';
COMMENT ON COLUMN shares.port IS 'Which stratum port of the configuration the miner was connected to, counted from 0.';
COMMENT ON COLUMN blocks.job_id IS 'jobs.id of the template the block was made of.';

-- A mark is worth nothing over another journal: if the folder was replaced, segment 3 is not the segment 3 that was loaded.
ALTER TABLE journal_progress ADD COLUMN segment_boot bigint;
COMMENT ON COLUMN journal_progress.segment_boot IS
  'Boot number in the header of that segment (unsigned 32 bits): the loader stops when the file on disk says another. NULL: nothing of the segment is loaded yet.';
