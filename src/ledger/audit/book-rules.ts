/**
 * The books by themselves: entries, balances, signs, totals, epochs. In flows a view, out flow sentences, one per row that breaks
 * the rule. Looks only.
 */
import { type AuditView, detailsOf, type FoundRow, ROWS_NAMED } from './audit-view.ts';

/** 1 */
export async function unbalancedTransactions({ sql, afterId }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    SELECT format('ledger transaction %s (%s) has %s entries of %s, together %s sompi', t.id, t.key,
      count(e.transaction_id), t.entry_count, coalesce(sum(e.amount_sompi), 0)) AS detail
    FROM ledger_transactions t LEFT JOIN ledger_entries e ON e.transaction_id = t.id
    WHERE t.id > ${afterId}
    GROUP BY t.id, t.key, t.entry_count
    HAVING count(e.transaction_id) <> t.entry_count OR coalesce(sum(e.amount_sompi), 0) <> 0
    UNION ALL
    SELECT format('%s entries name ledger transaction %s, which is not there', count(*), e.transaction_id)
    FROM ledger_entries e
    WHERE e.transaction_id > ${afterId} AND NOT EXISTS (SELECT FROM ledger_transactions t WHERE t.id = e.transaction_id)
    GROUP BY e.transaction_id
    LIMIT ${ROWS_NAMED}`,
  );
}

/** 2 */
export async function wrongBalances(view: AuditView): Promise<string[]> {
  const { sql, full, knownBalances } = view;
  const total = await sql<FoundRow[]>`
    SELECT format('all balances together are %s sompi', sum(balance_sompi)) AS detail
    FROM ledger_accounts HAVING sum(balance_sompi) <> 0`;
  const single =
    !full && knownBalances ? await movedBalances(view, knownBalances) : await summedBalances(view);
  return [...detailsOf(total), ...single];
}

/** Every entry of an account since the books were opened: what a full audit, or the first of a process, can afford. */
async function summedBalances({ sql, full, afterId }: AuditView): Promise<string[]> {
  const looked = full
    ? sql`true`
    : sql`e.ledger_account_id IN (SELECT ledger_account_id FROM ledger_entries WHERE transaction_id > ${afterId})`;
  return detailsOf(
    await sql<FoundRow[]>`
    WITH summed AS (
      SELECT e.ledger_account_id AS id, sum(e.amount_sompi) AS total FROM ledger_entries e WHERE ${looked} GROUP BY 1
    )
    SELECT format('ledger account %s (%s%s) says %s sompi, its entries sum to %s', coalesce(l.id, s.id), coalesce(l.kind, 'not there'),
      ' of account ' || l.account_id, l.balance_sompi, coalesce(s.total, 0)) AS detail
    FROM summed s FULL JOIN ledger_accounts l USING (id)
    WHERE (${full} OR s.id IS NOT NULL) AND l.balance_sompi IS DISTINCT FROM coalesce(s.total, 0)
    LIMIT ${ROWS_NAMED}`,
  );
}

/**
 * What moved since the last audit, on top of what that one found right. The treasury alone gets an entry with every reward: to sum it
 * up from the beginning every ten seconds would grow without end.
 */
async function movedBalances(
  { sql, afterId, throughId }: AuditView,
  known: Map<bigint, bigint>,
): Promise<string[]> {
  const rows = await sql<{ id: bigint; kind: string; balance: bigint; moved: string }[]>`
    SELECT l.id, l.kind, l.balance_sompi AS balance, sum(e.amount_sompi)::text AS moved
    FROM ledger_entries e JOIN ledger_accounts l ON l.id = e.ledger_account_id
    WHERE e.transaction_id > ${afterId} AND e.transaction_id <= ${throughId}
    GROUP BY l.id`;
  const wrong: string[] = [];
  for (const { id, kind, balance, moved } of rows) {
    const expected = (known.get(id) ?? 0n) + BigInt(moved);
    if (expected === balance) known.set(id, balance);
    else if (wrong.length < ROWS_NAMED)
      wrong.push(`ledger account ${id} (${kind}) says ${balance} sompi, its entries sum to ${expected}`);
  }
  return wrong;
}

/** 6 */
export async function wrongSigns({ sql }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    SELECT format('ledger account %s (%s%s) stands at %s sompi', id, kind, ' of account ' || account_id, balance_sompi) AS detail
    FROM ledger_accounts
    WHERE CASE WHEN kind IN ('treasury', 'network_fees') THEN balance_sompi > 0 ELSE balance_sompi < 0 END
    LIMIT ${ROWS_NAMED}`,
  );
}

