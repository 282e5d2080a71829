/**
 * The intake's statements. In flow outpoints and bookings, out flow what the books and the blocks say of them. Every function runs
 * inside of a transaction of the lead; each may be cut off at any statement and done again.
 */
import type { RewardOrigin } from '../../chains/kaspa/reward-origin.ts';
import type { TreasuryUtxo } from '../../chains/kaspa/treasury.ts';
import { type Posting, post } from '../books.ts';
import type { ReservedConnection } from '../stores/postgres.ts';
import { type Booking, type KnownOrigin, outpointOf } from './intake-plan.ts';

export interface LearnableBlock {
  readonly id: bigint;
  readonly hash: string;
}

export interface MissingOutput {
  readonly txid: string;
  readonly index: number;
  readonly amountSompi: bigint;
  readonly origin: string;
}

/** What the tables say of outputs that the chain shows. */
export interface OutputFacts {
  readonly inBooks: ReadonlySet<string>;
  readonly origins: ReadonlyMap<string, KnownOrigin>;
  readonly payouts: ReadonlyMap<string, string>;
  /** Least DAA score of a block of ours whose fate is open and whose output is not known; undefined when there is none. */
  readonly openFromDaa: bigint | undefined;
}

interface OriginRow {
  readonly txid: string;
  readonly output_index: number;
  readonly block_id: bigint;
  readonly block_hash: string;
  readonly origin: 'blue' | 'reds';
  readonly paid_before: boolean;
}

/** How long a block can wait for its merger (an hour at 10 a second), and some. */
const MERGE_DEPTH_DAA = 40_000n;

export async function readFacts(
  sql: ReservedConnection,
  utxos: readonly TreasuryUtxo[],
): Promise<OutputFacts> {
  const txids = utxos.map((utxo) => utxo.transactionId);
  const indexes = literal(utxos.map((utxo) => utxo.index));
  const booked = await sql<{ txid: string; output_index: number }[]>`
    SELECT t.txid, t.output_index
    FROM unnest(${txids}::text[], ${indexes}::text::integer[]) AS u (txid, output_index)
    JOIN treasury_outputs t USING (txid, output_index)`;
  const origins = await sql<OriginRow[]>`
    SELECT o.txid, o.output_index, o.block_id, b.block_hash, o.origin, EXISTS (
        SELECT FROM treasury_outputs p WHERE p.block_id = o.block_id AND p.origin = o.origin
          AND (p.txid, p.output_index) <> (o.txid, o.output_index)) AS paid_before
    FROM unnest(${txids}::text[], ${indexes}::text::integer[]) AS u (txid, output_index)
    JOIN reward_origins o USING (txid, output_index) JOIN blocks b ON b.id = o.block_id`;
  const foreign = [...new Set(utxos.filter((utxo) => !utxo.isCoinbase).map((utxo) => utxo.transactionId))];
  const payouts =
    foreign.length === 0
      ? []
      : await sql<{ txid: string; state: string }[]>`
          SELECT txid, state FROM payouts WHERE txid = ANY (${foreign}::text[])`;
  const [open] = await sql<{ from_daa: bigint | null }[]>`
    SELECT min(b.daa_score) AS from_daa FROM blocks b
    WHERE b.state IN ('candidate', 'submitted', 'accepted', 'blue') AND NOT b.deep
      AND NOT EXISTS (SELECT FROM reward_origins o WHERE o.block_id = b.id)`;
  return {
    inBooks: new Set(booked.map((row) => outpointOf(row.txid, row.output_index))),
    origins: new Map(
      origins.map((row) => [
        outpointOf(row.txid, row.output_index),
        {
          blockId: row.block_id,
          blockHash: row.block_hash,
          origin: row.origin,
          paidBefore: row.paid_before,
        },
      ]),
    ),
    payouts: new Map(payouts.map((row) => [row.txid, row.state])),
    openFromDaa: open!.from_daa ?? undefined,
  };
}

/** Blue blocks whose output is not known, or was that of a merger that is not theirs any more. Oldest first. */
export async function blueWithoutOrigin(sql: ReservedConnection, limit: number): Promise<LearnableBlock[]> {
  return sql<LearnableBlock[]>`
    SELECT b.id, b.block_hash AS hash FROM blocks b
    WHERE b.state = 'blue' AND b.merging_block IS NOT NULL AND NOT EXISTS (
      SELECT FROM reward_origins o
      WHERE o.block_id = b.id AND o.origin = 'blue' AND o.coinbase_block = b.merging_block)
    ORDER BY b.found_at LIMIT ${limit}`;
}

/**
 * Blocks that coinbase outputs of these scores may be for, whatever the engine believes of them: it may be down, and a block that all
 * nodes refused may have got into the chain by another way.
 */
