/** What the database knows of the reserve and of the luck of the blocks that fill it. Looks, and changes nothing. */
import { targetOfBits, workOfTarget } from '../../domain/target.ts';
import type { Database } from '../stores/postgres.ts';

export interface ReserveFacts {
  readonly reserveSompi: bigint;
  readonly poolFeeSompi: bigint;
  readonly depositsSompi: bigint;
  readonly pots: readonly ReservePot[];
}

export interface ReservePot {
  readonly pot: number;
  readonly scheme: string;
  readonly creditedSompi: bigint;
  readonly feeSompi: bigint;
  readonly receivedSompi: bigint;
  /** ISO 8601; null = nothing was credited yet. */
  readonly creditedThrough: string | null;
  readonly owedMinutes: number;
}

export async function readReserve(sql: Database): Promise<ReserveFacts> {
  const [balances] = await sql<{ reserve: bigint; fee: bigint; deposits: bigint }[]>`
    SELECT coalesce(max(balance_sompi) FILTER (WHERE kind = 'reserve'), 0) AS reserve,
      coalesce(max(balance_sompi) FILTER (WHERE kind = 'pool_fee'), 0) AS fee,
      coalesce(max(balance_sompi) FILTER (WHERE kind = 'deposits'), 0) AS deposits
    FROM ledger_accounts`;
  const pots = await sql<
    {
      pot: number;
      scheme: string;
      credited: string;
      fee: string;
      received: string;
      through: string | null;
      owed: number;
    }[]
  >`
    SELECT p.id AS pot, p.scheme, c.credited::text, c.fee::text, c.through,
      (SELECT coalesce(sum(reserve_sompi), 0)::text FROM settlements s WHERE s.pot = p.id) AS received,
      (SELECT count(*)::int FROM pot_minutes m WHERE m.pot = p.id AND m.minute > coalesce(c.last, '-infinity')) AS owed
    FROM pots p CROSS JOIN LATERAL (
      SELECT coalesce(sum(gross_sompi), 0) AS credited, coalesce(sum(fee_sompi), 0) AS fee, max(minute) AS last,
        to_char(max(minute) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"') AS through
      FROM pps_minutes m WHERE m.pot = p.id) c
    WHERE p.scheme IN ('pps', 'fpps') ORDER BY p.id`;
  return {
    reserveSompi: balances!.reserve,
    poolFeeSompi: balances!.fee,
    depositsSompi: balances!.deposits,
    pots: pots.map((row) => ({
      pot: row.pot,
      scheme: row.scheme,
      creditedSompi: BigInt(row.credited),
      feeSompi: BigInt(row.fee),
      receivedSompi: BigInt(row.received),
      creditedThrough: row.through,
      owedMinutes: row.owed,
    })),
  };
}

export interface Luck {
  /** Rewards that filled the reserve, or that were divided: blocks that paid. */
  readonly paidBlocks: number;
  /** By the work of the same minutes and the network's difficulty then. */
  readonly expectedBlocks: number;
  readonly blockSompi: number;
  readonly days: number;
}

/**
 * Of these pots over so many days back. Blocks that are not mature yet are left out together with their minutes: their fate is open.
 */
export async function readLuck(sql: Database, pots: readonly number[], days: number): Promise<Luck> {
  const potList = `{${pots.join(',')}}`;
  const [bounds] = await sql<{ from_at: Date; to_at: Date; paid: number; sompi: string | null }[]>`
    WITH span AS (
      SELECT now() - ${days}::float8 * interval '1 day' AS from_at,
        coalesce((SELECT min(found_at) FROM blocks WHERE pot = ANY (${potList}::text::int[])
                  AND state IN ('candidate', 'submitted', 'accepted', 'blue')), now()) AS to_at
    )
    SELECT s.from_at, s.to_at, count(DISTINCT o.block_id)::int AS paid, sum(o.amount_sompi)::text AS sompi
    FROM span s LEFT JOIN blocks b ON b.pot = ANY (${potList}::text::int[]) AND b.found_at >= s.from_at AND b.found_at < s.to_at
    LEFT JOIN treasury_outputs o ON o.block_id = b.id
    GROUP BY s.from_at, s.to_at`;
  const { from_at, to_at, paid, sompi } = bounds!;
  // Difficulty moves slowly: the work between two of its values counts by the older one.
  const rows = await sql<{ bits: bigint; work: string }[]>`
    SELECT n.network_bits AS bits, sum(m.work)::text AS work
    FROM pot_minutes m CROSS JOIN LATERAL (
      (SELECT network_bits FROM network_minutes WHERE minute <= m.minute ORDER BY minute DESC LIMIT 1)
      UNION ALL (SELECT network_bits FROM network_minutes ORDER BY minute LIMIT 1) LIMIT 1) n
    WHERE m.pot = ANY (${potList}::text::int[]) AND m.minute >= ${from_at} AND m.minute < ${to_at}
    GROUP BY n.network_bits`;
  const expectedBlocks = rows.reduce(
    (sum, { bits, work }) => sum + Number(work) / Number(workOfTarget(targetOfBits(Number(bits)))),
    0,
  );
  return {
    paidBlocks: paid,
    expectedBlocks,
    blockSompi: paid === 0 ? 0 : Number(sompi ?? 0) / paid,
    days: Math.max(0, (to_at.getTime() - from_at.getTime()) / 86_400_000),
  };
}
