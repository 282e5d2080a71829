/** PostgreSQL's side: every row of `shares`, streamed; the sums; the blocks. */
import type { Database } from '../../src/ledger/stores/postgres.ts';
import type { ShareKeys } from './client-truth.ts';
import type { JournalledShare } from './journal-truth.ts';

export interface DatabaseTruth {
  readonly shares: ReadonlyMap<string, JournalledShare>;
  readonly doubled: readonly string[];
  /** Hash → share's key. */
  readonly blocks: ReadonlyMap<string, string>;
  /** Rows of `share_sums` that differ from the sums of the shares, on either side. */
  readonly wrongSums: number;
}

interface ShareRow {
  readonly work: string;
  readonly timestamp_ms: bigint;
  readonly nonce: bigint;
  readonly login: string;
  readonly place: string;
  readonly difficulty_log2: number;
}

const ROWS_AT_ONCE = 10_000;

export async function countRows(sql: Database): Promise<number> {
  const [row] = await sql<{ rows: bigint }[]>`SELECT count(*) AS rows FROM shares`;
  return Number(row!.rows);
}

export async function readDatabase(sql: Database, keys: ShareKeys): Promise<DatabaseTruth> {
  const shares = new Map<string, JournalledShare>();
  const doubled: string[] = [];
  const rows = sql<ShareRow[]>`
    SELECT encode(j.pre_pow_hash, 'hex') AS work, j.timestamp_ms, s.nonce, a.address || '.' || w.name AS login,
      s.segment || '/' || s.slot AS place, s.difficulty_log2
    FROM shares s JOIN jobs j ON j.id = s.job_id JOIN workers w ON w.id = s.worker_id
    JOIN accounts a ON a.id = w.account_id`;
  for await (const some of rows.cursor(ROWS_AT_ONCE)) {
    for (const row of some) {
      const key = keys.keyOf(row.work, row.timestamp_ms.toString(), nonceHex(row.nonce));
      if (shares.has(key)) doubled.push(key);
      shares.set(key, { login: row.login, place: row.place, difficultyLog2: row.difficulty_log2 });
    }
  }
  const blockRows = await sql<{ block_hash: string; work: string; timestamp_ms: bigint; nonce: bigint }[]>`
    SELECT b.block_hash, encode(j.pre_pow_hash, 'hex') AS work, j.timestamp_ms, b.nonce
    FROM blocks b JOIN jobs j ON j.id = b.job_id`;
  const blocks = new Map(
    blockRows.map((row) => [
      row.block_hash,
      keys.keyOf(row.work, row.timestamp_ms.toString(), nonceHex(row.nonce)),
    ]),
  );
  return { shares, doubled, blocks, wrongSums: await wrongSums(sql) };
}

async function wrongSums(sql: Database): Promise<number> {
  const [row] = await sql<{ wrong: bigint }[]>`
    WITH recomputed AS (
      SELECT date_trunc('minute', received_at) AS bucket, worker_id, instance_id, pot, count(*) AS shares,
        sum(power(2::numeric, difficulty_log2 + 32)) AS work
      FROM shares WHERE credit = 0 GROUP BY 1, 2, 3, 4)
    SELECT count(*) AS wrong
    FROM recomputed r FULL JOIN share_sums s USING (bucket, worker_id, instance_id, pot)
    WHERE r.shares IS DISTINCT FROM s.shares OR r.work IS DISTINCT FROM s.work_hashes`;
  return Number(row!.wrong);
}

function nonceHex(signed: bigint): string {
  return BigInt.asUintN(64, signed).toString(16).padStart(16, '0');
}
