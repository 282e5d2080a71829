/**
 * Lists of what was found and paid, page by page. In: how many rows, and the key of the last one that was seen. Out: rows, and the key
 * to go on with; each page is found by an index, however far down it is. Reads only.
 */
import { schemeOf } from '../../domain/pot.ts';
import type { Database } from '../stores/postgres.ts';
import type { BlockState } from '../stores/store.ts';
import type { BoardAccount } from './work-board.ts';

/** Parts of a key, as texts that PostgreSQL casts. */
export type RowKey = readonly string[];

export interface Slice<T> {
  readonly items: readonly T[];
  /** undefined: this was the last page. */
  readonly next: RowKey | undefined;
}

export interface ListedBlock {
  readonly hash: string;
  readonly at: string;
  readonly state: BlockState;
  readonly colour: 'unknown' | 'blue' | 'red';
  readonly scheme: string;
  readonly finder: string;
  readonly worker: string;
  readonly instance: string;
  readonly daaScore: number;
  readonly blueScore: number;
  readonly rewardSompi: string | null;
  readonly mergingBlock: string | null;
  readonly effort: number | null;
  readonly templateAgeMs: number | null;
  readonly causes: string[];
  readonly settlements: string[];
}

interface BlockRow {
  readonly id: bigint;
  readonly key: string;
  readonly hash: string;
  readonly at: Date;
  readonly state: BlockState;
  readonly colour: 'unknown' | 'blue' | 'red';
  readonly pot: number;
  readonly finder: string;
  readonly worker: string;
  readonly instance: string;
  readonly daa: number;
  readonly blue: number;
  readonly reward: string | null;
  readonly merging: string | null;
  readonly effort: number | null;
  readonly template_age: number | null;
  readonly causes: readonly string[] | null;
  readonly settlements: readonly string[];
}

export async function listBlockRows(
  sql: Database,
  limit: number,
  after?: RowKey,
): Promise<Slice<ListedBlock>> {
  const [micros = MICROS_MAX, id = ID_MAX] = after ?? [];
  const rows = await sql<BlockRow[]>`
    SELECT ${blockColumns(sql)}
    WHERE (b.found_at, b.id) < ('epoch'::timestamptz + ${micros}::text::bigint * interval '1 microsecond', ${id}::text::bigint)
    ORDER BY b.found_at DESC, b.id DESC LIMIT ${limit + 1}`;
  return sliceOf(rows, limit, blockOf, (row) => [row.key, String(row.id)]);
}

export async function blockRow(sql: Database, hash: string): Promise<ListedBlock | undefined> {
  const [row] = await sql<BlockRow[]>`SELECT ${blockColumns(sql)} WHERE b.block_hash = ${hash}`;
  return row && blockOf(row);
}

/** Why is asked for red ones only: the figures behind it cost a look around each block. */
function blockColumns(sql: Database) {
  return sql`b.id, (extract(epoch FROM b.found_at) * 1000000)::bigint::text AS key, b.block_hash AS hash, b.found_at AS at, b.state, b.colour, b.pot::int AS pot,
      a.address AS finder, w.name AS worker, i.name AS instance, b.daa_score::float8 AS daa, b.blue_score::float8 AS blue,
      b.reward_sompi::text AS reward, b.merging_block AS merging,
      (b.effort_work / expected_hashes(b.network_bits))::float8 AS effort, b.template_age_ms::float8 AS template_age,
      CASE WHEN b.colour = 'red' THEN (SELECT to_json(c.causes) FROM block_causes c WHERE c.block_id = b.id) END AS causes,
      (SELECT coalesce(json_agg(DISTINCT o.settlement_id::text), '[]') FROM treasury_outputs o
       WHERE o.block_id = b.id AND o.settlement_id IS NOT NULL) AS settlements
    FROM blocks b JOIN workers w ON w.id = b.worker_id JOIN accounts a ON a.id = w.account_id
    JOIN instances i ON i.id = b.instance_id`;
}

function blockOf(row: BlockRow): ListedBlock {
  const { hash, state, colour, finder, worker, instance, daa, blue, effort } = row;
  return {
    ...{ hash, state, colour, finder, worker, instance, effort },
    at: row.at.toISOString(),
    scheme: schemeOf(row.pot),
    daaScore: daa,
    blueScore: blue,
    rewardSompi: row.reward,
    mergingBlock: row.merging,
    templateAgeMs: row.template_age,
    causes: [...(row.causes ?? [])],
    settlements: [...row.settlements],
  };
}

export interface ListedPayout {
  readonly id: string;
  readonly at: string;
  readonly state: 'PLANNED' | 'SIGNED' | 'BROADCAST' | 'ACCEPTED' | 'CONFIRMED' | 'CONFLICTED' | 'CANCELLED';
  readonly txid: string;
  readonly payees: number;
  readonly paidSompi: string;
  readonly feeSompi: string;
}

/** Payments; what only joins outputs of the treasury pays nobody. */
export async function listPayoutRows(
  sql: Database,
  limit: number,
  after?: RowKey,
): Promise<Slice<ListedPayout>> {
  const [id = ID_MAX] = after ?? [];
  const rows = await sql<(Omit<ListedPayout, 'at'> & { at: Date })[]>`
    SELECT p.id::text AS id, p.planned_at AS at, p.state, coalesce(p.txid, '') AS txid,
      (SELECT count(*)::int FROM payments y WHERE y.payout_id = p.id) AS payees,
      p.paid_sompi::text AS "paidSompi", p.fee_sompi::text AS "feeSompi"
    FROM payouts p WHERE p.kind = 'payment' AND p.id < ${id}::text::bigint ORDER BY p.id DESC LIMIT ${limit + 1}`;
  return sliceOf(
    rows,
    limit,
    (row) => ({ ...row, at: row.at.toISOString() }),
    (row) => [row.id],
  );
}