export async function blocksNear(
  sql: ReservedConnection,
  fromDaa: bigint,
  toDaa: bigint,
): Promise<LearnableBlock[]> {
  return sql<LearnableBlock[]>`
    SELECT b.id, b.block_hash AS hash FROM blocks b
    WHERE b.daa_score > ${fromDaa - MERGE_DEPTH_DAA} AND b.daa_score < ${toDaa} AND b.state <> 'matured'
    ORDER BY b.found_at DESC LIMIT 1000`;
}

export async function learn(
  sql: ReservedConnection,
  block: LearnableBlock,
  origins: readonly RewardOrigin[],
): Promise<void> {
  for (const { transactionId, index, origin, amountSompi, coinbaseBlock } of origins) {
    await sql`
      INSERT INTO reward_origins (txid, output_index, block_id, origin, amount_sompi, coinbase_block)
      VALUES (${transactionId}, ${index}, ${block.id}, ${origin}, ${amountSompi}, ${coinbaseBlock})
      ON CONFLICT DO NOTHING`;
  }
}

/** Outputs that the ledger can spend, and that were mature at this score. */
export async function spendable(
  sql: ReservedConnection,
  maturityDaa: bigint,
  virtualDaaScore: bigint,
): Promise<MissingOutput[]> {
  return sql<MissingOutput[]>`
    SELECT t.txid, t.output_index AS index, t.amount_sompi AS "amountSompi", t.origin FROM treasury_outputs t
    WHERE t.spent_by IS NULL AND t.daa_score + ${maturityDaa} <= ${virtualDaaScore}
      AND NOT EXISTS (SELECT FROM payout_inputs i
                      WHERE i.txid = t.txid AND i.output_index = t.output_index AND i.live)`;
}

/** Row, posting and the block's reward together. False when the output was there already. */
export async function book(sql: ReservedConnection, epoch: bigint, booking: Booking): Promise<boolean> {
  const { utxo, origin, block } = booking;
  const [there] = await sql`
    SELECT 1 FROM treasury_outputs WHERE txid = ${utxo.transactionId} AND output_index = ${utxo.index}`;
  if (there) return false;
  // Change never left the books, so nothing is posted; every posting checks the lead by itself.
  if (origin === 'change') await sql`SELECT assert_lead('payer', ${epoch})`;
  const transactionId = origin === 'change' ? null : await post(sql, epoch, postingOf(booking));
  await sql`
    INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, block_id, transaction_id, leader_epoch)
    VALUES (${utxo.transactionId}, ${utxo.index}, ${utxo.amountSompi}, ${origin}, ${utxo.blockDaaScore},
            ${block?.id ?? null}, ${transactionId}, ${epoch})`;
  if (block) await settleBlock(sql, block.id, utxo, origin === 'blue');
  return true;
}

/** Blue, and by whom it was merged, is then a fact, also where the engine was down and never heard of it. */
async function settleBlock(
  sql: ReservedConnection,
  blockId: bigint,
  utxo: TreasuryUtxo,
  isItsOwn: boolean,
): Promise<void> {
  await sql`
    UPDATE blocks SET updated_at = now(),
      reward_sompi = (SELECT sum(amount_sompi) FROM treasury_outputs WHERE block_id = ${blockId})
    WHERE id = ${blockId}`;
  if (!isItsOwn) return;
  await sql`
    UPDATE blocks b SET state = 'matured', colour = 'blue', deep = true, merging_block = o.coinbase_block,
      coloured_at = coalesce(b.coloured_at, now())
    FROM reward_origins o
    WHERE b.id = ${blockId} AND o.txid = ${utxo.transactionId} AND o.output_index = ${utxo.index}`;
}

function postingOf({ utxo, origin, block }: Booking): Posting {
  const name = `${utxo.transactionId}:${utxo.index}`;
  const sompi = utxo.amountSompi;
  const detail = { daaScore: utxo.blockDaaScore };
  const entries = (kind: 'unsettled' | 'deposits' | 'unattributed') =>
    [
      { kind: 'treasury', sompi: -sompi },
      { kind, sompi },
    ] as const;
  if (block)
    return {
      key: `reward:${name}`,
      kind: 'reward',
      detail: { ...detail, block: block.hash, origin },
      entries: entries('unsettled'),
    };
  if (origin === 'deposit')
    return { key: `deposit:${name}`, kind: 'deposit', detail, entries: entries('deposits') };
  return { key: `unattributed:${name}`, kind: 'attribute', detail, entries: entries('unattributed') };
}

function literal(values: readonly number[]): string {
  return `{${values.join(',')}}`;
}
