/** What pages say of the whole pool and only the database knows. In: a database. Out: one plain object. Reads only. */
import type { PendingQuery, Row } from 'postgres';
import { schemeOf } from '../../domain/pot.ts';
import { difficultyOfTarget, targetOfBits, workOfTarget } from '../../domain/target.ts';
import type { Database } from '../stores/postgres.ts';
import type { PotWork } from './packed-work.ts';

const DAY_MS = 86_400_000;

export interface PoolFacts {
  readonly blocks24h: number;
  readonly lastBlockAt: string | null;
  /** Blocks of 7 days over those that their work was good for. */
  readonly luck7d: number | null;
  /** By the newest minute or block that the database knows; null = none. */
  readonly networkHashes: number | null;
  readonly networkDifficulty: number | null;
  readonly work24hHashes: number;
  readonly schemes: readonly {
    readonly scheme: string;
    readonly work1hHashes: number;
    /** Since its last block; null = it never had one. */
    readonly workSinceBlock: number | null;
  }[];
  /** Not in the books as somebody's yet, by pot: mature or not. */
  readonly awaited: readonly { readonly scheme: string; readonly sompi: bigint }[];
  /** Of SOLO, whose finder is known. */
  readonly awaitedByFinder: ReadonlyMap<number, bigint>;
  readonly lastPayoutAt: string | null;
  readonly paidSompi: bigint;
  readonly halted: boolean;
  /** Unix ms of the payer's last word; 0 = it never ran. */
  readonly payerToldMs: number;
  /** Unix ms of its last round of payouts; 0 = none. */
  readonly payoutRoundMs: number;
}

interface PoolRow {
  readonly blocks: number;
  readonly last_block: Date | null;
  readonly luck: number | null;
  readonly bits: bigint | null;
  readonly last_payout: Date | null;
  readonly paid: string;
  readonly halted: boolean;
  readonly told: Date | null;
  readonly round_ms: number | null;
}

/**
 * @param minutes work by the minute since 1970, all of it from the first one on, where it has been read already: to sum twenty minutes of
 * 100,000 workers takes PostgreSQL two seconds
 */
export async function readPoolFacts(
  sql: Database,
  minutes: ReadonlyMap<number, readonly PotWork[]> = new Map(),
): Promise<PoolFacts> {
  const [pool] = await sql<PoolRow[]>`
    SELECT (SELECT count(*)::int FROM blocks WHERE found_at > now() - interval '24 hours') AS blocks,
      (SELECT max(found_at) FROM blocks) AS last_block,
      (SELECT (count(*) / nullif(sum(effort_work / expected_hashes(network_bits)), 0))::float8 FROM blocks
       WHERE found_at > now() - interval '7 days' AND effort_work IS NOT NULL) AS luck,
      coalesce((SELECT network_bits FROM network_minutes ORDER BY minute DESC LIMIT 1),
               (SELECT network_bits FROM blocks ORDER BY found_at DESC LIMIT 1)) AS bits,
      (SELECT max(planned_at) FROM payouts WHERE kind = 'payment' AND state NOT IN ('CANCELLED', 'CONFLICTED')) AS last_payout,
      (SELECT coalesce(sum(paid_sompi), 0)::text FROM payouts WHERE state = 'CONFIRMED') AS paid,
      EXISTS (SELECT FROM halts WHERE cleared_at IS NULL) AS halted,
      (SELECT told_at FROM payer_status) AS told,
      (SELECT (duty ->> 'lastOkUnixMs')::float8 FROM payer_status, jsonb_array_elements(status -> 'duties') AS duty
       WHERE duty ->> 'name' = 'payouts') AS round_ms`;
  const { schemes, work24hHashes } = await readSchemes(sql, minutes);
  const awaited = await readAwaited(sql);
  const target = pool!.bits === null ? undefined : targetOfBits(Number(pool!.bits));
  return {
    blocks24h: pool!.blocks,
    lastBlockAt: pool!.last_block?.toISOString() ?? null,
    luck7d: pool!.luck,
    networkHashes: target === undefined ? null : Number(workOfTarget(target)),
    networkDifficulty: target === undefined ? null : difficultyOfTarget(target),
    work24hHashes,
    schemes,
    ...awaited,
    lastPayoutAt: pool!.last_payout?.toISOString() ?? null,
    paidSompi: BigInt(pool!.paid),
    halted: pool!.halted,
    payerToldMs: pool!.told?.getTime() ?? 0,
    payoutRoundMs: pool!.round_ms ?? 0,
  };
}

