/**
 * The policies: which terms a pot has, and since when. In flow the configuration's terms, out flow rows that are never changed; a
 * difference is an event in the ledger, and holds from the next full minute on, so that a minute has one policy. It must never reach
 * back: a block that was found under old terms is divided by them, whenever it matures.
 */
import type { Config } from '../../../config/schema.ts';
import { POTS, type SchemeName } from '../../domain/pot.ts';
import { post } from '../books.ts';
import type { Lead } from '../lead.ts';
import { MS_PER_MINUTE, type PolicyInForce } from '../schemes/scheme.ts';
import { readTerms, termsJson } from '../schemes/terms.ts';
import type { Database, ReservedConnection } from '../stores/postgres.ts';

export interface PolicyRow extends PolicyInForce {
  readonly pot: number;
}

/** Brings `policies` to what the configuration says; gives the schemes whose terms are new. */
export function syncPolicies(
  lead: Lead,
  rewards: Config['rewards'],
  nowMs: number,
): Promise<readonly SchemeName[]> {
  return lead.transaction(async (sql) => {
    const changed: SchemeName[] = [];
    for (const [scheme, pot] of Object.entries(POTS) as [SchemeName, number][])
      if (await syncPolicy(sql, lead.epoch, pot, termsJson(rewards, scheme), nowMs)) changed.push(scheme);
    return changed;
  });
}

async function syncPolicy(
  sql: ReservedConnection,
  epoch: bigint,
  pot: number,
  terms: Record<string, unknown>,
  nowMs: number,
): Promise<boolean> {
  const text = JSON.stringify(terms);
  const [last] = await sql<{ same: boolean; from_s: number; count: number }[]>`
    SELECT terms = ${text}::text::jsonb AS same, extract(epoch FROM effective_at)::float8 AS from_s,
      (SELECT count(*)::int FROM policies WHERE pot = ${pot}) AS count
    FROM policies WHERE pot = ${pot} ORDER BY effective_at DESC LIMIT 1`;
  if (last?.same) return false;
  const fromMs = last
    ? Math.max(minuteAfter(nowMs), last.from_s * 1_000 + MS_PER_MINUTE)
    : Number.NEGATIVE_INFINITY;
  const effectiveAt = last ? new Date(fromMs).toISOString() : '-infinity';
  const transactionId = await post(sql, epoch, {
    key: `policy:${pot}:${(last?.count ?? 0) + 1}`,
    kind: 'policy',
    detail: { pot, terms, effectiveAt },
    entries: [],
  });
  await sql`
    INSERT INTO policies (pot, terms, effective_at, transaction_id)
    VALUES (${pot}, ${text}::text::jsonb, ${effectiveAt}::text::timestamptz, ${transactionId})`;
  return true;
}

function minuteAfter(ms: number): number {
  return Math.ceil(ms / MS_PER_MINUTE) * MS_PER_MINUTE;
}

interface StoredPolicy {
  readonly id: bigint;
  readonly pot: number;
  readonly terms: unknown;
  readonly from_s: number;
  readonly to_s: number;
}

/** All, by pot and time. A pool has a handful a year. */
export async function readPolicies(sql: Database | ReservedConnection): Promise<readonly PolicyRow[]> {
  const rows = await sql<StoredPolicy[]>`
    SELECT id, pot, terms, extract(epoch FROM effective_at)::float8 AS from_s,
      extract(epoch FROM coalesce(lead(effective_at) OVER (PARTITION BY pot ORDER BY effective_at), 'infinity'))::float8 AS to_s
    FROM policies ORDER BY pot, effective_at`;
  return rows.map((row) => ({
    id: row.id,
    pot: row.pot,
    terms: readTerms(row.terms),
    fromMs: row.from_s * 1_000,
    toMs: row.to_s * 1_000,
  }));
}

export function policyAt(policies: readonly PolicyRow[], pot: number, ms: number): PolicyRow | undefined {
  return policies.find((policy) => policy.pot === pot && policy.fromMs <= ms && ms < policy.toMs);
}
