/**
 * Two databases, or two schemas of one, row by row in one order: digests of both and the first rows that differ. In flow two
 * connections and a day; out flow counts, digests, differences. Ids are never compared, since each side has made its own: a row is
 * its meaning as text, `address|rig|job|nonce|...`.
 */
import { createHash } from 'node:crypto';
import type { ReservedConnection } from '../stores/postgres.ts';

/** From where on one instance's rows can be compared, and which segments its journal still has. */
export interface Coverage {
  readonly instanceName: string;
  readonly firstSegment: number;
  /** Unix ms; before it a part of the minute's shares lies in segments that are gone. */
  readonly sumsFromMs: number;
}

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface TableComparison {
  readonly table: 'shares' | 'share_sums' | 'blocks';
  readonly liveRows: number;
  readonly rebuiltRows: number;
  readonly liveSha256: string;
  readonly rebuiltSha256: string;
  /** The first ones, as sentences. */
  readonly differences: readonly string[];
  readonly differing: number;
}

interface CanonicalRow {
  readonly key: string;
  readonly text: string;
}

const PAGE_ROWS = 5_000;
const DIFFERENCES_NAMED = 20;

type Rows = (
  sql: ReservedConnection,
  coverage: readonly Coverage[],
  span: Span,
) => AsyncIterable<CanonicalRow[]>;

/** `covered`: one row per instance, as arrays of text since the client knows no others. */
function covered(sql: ReservedConnection, coverage: readonly Coverage[]) {
  return sql`
    (SELECT name, segment::bigint AS segment, to_timestamp(from_ms::float8 / 1000) AS from_at
     FROM unnest(${coverage.map((one) => one.instanceName)}::text[], ${coverage.map((one) => String(one.firstSegment))}::text[],
       ${coverage.map((one) => String(one.sumsFromMs))}::text[]) AS c (name, segment, from_ms)) covered`;
}

const shares: Rows = (sql, coverage, { fromMs, toMs }) =>
  sql<CanonicalRow[]>`
    SELECT concat_ws('/', i.name, lpad(s.segment::text, 12, '0'), lpad(s.slot::text, 12, '0')) COLLATE "C" AS key,
      concat_ws('|', (extract(epoch FROM s.received_at) * 1000)::bigint, a.address, to_json(w.name), encode(j.pre_pow_hash, 'hex'),
        j.timestamp_ms, s.nonce, s.port, s.extranonce, s.difficulty_log2, s.verdict, s.credit, s.pot) AS text
    FROM shares s JOIN instances i ON i.id = s.instance_id JOIN ${covered(sql, coverage)} ON covered.name = i.name
    LEFT JOIN workers w ON w.id = s.worker_id LEFT JOIN accounts a ON a.id = w.account_id LEFT JOIN jobs j ON j.id = s.job_id
    WHERE s.segment >= covered.segment
      AND s.received_at >= to_timestamp(${fromMs / 1000}::float8) AND s.received_at < to_timestamp(${toMs / 1000}::float8)
    ORDER BY 1, 2`.cursor(PAGE_ROWS);

const sums: Rows = (sql, coverage, { fromMs, toMs }) =>
  sql<CanonicalRow[]>`
    SELECT concat_ws('/', i.name, to_char(c.bucket AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), a.address, to_json(w.name), c.pot)
        COLLATE "C" AS key, concat_ws('|', c.shares, c.work_hashes) AS text
    FROM share_sums c JOIN instances i ON i.id = c.instance_id JOIN ${covered(sql, coverage)} ON covered.name = i.name
    LEFT JOIN workers w ON w.id = c.worker_id LEFT JOIN accounts a ON a.id = w.account_id
    WHERE c.bucket >= covered.from_at
      AND c.bucket >= to_timestamp(${fromMs / 1000}::float8) AND c.bucket < to_timestamp(${toMs / 1000}::float8)
    ORDER BY 1, 2`.cursor(PAGE_ROWS);

