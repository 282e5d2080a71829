/**
 * Rewards: from the outpoint into the books, and from a window's work to each account's part. In flows a view, out flow sentences.
 * The split is computed here by other means than the ones that made it: products instead of quotients, SQL instead of TypeScript.
 */
import { type AuditView, detailsOf, type FoundRow, ROWS_NAMED } from './audit-view.ts';

/** Windows of the last settlements are added up anew by an incremental audit; a window of PPLNS may hold ten million sums. */
const WINDOWS_INCREMENTAL = 3;

/** 3 */
export async function unequalSettlements(view: AuditView): Promise<string[]> {
  return [
    ...(await unequalTotals(view)),
    ...(await unequalParts(view)),
    ...(await unequalMinutes(view)),
  ].slice(0, ROWS_NAMED);
}

async function unequalTotals({ sql, afterId }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    WITH s AS (SELECT * FROM settlements WHERE transaction_id > ${afterId}),
    p AS (
      SELECT settlement_id, count(*) AS parts, sum(gross_sompi + bonus_sompi) AS gross, sum(fee_sompi) AS fee,
        sum(donation_sompi) AS donation
      FROM settlement_parts WHERE settlement_id IN (SELECT id FROM s) GROUP BY 1
    ), e AS (
      SELECT s.id, coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'unsettled'), 0) AS unsettled,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'dust'), 0) AS dust,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'pool_fee'), 0) AS fee,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'donation'), 0) AS donation,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'reserve'), 0) AS reserve,
        count(*) FILTER (WHERE l.kind NOT IN ('unsettled', 'dust', 'pool_fee', 'donation', 'reserve', 'miner')) AS strange
      FROM s JOIN ledger_entries e ON e.transaction_id = s.transaction_id JOIN ledger_accounts l ON l.id = e.ledger_account_id
      GROUP BY s.id
    ), o AS (
      SELECT settlement_id, sum(amount_sompi) AS amount FROM treasury_outputs
      WHERE settlement_id IN (SELECT id FROM s) GROUP BY 1
    ), found AS (
      SELECT s.id, s.pot, s.round, concat_ws('; ',
        CASE WHEN o.amount IS DISTINCT FROM s.reward_sompi THEN
          format('its outputs hold %s sompi, its reward is %s', coalesce(o.amount, 0), s.reward_sompi) END,
        CASE WHEN s.reward_sompi + s.dust_in_sompi <> coalesce(p.gross - p.fee - p.donation, 0) + s.fee_sompi + s.donation_sompi
                  + s.dust_out_sompi + s.reserve_sompi THEN
          format('reward %s and dust in %s are not credits %s, fee %s, donation %s, dust out %s and reserve %s', s.reward_sompi,
            s.dust_in_sompi, coalesce(p.gross - p.fee - p.donation, 0), s.fee_sompi, s.donation_sompi, s.dust_out_sompi,
            s.reserve_sompi) END,
        CASE WHEN coalesce(p.parts, 0) <> s.account_count THEN
          format('it has %s parts and counts %s accounts', coalesce(p.parts, 0), s.account_count) END,
        CASE WHEN coalesce(p.fee, 0) <> s.fee_sompi OR coalesce(p.donation, 0) <> s.donation_sompi THEN
          format('its parts gave %s of fee and %s of donation, it says %s and %s', coalesce(p.fee, 0), coalesce(p.donation, 0),
            s.fee_sompi, s.donation_sompi) END,
        CASE WHEN e.id IS NULL OR e.unsettled <> -s.reward_sompi OR e.dust <> s.dust_out_sompi - s.dust_in_sompi
                  OR e.fee <> s.fee_sompi OR e.donation <> s.donation_sompi OR e.reserve <> s.reserve_sompi OR e.strange > 0 THEN
          format('ledger transaction %s says otherwise: unsettled %s, dust %s, fee %s, donation %s, reserve %s', s.transaction_id,
            e.unsettled, e.dust, e.fee, e.donation, e.reserve) END,
        CASE WHEN t.id IS NULL OR t.key <> format('settlement:%s:%s', s.pot, s.round) THEN
          format('ledger transaction %s is not its own: %s', s.transaction_id, coalesce(t.key, 'it is not there')) END
      ) AS faults
      FROM s LEFT JOIN p ON p.settlement_id = s.id LEFT JOIN e ON e.id = s.id LEFT JOIN o ON o.settlement_id = s.id
      LEFT JOIN ledger_transactions t ON t.id = s.transaction_id
    )
    SELECT format('settlement %s (pot %s, round %s): %s', id, pot, round, faults) AS detail FROM found WHERE faults <> ''
    UNION ALL
    SELECT format('ledger transaction %s (%s) has no settlement', t.id, t.key) FROM ledger_transactions t
    WHERE t.id > ${afterId} AND t.kind = 'settlement' AND NOT EXISTS (SELECT FROM settlements s WHERE s.transaction_id = t.id)
    LIMIT ${ROWS_NAMED}`,
  );
}

async function unequalParts({ sql, afterId }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    WITH s AS (SELECT id, transaction_id FROM settlements WHERE transaction_id > ${afterId}),
    parts AS (
      SELECT p.settlement_id, p.account_id, p.gross_sompi + p.bonus_sompi - p.fee_sompi - p.donation_sompi AS credit
      FROM settlement_parts p JOIN s ON s.id = p.settlement_id
    ), posted AS (
      SELECT s.id AS settlement_id, l.account_id, e.amount_sompi AS credit
      FROM s JOIN ledger_entries e ON e.transaction_id = s.transaction_id
      JOIN ledger_accounts l ON l.id = e.ledger_account_id AND l.kind = 'miner'
    )
    SELECT format('settlement %s gives account %s %s sompi, and the ledger %s', settlement_id, account_id,
      coalesce(parts.credit, 0), coalesce(posted.credit, 0)) AS detail
    FROM parts FULL JOIN posted USING (settlement_id, account_id)
    WHERE coalesce(parts.credit, 0) <> coalesce(posted.credit, 0)
    LIMIT ${ROWS_NAMED}`,
  );
}