export interface ListedPayment {
  readonly payoutId: string;
  readonly at: string;
  readonly state: string;
  readonly txid: string;
  readonly outputSompi: string;
  readonly feeSompi: string;
}

export async function listPaymentRows(
  sql: Database,
  accountId: number,
  limit: number,
  after?: RowKey,
): Promise<Slice<ListedPayment>> {
  const [id = ID_MAX] = after ?? [];
  const rows = await sql<(Omit<ListedPayment, 'at'> & { at: Date })[]>`
    SELECT y.payout_id::text AS "payoutId", p.planned_at AS at, p.state, coalesce(p.txid, '') AS txid,
      y.output_sompi::text AS "outputSompi", y.fee_sompi::text AS "feeSompi"
    FROM payments y JOIN payouts p ON p.id = y.payout_id
    WHERE y.account_id = ${BigInt(accountId)} AND y.payout_id < ${id}::text::bigint ORDER BY y.payout_id DESC LIMIT ${limit + 1}`;
  return sliceOf(
    rows,
    limit,
    (row) => ({ ...row, at: row.at.toISOString() }),
    (row) => [row.payoutId],
  );
}

export interface ListedReward {
  readonly settlementId: string;
  readonly at: string;
  readonly scheme: string;
  readonly sharePercent: number;
  readonly creditSompi: string;
  readonly feeSompi: string;
  readonly donationSompi: string;
  readonly blocks: string[];
}

export async function listRewardRows(
  sql: Database,
  accountId: number,
  limit: number,
  after?: RowKey,
): Promise<Slice<ListedReward>> {
  const [id = ID_MAX] = after ?? [];
  const rows = await sql<(Omit<ListedReward, 'at' | 'scheme'> & { at: Date; pot: number })[]>`
    SELECT s.id::text AS "settlementId", s.settled_at AS at, s.pot::int AS pot,
      coalesce(p.work * 100 / nullif(s.window_work, 0), 0)::float8 AS "sharePercent",
      (p.gross_sompi + p.bonus_sompi - p.fee_sompi - p.donation_sompi)::text AS "creditSompi",
      p.fee_sompi::text AS "feeSompi", p.donation_sompi::text AS "donationSompi",
      (SELECT coalesce(json_agg(b.block_hash), '[]') FROM (
         SELECT DISTINCT block_id FROM treasury_outputs WHERE settlement_id = s.id LIMIT 20) AS o JOIN blocks b ON b.id = o.block_id) AS blocks
    FROM settlement_parts p JOIN settlements s ON s.id = p.settlement_id
    WHERE p.account_id = ${BigInt(accountId)} AND p.settlement_id < ${id}::text::bigint
    ORDER BY p.settlement_id DESC LIMIT ${limit + 1}`;
  return sliceOf(
    rows,
    limit,
    ({ pot, at, ...row }) => ({ ...row, at: at.toISOString(), scheme: schemeOf(pot) }),
    (row) => [row.settlementId],
  );
}

export interface ListedAmount {
  readonly address: string;
  readonly sompi: string;
}

/** Free to pay and on its way, of every account that has any, by address. */
export async function listBalances(
  sql: Database,
  limit: number,
  after?: RowKey,
): Promise<Slice<ListedAmount>> {
  const [address = ''] = after ?? [];
  const rows = await sql<ListedAmount[]>`
    SELECT a.address, sum(l.balance_sompi)::text AS sompi FROM accounts a JOIN ledger_accounts l ON l.account_id = a.id
    WHERE a.address > ${address} AND l.kind IN ('miner', 'in_flight') AND l.balance_sompi > 0
    GROUP BY a.address ORDER BY a.address LIMIT ${limit + 1}`;
  return sliceOf(
    rows,
    limit,
    (row) => row,
    (row) => [row.address],
  );
}

/** Credited ever: what is still there and what was paid, with the network's fee. */
export async function listTotals(sql: Database, limit: number, after?: RowKey): Promise<Slice<ListedAmount>> {
  const [address = ''] = after ?? [];
  const rows = await sql<ListedAmount[]>`
    SELECT a.address, (a.balance + coalesce((SELECT sum(p.reserved_sompi) FROM payments p JOIN payouts o ON o.id = p.payout_id
                                             WHERE p.account_id = a.id AND o.state = 'CONFIRMED'), 0))::text AS sompi
    FROM (SELECT a.id, a.address, sum(l.balance_sompi) AS balance FROM accounts a JOIN ledger_accounts l ON l.account_id = a.id
          WHERE a.address > ${address} AND l.kind IN ('miner', 'in_flight') GROUP BY a.id, a.address
          ORDER BY a.address LIMIT ${limit + 1}) AS a ORDER BY a.address`;
  return sliceOf(
    rows,
    limit,
    (row) => row,
    (row) => [row.address],
  );
}

/** An account as the work board knows it, with none of its workers: for those that the board does not hold. */
export async function accountRow(sql: Database, address: string): Promise<BoardAccount | undefined> {
  const [row] = await sql<{ id: number; at: Date }[]>`
    SELECT id::float8 AS id, created_at AS at FROM accounts WHERE address = ${address}`;
  return row && { id: row.id, address, firstSeenAt: row.at.toISOString(), slots: [] };
}

const ID_MAX = '9223372036854775807';
/** Of the year 2286; a double carries it exactly. */
const MICROS_MAX = '9999999999999999';

/** One row more than asked for was read: it says that there is a next page. */
function sliceOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
  keyOf: (row: Row) => RowKey,
): Slice<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(itemOf), next: rows.length > limit && last ? keyOf(last) : undefined };
}
