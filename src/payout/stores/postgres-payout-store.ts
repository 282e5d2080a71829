/**
 * Payouts in PostgreSQL, on the connection of the lead. In flow steps, out flow rows of `payouts` and postings of the ledger.
 *
 * One step is one transaction: it holds the lead still (`assert_lead`), changes the state, and posts. It must never decide
 * anything by what it remembers: amounts of a posting are read from the rows that were stored with the plan.
 *
 * What a person may cause (a halt, a cancellation too late) is looked at before a transaction begins; in a race with it the database
 * refuses, which costs the transaction and not the lead (see `Lead`).
 */
import { EdgeError } from '../../kit/edge-error.ts';
import { type Entry, post } from '../../ledger/books.ts';
import type { Lead } from '../../ledger/lead.ts';
import type { ReservedConnection } from '../../ledger/stores/postgres.ts';
import {
  type Halt,
  type LedgerOutput,
  type LivePayout,
  notCancellable,
  type PaidLately,
  type PayableBalance,
  type PayoutState,
  type PayoutStore,
} from '../payout-store.ts';
import { type Plan, paidSompi, planHash, planOfText, planText } from '../plan.ts';
import type { SignedPayout } from '../signer.ts';

interface PayoutRow {
  readonly id: bigint;
  readonly state: PayoutState;
  readonly plan: string;
  readonly plan_hash: string;
  readonly txid: string | null;
  readonly signed_bytes: Buffer | null;
  readonly chain_from: string | null;
  readonly accepting_block: string | null;
  readonly accepting_daa: bigint | null;
  readonly planned_ms: number;
}

interface StoredAmounts {
  readonly kind: Plan['kind'];
  readonly txid: string;
  readonly paid_sompi: bigint;
  readonly fee_sompi: bigint;
  readonly change_sompi: bigint;
  readonly fee_from: Plan['feeFrom'];
  readonly accepting_daa: bigint;
}

/** The lead, or somebody who only looks: a session whose `transaction` refuses. */
export type PayoutSeat = Pick<Lead, 'sql' | 'epoch' | 'transaction'>;

export class PostgresPayoutStore implements PayoutStore {
  readonly #lead: PayoutSeat;

  constructor(lead: PayoutSeat) {
    this.#lead = lead;
  }

  async balances(): Promise<readonly PayableBalance[]> {
    const rows = await this.#lead.sql<
      { id: bigint; address: string; balance: bigint; threshold: bigint | null; paid_ms: number }[]
    >`
      SELECT a.id, a.address, l.balance_sompi AS balance, s.threshold_sompi AS threshold,
             coalesce((SELECT extract(epoch FROM p.planned_at) * 1000 FROM payments y JOIN payouts p ON p.id = y.payout_id
                       WHERE y.account_id = a.id ORDER BY y.payout_id DESC LIMIT 1), 0)::float8 AS paid_ms
      FROM ledger_accounts l JOIN accounts a ON a.id = l.account_id LEFT JOIN account_settings s ON s.account_id = a.id
      WHERE l.kind = 'miner' AND l.balance_sompi > 0`;
    return rows.map((row) => ({
      accountId: row.id,
      address: row.address,
      balanceSompi: row.balance,
      thresholdSompi: row.threshold ?? undefined,
      lastPaidAtMs: row.paid_ms,
    }));
  }

  /** Change is ours to spend when the payout that left it is confirmed, not before: it may still be reorganised away. */
  async spendableOutputs(): Promise<readonly LedgerOutput[]> {
    const rows = await this.#lead.sql<
      { txid: string; output_index: number; amount_sompi: bigint; daa_score: bigint; coinbase: boolean }[]
    >`
      SELECT t.txid, t.output_index, t.amount_sompi, t.daa_score, t.origin NOT IN ('change', 'deposit') AS coinbase
      FROM treasury_outputs t
      WHERE t.spent_by IS NULL
        AND NOT EXISTS (SELECT FROM payout_inputs i WHERE i.live AND i.txid = t.txid AND i.output_index = t.output_index)
        AND (t.origin <> 'change' OR EXISTS (SELECT FROM payouts p WHERE p.txid = t.txid AND p.state = 'CONFIRMED'))`;
    return rows.map((row) => ({
      txid: row.txid,
      index: row.output_index,
      amountSompi: row.amount_sompi,
      daaScore: row.daa_score,
      isCoinbase: row.coinbase,
    }));
  }