/** Minutes that PPS and FPPS credited from the reserve: the row and the entries say the same. */
async function unequalMinutes({ sql, afterId }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    WITH posted AS (
      SELECT t.id, t.key, coalesce(-sum(e.amount_sompi) FILTER (WHERE l.kind = 'reserve'), 0) AS gross,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'pool_fee'), 0) AS fee,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'donation'), 0) AS donation,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'miner'), 0) AS credit
      FROM ledger_transactions t LEFT JOIN ledger_entries e ON e.transaction_id = t.id
      LEFT JOIN ledger_accounts l ON l.id = e.ledger_account_id
      WHERE t.id > ${afterId} AND t.kind = 'pps' GROUP BY t.id, t.key
    )
    SELECT format('minute %s of pot %s took %s sompi from the reserve, fee %s, donation %s; ledger transaction %s says %s, %s, %s and credits of %s',
      to_char(m.minute AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), m.pot, m.gross_sompi, m.fee_sompi, m.donation_sompi,
      m.transaction_id, p.gross, p.fee, p.donation, p.credit) AS detail
    FROM (SELECT * FROM pps_minutes WHERE transaction_id > ${afterId}) m LEFT JOIN posted p ON p.id = m.transaction_id
    WHERE p.id IS NULL OR p.gross <> m.gross_sompi OR p.fee <> m.fee_sompi OR p.donation <> m.donation_sompi
      OR p.credit <> m.gross_sompi - m.fee_sompi - m.donation_sompi
    UNION ALL
    SELECT format('ledger transaction %s (%s) is of no minute', p.id, p.key) FROM posted p
    WHERE NOT EXISTS (SELECT FROM pps_minutes m WHERE m.transaction_id = p.id)
    LIMIT ${ROWS_NAMED}`,
  );
}

/** 4 */
export async function unequalRewards({ sql, afterId, full }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    WITH names (origin, prefix, kind, account) AS (VALUES ('blue', 'reward', 'reward', 'unsettled'),
      ('reds', 'reward', 'reward', 'unsettled'), ('deposit', 'deposit', 'deposit', 'deposits'),
      ('unattributed', 'unattributed', 'attribute', 'unattributed')),
    -- A coinbase that a person said the block of was booked as nobody's, and is a reward since.
    outputs AS (
      SELECT o.*, x.attributed, CASE WHEN x.attributed THEN 'unattributed' ELSE o.origin END AS booked_as
      FROM treasury_outputs o, LATERAL (SELECT o.origin = 'blue' AND EXISTS (
        SELECT FROM ledger_transactions b WHERE b.id = o.transaction_id AND b.kind = 'attribute') AS attributed) x
      WHERE ${full} OR o.transaction_id > ${afterId}
    ), found AS (
      SELECT o.*, concat_ws('; ',
        CASE WHEN t.id IS NULL THEN format('it was never booked, ledger transaction %s is not there', o.transaction_id) END,
        CASE WHEN t.kind <> n.kind OR t.key <> format('%s:%s:%s', n.prefix, o.txid, o.output_index) THEN
          format('ledger transaction %s is of something else: %s', t.id, t.key) END,
        CASE WHEN o.attributed AND NOT EXISTS (SELECT FROM ledger_transactions a
          WHERE a.kind = 'attribute' AND a.key = format('attribute:%s:%s', o.txid, o.output_index)) THEN
          'it counts as a reward, and nobody attributed it' END,
        CASE WHEN t.id IS NOT NULL AND (
          SELECT coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'treasury'), 0) <> -o.amount_sompi
            OR coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = n.account), 0) <> o.amount_sompi OR count(*) <> 2
          FROM ledger_entries e JOIN ledger_accounts l ON l.id = e.ledger_account_id WHERE e.transaction_id = t.id)
        THEN format('ledger transaction %s books another amount, or elsewhere', t.id) END) AS faults
      FROM outputs o JOIN names n ON n.origin = o.booked_as LEFT JOIN ledger_transactions t ON t.id = o.transaction_id
    )
    SELECT format('output %s:%s (%s, %s sompi): %s', txid, output_index, origin, amount_sompi, faults) AS detail
    FROM found WHERE faults <> ''
    UNION ALL
    SELECT format('ledger transaction %s (%s) has %s outputs, and should have one', t.id, t.key, c.outputs)
    FROM ledger_transactions t, LATERAL (SELECT count(*) AS outputs FROM treasury_outputs o WHERE CASE
      WHEN t.key LIKE 'attribute:%' THEN o.origin = 'blue' AND o.txid = split_part(t.key, ':', 2)
        AND o.output_index::text = split_part(t.key, ':', 3)
      ELSE o.transaction_id = t.id END) c
    WHERE t.id > ${afterId} AND t.kind IN ('reward', 'deposit', 'attribute') AND c.outputs <> 1
    UNION ALL
    -- Ten minutes: the engine tells a block's fate, the payer books its output a moment later.
    SELECT format('block %s matured at %s and its reward is not booked', b.block_hash, b.updated_at) FROM blocks b
    WHERE ${full} AND b.state = 'matured' AND b.reward_sompi > 0 AND b.updated_at < now() - interval '10 minutes'
      AND b.found_at > (SELECT min(posted_at) FROM ledger_transactions)
      AND NOT EXISTS (SELECT FROM treasury_outputs o WHERE o.block_id = b.id AND o.origin = 'blue')
    LIMIT ${ROWS_NAMED}`,
  );
}

