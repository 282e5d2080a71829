/**
 * Found blocks in PostgreSQL. In flow found blocks and what the chain says of them, out flow the ones to follow and the ones
 * to show. It must never make a second row of one hash, and never undo what the loader wrote: whoever comes first inserts,
 * the other finds the row there.
 */
import type { BlockColour, SubmitReport } from '../../chains/chain.ts';
import type { Database } from './postgres.ts';
import type { BlockProgress, BlockState, BlockStore, BlockView, FoundBlock } from './store.ts';

interface BlockRow {
  readonly block_hash: string;
  readonly address: string;
  readonly name: string;
  readonly daa_score: bigint;
  readonly found_at_ms: string;
  readonly state: BlockState;
  readonly submit_reports: string;
  readonly colour: BlockColour;
  readonly merging_block: string | null;
  readonly reward_sompi: bigint | null;
  readonly deep: boolean;
}

/** Reports of one block kept in its row: a handful of nodes, a few attempts each. */
const REPORTS_MAX = 32;
/** Minutes with blocks in them, in one statement: each adds up the sums since the block before. */
const EFFORTS_MAX = 20;

export class PostgresBlockStore implements BlockStore {
  readonly #sql: Database;
  readonly #instanceName: string;

  constructor(sql: Database, instanceName: string) {
    this.#sql = sql;
    this.#instanceName = instanceName;
  }

  /**
   * Statements that may each be repeated, and no transaction: in one, a connection that dies makes the client send
   * its ROLLBACK to a socket that is gone, outside of any promise, and the process ends (tested).
   */
  async insert(block: FoundBlock): Promise<void> {
    const sql = this.#sql;
    const workerId = await ensureWorker(sql, block.address, block.workerName);
    const jobId = await ensureJob(sql, block.prePowHash, block.templateTimestampMs);
    await sql`
      INSERT INTO blocks (block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, pot,
                          found_at, template_age_ms, queue_ms)
      VALUES (${block.blockHash}, ensure_instance(${this.#instanceName}), ${workerId}, ${jobId},
              ${BigInt.asIntN(64, block.nonce)}, ${block.daaScore}, ${block.blueScore}, ${BigInt(block.bits)},
              ${block.pot}, to_timestamp(${block.foundAtUnixMs}::float8 / 1000), ${block.templateAgeMs}::float8,
              ${block.queueMs}::float8)
      -- The loader may have been faster, and its record does not know the times.
      ON CONFLICT (block_hash) DO UPDATE
      SET template_age_ms = excluded.template_age_ms, queue_ms = excluded.queue_ms
      WHERE blocks.template_age_ms IS NULL`;
  }

  async update(blockHash: string, progress: BlockProgress): Promise<boolean> {
    const reports = JSON.stringify(progress.reports.slice(-REPORTS_MAX));
    const result = await this.#sql`
      UPDATE blocks SET
        -- The payer's word stands: it has booked the output, whatever this tracker has last heard.
        state = CASE WHEN state = 'matured' THEN state ELSE ${progress.state} END,
        -- A restarted tracker has no reports of its own; the ones in the row stay.
        submit_reports = CASE WHEN ${reports} = '[]' THEN submit_reports ELSE ${reports}::text::jsonb END,
        colour = ${progress.colour},
        merging_block = ${progress.mergingBlockHash || null},
        reward_sompi = CASE WHEN state = 'matured' THEN reward_sompi ELSE ${progress.rewardSompi ?? null}::bigint END,
        coloured_at = CASE WHEN ${progress.colour} = 'unknown' THEN NULL ELSE coalesce(coloured_at, now()) END,
        deep = ${progress.deep},
        updated_at = now()
      WHERE block_hash = ${blockHash}`;
    return result.count > 0;
  }

  async unfinished(limit: number): Promise<BlockView[]> {
    const sql = this.#sql;
    const rows = await sql<BlockRow[]>`
      SELECT ${columns(sql)} FROM blocks b JOIN workers w ON w.id = b.worker_id JOIN accounts a ON a.id = w.account_id
      WHERE b.state IN ('candidate', 'submitted', 'accepted', 'blue') AND NOT b.deep
        AND b.instance_id = (SELECT id FROM instances WHERE name = ${this.#instanceName})
      ORDER BY b.found_at LIMIT ${limit}`;
    return rows.map(toView);
  }

  async measureEfforts(): Promise<number> {
    const [row] = await this.#sql<{ measured: number }[]>`SELECT measure_efforts(${EFFORTS_MAX}) AS measured`;
    return row!.measured;
  }

  async recent(limit: number): Promise<BlockView[]> {
    const sql = this.#sql;
    const rows = await sql<BlockRow[]>`
      SELECT ${columns(sql)} FROM blocks b JOIN workers w ON w.id = b.worker_id JOIN accounts a ON a.id = w.account_id
      ORDER BY b.found_at DESC LIMIT ${limit}`;
    return rows.map(toView);
  }
}

function columns(sql: Database) {
  return sql`b.block_hash, a.address, w.name, b.daa_score, b.state, b.submit_reports::text, b.colour, b.merging_block,
    b.reward_sompi, b.deep, (extract(epoch FROM b.found_at) * 1000)::bigint::text AS found_at_ms`;
}

function toView(row: BlockRow): BlockView {
  return {
    blockHash: row.block_hash,
    address: row.address,
    workerName: row.name,
    daaScore: row.daa_score,
    foundAtUnixMs: Number(row.found_at_ms),
    state: row.state,
    reports: JSON.parse(row.submit_reports) as SubmitReport[],
    colour: row.colour,
    mergingBlockHash: row.merging_block ?? '',
    rewardSompi: row.reward_sompi ?? undefined,
    deep: row.deep,
  };
}

async function ensureWorker(sql: Database, address: string, name: string): Promise<bigint> {
  await sql`INSERT INTO accounts (address) VALUES (${address}) ON CONFLICT DO NOTHING`;
  await sql`
    INSERT INTO workers (account_id, name) SELECT id, ${name} FROM accounts WHERE address = ${address}
    ON CONFLICT DO NOTHING`;
  const [row] = await sql<{ id: bigint }[]>`
    SELECT w.id FROM workers w JOIN accounts a ON a.id = w.account_id WHERE a.address = ${address} AND w.name = ${name}`;
  return row!.id;
}

async function ensureJob(sql: Database, prePowHash: Uint8Array, timestampMs: bigint): Promise<bigint> {
  const hash = Buffer.from(prePowHash).toString('hex');
  const timestamp = BigInt.asIntN(64, timestampMs);
  await sql`
    INSERT INTO jobs (pre_pow_hash, timestamp_ms) VALUES (decode(${hash}, 'hex'), ${timestamp}) ON CONFLICT DO NOTHING`;
  const [row] = await sql<{ id: bigint }[]>`
    SELECT id FROM jobs WHERE pre_pow_hash = decode(${hash}, 'hex') AND timestamp_ms = ${timestamp}`;
  return row!.id;
}
