/** Rewards that are in the books and not divided yet, as they will be divided: in groups of one pot and one unit of time. */
import { schemeOfPot } from '../schemes/all-schemes.ts';
import {
  MS_PER_MINUTE,
  type PolicyInForce,
  type RewardOutput,
  type Scheme,
  type Span,
} from '../schemes/scheme.ts';
import type { ReservedConnection } from '../stores/postgres.ts';
import { type PolicyRow, policyAt } from './policies.ts';

export interface UnsettledOutput extends RewardOutput {
  readonly txid: string;
  readonly index: number;
  readonly foundMs: number;
  readonly networkBits: number;
}

export interface UnsettledGroup {
  readonly pot: number;
  readonly scheme: Scheme;
  readonly policy: PolicyInForce;
  readonly unit: Span;
  /** By found time. */
  readonly outputs: readonly UnsettledOutput[];
}

interface Row {
  readonly txid: string;
  readonly output_index: number;
  readonly amount_sompi: bigint;
  readonly pot: number;
  readonly found_s: number;
  readonly network_bits: bigint;
  readonly finder: bigint;
}

/** More than a day of a very large pool; what is left comes with the next look. */
const OUTPUTS_MAX = 20_000;

/** By pot, and in the order in which the blocks were found. */
export async function readUnsettled(
  sql: ReservedConnection,
  policies: readonly PolicyRow[],
): Promise<readonly UnsettledGroup[]> {
  const rows = await sql<Row[]>`
    SELECT o.txid, o.output_index, o.amount_sompi, b.pot, extract(epoch FROM b.found_at)::float8 AS found_s,
      b.network_bits, w.account_id AS finder
    FROM treasury_outputs o JOIN blocks b ON b.id = o.block_id JOIN workers w ON w.id = b.worker_id
    WHERE o.settlement_id IS NULL AND o.origin IN ('blue', 'reds')
    ORDER BY b.pot, b.found_at, b.id, o.txid, o.output_index LIMIT ${OUTPUTS_MAX}`;
  const groups: (UnsettledGroup & { outputs: UnsettledOutput[] })[] = [];
  for (const row of rows) {
    const output = outputOf(row);
    const last = groups.at(-1);
    if (last?.pot === row.pot && output.foundMs < last.unit.toMs) {
      last.outputs.push(output);
      continue;
    }
    const minuteMs = Math.floor(output.foundMs / MS_PER_MINUTE) * MS_PER_MINUTE;
    const policy = policyAt(policies, row.pot, minuteMs);
    // The first policy of a pot holds since ever; without one nobody has said yet how to divide.
    if (!policy) continue;
    const scheme = schemeOfPot(row.pot);
    groups.push({
      pot: row.pot,
      scheme,
      policy,
      unit: scheme.unitOf(minuteMs, policy),
      outputs: [output],
    });
  }
  return groups;
}

function outputOf(row: Row): UnsettledOutput {
  return {
    txid: row.txid,
    index: row.output_index,
    amountSompi: row.amount_sompi,
    finderAccountId: row.finder,
    foundMs: row.found_s * 1_000,
    networkBits: Number(row.network_bits),
  };
}

/**
 * Blocks of the pot, found before `beforeMs`, that may still bring a reward: not final, or final so recently that their output may
 * not be in the books yet. A blue one of a day ago that has none will not get one by itself: a block that was merged late is paid
 * nothing, and an output of no known block waits for a person. Nobody else must wait for either.
 */
export async function openBlocks(
  sql: ReservedConnection,
  pot: number,
  beforeMs: number,
  recentlyMs: number,
): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM blocks b
    WHERE b.pot = ${pot} AND b.found_at < to_timestamp(${beforeMs / 1_000}::float8)
      AND ((b.state IN ('candidate', 'submitted', 'accepted', 'blue') AND NOT (b.deep AND b.updated_at < now() - interval '1 day'))
        OR (b.state = 'matured' AND coalesce(b.reward_sompi, 1) > 0
            AND b.updated_at > now() - ${recentlyMs}::float8 * interval '1 millisecond'
            AND NOT EXISTS (SELECT FROM treasury_outputs o WHERE o.block_id = b.id)))`;
  return row!.count;
}
