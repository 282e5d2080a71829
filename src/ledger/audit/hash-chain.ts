/**
 * 20. The hash chain, twice: by the database's own functions, and by this file, which shares no line with them. Whoever changed
 * `ledger_text` or `sha256` over there to cover something up is found here.
 *
 *   hash(n) = sha256(hash(n-1) | text(n)),  text = id|key|kind|epoch|detail|account:amount,account:amount,...
 */
import { createHash } from 'node:crypto';
import { type AuditSql, type AuditView, detailsOf, type FoundRow, ROWS_NAMED } from './audit-view.ts';

interface ChainRow {
  readonly id: bigint;
  readonly key: string;
  readonly kind: string;
  readonly leader_epoch: bigint;
  readonly detail_text: string;
  readonly hash: string;
  readonly accounts: string;
  readonly amounts: string;
}

/** A settlement of 100,000 accounts is a text of 2 MB: a few hundred at once is what memory should hold at most. */
const PAGE_TRANSACTIONS = 200;
const NOTHING = Buffer.alloc(32);

export async function brokenChain(view: AuditView): Promise<string[]> {
  return [...(await brokenBySql(view)), ...(await brokenByRecomputation(view))].slice(0, ROWS_NAMED);
}

async function brokenBySql({ sql, afterId }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    WITH chain AS (
      SELECT t.id, t.key, t.kind, t.leader_epoch, t.detail, t.hash, lag(t.hash) OVER (ORDER BY t.id) AS before,
        lag(t.id) OVER (ORDER BY t.id) AS before_id
      FROM ledger_transactions t WHERE t.id >= ${afterId}
    ), last AS (SELECT id, hash FROM ledger_transactions ORDER BY id DESC LIMIT 1)
    SELECT format('ledger transaction %s (%s) is not what its hash says, or what lies before it was changed', c.id, c.key) AS detail
    FROM chain c WHERE c.id > ${afterId} AND c.hash <> sha256(
      coalesce(c.before, decode(repeat('00', 32), 'hex')) || convert_to(ledger_text(c.id, c.key, c.kind, c.leader_epoch, c.detail,
        (SELECT array_agg(ledger_account_id ORDER BY ledger_account_id) FROM ledger_entries WHERE transaction_id = c.id),
        (SELECT array_agg(amount_sompi ORDER BY ledger_account_id) FROM ledger_entries WHERE transaction_id = c.id)), 'UTF8'))
    UNION ALL
    SELECT format('between ledger transactions %s and %s some are missing', coalesce(before_id, 0), id)
    FROM chain WHERE id > ${afterId} AND id <> coalesce(before_id, 0) + 1
    UNION ALL
    SELECT format('the end of the ledger is said to be transaction %s, and the last one is %s', h.transaction_id, coalesce(l.id, 0))
    FROM ledger_head h LEFT JOIN last l ON true
    WHERE h.transaction_id <> coalesce(l.id, 0) OR h.hash <> coalesce(l.hash, decode(repeat('00', 32), 'hex'))
    UNION ALL
    SELECT 'the end of the ledger is not noted anywhere: ledger_head is empty' WHERE NOT EXISTS (SELECT FROM ledger_head)
    LIMIT ${ROWS_NAMED}`,
  );
}

async function brokenByRecomputation({ sql, afterId, throughId }: AuditView): Promise<string[]> {
  const broken: string[] = [];
  let previous = NOTHING;
  if (afterId > 0n) {
    const [before] = await sql<{ hash: string }[]>`
      SELECT encode(hash, 'hex') AS hash FROM ledger_transactions WHERE id = ${afterId}`;
    if (!before) return [`ledger transaction ${afterId}, the last one audited, is gone`];
    previous = Buffer.from(before.hash, 'hex');
  }
  let last = afterId;
  while (last < throughId && broken.length < ROWS_NAMED) {
    const rows = await page(sql, last);
    if (rows.length === 0) {
      broken.push(`the ledger ends at transaction ${last}, not at ${throughId}`);
      break;
    }
    for (const row of rows) {
      const hash = Buffer.from(row.hash, 'hex');
      const expected = createHash('sha256').update(previous).update(textOf(row), 'utf8').digest();
      if (!expected.equals(hash))
        broken.push(`ledger transaction ${row.id} (${row.key}): its hash, computed anew, is another one`);
      if (row.id !== last + 1n) broken.push(`ledger transaction ${row.id} follows ${last}`);
      previous = hash;
      last = row.id;
    }
  }
  return broken;
}

async function page(sql: AuditSql, after: bigint): Promise<readonly ChainRow[]> {
  return await sql<ChainRow[]>`
    SELECT t.id, t.key, t.kind, t.leader_epoch, t.detail::text AS detail_text, encode(t.hash, 'hex') AS hash,
      coalesce(string_agg(e.ledger_account_id::text, ','), '') AS accounts,
      coalesce(string_agg(e.amount_sompi::text, ','), '') AS amounts
    FROM (SELECT * FROM ledger_transactions WHERE id > ${after} ORDER BY id LIMIT ${PAGE_TRANSACTIONS}) t
    LEFT JOIN ledger_entries e ON e.transaction_id = t.id
    GROUP BY t.id, t.key, t.kind, t.leader_epoch, t.detail, t.hash ORDER BY t.id`;
}

/** The database gave the entries in any order; they are put into the order of the accounts here. */
function textOf(row: ChainRow): string {
  const accounts = row.accounts === '' ? [] : row.accounts.split(',').map(BigInt);
  const amounts = row.amounts === '' ? [] : row.amounts.split(',');
  const entries = accounts
    .map((account, index) => ({ account, amount: amounts[index]! }))
    .sort((a, b) => (a.account < b.account ? -1 : a.account > b.account ? 1 : 0));
  const list = entries.map(({ account, amount }) => `${account}:${amount}`).join(',');
  return [row.id, row.key, row.kind, row.leader_epoch, row.detail_text, list].join('|');
}
