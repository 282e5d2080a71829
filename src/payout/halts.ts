/** The latch of payouts, as people use it. The payer and the auditor raise it by themselves; only people clear it. */
import type { Database } from '../ledger/stores/postgres.ts';

export interface ClearedHalt {
  readonly code: string;
  readonly reason: string;
}

export async function raiseHalt(sql: Database, reason: string, who: string): Promise<void> {
  await sql`SELECT raise_halt('OPERATOR', ${reason}, ${who})`;
}

/** @param code this one only; undefined = all */
export async function clearHalts(sql: Database, who: string, code?: string): Promise<readonly ClearedHalt[]> {
  const cleared = await sql<ClearedHalt[]>`
    UPDATE halts SET cleared_by = ${who}, cleared_at = now()
    WHERE cleared_at IS NULL AND (${code ?? null}::text IS NULL OR code = ${code ?? null}) RETURNING code, reason`;
  return [...cleared];
}