/** 7 */
export async function unboundDust({ sql, afterId }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    SELECT format('settlement %s carries %s sompi of dust, and has %s accounts', settlements.id, dust_out_sompi, account_count) AS detail
    FROM settlements JOIN pots ON pots.id = pot
    WHERE transaction_id > ${afterId} AND scheme IN ('pplns', 'prop', 'points') AND window_work > 0 AND dust_out_sompi >= account_count
    UNION ALL
    SELECT format('settlement %s takes in %s sompi of dust, and the one before it in its pot left %s', s.id, s.dust_in_sompi,
      coalesce(b.dust_out_sompi, 0))
    FROM settlements s LEFT JOIN settlements b ON b.pot = s.pot AND b.round = s.round - 1
    WHERE s.transaction_id > ${afterId} AND s.dust_in_sompi <> coalesce(b.dust_out_sompi, 0)
    UNION ALL
    SELECT format('the account dust stands at %s sompi, and settlements have carried %s into it', balance_sompi, carried)
    FROM ledger_accounts, (SELECT coalesce(sum(dust_out_sompi - dust_in_sompi), 0) AS carried FROM settlements) c
    WHERE kind = 'dust' AND balance_sompi <> carried
    LIMIT ${ROWS_NAMED}`,
  );
}

/**
 * 8. |gross x W - w x R| < W: nobody is a sompi away from the exact quotient. R is what the parts share, so that fees, bonus and
 * dust need no second reading here. SOLO gives each finder his own block, whatever the work.
 */
export async function unfairParts({ sql, afterId }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    WITH s AS (
      SELECT s.id, (SELECT sum(gross_sompi) FROM settlement_parts p WHERE p.settlement_id = s.id) AS gross,
        (SELECT sum(work) FROM settlement_parts p WHERE p.settlement_id = s.id) AS work
      FROM settlements s JOIN pots ON pots.id = s.pot
      WHERE s.transaction_id > ${afterId} AND s.window_work > 0 AND scheme IN ('pplns', 'prop', 'points')
    )
    SELECT format('settlement %s gives account %s %s sompi of %s for work %s of %s', s.id, p.account_id, p.gross_sompi, s.gross,
      p.work, s.work) AS detail
    FROM s JOIN settlement_parts p ON p.settlement_id = s.id
    WHERE abs(p.gross_sompi * s.work - p.work * s.gross) >= greatest(s.work, 1)
    LIMIT ${ROWS_NAMED}`,
  );
}