/** What the journal says of a block; its fate is the chain's. */
const blocks: Rows = (sql, coverage, { fromMs, toMs }) =>
  sql<CanonicalRow[]>`
    SELECT b.block_hash COLLATE "C" AS key,
      concat_ws('|', i.name, a.address, to_json(w.name), encode(j.pre_pow_hash, 'hex'), j.timestamp_ms, b.nonce, b.daa_score,
        b.blue_score, b.network_bits, b.pot) AS text
    FROM blocks b JOIN instances i ON i.id = b.instance_id JOIN ${covered(sql, coverage)} ON covered.name = i.name
    JOIN workers w ON w.id = b.worker_id JOIN accounts a ON a.id = w.account_id LEFT JOIN jobs j ON j.id = b.job_id
    WHERE b.found_at >= covered.from_at
      AND b.found_at >= to_timestamp(${fromMs / 1000}::float8) AND b.found_at < to_timestamp(${toMs / 1000}::float8)
    ORDER BY 1, 2`.cursor(PAGE_ROWS);

const TABLES: readonly [TableComparison['table'], Rows][] = [
  ['shares', shares],
  ['share_sums', sums],
  ['blocks', blocks],
];

export async function compareTables(
  live: ReservedConnection,
  rebuilt: ReservedConnection,
  coverage: readonly Coverage[],
  span: Span,
): Promise<TableComparison[]> {
  const found: TableComparison[] = [];
  for (const [table, rows] of TABLES)
    found.push(await compareStreams(table, rows(live, coverage, span), rows(rebuilt, coverage, span)));
  return found;
}

/** One pass over both, in the order of their keys: memory is two pages, whatever the day holds. */
async function compareStreams(
  table: TableComparison['table'],
  livePages: AsyncIterable<CanonicalRow[]>,
  rebuiltPages: AsyncIterable<CanonicalRow[]>,
): Promise<TableComparison> {
  const live = new RowStream(livePages);
  const rebuilt = new RowStream(rebuiltPages);
  const differences: string[] = [];
  let differing = 0;
  const differ = (sentence: string): void => {
    differing++;
    if (differences.length < DIFFERENCES_NAMED) differences.push(sentence);
  };
  let ours = await live.next();
  let theirs = await rebuilt.next();
  while (ours || theirs) {
    const order = !ours ? 1 : !theirs ? -1 : compareBytes(ours.key, theirs.key);
    if (order < 0) differ(`${table} ${ours!.key}: in the database, not in the journal: ${ours!.text}`);
    else if (order > 0)
      differ(`${table} ${theirs!.key}: in the journal, not in the database: ${theirs!.text}`);
    else if (ours!.text !== theirs!.text)
      differ(`${table} ${ours!.key}: ${ours!.text} in the database, ${theirs!.text} by the journal`);
    if (order <= 0) ours = await live.next();
    if (order >= 0) theirs = await rebuilt.next();
  }
  return {
    table,
    liveRows: live.rows,
    rebuiltRows: rebuilt.rows,
    liveSha256: live.digest(),
    rebuiltSha256: rebuilt.digest(),
    differences,
    differing,
  };
}

/** The database's order "C" is that of the bytes, which JavaScript's is not beyond the first plane. */
function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

class RowStream {
  readonly #pages: AsyncIterator<CanonicalRow[]>;
  readonly #hash = createHash('sha256');
  #page: CanonicalRow[] = [];
  #at = 0;
  rows = 0;

  constructor(pages: AsyncIterable<CanonicalRow[]>) {
    this.#pages = pages[Symbol.asyncIterator]();
  }

  async next(): Promise<CanonicalRow | undefined> {
    while (this.#at === this.#page.length) {
      const page = await this.#pages.next();
      if (page.done) return undefined;
      this.#page = page.value;
      this.#at = 0;
    }
    const row = this.#page[this.#at++]!;
    this.rows++;
    this.#hash.update(`${row.key} ${row.text}\n`);
    return row;
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}
