/**
 * What every account is owed, was paid and earned lately, in memory. In: changes of the books since the last reading, by one statement,
 * so that all figures are of one moment. Out: one plain object for an account. Reads only.
 *
 * An account costs some 300 bytes; there are as many as were ever credited.
 */
import type { Database } from '../stores/postgres.ts';

export interface Money {
  readonly balanceSompi: bigint;
  readonly inFlightSompi: bigint;
  /** In confirmed payouts, without the network's fee. */
  readonly paidSompi: bigint;
  readonly earned24hSompi: bigint;
  /** undefined: it asked for none. */
  readonly thresholdSompi: bigint | undefined;
  readonly donationBasisPoints: number;
  /** ISO 8601, '' = it never signed any. */
  readonly settingsSignedAt: string;
}

interface Row {
  balance: bigint;
  inFlight: bigint;
  paid: bigint;
  /** Hour since 1970 -> credited in it. */
  credits: Map<number, bigint>;
  threshold: bigint | undefined;
  donation: number;
  signedAt: string;
}

/** Longer than any transaction that moves money: `updated_at` is when it began, not when others could see it. */
const LOOK_BACK_MS = 300_000;
const HOUR_S = 3_600;
const HOURS_KEPT = 25;
const BALANCE_BYTES = 20;
const PAID_BYTES = 16;
const CREDIT_BYTES = 20;

interface ChangesRow {
  readonly at: Date;
  readonly head: bigint;
  readonly step: bigint;
  readonly balances: Buffer | null;
  readonly paid: Buffer | null;
  readonly credits: Buffer | null;
  readonly settings: readonly {
    readonly account: number;
    readonly threshold: string | null;
    readonly donation: number;
    readonly signed: string;
  }[];
}

export class MoneyBoard {
  readonly #rows = new Map<number, Row>();
  #since = new Date(0);
  #head: bigint | undefined;
  #step = 0n;
  #readAtMs = 0;

  /** Unix ms of the moment that the figures are of; 0 = never read. */
  get readAtMs(): number {
    return this.#readAtMs;
  }

  get accounts(): number {
    return this.#rows.size;
  }

