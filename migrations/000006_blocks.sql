-- The life of a block in figures, why blocks go red, and which output of the treasury is for which block.

ALTER TABLE shares ADD COLUMN pot smallint NOT NULL DEFAULT 1;
COMMENT ON COLUMN shares.pot IS 'The pot (reward scheme) of the port, as the record says it.';

ALTER TABLE blocks
  ADD COLUMN template_age_ms real CHECK (template_age_ms >= 0),
  ADD COLUMN queue_ms        real CHECK (queue_ms >= 0),
  ADD COLUMN coloured_at     timestamptz,
  ADD COLUMN deep            boolean NOT NULL DEFAULT false,
  ADD COLUMN effort_work     numeric(60, 0) CHECK (effort_work >= 0);
-- Until now the engine called a block matured when its merging block was deep. That is `deep`; only money in the books is `matured`.
UPDATE blocks SET deep = true WHERE state = 'matured';
UPDATE blocks SET state = 'blue' WHERE state = 'matured';
CREATE INDEX blocks_pot ON blocks (pot, found_at);
CREATE INDEX blocks_unmeasured ON blocks (found_at) WHERE effort_work IS NULL;
DROP INDEX blocks_open;
CREATE INDEX blocks_open ON blocks (found_at) WHERE state IN ('candidate', 'submitted', 'accepted', 'blue') AND NOT deep;
-- What the payer asks for: blocks whose reward is not in the books.
CREATE INDEX blocks_unbooked ON blocks (daa_score) WHERE state = 'blue';
COMMENT ON COLUMN blocks.template_age_ms IS 'Age of the template, ms, when the miner''s submission came. NULL: known from the journal only.';
COMMENT ON COLUMN blocks.queue_ms IS 'From that submission to handing the block to the nodes, ms: our own part of the delay.';
COMMENT ON COLUMN blocks.coloured_at IS 'When the engine first heard that the chain had merged it; NULL again after a reorg.';
COMMENT ON COLUMN blocks.deep IS 'The merging block is rewards.maturityDaa deep, or following it was given up: its colour is final.';
COMMENT ON COLUMN blocks.effort_work IS
  'Expected hashes of the pot''s shares since its block before; see measure_efforts. NULL: not computed yet.';
COMMENT ON COLUMN blocks.state IS
  'candidate (found) > submitted (sent) > accepted | refused by the nodes > blue | red once merged > matured: its output is in the books (the payer says so), or orphaned.';
COMMENT ON COLUMN blocks.reward_sompi IS
  'Sompi (10^-8 KAS) for this block: told by the node until it is matured, then the sum of its treasury_outputs; 0 for a red one.';

-- --------------------------------------------------------------------------------------------------------------- effort

