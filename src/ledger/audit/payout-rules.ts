/**
 * Payouts: reserved before signed, one live payout per input, amounts that add up, steps that are allowed. In flows a view, out
 * flow sentences. An incremental audit looks at payouts that are under way or moved lately; the full one at all of them.
 */
import { type AuditView, detailsOf, type FoundRow, ROWS_NAMED } from './audit-view.ts';

function moved({ sql, full, recentFrom }: AuditView) {
  return full
    ? sql`SELECT * FROM payouts`
    : sql`SELECT * FROM payouts WHERE state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED') OR updated_at >= ${recentFrom}`;
}

/** 11 */
export async function unreservedPayouts(view: AuditView): Promise<string[]> {
  return [
    ...(await unequalReserves(view)),
    ...(await wrongClosings(view)),
    ...(await unequalInFlight(view)),
  ].slice(0, ROWS_NAMED);
}

/** What `plan:ID` moved from each account into in_flight, against the payees of the payout. */
async function unequalReserves(view: AuditView): Promise<string[]> {
  const { sql, afterId } = view;
  return detailsOf(
    await sql<FoundRow[]>`
    WITH p AS (${moved(view)}),
    posted AS (
      SELECT p.id AS payout_id, l.account_id, coalesce(-sum(e.amount_sompi) FILTER (WHERE l.kind = 'miner'), 0) AS taken,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'in_flight'), 0) AS reserved
      FROM p JOIN ledger_transactions t ON t.key = 'plan:' || p.id JOIN ledger_entries e ON e.transaction_id = t.id
      JOIN ledger_accounts l ON l.id = e.ledger_account_id
      GROUP BY 1, 2
    ), payees AS (
      SELECT y.payout_id, y.account_id, y.reserved_sompi FROM payments y JOIN p ON p.id = y.payout_id
    )
    SELECT format('payout %s: account %s is to be paid %s sompi, its plan took %s and reserved %s', payout_id,
      coalesce(account_id::text, '(none)'), coalesce(payees.reserved_sompi, 0), coalesce(posted.taken, 0),
      coalesce(posted.reserved, 0)) AS detail
    FROM payees FULL JOIN posted USING (payout_id, account_id)
    WHERE coalesce(payees.reserved_sompi, 0) <> coalesce(posted.taken, 0)
      OR coalesce(payees.reserved_sompi, 0) <> coalesce(posted.reserved, 0)
    UNION ALL
    SELECT format('ledger transaction %s (%s) is of a payout that is not there', t.id, t.key) FROM ledger_transactions t
    WHERE t.id > ${afterId} AND t.kind IN ('plan', 'confirm', 'cancel', 'conflict')
      AND NOT EXISTS (SELECT FROM payouts WHERE t.key = format('%s:%s', t.kind, payouts.id))
    LIMIT ${ROWS_NAMED}`,
  );
}

/**
 * How a payout ended and how the ledger closed it must be the same, to the last sompi:
 *   CONFIRMED  in_flight -reserved, treasury +paid and fee, network_fees -fee where the pool pays it
 *   CANCELLED, CONFLICTED  in_flight -reserved, miner +reserved
 */
async function wrongClosings(view: AuditView): Promise<string[]> {
  const { sql } = view;
  return detailsOf(
    await sql<FoundRow[]>`
    WITH p AS (
      SELECT id, kind, state, paid_sompi, fee_sompi, fee_from,
        CASE state WHEN 'CONFIRMED' THEN 'confirm' WHEN 'CANCELLED' THEN 'cancel' WHEN 'CONFLICTED' THEN 'conflict' END AS closing,
        (SELECT coalesce(sum(reserved_sompi), 0) FROM payments y WHERE y.payout_id = x.id) AS reserved
      FROM (${moved(view)}) x
    ), closed AS (
      SELECT p.id, t.kind, t.id AS transaction_id,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'in_flight'), 0) AS in_flight,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'miner'), 0) AS miner,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'treasury'), 0) AS treasury,
        coalesce(sum(e.amount_sompi) FILTER (WHERE l.kind = 'network_fees'), 0) AS fees
      FROM p JOIN ledger_transactions t ON t.key IN ('confirm:' || p.id, 'cancel:' || p.id, 'conflict:' || p.id)
      LEFT JOIN ledger_entries e ON e.transaction_id = t.id LEFT JOIN ledger_accounts l ON l.id = e.ledger_account_id
      GROUP BY 1, 2, 3
    )
    SELECT format('payout %s is %s, and the ledger closed it by %s', p.id, p.state, coalesce(c.kind, 'nothing')) AS detail
    FROM p LEFT JOIN closed c ON c.id = p.id
    WHERE c.kind IS DISTINCT FROM p.closing AND NOT (p.kind = 'consolidation' AND c.kind IS NULL AND p.state <> 'CONFIRMED')
    UNION ALL
    SELECT format('payout %s reserved %s sompi, paid %s at a fee of %s; closing it, ledger transaction %s moved in_flight %s, miner %s, treasury %s, network_fees %s',
      p.id, p.reserved, p.paid_sompi, p.fee_sompi, c.transaction_id, c.in_flight, c.miner, c.treasury, c.fees)
    FROM p JOIN closed c ON c.id = p.id AND c.kind = p.closing
    WHERE c.in_flight <> -p.reserved
      OR c.miner <> CASE c.kind WHEN 'confirm' THEN 0 ELSE p.reserved END
      OR c.treasury <> CASE c.kind WHEN 'confirm' THEN p.paid_sompi + p.fee_sompi ELSE 0 END
      OR c.fees <> CASE WHEN c.kind = 'confirm' AND (p.fee_from = 'pool' OR p.kind = 'consolidation') THEN -p.fee_sompi ELSE 0 END
    LIMIT ${ROWS_NAMED}`,
  );
}