  async paidWithin(ms: number): Promise<PaidLately> {
    const rows = await this.#lead.sql<{ account_id: bigint; sompi: bigint }[]>`
      SELECT y.account_id, sum(y.reserved_sompi)::bigint AS sompi
      FROM payouts p JOIN payments y ON y.payout_id = p.id
      WHERE p.planned_at > now() - make_interval(secs => ${ms}::float8 / 1000) AND p.state NOT IN ('CANCELLED', 'CONFLICTED')
      GROUP BY y.account_id`;
    const byAccount = new Map(rows.map((row) => [row.account_id, row.sompi]));
    return { sompi: rows.reduce((total, row) => total + row.sompi, 0n), byAccount };
  }

  async poolFundsSompi(): Promise<bigint> {
    const [row] = await this.#lead.sql<{ sompi: bigint }[]>`
      SELECT ((SELECT coalesce(sum(balance_sompi), 0) FROM ledger_accounts WHERE kind IN ('pool_fee', 'network_fees'))
            - (SELECT coalesce(sum(fee_sompi), 0) FROM payouts
               WHERE fee_from = 'pool' AND state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED')))::bigint AS sompi`;
    return row!.sompi;
  }

  async msSinceLastPlan(): Promise<number | undefined> {
    const [row] = await this.#lead.sql<{ ms: number }[]>`
      SELECT (extract(epoch FROM now() - planned_at) * 1000)::float8 AS ms
      FROM payouts WHERE kind = 'payment' ORDER BY id DESC LIMIT 1`;
    return row?.ms;
  }

  async openHalts(): Promise<readonly Halt[]> {
    const rows = await this.#lead.sql<
      { code: string; reason: string; raised_by: string; raised_ms: number }[]
    >`
      SELECT code, reason, raised_by, (extract(epoch FROM raised_at) * 1000)::float8 AS raised_ms
      FROM halts WHERE cleared_at IS NULL ORDER BY id`;
    return rows.map((row) => ({
      code: row.code,
      reason: row.reason,
      raisedBy: row.raised_by,
      raisedAtMs: row.raised_ms,
    }));
  }

  async raiseHalt(code: string, reason: string, byWhom: string): Promise<void> {
    await this.#lead.sql`SELECT raise_halt(${code}, ${reason}, ${byWhom})`;
  }

  async live(): Promise<readonly LivePayout[]> {
    const rows = await this.#lead.sql<PayoutRow[]>`
      SELECT id, state, plan::text AS plan, plan_hash, txid, signed_bytes, chain_from, accepting_block, accepting_daa,
             (extract(epoch FROM planned_at) * 1000)::float8 AS planned_ms
      FROM payouts WHERE state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED') ORDER BY id`;
    return rows.map(liveOfRow);
  }

  createPlan(plan: Plan): Promise<bigint> {
    const { epoch } = this.#lead;
    return this.#lead.transaction(async (sql) => {
      await this.#hold(sql, '');
      const [row] = await sql<{ id: bigint }[]>`
        INSERT INTO payouts (kind, state, plan, plan_hash, paid_sompi, fee_sompi, change_sompi, fee_from, mass_grams, leader_epoch)
        VALUES (${plan.kind}, 'PLANNED', ${planText(plan)}::text::jsonb, ${planHash(plan)}, ${paidSompi(plan)}, ${plan.feeSompi},
                ${plan.changeSompi}, ${plan.feeFrom}, ${plan.massGrams}, ${epoch})
        RETURNING id`;
      const id = row!.id;
      await insertInputs(sql, id, plan);
      if (plan.payees.length === 0) return id;
      await insertPayments(sql, id, plan);
      await post(sql, epoch, {
        key: `plan:${id}`,
        kind: 'plan',
        detail: { payout: id, planHash: planHash(plan) },
        entries: plan.payees.flatMap(({ accountId, reservedSompi }) =>
          between('miner', 'in_flight', accountId, reservedSompi),
        ),
      });
      return id;
    });
  }

