/**
 * A settlement in the database: what it needs to know, and its writing. All of it inside of the caller's transaction. It must never
 * write a settlement whose outputs another one has: their rows are counted.
 */
import { type Entry, post } from '../books.ts';
import type { Divided, DividedPart, MinuteWork, Span } from '../schemes/scheme.ts';
import type { ReservedConnection } from '../stores/postgres.ts';
import type { UnsettledGroup } from './unsettled.ts';

export interface PotHistory {
  readonly round: bigint;
  readonly dustInSompi: bigint;
  readonly previousToMs: number | undefined;
}

/** Number of the next settlement, what the last one left, and where the window before `unit` ended. */
export async function readHistory(sql: ReservedConnection, pot: number, unit: Span): Promise<PotHistory> {
  const [row] = await sql<{ round: bigint | null; dust: bigint | null; to_s: number | null }[]>`
    SELECT max(round) AS round, (SELECT dust_out_sompi FROM settlements WHERE pot = ${pot} ORDER BY round DESC LIMIT 1) AS dust,
      extract(epoch FROM max(window_to) FILTER (WHERE window_to < to_timestamp(${unit.toMs / 1_000}::float8)))::float8 AS to_s
    FROM settlements WHERE pot = ${pot}`;
  return {
    round: (row?.round ?? 0n) + 1n,
    dustInSompi: row?.dust ?? 0n,
    previousToMs: row?.to_s == null ? undefined : row.to_s * 1_000,
  };
}

/** Newest first. */
export async function readMinutes(
  sql: ReservedConnection,
  pot: number,
  { fromMs, toMs }: Span,
): Promise<readonly MinuteWork[]> {
  const rows = await sql<{ minute_s: number; work: string }[]>`
    SELECT extract(epoch FROM minute)::float8 AS minute_s, work::text AS work FROM pot_minutes
    WHERE pot = ${pot} AND minute >= to_timestamp(${fromMs / 1_000}::float8) AND minute < to_timestamp(${toMs / 1_000}::float8)
    ORDER BY minute DESC`;
  return rows.map(({ minute_s, work }) => ({ minuteMs: minute_s * 1_000, work: BigInt(work) }));
}

export interface NewSettlement {
  readonly group: UnsettledGroup;
  readonly history: PotHistory;
  readonly window: Span;
  readonly divided: Divided;
  readonly lateInstances: readonly string[];
}

/** Posting, settlement, parts, and the mark on the outputs. Gives the settlement's id. */
export async function writeSettlement(
  sql: ReservedConnection,
  epoch: bigint,
  settlement: NewSettlement,
): Promise<bigint> {
  const { group, history, window, divided } = settlement;
  const rewardSompi = group.outputs.reduce((sum, { amountSompi }) => sum + amountSompi, 0n);
  const transactionId = await post(sql, epoch, {
    key: `settlement:${group.pot}:${history.round}`,
    kind: 'settlement',
    detail: {
      pot: group.pot,
      policy: group.policy.id,
      windowFrom: new Date(window.fromMs).toISOString(),
      windowTo: new Date(window.toMs).toISOString(),
      outputs: group.outputs.map(({ txid, index }) => `${txid}:${index}`),
    },
    entries: [...entriesOf(rewardSompi, history.dustInSompi, divided)],
  });
  const [row] = await sql<{ id: bigint }[]>`
    INSERT INTO settlements (pot, policy_id, round, window_from, window_to, window_work, account_count, reward_sompi, dust_in_sompi,
      dust_out_sompi, fee_sompi, donation_sompi, reserve_sompi, network_bits, late_instances, transaction_id, leader_epoch)
    VALUES (${group.pot}, ${group.policy.id}, ${history.round}, to_timestamp(${window.fromMs / 1_000}::float8),
      to_timestamp(${window.toMs / 1_000}::float8), ${String(divided.windowWork)}::text::numeric, ${divided.parts.length},
      ${rewardSompi}, ${history.dustInSompi}, ${divided.dustOutSompi}, ${divided.feeSompi}, ${divided.donationSompi},
      ${divided.reserveSompi}, ${BigInt(group.outputs[0]!.networkBits)}, ${textArray(settlement.lateInstances)}::text::text[],
      ${transactionId}, ${epoch})
    RETURNING id`;
  await writeParts(sql, row!.id, divided.parts);
  const marked = await sql`
    UPDATE treasury_outputs o SET settlement_id = ${row!.id}
    FROM unnest(${textArray(group.outputs.map(({ txid }) => txid))}::text::text[],
                ${numberArray(group.outputs.map(({ index }) => index))}::text::integer[]) AS g (txid, index)
    WHERE o.txid = g.txid AND o.output_index = g.index AND o.settlement_id IS NULL`;
  if (marked.count !== group.outputs.length)
    throw new Error(
      `${group.outputs.length - marked.count} outputs of settlement ${row!.id} are settled already`,
    );
  return row!.id;
}

function* entriesOf(rewardSompi: bigint, dustInSompi: bigint, divided: Divided): Generator<Entry> {
  yield { kind: 'unsettled', sompi: -rewardSompi };
  yield { kind: 'dust', sompi: divided.dustOutSompi - dustInSompi };
  yield { kind: 'pool_fee', sompi: divided.feeSompi };
  yield { kind: 'donation', sompi: divided.donationSompi };
  yield { kind: 'reserve', sompi: divided.reserveSompi };
  yield* creditsOf(divided.parts);
}

/** Of each account what is left to it. */
export function* creditsOf(parts: readonly DividedPart[]): Generator<Entry> {
  for (const { accountId, grossSompi, bonusSompi, feeSompi, donationSompi } of parts)
    yield { kind: 'miner', accountId, sompi: grossSompi + bonusSompi - feeSompi - donationSompi };
}

async function writeParts(
  sql: ReservedConnection,
  settlementId: bigint,
  parts: readonly DividedPart[],
): Promise<void> {
  if (parts.length === 0) return;
  const column = (of: (part: DividedPart) => bigint) => numberArray(parts.map(of));
  // Columns, not rows: one statement, whose text stays the same for one account and for a hundred thousand.
  await sql`
    INSERT INTO settlement_parts (settlement_id, account_id, work, gross_sompi, bonus_sompi, fee_sompi, donation_sompi,
      fee_basis_points, donation_basis_points)
    SELECT ${settlementId}, p.* FROM unnest(
      ${column((p) => p.accountId)}::text::bigint[], ${column((p) => p.work)}::text::numeric[],
      ${column((p) => p.grossSompi)}::text::bigint[], ${column((p) => p.bonusSompi)}::text::bigint[],
      ${column((p) => p.feeSompi)}::text::bigint[], ${column((p) => p.donationSompi)}::text::bigint[],
      ${column((p) => p.feeBasisPoints)}::text::integer[], ${column((p) => p.donationBasisPoints)}::text::integer[]) AS p`;
}

function numberArray(values: readonly (bigint | number)[]): string {
  return `{${values.join(',')}}`;
}

/** Hex digits and names of instances; quotes and backslashes are escaped all the same. */
function textArray(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

export interface Difference {
  readonly account_id: bigint | null;
  readonly stored: string;
  readonly recomputed: string;
}

/** Where SQL's own division differs; a few examples are enough to look for the cause. */
export function readDifferences(sql: ReservedConnection, settlementId: bigint): Promise<Difference[]> {
  return sql<
    Difference[]
  >`SELECT account_id, stored, recomputed FROM settlement_differences(${settlementId}, true) LIMIT 5`;
}
