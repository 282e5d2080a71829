/**
 * Shares: each credited once, and the sums that rewards are divided by are the sums of them. In flows a view, out flow sentences.
 * An incremental audit looks at the last minutes only: to look for a twin among all shares of a day is the nightly audit's.
 */
import { type AuditView, detailsOf, type FoundRow, ROWS_NAMED } from './audit-view.ts';
import { unequalJournals } from './journal-rules.ts';

/** 5 */
export async function creditedTwice({ sql, sharesFrom }: AuditView): Promise<string[]> {
  return detailsOf(
    await sql<FoundRow[]>`
    SELECT format('block %s has %s rows', block_hash, count(*)) AS detail
    FROM blocks GROUP BY block_hash HAVING count(*) > 1
    UNION ALL
    SELECT format('job %s, nonce %s was credited %s times: journal records %s', job_id, nonce, count(*),
      string_agg(format('%s/%s/%s', instance_id, segment, slot), ', ' ORDER BY instance_id, segment, slot))
    FROM shares WHERE received_at >= ${sharesFrom} GROUP BY job_id, nonce HAVING count(*) > 1
    UNION ALL
    SELECT format('journal record %s/%s/%s was loaded %s times', instance_id, segment, slot, count(*))
    FROM shares WHERE received_at >= ${sharesFrom} GROUP BY instance_id, segment, slot HAVING count(*) > 1
    LIMIT ${ROWS_NAMED}`,
  );
}

/**
 * 10. Days whose shares were dropped have no partition, and are not compared. Whole minutes, since a sum is of a minute. What was
 * loaded by count is compared only where no day was dropped.
 */
export async function unequalSums(view: AuditView): Promise<string[]> {
  return [...(await unequalMinutes(view)), ...(await unequalJournals(view))].slice(0, ROWS_NAMED);
}

async function unequalMinutes({ sql, full, sharesFrom }: AuditView): Promise<string[]> {
  const from = sql`date_trunc('minute', ${sharesFrom}::timestamptz)`;
  return detailsOf(
    await sql<FoundRow[]>`
    WITH days AS (
      SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'shares'::regclass
    ), computed AS (
      SELECT date_trunc('minute', received_at) AS bucket, worker_id, instance_id, pot, count(*) AS shares,
        sum(power(2::numeric, difficulty_log2 + 32)) AS work
      FROM shares WHERE credit = 0 AND received_at >= ${from} GROUP BY 1, 2, 3, 4
    ), kept AS (
      SELECT bucket, worker_id, instance_id, pot, sum(shares) AS shares, sum(work_hashes) AS work
      FROM share_sums
      WHERE bucket >= ${from} AND (bucket AT TIME ZONE 'UTC')::date IN (SELECT day FROM days) GROUP BY 1, 2, 3, 4
    )
    SELECT format('minute %s, worker %s, instance %s, pot %s: %s shares of %s hashes in shares, %s of %s in share_sums',
      to_char(bucket AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), worker_id, instance_id, pot, coalesce(c.shares, 0),
      trunc(coalesce(c.work, 0)), coalesce(k.shares, 0), coalesce(k.work, 0)) AS detail
    FROM computed c FULL JOIN kept k USING (bucket, worker_id, instance_id, pot)
    WHERE c.shares IS DISTINCT FROM k.shares OR c.work IS DISTINCT FROM k.work
    UNION ALL
    SELECT format('instance %s has loaded %s records, and %s shares of it are here', j.instance_id, j.loaded_records, s.rows)
    FROM journal_progress j, LATERAL (SELECT count(*) AS rows FROM shares WHERE instance_id = j.instance_id) s
    WHERE ${full} AND s.rows <> j.loaded_records AND NOT EXISTS (
      SELECT FROM share_sums k WHERE k.instance_id = j.instance_id
        AND (k.bucket AT TIME ZONE 'UTC')::date NOT IN (SELECT day FROM days))
    LIMIT ${ROWS_NAMED}`,
  );
}
