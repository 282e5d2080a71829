/**
 * Settlements divided once more, from sums that were rebuilt out of the journal. In flow the live settlements and the rebuilt sums,
 * out flow sentences on parts that came out differently. Looks only.
 */
import { splitReward } from '../schemes/split.ts';
import type { ReservedConnection } from '../stores/postgres.ts';
import type { Coverage, Span } from './row-streams.ts';

export interface SettlementReplay {
  readonly replayed: number;
  /** Their windows reach back before the journal's first segment, or hold work of an engine whose journal was not given. */
  readonly notCovered: number;
  readonly differences: readonly string[];
}

interface SettlementRow {
  readonly id: bigint;
  readonly pot: number;
  readonly from_ms: number;
  readonly to_ms: number;
}

interface PartRow {
  readonly address: string;
  readonly account_id: bigint;
  readonly work: string;
  readonly gross: bigint;
}

/** By the window's end, within the span. Schemes that divide by the work of a window; late engines would be counted now. */
export async function replaySettlements(
  live: ReservedConnection,
  rebuilt: ReservedConnection,
  coverage: readonly Coverage[],
  span: Span,
): Promise<SettlementReplay> {
  const names = coverage.map(({ instanceName }) => instanceName);
  const [others] = await live<{ count: number }[]>`
    SELECT count(*)::int AS count FROM journal_progress JOIN instances ON id = instance_id WHERE NOT name = ANY(${names}::text[])`;
  const coveredFromMs = Math.max(...coverage.map(({ sumsFromMs }) => sumsFromMs));
  const settlements = await live<SettlementRow[]>`
    SELECT s.id, s.pot, (extract(epoch FROM window_from) * 1000)::float8 AS from_ms, (extract(epoch FROM window_to) * 1000)::float8 AS to_ms
    FROM settlements s JOIN pots ON pots.id = s.pot
    WHERE scheme IN ('pplns', 'prop', 'points') AND late_instances = '{}' AND window_work > 0
      AND window_to > to_timestamp(${span.fromMs / 1000}::float8) AND window_to <= to_timestamp(${span.toMs / 1000}::float8)
    ORDER BY s.id`;
  const differences: string[] = [];
  let replayed = 0;
  for (const settlement of settlements) {
    if (others!.count > 0 || settlement.from_ms < coveredFromMs) continue;
    replayed++;
    differences.push(...(await replay(live, rebuilt, settlement)));
  }
  return { replayed, notCovered: settlements.length - replayed, differences };
}

async function replay(
  live: ReservedConnection,
  rebuilt: ReservedConnection,
  settlement: SettlementRow,
): Promise<string[]> {
  const parts = await live<PartRow[]>`
    SELECT a.address, p.account_id, p.work::text AS work, p.gross_sompi AS gross
    FROM settlement_parts p JOIN accounts a ON a.id = p.account_id WHERE p.settlement_id = ${settlement.id}`;
  const sums = await rebuilt<{ address: string; work: string }[]>`
    SELECT a.address, sum(c.work_hashes)::text AS work
    FROM share_sums c JOIN workers w ON w.id = c.worker_id JOIN accounts a ON a.id = w.account_id
    WHERE c.pot = ${settlement.pot} AND c.bucket >= to_timestamp(${settlement.from_ms / 1000}::float8)
      AND c.bucket < to_timestamp(${settlement.to_ms / 1000}::float8)
    GROUP BY 1`;
  const byAddress = new Map(parts.map((part) => [part.address, part]));
  const gross = parts.reduce((sum, part) => sum + part.gross, 0n);
  // An account that has no part is divided along under a number that none has; that its part is nothing shows below.
  let stranger = 0n;
  const window = sums.map(({ address, work }) => ({
    accountId: byAddress.get(address)?.account_id ?? --stranger,
    address,
    work: BigInt(work),
  }));
  const shares = new Map(
    splitReward(gross, 0n, window).parts.map(({ accountId, sompi }) => [accountId, sompi]),
  );
  const differences: string[] = [];
  for (const { accountId, address, work } of window) {
    const part = byAddress.get(address);
    byAddress.delete(address);
    const sompi = shares.get(accountId) ?? 0n;
    if ((part?.gross ?? 0n) === sompi && (!part || BigInt(part.work) === work)) continue;
    differences.push(
      `settlement ${settlement.id}, ${address}: ${part?.gross ?? 0n} sompi for ${part?.work ?? 0} hashes in the database, ${sompi} for ${work} by the journal`,
    );
  }
  for (const { address, work } of byAddress.values())
    if (work !== '0')
      differences.push(
        `settlement ${settlement.id}, ${address}: ${work} hashes in the database, none by the journal`,
      );
  return differences;
}
