/** One way to spoil sound books, as SQL that a superuser runs past every trigger, and the invariant that must find it. */

export interface Corruption {
  readonly kind: string;
  /** Name of the invariant that must be among those violated. */
  readonly caughtBy: string;
  readonly sql: (pick: Pick) => string;
}

/** Chooses rows by a seed, the same ones every time. */
export class Pick {
  readonly #seed: number;
  #turn = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** A subselect that gives one column of one row. Each call picks anew. */
  one(table: string, column: string, where = 'true'): string {
    const turn = ++this.#turn;
    return `(SELECT ${column} FROM ${table} WHERE ${where} ORDER BY md5(${column}::text || '${this.#seed} ${turn}'), ${column} LIMIT 1)`;
  }

  /** The row itself, for tables whose key is of several columns. */
  row(table: string, where = 'true'): string {
    return this.one(table, 'ctid', where);
  }

  /** From 1 to `most`. */
  number(most: number): number {
    return 1 + ((this.#seed * 7919 + ++this.#turn * 104_729) % most);
  }
}

/** Makes balances and the whole hash chain anew, as somebody would who knows how it is made and wants to leave no trace. */
export const COVER_TRACKS = `
  UPDATE ledger_accounts l SET balance_sompi = coalesce((SELECT sum(amount_sompi) FROM ledger_entries WHERE ledger_account_id = l.id), 0);
  DO $$
  DECLARE
    before bytea := decode(repeat('00', 32), 'hex');
    t record;
  BEGIN
    FOR t IN SELECT * FROM ledger_transactions ORDER BY id LOOP
      before := sha256(before || convert_to(ledger_text(t.id, t.key, t.kind, t.leader_epoch, t.detail,
        (SELECT array_agg(ledger_account_id ORDER BY ledger_account_id) FROM ledger_entries WHERE transaction_id = t.id),
        (SELECT array_agg(amount_sompi ORDER BY ledger_account_id) FROM ledger_entries WHERE transaction_id = t.id)), 'UTF8'));
      UPDATE ledger_transactions SET hash = before WHERE id = t.id;
    END LOOP;
    UPDATE ledger_head SET hash = before, transaction_id = (SELECT max(id) FROM ledger_transactions);
  END $$;`;

/** A posting by the real function, under the present epoch: balanced, chained, and wrong. */
export function posting(
  key: string,
  kind: string,
  entries: readonly [account: string, sompi: string][],
): string {
  const accounts = entries.map(([account]) => account).join(', ');
  const amounts = entries.map(([, sompi]) => sompi).join(', ');
  return `SELECT post_transaction((SELECT epoch FROM leaders), '${key}', '${kind}', '{}', ARRAY[${accounts}]::bigint[], ARRAY[${amounts}]::bigint[]);`;
}