async function unequalInFlight({ sql }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    WITH live AS (
      SELECT y.account_id, sum(y.reserved_sompi) AS reserved FROM payouts p JOIN payments y ON y.payout_id = p.id
      WHERE p.state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED') GROUP BY 1
    )
    SELECT format('account %s has %s sompi in flight by the ledger, %s by its payouts', account_id, coalesce(l.balance_sompi, 0),
      coalesce(live.reserved, 0)) AS detail
    FROM live FULL JOIN (SELECT * FROM ledger_accounts WHERE kind = 'in_flight') l USING (account_id)
    WHERE coalesce(live.reserved, 0) <> coalesce(l.balance_sompi, 0)
    LIMIT ${ROWS_NAMED}`,
  );
}

/** 12 */
export async function sharedInputs(view: AuditView): Promise<string[]> {
  const { sql, full } = view;
  return detailsOf(
    await sql<FoundRow[]>`
    WITH p AS (${moved(view)})
    SELECT format('output %s:%s is an input of %s live payouts: %s', txid, output_index, count(*),
      string_agg(payout_id::text, ', ' ORDER BY payout_id)) AS detail
    FROM payout_inputs WHERE live GROUP BY txid, output_index HAVING count(*) > 1
    UNION ALL
    SELECT format('payout %s is %s, and its input %s:%s is marked %s', p.id, p.state, i.txid, i.output_index,
      CASE WHEN i.live THEN 'live' ELSE 'free' END)
    FROM p JOIN payout_inputs i ON i.payout_id = p.id WHERE i.live <> (p.state NOT IN ('CANCELLED', 'CONFLICTED'))
    UNION ALL
    SELECT format('payout %s is CONFIRMED, and its input %s:%s is marked as spent by %s', p.id, i.txid, i.output_index,
      coalesce(o.spent_by, 'nobody'))
    FROM p JOIN payout_inputs i ON i.payout_id = p.id
    JOIN treasury_outputs o ON o.txid = i.txid AND o.output_index = i.output_index
    WHERE p.state = 'CONFIRMED' AND o.spent_by IS DISTINCT FROM p.txid
    UNION ALL
    SELECT format('output %s:%s is marked as spent by %s, which is no confirmed payout with that input', o.txid, o.output_index, o.spent_by)
    FROM treasury_outputs o WHERE ${full} AND o.spent_by IS NOT NULL AND NOT EXISTS (
      SELECT FROM payouts x JOIN payout_inputs i ON i.payout_id = x.id AND i.txid = o.txid AND i.output_index = o.output_index
      WHERE x.txid = o.spent_by AND x.state = 'CONFIRMED')
      -- Spent past the ledger, and written off by a person.
      AND NOT EXISTS (SELECT FROM ledger_transactions t WHERE t.kind = 'withdraw'
        AND t.key = format('withdraw:%s:%s', o.txid, o.output_index) AND t.detail ->> 'byTxid' = o.spent_by)
    LIMIT ${ROWS_NAMED}`,
  );
}

/** 13 */
export async function unequalAmounts(view: AuditView): Promise<string[]> {
  const { sql, feeCapSompi, full } = view;
  // Without a cap from the configuration the amounts are checked all the same.
  const cap = feeCapSompi ?? 2n ** 62n;
  return detailsOf(
    await sql<FoundRow[]>`
    WITH p AS (
      SELECT x.*, (SELECT coalesce(sum(o.amount_sompi), 0) FROM payout_inputs i JOIN treasury_outputs o USING (txid, output_index)
                   WHERE i.payout_id = x.id) AS inputs,
        (SELECT coalesce(sum(output_sompi), 0) FROM payments y WHERE y.payout_id = x.id) AS outputs,
        (SELECT coalesce(sum(fee_sompi), 0) FROM payments y WHERE y.payout_id = x.id) AS fees
      FROM (${moved(view)}) x
    ), found AS (
      SELECT id, concat_ws('; ',
        CASE WHEN inputs <> paid_sompi + change_sompi + fee_sompi THEN
          format('inputs of %s sompi are not %s paid, %s of change and a fee of %s', inputs, paid_sompi, change_sompi, fee_sompi) END,
        CASE WHEN outputs <> paid_sompi THEN format('its payees get %s sompi, it says %s', outputs, paid_sompi) END,
        CASE WHEN fees <> CASE WHEN fee_from = 'payees' AND kind = 'payment' THEN fee_sompi ELSE 0 END THEN
          format('its payees bear %s sompi of a fee of %s that %s pay', fees, fee_sompi, fee_from) END,
        -- Of those under way: a cap that is lowered later says nothing of what was paid before.
        CASE WHEN fee_sompi > ${cap} AND state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED') THEN
          format('its fee of %s sompi is above the most that is allowed', fee_sompi) END,
        CASE WHEN state = 'CONFIRMED' AND change_sompi <> (SELECT coalesce(sum(amount_sompi), 0) FROM treasury_outputs o
                                                           WHERE o.txid = p.txid AND o.origin = 'change') THEN
          format('its change of %s sompi is not among the treasury''s outputs', change_sompi) END) AS faults
      FROM p
    )
    SELECT format('payout %s: %s', id, faults) AS detail FROM found WHERE faults <> ''
    UNION ALL
    SELECT format('output %s:%s counts as change, and no confirmed payout has that id', o.txid, o.output_index)
    FROM treasury_outputs o WHERE ${full} AND o.origin = 'change'
      AND NOT EXISTS (SELECT FROM payouts x WHERE x.txid = o.txid AND x.state = 'CONFIRMED')
    LIMIT ${ROWS_NAMED}`,
  );
}

/** 17. By the order of the steps, not by their times: a clock that was set back is no fault of the books. */
export async function unlawfulSteps(view: AuditView): Promise<string[]> {
  const { sql } = view;
  return detailsOf(
    await sql<FoundRow[]>`
    WITH p AS (${moved(view)}),
    edges (was, is_now) AS (VALUES ('', 'PLANNED'), ('PLANNED', 'SIGNED'), ('PLANNED', 'CANCELLED'), ('SIGNED', 'BROADCAST'),
      ('SIGNED', 'CANCELLED'), ('BROADCAST', 'ACCEPTED'), ('BROADCAST', 'CONFLICTED'), ('ACCEPTED', 'BROADCAST'),
      ('ACCEPTED', 'CONFIRMED')),
    steps AS (
      SELECT s.*, lag(to_state, 1, '') OVER one AS before, lead(id) OVER one IS NULL AS last
      FROM payout_steps s WHERE payout_id IN (SELECT id FROM p) WINDOW one AS (PARTITION BY payout_id ORDER BY id)
    )
    SELECT format('payout %s went from %s to %s in step %s, after it had been %s', payout_id, coalesce(from_state, 'nothing'),
      to_state, id, CASE before WHEN '' THEN 'nothing' ELSE before END) AS detail
    FROM steps WHERE coalesce(from_state, '') <> before OR (before, to_state) NOT IN (SELECT was, is_now FROM edges)
    UNION ALL
    SELECT format('payout %s is %s, and its last step is to %s', p.id, p.state, coalesce(s.to_state, 'nothing'))
    FROM p LEFT JOIN steps s ON s.payout_id = p.id AND s.last WHERE s.to_state IS DISTINCT FROM p.state
    UNION ALL
    SELECT format('step %s is of payout %s, which is not there', id, payout_id) FROM payout_steps s
    WHERE NOT EXISTS (SELECT FROM payouts x WHERE x.id = s.payout_id)
    LIMIT ${ROWS_NAMED}`,
  );
}