  /** Nothing is taken unless all of it came. */
  async refresh(sql: Database): Promise<void> {
    let changes = await readChanges(sql, this.#since, this.#head, this.#step);
    if (changes.head < (this.#head ?? 0n) || changes.step < this.#step) {
      // The database was put back from a backup: what is known of it beyond that has never been.
      changes = await readChanges(sql, new Date(0), undefined, 0n);
      this.#rows.clear();
    }
    const oldest = Math.floor(changes.at.getTime() / 1_000 / HOUR_S) - HOURS_KEPT;
    forEachRecord(changes.balances, BALANCE_BYTES, (packed, at, account) => {
      const row = this.#row(account);
      const sompi = packed.readBigInt64BE(at + 12);
      if (packed.readInt32BE(at + 8) === 1) row.inFlight = sompi;
      else row.balance = sompi;
    });
    forEachRecord(changes.paid, PAID_BYTES, (packed, at, account) => {
      this.#row(account).paid += packed.readBigInt64BE(at + 8);
    });
    forEachRecord(changes.credits, CREDIT_BYTES, (packed, at, account) => {
      const { credits } = this.#row(account);
      const hour = packed.readInt32BE(at + 8);
      credits.set(hour, (credits.get(hour) ?? 0n) + packed.readBigInt64BE(at + 12));
      for (const old of credits.keys()) if (old < oldest) credits.delete(old);
    });
    for (const { account, threshold, donation, signed } of changes.settings) {
      const row = this.#row(account);
      row.threshold = threshold === null ? undefined : BigInt(threshold);
      row.donation = donation;
      row.signedAt = signed;
    }
    this.#head = changes.head;
    this.#step = changes.step;
    this.#since = new Date(changes.at.getTime() - LOOK_BACK_MS);
    this.#readAtMs = changes.at.getTime();
  }

  /** Zeros for an account that was never credited. */
  of(account: number): Money {
    const row = this.#rows.get(account);
    const from = this.#readAtMs / 1_000 / HOUR_S - 24;
    let earned = 0n;
    // By the hour: the first counts as much as is left of it.
    for (const [hour, sompi] of row?.credits ?? []) {
      if (hour >= from) earned += sompi;
      else if (hour + 1 > from) earned += (sompi * BigInt(Math.round((hour + 1 - from) * HOUR_S))) / 3_600n;
    }
    return {
      balanceSompi: row?.balance ?? 0n,
      inFlightSompi: row?.inFlight ?? 0n,
      paidSompi: row?.paid ?? 0n,
      earned24hSompi: earned,
      thresholdSompi: row?.threshold,
      donationBasisPoints: row?.donation ?? 0,
      settingsSignedAt: row?.signedAt ?? '',
    };
  }

  #row(account: number): Row {
    let row = this.#rows.get(account);
    if (!row) {
      row = {
        balance: 0n,
        inFlight: 0n,
        paid: 0n,
        credits: new Map(),
        threshold: undefined,
        donation: 0,
        signedAt: '',
      };
      this.#rows.set(account, row);
    }
    return row;
  }
}

/**
 * One statement. Ledger transactions are numbered without gaps in the order of their commits, and only the one payer writes steps of
 * payouts, so "after this number" leaves nothing out; balances tell when they changed.
 */
async function readChanges(sql: Database, since: Date, head: bigint | undefined, step: bigint) {
  const [row] = await sql<ChangesRow[]>`
    SELECT now() AS at, h.transaction_id AS head, (SELECT coalesce(max(id), 0) FROM payout_steps) AS step,
      (SELECT string_agg(int8send(account_id) || int4send((kind = 'in_flight')::int4) || int8send(balance_sompi), ''::bytea)
       FROM ledger_accounts WHERE kind IN ('miner', 'in_flight') AND updated_at >= ${since}) AS balances,
      (SELECT string_agg(int8send(account_id) || int8send(sompi), ''::bytea) FROM (
         SELECT p.account_id, sum(p.output_sompi)::bigint AS sompi FROM payout_steps s JOIN payments p ON p.payout_id = s.payout_id
         WHERE s.id > ${step} AND s.to_state = 'CONFIRMED' GROUP BY p.account_id) AS c) AS paid,
      (SELECT string_agg(int8send(account_id) || int4send(hour) || int8send(sompi), ''::bytea) FROM (
         SELECT a.account_id, (extract(epoch FROM t.posted_at) / 3600)::int AS hour, sum(e.amount_sompi)::bigint AS sompi FROM (
           SELECT id, kind, date_trunc('hour', posted_at) AS posted_at FROM ledger_transactions
           WHERE id > coalesce(${head ?? null}::bigint, (SELECT id FROM ledger_transactions WHERE posted_at < now() - interval '25 hours'
                                                    ORDER BY id DESC LIMIT 1), 0)) AS t
         JOIN ledger_entries e ON e.transaction_id = t.id JOIN ledger_accounts a ON a.id = e.ledger_account_id
         WHERE t.kind IN ('settlement', 'pps') AND a.kind = 'miner' GROUP BY 1, 2) AS c) AS credits,
      (SELECT coalesce(json_agg(json_build_object('account', account_id, 'threshold', threshold_sompi::text,
          'donation', donation_basis_points, 'signed', to_char(signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))), '[]')
       FROM account_settings WHERE updated_at >= ${since}) AS settings
    FROM ledger_head h`;
  return row!;
}

const HIGH = 2 ** 32;

/** Each record begins with the account's id. */
function forEachRecord(
  packed: Buffer | null,
  bytes: number,
  visit: (packed: Buffer, at: number, account: number) => void,
): void {
  if (!packed) return;
  for (let at = 0; at + bytes <= packed.length; at += bytes)
    visit(packed, at, packed.readInt32BE(at) * HIGH + packed.readUInt32BE(at + 4));
}