-- 2^256 / (target + 1), as src/domain/target does it. Compact bits: one byte of exponent, three of a signed mantissa. A test holds
-- the two against each other.
CREATE FUNCTION expected_hashes(network_bits bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
  SELECT div(115792089237316195423570985008687907853269984665640564039457584007913129639936, target + 1)
  FROM (SELECT CASE
      WHEN exponent >= 3 AND mantissa > 8388607 THEN 0
      WHEN exponent <= 3 THEN div(mantissa, power(256::numeric, 3 - exponent))
      ELSE least(mantissa * power(256::numeric, exponent - 3),
                 57896044618658097711785492504343953926634992332820282019728792003956564819967) END AS target
    FROM (SELECT (network_bits >> 24)::numeric AS exponent, (network_bits & 16777215)::numeric AS mantissa) AS parts) AS targets
$$;
COMMENT ON FUNCTION expected_hashes(bigint) IS 'Hashes that a block of these compact bits needs on the mean.';

/*
 * Gives the work since the pot's block before to blocks that have none, for at most `minutes_max` minutes with blocks in them, and
 * says how many blocks that were. Work is summed by the minute, so blocks of one minute share what was done since the minute of the
 * block before: nothing is counted twice and nothing is left out. A minute is measured when every engine has loaded its shares, or
 * half an hour later without the late ones. Any number of engines may call it: they compute the same.
 *
 *     |  block |   work   |   work   | block block |      both have (work + work + work) / 2
 */
CREATE FUNCTION measure_efforts(minutes_max integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  loaded_to timestamptz;
  measured  integer;
BEGIN
  SELECT greatest(min(coalesce(loaded_through, '-infinity')), now() - interval '30 minutes') INTO loaded_to FROM journal_progress;
  WITH minutes AS (
    SELECT DISTINCT pot, date_trunc('minute', found_at) AS minute FROM blocks
    WHERE effort_work IS NULL AND date_trunc('minute', found_at) + interval '1 minute' <= loaded_to
    ORDER BY minute, pot LIMIT minutes_max
  ), spans AS (
    SELECT m.pot, m.minute,
      (SELECT count(*) FROM blocks b WHERE b.pot = m.pot AND b.found_at >= m.minute AND b.found_at < m.minute + interval '1 minute') AS found,
      -- A pot's first block: a month of sums is as far as anybody keeps score.
      coalesce((SELECT date_trunc('minute', max(b.found_at)) FROM blocks b WHERE b.pot = m.pot AND b.found_at < m.minute),
               m.minute - interval '30 days') AS before
    FROM minutes m
  ), works AS (
    SELECT s.*, (SELECT coalesce(sum(w.work_hashes), 0) FROM share_sums w
                 WHERE w.pot = s.pot AND w.bucket > s.before AND w.bucket <= s.minute) AS work
    FROM spans s
  ), free AS (
    -- A row that the payer is booking is left for the next time: it takes its rows in another order, and must never be the victim.
    SELECT b.id, div(w.work, w.found) AS effort FROM works w
    JOIN blocks b ON b.pot = w.pot AND b.found_at >= w.minute AND b.found_at < w.minute + interval '1 minute'
    FOR NO KEY UPDATE OF b SKIP LOCKED
  )
  UPDATE blocks b SET effort_work = free.effort FROM free WHERE b.id = free.id;
  GET DIAGNOSTICS measured = ROW_COUNT;
  RETURN measured;
END
$$;
COMMENT ON FUNCTION measure_efforts(integer) IS 'Computes effort_work of blocks whose shares are loaded; gives their number.';

-- ------------------------------------------------------------------------------------------------------ why it went red

-- Every block with its figures and what speaks against it. Where the line lies, and why:
--   template   5 s: GHOSTDAG's K is made for blocks that are 5 s behind the network
--   submit     500 ms from the miner's submission to the first node's yes: five blocks of the network by then
--   merged     10 s until the engine heard of a merger; a block that is in time is merged within one or two
--   burst      more than 2 other blocks of ours within a second: they cannot know of each other
CREATE VIEW block_causes AS
WITH figures AS (
  SELECT b.id AS block_id, b.block_hash, i.name AS instance, b.found_at, b.state, b.colour, b.template_age_ms, b.queue_ms,
    r.first_yes_ms, r.first_yes_node, r.slowest_ms, r.nodes, r.not_accepted, r.refusals,
    extract(epoch FROM b.coloured_at - b.found_at) * 1000 AS merged_after_ms,
    (SELECT count(*) FROM blocks o WHERE o.id <> b.id
       AND o.found_at BETWEEN b.found_at - interval '1 second' AND b.found_at + interval '1 second') AS ours_nearby,
    (SELECT count(*) FROM blocks o WHERE o.id <> b.id AND o.colour = 'red'
       AND o.found_at BETWEEN b.found_at - interval '1 minute' AND b.found_at + interval '1 minute') AS reds_nearby
  FROM blocks b JOIN instances i ON i.id = b.instance_id
  CROSS JOIN LATERAL (
    SELECT min(elapsed) FILTER (WHERE outcome = 'accepted') AS first_yes_ms,
      (array_agg(node ORDER BY elapsed) FILTER (WHERE outcome = 'accepted'))[1] AS first_yes_node,
      max(elapsed) AS slowest_ms, count(*) AS nodes, count(*) FILTER (WHERE outcome <> 'accepted') AS not_accepted,
      string_agg(node || ': ' || outcome || CASE WHEN reason = '' THEN '' ELSE ' (' || reason || ')' END, '; ')
        FILTER (WHERE outcome <> 'accepted') AS refusals
    FROM (SELECT e ->> 'nodeName' AS node, e ->> 'outcome' AS outcome, coalesce(e ->> 'reason', '') AS reason,
            (e ->> 'elapsedMs')::float8 AS elapsed
          FROM jsonb_array_elements(b.submit_reports) AS e) AS reports) AS r
)
SELECT f.*, CASE WHEN cardinality(c.causes) = 0 THEN ARRAY['chance'] ELSE c.causes END AS causes
FROM figures f CROSS JOIN LATERAL (
  SELECT array_remove(ARRAY[
    CASE WHEN f.template_age_ms > 5000 THEN 'old template' END,
    CASE WHEN f.queue_ms + coalesce(f.first_yes_ms, f.slowest_ms, 0) > 500 THEN 'slow submit' END,
    CASE WHEN f.not_accepted > 0 THEN 'refused by nodes' END,
    CASE WHEN f.nodes = 0 THEN 'no answer known' END,
    CASE WHEN f.merged_after_ms > 10000 THEN 'merged late' END,
    CASE WHEN f.ours_nearby > 2 THEN 'burst' END], NULL) AS causes) AS c;
COMMENT ON VIEW block_causes IS
  'What a person looks at when a block is red: the figures of its way, and which of them are out of line. chance = none is.';

CREATE VIEW red_causes AS SELECT * FROM block_causes WHERE colour = 'red';
COMMENT ON VIEW red_causes IS 'Of red blocks only.';

CREATE FUNCTION explain_block(hash text) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT concat_ws(' ',
    CASE colour WHEN 'red' THEN 'Merged red: not paid.' WHEN 'blue' THEN 'Merged blue: paid.' ELSE 'Not merged so far.' END,
    CASE WHEN template_age_ms IS NULL THEN 'Known from the journal only, so its times are not.'
         ELSE format('The template was %s ms old%s.', round(template_age_ms), CASE WHEN 'old template' = ANY (causes) THEN ', which is a lot' ELSE '' END) END,
    format('Handed to the nodes after %s ms,', coalesce(round(queue_ms::numeric, 1)::text, '?')),
    CASE WHEN nodes = 0 THEN 'and what they answered is not known.'
         WHEN first_yes_ms IS NULL THEN format('and none of %s took it (%s).', nodes, refusals)
         ELSE format('first taken by %s %s ms later%s.', first_yes_node, round(first_yes_ms), CASE WHEN 'slow submit' = ANY (causes) THEN ', which is slow' ELSE '' END) END,
    CASE WHEN not_accepted > 0 AND first_yes_ms IS NOT NULL THEN format('%s of %s answers were not yes: %s.', not_accepted, nodes, refusals) END,
    CASE WHEN merged_after_ms IS NOT NULL THEN format('Its merger was heard of %s s after it was found%s.', round(merged_after_ms / 1000, 1),
      CASE WHEN 'merged late' = ANY (causes) THEN ', which is late' ELSE '' END) END,
    CASE WHEN ours_nearby > 0 THEN format('%s more of our blocks came within a second of it.', ours_nearby) END,
    CASE WHEN reds_nearby > 0 THEN format('%s more red ones within a minute.', reds_nearby) END,
    CASE WHEN colour = 'red' AND causes = ARRAY['chance'] THEN 'Nothing of ours is out of line: the network was faster.' END)
  FROM block_causes WHERE block_hash = lower(hash)
$$;
COMMENT ON FUNCTION explain_block(text) IS 'One block''s row of block_causes as sentences; NULL for an unknown hash.';

-- ------------------------------------------------------------------------------------------------ whose output it is

-- A fact about a coinbase, whatever chain wins: output i of block C is the reward of C's i-th merged blue. After a reorg the same
-- block of ours has a second row, of another coinbase; which of the two exists is what the node's UTXO set says.
CREATE TABLE reward_origins (
  txid           text NOT NULL CHECK (txid ~ '^[0-9a-f]{64}$'),
  output_index   integer NOT NULL CHECK (output_index >= 0),
  block_id       bigint NOT NULL REFERENCES blocks (id),
  origin         text NOT NULL CHECK (origin IN ('blue', 'reds')),
  amount_sompi   bigint NOT NULL CHECK (amount_sompi > 0),
  coinbase_block text NOT NULL CHECK (coinbase_block ~ '^[0-9a-f]{64}$'),
  learned_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (txid, output_index)
);
CREATE INDEX reward_origins_block ON reward_origins (block_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reward_origins
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE reward_origins IS 'Which block of ours an output of a coinbase is for. Learned while a block becomes blue: nodes forget blocks after 30 hours.';
COMMENT ON COLUMN reward_origins.txid IS 'Id of the coinbase transaction, as the node computes it.';
COMMENT ON COLUMN reward_origins.origin IS 'blue: paid by the block that merged ours; reds: paid by our own block, for the reds that it merged.';
COMMENT ON COLUMN reward_origins.coinbase_block IS 'The block whose coinbase it is.';