  signed(id: bigint, { txid, bytes }: SignedPayout): Promise<void> {
    return this.#step(
      id,
      '',
      (sql, epoch) => sql`
      UPDATE payouts SET state = 'SIGNED', txid = ${txid}, signed_bytes = ${Buffer.from(bytes)}, leader_epoch = ${epoch}
      WHERE id = ${id} AND state = 'PLANNED'`,
    );
  }

  broadcast(id: bigint, chainFrom: string): Promise<void> {
    return this.#step(
      id,
      '',
      (sql, epoch) => sql`
      UPDATE payouts SET state = 'BROADCAST', chain_from = ${chainFrom}, broadcast_at = now(), leader_epoch = ${epoch}
      WHERE id = ${id} AND state = 'SIGNED'`,
    );
  }

  accepted(id: bigint, block: string, daaScore: bigint): Promise<void> {
    return this.#step(
      id,
      `block ${block}`,
      (sql, epoch) => sql`
      UPDATE payouts SET state = 'ACCEPTED', accepting_block = ${block}, accepting_daa = ${daaScore}, leader_epoch = ${epoch}
      WHERE id = ${id} AND state = 'BROADCAST'`,
    );
  }

  reorganised(id: bigint, reason: string): Promise<void> {
    return this.#step(
      id,
      reason,
      (sql, epoch) => sql`
      UPDATE payouts SET state = 'BROADCAST', leader_epoch = ${epoch} WHERE id = ${id} AND state = 'ACCEPTED'`,
    );
  }

  confirmed(id: bigint): Promise<void> {
    return this.#step(
      id,
      '',
      (sql, epoch) => sql`
        UPDATE payouts SET state = 'CONFIRMED', leader_epoch = ${epoch} WHERE id = ${id} AND state = 'ACCEPTED'`,
      async (sql, epoch) => {
        const [row] = await sql<StoredAmounts[]>`
          SELECT kind, txid, paid_sompi, fee_sompi, change_sompi, fee_from, accepting_daa FROM payouts WHERE id = ${id}`;
        const payments = await paymentsOf(sql, id);
        const payout = row!;
        await sql`
          UPDATE treasury_outputs t SET spent_by = ${payout.txid} FROM payout_inputs i
          WHERE i.payout_id = ${id} AND i.live AND i.txid = t.txid AND i.output_index = t.output_index`;
        if (payout.change_sompi > 0n) {
          await sql`
            INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, leader_epoch)
            VALUES (${payout.txid}, ${payments.length}, ${payout.change_sompi}, 'change', ${payout.accepting_daa}, ${epoch})
            ON CONFLICT DO NOTHING`;
        }
        await post(sql, epoch, {
          key: `confirm:${id}`,
          kind: 'confirm',
          detail: { payout: id, txid: payout.txid },
          entries: confirmEntries(payout, payments),
        });
      },
    );
  }

  conflicted(id: bigint, byTxid: string): Promise<void> {
    return this.#release(
      id,
      'conflict',
      `an input was spent by ${byTxid}`,
      (sql, epoch) => sql`
        UPDATE payouts SET state = 'CONFLICTED', leader_epoch = ${epoch} WHERE id = ${id} AND state = 'BROADCAST'`,
    );
  }

  async cancel(id: bigint, reason: string): Promise<void> {
    const [row] = await this.#lead.sql<{ state: PayoutState }[]>`SELECT state FROM payouts WHERE id = ${id}`;
    if (row?.state !== 'PLANNED' && row?.state !== 'SIGNED') throw notCancellable(id, row?.state);
    await this.#release(
      id,
      'cancel',
      reason,
      (sql, epoch) => sql`
        UPDATE payouts SET state = 'CANCELLED', leader_epoch = ${epoch} WHERE id = ${id} AND state IN ('PLANNED', 'SIGNED')`,
    );
  }

  /** Gives back what was reserved, and the inputs to others. */
  #release(id: bigint, kind: 'cancel' | 'conflict', reason: string, update: Update): Promise<void> {
    return this.#step(id, reason, update, async (sql, epoch) => {
      await sql`UPDATE payout_inputs SET live = false WHERE payout_id = ${id}`;
      const payments = await paymentsOf(sql, id);
      if (payments.length === 0) return;
      const entries = payments.flatMap(({ account_id, reserved_sompi }) =>
        between('in_flight', 'miner', account_id, reserved_sompi),
      );
      await post(sql, epoch, { key: `${kind}:${id}`, kind, detail: { payout: id, reason }, entries });
    });
  }

  #step(
    id: bigint,
    reason: string,
    update: Update,
    then?: (sql: ReservedConnection, epoch: bigint) => Promise<void>,
  ): Promise<void> {
    const { epoch } = this.#lead;
    return this.#lead.transaction(async (sql) => {
      await this.#hold(sql, reason);
      const { count } = await update(sql, epoch);
      if (count !== 1) {
        throw new EdgeError(
          'SLUICE_PAYOUT_STATE',
          `payout ${id} is not in the state that this step begins in`,
          'Another process has moved it; look with sluice payout status.',
        );
      }
      await then?.(sql, epoch);
    });
  }

  /** Nobody takes the lead before this transaction ends; the reason goes into `payout_steps`. */
  async #hold(sql: ReservedConnection, reason: string): Promise<void> {
    await sql`SELECT assert_lead('payer', ${this.#lead.epoch}), set_config('sluice.reason', ${reason}, true)`;
  }
}