/** 9 */
export async function unequalWindows(view: AuditView): Promise<string[]> {
  const found = await differingWindows(view);
  return [...found, ...(await differingReplays(view))].slice(0, ROWS_NAMED);
}

/**
 * Not where an engine was given up on: what it loads afterwards falls into a window that is settled.
 */
async function differingWindows(view: AuditView): Promise<string[]> {
  const { sql } = view;
  return detailsOf(
    await sql<FoundRow[]>`
    WITH s AS (
      SELECT s.* FROM settlements s JOIN pots ON pots.id = s.pot
      WHERE s.id IN (${looked(view)}) AND scheme IN ('pplns', 'prop', 'points') AND s.late_instances = '{}'
    ), worked AS (
      SELECT s.id, c.worker_id, sum(c.work_hashes) AS work
      FROM s JOIN share_sums c ON c.pot = s.pot AND c.bucket >= s.window_from AND c.bucket < s.window_to GROUP BY 1, 2
    ), summed AS (
      SELECT x.id, w.account_id, sum(x.work) AS work FROM worked x JOIN workers w ON w.id = x.worker_id GROUP BY 1, 2
    )
    SELECT format('settlement %s: account %s worked %s in its window by the sums, %s by its part', coalesce(c.id, p.settlement_id),
      coalesce(c.account_id, p.account_id), coalesce(c.work, 0), coalesce(p.work, 0)) AS detail
    FROM summed c FULL JOIN (SELECT p.* FROM settlement_parts p JOIN s ON s.id = p.settlement_id) p
      ON p.settlement_id = c.id AND p.account_id = c.account_id
    WHERE coalesce(c.work, 0) <> coalesce(p.work, 0)
    UNION ALL
    SELECT format('settlement %s says %s hashes for its window, the sums %s', s.id, s.window_work, coalesce(c.work, 0))
    FROM s LEFT JOIN (SELECT id, sum(work) AS work FROM summed GROUP BY id) c ON c.id = s.id
    WHERE s.window_work <> coalesce(c.work, 0)
    LIMIT ${ROWS_NAMED}`,
  );
}

function looked({ sql, afterId, full }: AuditView) {
  return full
    ? sql`SELECT id FROM settlements`
    : sql`SELECT id FROM settlements WHERE transaction_id > ${afterId} ORDER BY id DESC LIMIT ${WINDOWS_INCREMENTAL}`;
}

/**
 * The whole division once more, by the database's own implementation of the schemes: fees, bonus and donations included. Fees as the
 * parts say they were, since an account's own may have been changed later.
 */
async function differingReplays(view: AuditView): Promise<string[]> {
  const { sql } = view;
  return detailsOf(
    await sql<FoundRow[]>`
    SELECT format('settlement %s%s: %s stored, %s computed anew', s.id, ', account ' || d.account_id, d.stored, d.recomputed) AS detail
    FROM (SELECT id FROM settlements WHERE id IN (${looked(view)}) AND late_instances = '{}') s
    CROSS JOIN LATERAL settlement_differences(s.id) d
    LIMIT ${ROWS_NAMED}`,
  );
}
