/** A settlement out of the database, with everything that its arithmetic needs. Looks, and changes nothing. */
import { EdgeError } from '../../kit/edge-error.ts';
import type { Database } from '../stores/postgres.ts';
import { DOCUMENT_FORMAT, type SettlementDocumentJson } from './settlement-document.ts';

/** Ids of the settlements that divided outputs of that block; a block that merged reds may be in two. */
export async function settlementsOfBlock(sql: Database, blockHash: string): Promise<readonly bigint[]> {
  const rows = await sql<{ id: bigint }[]>`
    SELECT DISTINCT o.settlement_id AS id FROM treasury_outputs o JOIN blocks b ON b.id = o.block_id
    WHERE b.block_hash = ${blockHash} AND o.settlement_id IS NOT NULL ORDER BY 1`;
  return rows.map(({ id }) => id);
}

/** @throws EdgeError SLUICE_SETTLEMENT_UNKNOWN */
export async function readSettlement(sql: Database, id: bigint): Promise<SettlementDocumentJson> {
  const [head] = await sql<
    { settlement: SettlementDocumentJson['settlement']; policy: SettlementDocumentJson['policy'] }[]
  >`
    SELECT json_build_object('id', s.id::text, 'pot', s.pot, 'scheme', pots.scheme, 'round', s.round::text,
        'windowFrom', ${isoOf(sql, 's.window_from')}, 'windowTo', ${isoOf(sql, 's.window_to')},
        'previousWindowTo', (SELECT ${isoOf(sql, 'max(e.window_to)')} FROM settlements e
                             WHERE e.pot = s.pot AND e.round < s.round AND e.window_to < s.window_to),
        'networkBits', s.network_bits, 'windowWork', s.window_work::text, 'rewardSompi', s.reward_sompi::text,
        'dustInSompi', s.dust_in_sompi::text, 'creditSompi', s.credit_sompi::text, 'feeSompi', s.fee_sompi::text,
        'donationSompi', s.donation_sompi::text, 'reserveSompi', s.reserve_sompi::text, 'dustOutSompi', s.dust_out_sompi::text,
        'lateInstances', s.late_instances, 'transactionId', s.transaction_id::text) AS settlement,
      json_build_object('id', p.id::text,
        'effectiveFrom', CASE WHEN isfinite(p.effective_at) THEN ${isoOf(sql, 'p.effective_at')} END,
        'effectiveTo', (SELECT ${isoOf(sql, 'min(n.effective_at)')} FROM policies n WHERE n.pot = p.pot AND n.effective_at > p.effective_at),
        'terms', p.terms) AS policy
    FROM settlements s JOIN pots ON pots.id = s.pot JOIN policies p ON p.id = s.policy_id WHERE s.id = ${id}`;
  if (!head) {
    throw new EdgeError(
      'SLUICE_SETTLEMENT_UNKNOWN',
      `there is no settlement ${id}`,
      '`sluice rewards show --block HASH` finds the one that divided a block.',
    );
  }
  return {
    format: DOCUMENT_FORMAT,
    ...head,
    outputs: await readOutputs(sql, id),
    minutes: await readWindowMinutes(sql, id),
    accounts: await readAccounts(sql, id),
  };
}

function readOutputs(sql: Database, id: bigint): Promise<SettlementDocumentJson['outputs']> {
  return sql<SettlementDocumentJson['outputs']>`
    SELECT o.txid || ':' || o.output_index AS outpoint, o.amount_sompi::text AS "amountSompi", b.block_hash AS "blockHash",
      ${isoOf(sql, 'b.found_at')} AS "foundAt", w.account_id::text AS "finderAccountId"
    FROM treasury_outputs o JOIN blocks b ON b.id = o.block_id JOIN workers w ON w.id = b.worker_id
    WHERE o.settlement_id = ${id} ORDER BY b.found_at, b.id, o.txid, o.output_index`;
}

function readWindowMinutes(sql: Database, id: bigint): Promise<SettlementDocumentJson['minutes']> {
  return sql<SettlementDocumentJson['minutes']>`
    SELECT ${isoOf(sql, 'm.minute')} AS minute, m.work::text AS work
    FROM settlements s JOIN pot_minutes m ON m.pot = s.pot AND m.minute >= s.window_from AND m.minute < s.window_to
    WHERE s.id = ${id} ORDER BY m.minute DESC`;
}

function readAccounts(sql: Database, id: bigint): Promise<SettlementDocumentJson['accounts']> {
  return sql<SettlementDocumentJson['accounts']>`
    SELECT p.account_id::text AS "accountId", a.address, p.work::text AS work, p.gross_sompi::text AS "grossSompi",
      p.bonus_sompi::text AS "bonusSompi", p.fee_basis_points AS "feeBasisPoints", p.fee_sompi::text AS "feeSompi",
      p.donation_basis_points AS "donationBasisPoints", p.donation_sompi::text AS "donationSompi",
      (p.gross_sompi + p.bonus_sompi - p.fee_sompi - p.donation_sompi)::text AS "creditSompi"
    FROM settlement_parts p JOIN accounts a ON a.id = p.account_id WHERE p.settlement_id = ${id} ORDER BY p.account_id`;
}

/** Of an expression of ours, never of anybody's input. */
function isoOf(sql: Database, expression: string) {
  return sql.unsafe(`to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);
}