type Update = (sql: ReservedConnection, epoch: bigint) => PromiseLike<{ readonly count: number }>;
type PaymentRow = { readonly account_id: bigint; readonly reserved_sompi: bigint };

function paymentsOf(sql: ReservedConnection, id: bigint): PromiseLike<readonly PaymentRow[]> {
  return sql<PaymentRow[]>`SELECT account_id, reserved_sompi FROM payments WHERE payout_id = ${id}`;
}

function between(from: Entry['kind'], to: Entry['kind'], accountId: bigint, sompi: bigint): readonly Entry[] {
  return [
    { kind: from, accountId, sompi: -sompi },
    { kind: to, accountId, sompi },
  ];
}

/** What left the treasury: the payees' outputs and the fee. Whoever pays the fee loses it. */
function confirmEntries(payout: StoredAmounts, payments: readonly PaymentRow[]): readonly Entry[] {
  const spent: Entry = { kind: 'treasury', sompi: payout.paid_sompi + payout.fee_sompi };
  const reserved = payments.map(
    ({ account_id, reserved_sompi }): Entry => ({
      kind: 'in_flight',
      accountId: account_id,
      sompi: -reserved_sompi,
    }),
  );
  return payout.fee_from === 'pool'
    ? [...reserved, { kind: 'network_fees', sompi: -payout.fee_sompi }, spent]
    : [...reserved, spent];
}

async function insertInputs(sql: ReservedConnection, id: bigint, { inputs }: Plan): Promise<void> {
  const { count } = await sql`
    INSERT INTO payout_inputs (payout_id, txid, output_index)
    SELECT ${id}, t.txid, t.output_index
    FROM unnest(${array(inputs.map(({ txid }) => txid))}::text::text[], ${array(inputs.map(({ index }) => index))}::text::int[],
                ${array(inputs.map(({ amountSompi }) => amountSompi))}::text::bigint[]) AS i (txid, output_index, amount_sompi)
    JOIN treasury_outputs t USING (txid, output_index, amount_sompi)
    WHERE t.spent_by IS NULL`;
  if (count === inputs.length) return;
  throw new EdgeError(
    'SLUICE_OUTPUT_UNKNOWN',
    `${inputs.length - count} inputs of a plan are not unspent outputs of the ledger`,
    'Nothing was planned. Run sluice audit.',
  );
}

async function insertPayments(sql: ReservedConnection, id: bigint, { payees }: Plan): Promise<void> {
  await sql`
    INSERT INTO payments (payout_id, account_id, reserved_sompi, fee_sompi, output_sompi)
    SELECT ${id}, a, r, f, o
    FROM unnest(${array(payees.map((payee) => payee.accountId))}::text::bigint[],
                ${array(payees.map((payee) => payee.reservedSompi))}::text::bigint[],
                ${array(payees.map((payee) => payee.feeSompi))}::text::bigint[],
                ${array(payees.map((payee) => payee.outputSompi))}::text::bigint[]) AS p (a, r, f, o)`;
}

/** Numbers and hex only: nothing that would need quotes. */
function array(values: readonly (bigint | number | string)[]): string {
  return `{${values.join(',')}}`;
}

function liveOfRow(row: PayoutRow): LivePayout {
  return {
    id: row.id,
    state: row.state,
    plan: planOfText(row.plan, row.plan_hash),
    planHash: row.plan_hash,
    signed: row.txid === null ? undefined : { txid: row.txid, bytes: row.signed_bytes! },
    chainFrom: row.chain_from ?? undefined,
    accepted:
      row.accepting_block === null ? undefined : { block: row.accepting_block, daaScore: row.accepting_daa! },
    plannedAtMs: row.planned_ms,
  };
}