/**
 * From the rollup as far as it goes, then from the minutes: a pot's work since a block of days ago is some hundred rows. Of a piece that
 * begins before the window so much counts as lies in it: it may be ten minutes of sixty.
 */
async function readSchemes(
  sql: Database,
  minutes: ReadonlyMap<number, readonly PotWork[]>,
): Promise<Pick<PoolFacts, 'schemes' | 'work24hHashes'>> {
  const known = [...minutes].flatMap(([minute, pots]) =>
    pots.map(({ pot, hashes }) => ({ at: minute * 60, pot, hashes })),
  );
  const column = (values: readonly number[]): string => `{${values.join(',')}}`;
  // With an end, or the database expects a third of all that it has and reads all of it.
  const readFrom =
    minutes.size > 0 ? new Date(Math.min(...minutes.keys()) * 60_000) : new Date(Date.now() + DAY_MS);
  const workSince = (edge: PendingQuery<Row[]>) => sql`
    coalesce(sum(work::float8 * least(1, greatest(0, extract(epoch FROM until - ${edge}) / greatest(1, extract(epoch FROM until - at))))), 0)::float8`;
  const rows = await sql<{ pot: number; hour: number; day: number; since: number | null }[]>`
    WITH rolled AS (
      SELECT coalesce((SELECT through FROM spans_rolled), now() - interval '1 day') AS through
    ), pieces AS (
      SELECT pot, span_start AS at, span_start + interval '10 minutes' AS until, work_hashes AS work FROM pool_spans, rolled
      WHERE span_start >= now() - interval '30 days' AND span_start < rolled.through
      UNION ALL SELECT s.pot, s.bucket, least(s.bucket + interval '1 minute', now()), sum(s.work_hashes) FROM share_sums s
      WHERE s.bucket >= (SELECT greatest(through, now() - interval '1 day') FROM rolled) AND s.bucket < ${readFrom} GROUP BY 1, 2
      UNION ALL SELECT k.pot, to_timestamp(k.at), least(to_timestamp(k.at) + interval '1 minute', now()), k.work::numeric
      FROM unnest(${column(known.map(({ pot }) => pot))}::text::int4[], ${column(known.map(({ at }) => at))}::text::float8[],
        ${column(known.map(({ hashes }) => hashes))}::text::float8[]) AS k(pot, at, work), rolled
      WHERE to_timestamp(k.at) >= rolled.through
    ), last AS (
      SELECT p.id AS pot, (SELECT max(found_at) FROM blocks b WHERE b.pot = p.id) AS found_at FROM pots p
    )
    SELECT last.pot::int AS pot, ${workSince(sql`(now() - interval '1 hour')`)} AS hour,
      ${workSince(sql`(now() - interval '24 hours')`)} AS day,
      CASE WHEN last.found_at IS NULL THEN NULL ELSE ${workSince(sql`last.found_at`)} END AS since
    FROM last LEFT JOIN pieces USING (pot) GROUP BY last.pot, last.found_at`;
  return {
    work24hHashes: rows.reduce((sum, { day }) => sum + day, 0),
    schemes: rows.map(({ pot, hour, since }) => ({
      scheme: schemeOf(pot),
      work1hHashes: hour,
      workSinceBlock: since,
    })),
  };
}

/** Blue blocks whose reward is not mature, and mature outputs that are not divided yet. */
async function readAwaited(sql: Database): Promise<Pick<PoolFacts, 'awaited' | 'awaitedByFinder'>> {
  const rows = await sql<{ pot: number; finder: number | null; sompi: string }[]>`
    SELECT u.pot::int AS pot, CASE WHEN u.pot = 3 THEN w.account_id::float8 END AS finder, sum(u.sompi)::text AS sompi FROM (
      SELECT pot, worker_id, coalesce(reward_sompi, 0) AS sompi FROM blocks WHERE state = 'blue'
      UNION ALL
      SELECT b.pot, b.worker_id, o.amount_sompi FROM treasury_outputs o JOIN blocks b ON b.id = o.block_id
      WHERE o.settlement_id IS NULL AND o.origin IN ('blue', 'reds')
    ) AS u JOIN workers w ON w.id = u.worker_id GROUP BY 1, 2`;
  const byFinder = new Map<number, bigint>();
  for (const { finder, sompi } of rows) if (finder !== null) byFinder.set(finder, BigInt(sompi));
  return {
    awaited: rows
      .filter(({ finder }) => finder === null)
      .map(({ pot, sompi }) => ({ scheme: schemeOf(pot), sompi: BigInt(sompi) })),
    awaitedByFinder: byFinder,
  };
}
