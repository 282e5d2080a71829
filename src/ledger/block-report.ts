/** Found blocks as people ask for them: the last ones, one in every detail, and why blocks went red. Reads only. */
import { schemeOf } from '../domain/pot.ts';
import type { Database } from './stores/postgres.ts';
import type { BlockState } from './stores/store.ts';

export interface BlockLine {
  readonly blockHash: string;
  readonly foundAt: string;
  readonly state: BlockState;
  readonly colour: string;
  readonly scheme: string;
  readonly address: string;
  readonly workerName: string;
  /** Undefined while unknown. */
  readonly rewardSompi: bigint | undefined;
  /** Work since the pot's block before over the work expected; below 1 is luck. Undefined until it is computed. */
  readonly effort: number | undefined;
  /** The other way round. */
  readonly luck: number | undefined;
}

export interface BlockDetail extends BlockLine {
  readonly instance: string;
  readonly daaScore: bigint;
  readonly mergingBlock: string;
  readonly deep: boolean;
  readonly templateAgeMs: number | undefined;
  readonly queueMs: number | undefined;
  readonly mergedAfterMs: number | undefined;
  readonly submitReports: unknown;
  readonly outputs: readonly {
    readonly outpoint: string;
    readonly origin: string;
    readonly amountSompi: bigint;
    readonly booked: boolean;
  }[];
  /** What is out of line, and the same in sentences. */
  readonly causes: readonly string[];
  readonly explanation: string;
}

export interface RedBlock {
  readonly blockHash: string;
  readonly foundAt: string;
  readonly causes: readonly string[];
  readonly explanation: string;
}

export interface RedReport {
  /** Merged blocks of the last days, and the red ones among them. */
  readonly merged: number;
  readonly red: number;
  readonly byCause: Readonly<Record<string, number>>;
  readonly blocks: readonly RedBlock[];
}

interface LineRow {
  readonly block_hash: string;
  readonly found_at: string;
  readonly state: BlockState;
  readonly colour: string;
  readonly pot: number;
  readonly address: string;
  readonly name: string;
  readonly reward_sompi: bigint | null;
  readonly effort: number | null;
}

interface DetailRow extends LineRow {
  readonly id: bigint;
  readonly instance: string;
  readonly daa_score: bigint;
  readonly merging_block: string | null;
  readonly deep: boolean;
  readonly template_age_ms: number | null;
  readonly queue_ms: number | null;
  readonly merged_after_ms: number | null;
  readonly submit_reports: string;
  readonly causes: string;
  readonly explanation: string;
}

export async function listBlocks(sql: Database, limit: number): Promise<BlockLine[]> {
  const rows = await sql<LineRow[]>`
    SELECT ${lineColumns(sql)} FROM blocks b JOIN workers w ON w.id = b.worker_id JOIN accounts a ON a.id = w.account_id
    ORDER BY b.found_at DESC, b.id DESC LIMIT ${limit}`;
  return rows.map(lineOf);
}

/** Undefined when no block has that hash. */
export async function showBlock(sql: Database, hash: string): Promise<BlockDetail | undefined> {
  const [row] = await sql<DetailRow[]>`
    SELECT ${lineColumns(sql)}, b.id, c.instance, b.daa_score, b.merging_block, b.deep, b.template_age_ms, b.queue_ms,
      c.merged_after_ms::float8 AS merged_after_ms, b.submit_reports::text, to_json(c.causes)::text AS causes,
      explain_block(b.block_hash) AS explanation
    FROM blocks b JOIN workers w ON w.id = b.worker_id JOIN accounts a ON a.id = w.account_id
    JOIN block_causes c ON c.block_id = b.id
    WHERE b.block_hash = ${hash}`;
  if (!row) return undefined;
  const outputs = await sql<{ outpoint: string; origin: string; amount_sompi: bigint; booked: boolean }[]>`
    SELECT o.txid || ':' || o.output_index AS outpoint, o.origin, o.amount_sompi, t.txid IS NOT NULL AS booked
    FROM reward_origins o LEFT JOIN treasury_outputs t USING (txid, output_index)
    WHERE o.block_id = ${row.id} ORDER BY o.learned_at, o.output_index`;
  return {
    ...lineOf(row),
    instance: row.instance,
    daaScore: row.daa_score,
    mergingBlock: row.merging_block ?? '',
    deep: row.deep,
    templateAgeMs: row.template_age_ms ?? undefined,
    queueMs: row.queue_ms ?? undefined,
    mergedAfterMs: row.merged_after_ms ?? undefined,
    submitReports: JSON.parse(row.submit_reports),
    outputs: outputs.map(({ amount_sompi, ...output }) => ({ ...output, amountSompi: amount_sompi })),
    causes: JSON.parse(row.causes) as string[],
    explanation: row.explanation,
  };
}

export async function redBlocks(sql: Database, days: number, limit: number): Promise<RedReport> {
  const [counts] = await sql<{ merged: number; red: number }[]>`
    SELECT count(*) FILTER (WHERE colour <> 'unknown')::int AS merged, count(*) FILTER (WHERE colour = 'red')::int AS red
    FROM blocks WHERE found_at > now() - make_interval(days => ${days}::int)`;
  const causes = await sql<{ cause: string; count: number }[]>`
    SELECT cause, count(*)::int AS count FROM red_causes CROSS JOIN LATERAL unnest(causes) AS cause
    WHERE found_at > now() - make_interval(days => ${days}::int) GROUP BY cause ORDER BY count DESC, cause`;
  const rows = await sql<{ block_hash: string; found_at: string; causes: string; explanation: string }[]>`
    SELECT block_hash, ${isoTime(sql, 'found_at')} AS found_at, to_json(causes)::text AS causes,
      explain_block(block_hash) AS explanation
    FROM red_causes WHERE found_at > now() - make_interval(days => ${days}::int)
    ORDER BY red_causes.found_at DESC LIMIT ${limit}`;
  return {
    merged: counts!.merged,
    red: counts!.red,
    byCause: Object.fromEntries(causes.map(({ cause, count }) => [cause, count])),
    blocks: rows.map((row) => ({
      blockHash: row.block_hash,
      foundAt: row.found_at,
      causes: JSON.parse(row.causes) as string[],
      explanation: row.explanation,
    })),
  };
}

function isoTime(sql: Database, column: string) {
  return sql`to_char(${sql(column)} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

function lineColumns(sql: Database) {
  return sql`b.block_hash, ${isoTime(sql, 'b.found_at')} AS found_at, b.state, b.colour, b.pot, a.address, w.name, b.reward_sompi,
    (b.effort_work / expected_hashes(b.network_bits))::float8 AS effort`;
}

function lineOf(row: LineRow): BlockLine {
  return {
    blockHash: row.block_hash,
    foundAt: row.found_at,
    state: row.state,
    colour: row.colour,
    scheme: schemeOf(row.pot),
    address: row.address,
    workerName: row.name,
    rewardSompi: row.reward_sompi ?? undefined,
    effort: row.effort ?? undefined,
    luck: row.effort ? 1 / row.effort : undefined,
  };
}
