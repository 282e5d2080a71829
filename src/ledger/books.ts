/**
 * Posting to the double-entry ledger. In flow entries by kind and account, out flows the transaction's id. The database does the
 * rest: it checks the epoch, the sum, the key and every balance, and links the transaction into the hash chain.
 */
import type { Database, ReservedConnection } from './stores/postgres.ts';

export type AccountKind =
  | 'miner'
  | 'in_flight'
  | 'unsettled'
  | 'pool_fee'
  | 'donation'
  | 'network_fees'
  | 'dust'
  | 'treasury'
  | 'reserve'
  | 'deposits'
  | 'unattributed';

/** What a money function of the database raises (migration 3 tells when). */
export const MONEY_FAULTS = {
  SL001: 'epoch over',
  SL002: 'key used for something else',
  SL003: 'entries do not balance',
  SL004: 'append-only',
  SL005: 'no such step',
  SL006: 'halted',
  '23514': 'balance would be negative',
} as const;

export interface Entry {
  readonly kind: AccountKind;
  /** Of `miner` and `in_flight` only. */
  readonly accountId?: bigint;
  /** Owed or set aside: above zero. The treasury is carried below zero. */
  readonly sompi: bigint;
}

export interface Posting {
  /** Of this posting for ever, e.g. `reward:TXID:0`. The same key with the same content again changes nothing. */
  readonly key: string;
  readonly kind: string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Several for one account are added up; what comes to nothing is left out. */
  readonly entries: readonly Entry[];
}

/** @throws what PostgreSQL raises; `code` is one of MONEY_FAULTS */
export async function post(
  sql: ReservedConnection | Database,
  epoch: bigint,
  posting: Posting,
): Promise<bigint> {
  const { kinds, accountIds, amounts } = columnsOf(posting.entries);
  await sql`
    INSERT INTO ledger_accounts (kind, account_id)
    SELECT kind, account_id FROM unnest(${kinds}::text::text[], ${accountIds}::text::bigint[]) AS e (kind, account_id)
    WHERE NOT EXISTS (SELECT FROM ledger_accounts l
                      WHERE l.kind = e.kind AND coalesce(l.account_id, 0) = coalesce(e.account_id, 0))
    ON CONFLICT DO NOTHING`;
  const [row] = await sql<{ id: bigint }[]>`
    SELECT post_transaction(${epoch}, ${posting.key}, ${posting.kind}, ${detailText(posting.detail)}::text::jsonb,
      coalesce(array_agg(l.id ORDER BY l.id), '{}'), coalesce(array_agg(e.sompi ORDER BY l.id), '{}')) AS id
    FROM unnest(${kinds}::text::text[], ${accountIds}::text::bigint[], ${amounts}::text::bigint[]) AS e (kind, account_id, sompi)
    JOIN ledger_accounts l ON l.kind = e.kind AND coalesce(l.account_id, 0) = coalesce(e.account_id, 0)`;
  return row!.id;
}

function columnsOf(entries: readonly Entry[]): { kinds: string; accountIds: string; amounts: string } {
  const sums = new Map<string, bigint>();
  for (const { kind, accountId, sompi } of entries) {
    const account = `${kind},${accountId ?? 'NULL'}`;
    sums.set(account, (sums.get(account) ?? 0n) + sompi);
  }
  const rows = [...sums].filter(([, sompi]) => sompi !== 0n);
  return {
    kinds: `{${rows.map(([account]) => account.split(',')[0]).join(',')}}`,
    accountIds: `{${rows.map(([account]) => account.split(',')[1]).join(',')}}`,
    amounts: `{${rows.map(([, sompi]) => sompi).join(',')}}`,
  };
}

/** Integers of sompi as strings: JSON's numbers end at 2^53. */
function detailText(detail: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(detail, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