/**
 * 16. Everything that came in, everything that went out, and what is left, counted three ways: by outputs, by payouts, by accounts.
 * Amounts of all time, but one row per output and payout, not per entry.
 */
export async function unaccountedMoney({ sql, full }: AuditView): Promise<string[]> {
  if (!full) return [];
  return detailsOf(
    await sql<FoundRow[]>`
    WITH o AS (
      SELECT coalesce(sum(amount_sompi) FILTER (WHERE origin <> 'change'), 0) AS came,
        coalesce(sum(amount_sompi) FILTER (WHERE spent_by IS NULL), 0) AS unspent,
        coalesce(sum(amount_sompi) FILTER (WHERE origin IN ('blue', 'reds') AND settlement_id IS NULL), 0) AS undivided
      FROM treasury_outputs
    ), p AS (
      SELECT coalesce(sum(paid_sompi + fee_sompi), 0) AS went FROM payouts WHERE state = 'CONFIRMED'
    ), w AS (
      -- What an operator took out by hand is in no payout.
      SELECT coalesce(sum(e.amount_sompi), 0) AS withdrawn
      FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
      JOIN ledger_accounts l ON l.id = e.ledger_account_id
      WHERE t.kind = 'withdraw' AND l.kind = 'treasury'
    ), b AS (
      SELECT coalesce(-sum(balance_sompi) FILTER (WHERE kind = 'treasury'), 0) AS treasury,
        coalesce(sum(balance_sompi) FILTER (WHERE kind <> 'treasury'), 0) AS owed,
        coalesce(sum(balance_sompi) FILTER (WHERE kind = 'unsettled'), 0) AS unsettled
      FROM ledger_accounts
    )
    SELECT detail FROM o, p, w, b, LATERAL (VALUES
      (CASE WHEN came - went - withdrawn <> treasury THEN
        format('%s sompi came in, %s were paid with their fees, %s withdrawn; the treasury should hold %s and the ledger says %s',
               came, went, withdrawn, came - went - withdrawn, treasury) END),
      (CASE WHEN treasury <> owed THEN
        format('the treasury holds %s sompi, and %s are owed or set aside', treasury, owed) END),
      (CASE WHEN unspent <> treasury THEN
        format('unspent outputs hold %s sompi, the ledger''s treasury %s', unspent, treasury) END),
      (CASE WHEN undivided <> unsettled THEN
        format('outputs of %s sompi are not divided yet, the account unsettled says %s', undivided, unsettled) END)
    ) AS found (detail) WHERE detail IS NOT NULL`,
  );
}

/** 18 */
export async function disorderedEpochs({ sql, afterId, full, recentFrom }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    WITH lead AS (SELECT coalesce(max(epoch), 0) AS epoch FROM leaders WHERE role = 'payer'),
    t AS (
      SELECT id, leader_epoch, lag(leader_epoch) OVER (ORDER BY id) AS before FROM ledger_transactions WHERE id >= ${afterId}
    ), s AS (
      SELECT id, payout_id, leader_epoch, lag(leader_epoch) OVER (ORDER BY id) AS before FROM payout_steps
      WHERE ${full} OR at >= ${recentFrom}
    )
    SELECT format('ledger transaction %s was posted under epoch %s after epoch %s', id, leader_epoch, before) AS detail
    FROM t WHERE leader_epoch < before
    UNION ALL
    SELECT format('ledger transaction %s is of epoch %s, and the lead is at %s', t.id, leader_epoch, epoch)
    FROM t, lead WHERE leader_epoch > epoch
    UNION ALL
    SELECT format('step %s of payout %s is of epoch %s, after epoch %s; the lead is at %s', s.id, payout_id, leader_epoch, before, epoch)
    FROM s, lead WHERE leader_epoch < before OR leader_epoch > epoch
    UNION ALL
    SELECT format('payout %s is of epoch %s, and the lead is at %s', p.id, leader_epoch, epoch)
    FROM payouts p, lead WHERE leader_epoch > epoch
    UNION ALL
    SELECT format('settlement %s is of epoch %s, its ledger transaction of epoch %s', x.id, x.leader_epoch, l.leader_epoch)
    FROM settlements x JOIN ledger_transactions l ON l.id = x.transaction_id
    WHERE x.transaction_id > ${afterId} AND x.leader_epoch <> l.leader_epoch
    UNION ALL
    SELECT format('output %s:%s is of epoch %s, its ledger transaction of epoch %s', o.txid, o.output_index, o.leader_epoch, l.leader_epoch)
    FROM treasury_outputs o JOIN ledger_transactions l ON l.id = o.transaction_id
    WHERE o.transaction_id > ${afterId} AND o.leader_epoch <> l.leader_epoch
    LIMIT ${ROWS_NAMED}`,
  );
}
