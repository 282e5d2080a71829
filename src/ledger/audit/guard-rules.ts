/**
 * 19. What keeps history from being rewritten still stands: triggers, unique keys, checks, and the rights of the roles that
 * `deploy/roles.sql` makes. In flows a view, out flow sentences.
 */
import { type AuditView, detailsOf, type FoundRow, ROWS_NAMED } from './audit-view.ts';

/** `table.trigger`, each of them enabled. */
const TRIGGERS = [
  'ledger_transactions.entries_sum_to_zero',
  'ledger_transactions.append_only',
  'ledger_entries.closed_when_committed',
  'ledger_entries.append_only',
  'ledger_accounts.never_gone',
  'policies.append_only',
  'settlements.append_only',
  'settlement_parts.append_only',
  'pot_minutes.append_only',
  'pps_minutes.append_only',
  'reward_origins.append_only',
  'account_setting_changes.append_only',
  'account_settings.only_newer',
  'payouts.step',
  'payouts.first_step',
  'payouts.never_gone',
  'payouts.latch',
  'payments.append_only',
  'payout_steps.append_only',
] as const;

/** `table: columns` of unique indexes, valid and without a condition unless one is named. */
const UNIQUE_KEYS = [
  'ledger_transactions: id',
  'ledger_transactions: key',
  'ledger_entries: transaction_id, ledger_account_id',
  'ledger_accounts: kind, account_id',
  'blocks: block_hash',
  'jobs: pre_pow_hash, timestamp_ms',
  'treasury_outputs: txid, output_index',
  'treasury_outputs: transaction_id',
  'settlements: pot, round',
  'settlements: transaction_id',
  'settlement_parts: settlement_id, account_id',
  'reward_origins: txid, output_index',
  'pot_minutes: pot, minute',
  'pps_minutes: pot, minute',
  'payouts: txid',
  'payments: payout_id, account_id',
  'payout_inputs: payout_id, txid, output_index',
  'payout_inputs: txid, output_index where live',
] as const;

const CHECKS = ['ledger_accounts.balance_has_its_sign'] as const;

/** History: nobody but the owner may have these rights on them. */
const APPEND_ONLY = [
  'ledger_transactions',
  'ledger_entries',
  'policies',
  'settlements',
  'settlement_parts',
  'pot_minutes',
  'pps_minutes',
  'reward_origins',
  'payments',
  'payout_steps',
];
/** Money, which the engine, the auditor and readers never write. */
const MONEY = [
  ...APPEND_ONLY,
  'ledger_accounts',
  'ledger_head',
  'treasury_outputs',
  'payouts',
  'payout_inputs',
];

export async function missingGuards({ sql }: AuditView): Promise<string[]> {
  const triggers = await sql<FoundRow[]>`
    SELECT format('the trigger %s is %s', wanted, CASE WHEN t.tgname IS NULL THEN 'not there' ELSE 'disabled' END) AS detail
    FROM unnest(${[...TRIGGERS]}::text[]) AS w (wanted)
    LEFT JOIN pg_trigger t ON t.tgname = split_part(wanted, '.', 2) AND t.tgrelid = to_regclass(split_part(wanted, '.', 1))
    WHERE t.tgname IS NULL OR t.tgenabled NOT IN ('O', 'A')
    LIMIT ${ROWS_NAMED}`;
  const keys = await sql<FoundRow[]>`
    SELECT format('nothing keeps %s unique any more', wanted) AS detail
    FROM unnest(${[...UNIQUE_KEYS]}::text[]) AS w (wanted)
    WHERE NOT EXISTS (
      SELECT FROM pg_index i
      WHERE i.indrelid = to_regclass(split_part(wanted, ':', 1)) AND i.indisunique AND i.indisvalid
        AND wanted = format('%s: %s%s', split_part(wanted, ':', 1),
          (SELECT string_agg(a.attname, ', ' ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY AS k (column_number, place)
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.column_number),
          ' where ' || pg_get_expr(i.indpred, i.indrelid)))
    UNION ALL
    SELECT format('the check %s is not there', wanted) FROM unnest(${[...CHECKS]}::text[]) AS w (wanted)
    WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = split_part(wanted, '.', 2) AND c.convalidated
      AND c.conrelid = to_regclass(split_part(wanted, '.', 1)))
    LIMIT ${ROWS_NAMED}`;
  const rights = await sql<FoundRow[]>`
    WITH forbidden (role, tables, rights) AS (VALUES
      ('sluice_engine', ${MONEY}::text[], ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']),
      ('sluice_auditor', ${MONEY}::text[], ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']),
      ('sluice_reader', ${MONEY}::text[], ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']),
      ('sluice_api', ${MONEY}::text[], ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']),
      ('sluice_payer', ${APPEND_ONLY}::text[], ARRAY['UPDATE', 'DELETE', 'TRUNCATE']))
    SELECT format('the role %s may %s %s', f.role, r.one, t.one) AS detail
    FROM forbidden f JOIN pg_roles ON rolname = f.role, unnest(f.tables) AS t (one), unnest(f.rights) AS r (one)
    WHERE NOT rolsuper AND has_table_privilege(f.role, to_regclass(t.one), r.one)
    LIMIT ${ROWS_NAMED}`;
  return [...detailsOf(triggers), ...detailsOf(keys), ...detailsOf(rights)].slice(0, ROWS_NAMED);
}
