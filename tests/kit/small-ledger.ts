/**
 * Small but whole books, made by the functions that make the real ones: six rigs of four accounts, ten minutes of shares, six blocks and
 * their settlements, a deposit, a reward of nobody's block, and a payout in every state.
 */

import { type Entry, post } from '../../src/ledger/books.ts';
import { divideByWork } from '../../src/ledger/schemes/divide.ts';
import { readTerms } from '../../src/ledger/schemes/terms.ts';
import { creditsOf } from '../../src/ledger/settlement/settlement-store.ts';
import type { Database } from '../../src/ledger/stores/postgres.ts';

export const KAS = 100_000_000n;
const MINUTES = 12;
const ROUNDS = 6;
const TERMS = { scheme: 'pplns', feeBasisPoints: 100, finderBonusBasisPoints: 50, feeTiers: [] };
const ACCOUNTS = 4;
const WORKERS = 6;
/** 12:00 UTC: the window of no settlement crosses a day. */
const FROM_MS = Date.UTC(2026, 5, 1, 12);
const FEE_SOMPI = 3_000n;
const hex = (n: number): string => n.toString(16).padStart(64, '0');
const at = (minute: number): Date => new Date(FROM_MS + minute * 60_000);

type PayoutState = 'PLANNED' | 'SIGNED' | 'BROADCAST' | 'ACCEPTED' | 'CONFIRMED' | 'CONFLICTED' | 'CANCELLED';

const PATHS: Readonly<Record<PayoutState, readonly PayoutState[]>> = {
  PLANNED: [],
  SIGNED: ['SIGNED'],
  BROADCAST: ['SIGNED', 'BROADCAST'],
  // By way of a reorganisation.
  ACCEPTED: ['SIGNED', 'BROADCAST', 'ACCEPTED', 'BROADCAST', 'ACCEPTED'],
  CONFIRMED: ['SIGNED', 'BROADCAST', 'ACCEPTED', 'CONFIRMED'],
  CONFLICTED: ['SIGNED', 'BROADCAST', 'CONFLICTED'],
  CANCELLED: ['CANCELLED'],
};

export async function buildSmallLedger(sql: Database): Promise<void> {
  const ledger = new SmallLedger(sql);
  await ledger.mine();
  await ledger.lead('first');
  await ledger.agree();
  for (let output = 0; output < 14; output++) await ledger.reward(output);
  await ledger.foreign();
  await ledger.creditMinute();
  for (let round = 1; round <= 3; round++) await ledger.settle(round);
  await ledger.pay('CONFIRMED', 'payees', [0, 1]);
  await ledger.lead('second');
  for (let round = 4; round <= ROUNDS; round++) await ledger.settle(round);
  await ledger.attribute();
  await ledger.pay('CONFIRMED', 'pool', [2]);
  await ledger.pay('ACCEPTED', 'payees', [3]);
  await ledger.pay('BROADCAST', 'pool', [4]);
  await ledger.pay('SIGNED', 'payees', [5]);
  await ledger.pay('CANCELLED', 'payees', [6]);
  await ledger.pay('CONFLICTED', 'payees', [7]);
  await ledger.consolidate([8, 9, 10]);
  // Last, and on an output that a cancelled payout gave back.
  await ledger.pay('PLANNED', 'payees', [6]);
}

class SmallLedger {
  readonly #sql: Database;
  #epoch = 0n;
  #policy = 0n;
  #dust = 0n;
  #payouts = 0;

  constructor(sql: Database) {
    this.#sql = sql;
  }

  async lead(holder: string): Promise<void> {
    const [row] = await this.#sql<{ epoch: bigint }[]>`SELECT take_lead('payer', ${holder}) AS epoch`;
    this.#epoch = row!.epoch;
  }

  /** Shares of ten minutes, their sums, and a block in each of six minutes. */
  async mine(): Promise<void> {
    const sql = this.#sql;
    await sql`INSERT INTO accounts (address) SELECT 'kaspatest:account' || n FROM generate_series(1, ${ACCOUNTS}::int) n`;
    await sql`INSERT INTO workers (account_id, name) SELECT 1 + n % ${ACCOUNTS}::int, 'rig' || n FROM generate_series(0, ${WORKERS}::int - 1) n`;
    await sql`INSERT INTO instances (name) VALUES ('east'), ('west')`;
    await sql`INSERT INTO jobs (pre_pow_hash, timestamp_ms)
      SELECT sha256(n::text::bytea), 1700000000000 + n FROM generate_series(1, ${MINUTES}::int) n`;
    await sql`SELECT ensure_day_partitions(${at(0)}::timestamptz::date)`;
    await sql`
      INSERT INTO shares (received_at, worker_id, job_id, nonce, segment, slot, port, extranonce, instance_id, difficulty_log2, verdict, credit)
      SELECT ${at(0)}::timestamptz + make_interval(secs => minute * 60 + n * 0.7), 1 + (n * 7 + minute) % ${WORKERS}::int, 1 + minute,
        n * 1000003, 1 + minute / 4, minute * 50 + n, 0, 7, 1 + n % 2, (n % 3) - 1, 1, 0
      FROM generate_series(0, ${MINUTES}::int - 1) minute, generate_series(1, 40) n`;
    await sql`
      INSERT INTO share_sums (bucket, worker_id, instance_id, shares, work_hashes, pot)
      SELECT date_trunc('minute', received_at), worker_id, instance_id, count(*), sum(power(2::numeric, difficulty_log2 + 32)), 1
      FROM shares GROUP BY 1, 2, 3`;
    await sql`INSERT INTO journal_progress (instance_id, segment, slot, loaded_records, loaded_through)
      SELECT instance_id, 3, 1000, count(*), ${at(MINUTES)} FROM shares GROUP BY 1`;
    await sql`
      INSERT INTO blocks (block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, found_at, state, colour, reward_sompi)
      SELECT lpad(to_hex(n), 64, 'b'), 1, 1 + n % ${WORKERS}::int, 1, n, 1000 + n, 900 + n, 520093695,
        ${at(0)}::timestamptz + make_interval(mins => 3 + n / 2), 'matured', 'blue', ${5n * KAS} + n
      FROM generate_series(0, 13) n`;
  }

  async agree(): Promise<void> {
    const id = await this.#post('policy:1:1', 'policy', []);
    const [row] = await this.#sql<{ id: bigint }[]>`
      INSERT INTO policies (pot, terms, effective_at, transaction_id) VALUES (1, ${JSON.stringify(TERMS)}::text::jsonb, ${at(0)}, ${id}) RETURNING id`;
    this.#policy = row!.id;
  }

  async reward(output: number): Promise<void> {
    const amount = 5n * KAS + BigInt(output);
    const id = await this.#post(`reward:${hex(output + 1)}:0`, 'reward', [
      { kind: 'treasury', sompi: -amount },
      { kind: 'unsettled', sompi: amount },
    ]);
    await this.#sql`
      INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, block_id, transaction_id, leader_epoch)
      VALUES (${hex(output + 1)}, 0, ${amount}, ${output % 5 === 4 ? 'reds' : 'blue'}, ${2000 + output}, ${output + 1}, ${id}, ${this.#epoch})`;
  }

  /** What came from elsewhere: a deposit, part of which backs PPS, and a coinbase of no block that we know. */
  async foreign(): Promise<void> {
    const deposit = await this.#post(`deposit:${hex(100)}:3`, 'deposit', [
      { kind: 'treasury', sompi: -9n * KAS },
      { kind: 'deposits', sompi: 9n * KAS },
    ]);
    const stray = await this.#post(`unattributed:${hex(101)}:0`, 'attribute', [
      { kind: 'treasury', sompi: -4n * KAS },
      { kind: 'unattributed', sompi: 4n * KAS },
    ]);
    await this.#post('reserve:1', 'reserve', [
      { kind: 'deposits', sompi: -2n * KAS },
      { kind: 'reserve', sompi: 2n * KAS },
    ]);
    await this.#sql`
      INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, transaction_id, leader_epoch)
      VALUES (${hex(100)}, 3, ${9n * KAS}, 'deposit', 2500, ${deposit}, ${this.#epoch}),
             (${hex(101)}, 0, ${4n * KAS}, 'unattributed', 2501, ${stray}, ${this.#epoch})`;
  }

  /**
   * Two outputs, divided by the real scheme over the work of four minutes: 1 % of fee, a bonus for finders, a donation of account 2. The
   * first and the last window lie where nobody mined: their rewards are dust.
   */
  async settle(round: number): Promise<void> {
    const sql = this.#sql;
    const blocks = `{${[2 * round - 1, 2 * round]}}`;
    const first = round === 1 ? -9 : round === ROUNDS ? 90 : round - 1;
    const window = { fromMs: at(first).getTime(), toMs: at(first + 4).getTime() };
    const outputs = await sql<{ amount: bigint; finder: bigint }[]>`
      SELECT amount_sompi AS amount, w.account_id AS finder FROM treasury_outputs o JOIN blocks b ON b.id = o.block_id
      JOIN workers w ON w.id = b.worker_id WHERE b.id = ANY(${blocks}::text::bigint[])`;
    const works = await sql<{ account_id: bigint; work: string }[]>`
      SELECT a.id AS account_id, coalesce(sum(c.work_hashes), 0)::text AS work FROM accounts a JOIN workers w ON w.account_id = a.id
      LEFT JOIN share_sums c ON w.id = c.worker_id AND bucket >= ${at(first)} AND bucket < ${at(first + 4)}
      GROUP BY 1 ORDER BY 1`;
    const reward = outputs.reduce((sum, { amount }) => sum + amount, 0n);
    const divided = divideByWork({
      outputs: outputs.map(({ amount, finder }) => ({ amountSompi: amount, finderAccountId: finder })),
      dustInSompi: this.#dust,
      window,
      terms: readTerms(TERMS),
      accounts: works.map(({ account_id: accountId, work }) => ({
        accountId,
        work: BigInt(work),
        ownFeeBasisPoints: undefined,
        donationBasisPoints: accountId === 2n ? 200n : 0n,
      })),
    });
    const { parts, windowWork, feeSompi, donationSompi, dustOutSompi } = divided;
    const id = await this.#post(`settlement:1:${round}`, 'settlement', [
      { kind: 'unsettled', sompi: -reward },
      { kind: 'dust', sompi: dustOutSompi - this.#dust },
      { kind: 'pool_fee', sompi: feeSompi },
      { kind: 'donation', sompi: donationSompi },
      ...creditsOf(parts),
    ]);
    const [settlement] = await sql<{ id: bigint }[]>`
      INSERT INTO settlements (pot, policy_id, round, window_from, window_to, window_work, account_count, reward_sompi, dust_in_sompi,
        dust_out_sompi, fee_sompi, donation_sompi, transaction_id, leader_epoch)
      VALUES (1, ${this.#policy}, ${round}, ${at(first)}, ${at(first + 4)}, ${String(windowWork)}, ${parts.length}, ${reward},
        ${this.#dust}, ${dustOutSompi}, ${feeSompi}, ${donationSompi}, ${id}, ${this.#epoch}) RETURNING id`;
    for (const part of parts)
      await sql`
        INSERT INTO settlement_parts (settlement_id, account_id, work, gross_sompi, bonus_sompi, fee_sompi, donation_sompi,
          fee_basis_points, donation_basis_points)
        VALUES (${settlement!.id}, ${part.accountId}, ${String(part.work)}, ${part.grossSompi}, ${part.bonusSompi}, ${part.feeSompi},
          ${part.donationSompi}, ${Number(part.feeBasisPoints)}, ${Number(part.donationBasisPoints)})`;
    await sql`UPDATE treasury_outputs SET settlement_id = ${settlement!.id} WHERE block_id = ANY(${blocks}::text::bigint[])`;
    this.#dust = dustOutSompi;
  }

  /** Work that PPS paid out of the reserve. */
  async creditMinute(): Promise<void> {
    const id = await this.#post('pps:4:1', 'pps', [
      { kind: 'reserve', sompi: -1_000n },
      { kind: 'miner', accountId: 3n, sompi: 990n },
      { kind: 'pool_fee', sompi: 10n },
    ]);
    await this.#sql`
      INSERT INTO pps_minutes (pot, minute, policy_id, network_bits, value_sompi, work, account_count, gross_sompi, fee_sompi, donation_sompi,
        transaction_id)
      VALUES (4, ${at(0)}, ${this.#policy}, 1, 1, 1, 1, 1000, 10, 0, ${id})`;
  }

  /** The coinbase of nobody's block, now that a person has found out whose it was. */
  async attribute(): Promise<void> {
    await this.#post(`attribute:${hex(101)}:0`, 'attribute', [
      { kind: 'unattributed', sompi: -4n * KAS },
      { kind: 'unsettled', sompi: 4n * KAS },
    ]);
    await this.#sql`UPDATE treasury_outputs SET origin = 'blue', block_id = 14 WHERE txid = ${hex(101)}`;
  }

  /** Two payees, half a KAS each; the rest of the inputs is change. */
  async pay(until: PayoutState, feeFrom: 'payees' | 'pool', inputs: readonly number[]): Promise<void> {
    const id = ++this.#payouts;
    const payees = [1n + BigInt(id % ACCOUNTS), 1n + BigInt((id + 1) % ACCOUNTS)];
    const share = feeFrom === 'payees' ? FEE_SOMPI / 2n : 0n;
    const reserved = KAS / 2n + share;
    const kinds = (sign: bigint, kind: 'miner' | 'in_flight') =>
      payees.map((accountId): Entry => ({ kind, accountId, sompi: sign * reserved }));
    await this.#post(`plan:${id}`, 'plan', [...kinds(-1n, 'miner'), ...kinds(1n, 'in_flight')]);
    await this.#plan('payment', feeFrom, KAS, inputs);
    for (const accountId of payees)
      await this.#sql`INSERT INTO payments VALUES (${id}, ${accountId}, ${reserved}, ${share}, ${KAS / 2n})`;
    await this.#walk(id, until, inputs, () => this.#close(id, until, feeFrom, kinds));
  }

  async consolidate(inputs: readonly number[]): Promise<void> {
    const id = ++this.#payouts;
    await this.#plan('consolidation', 'pool', 0n, inputs);
    await this.#walk(id, 'CONFIRMED', inputs, async () => {
      await this.#post(`confirm:${id}`, 'confirm', [
        { kind: 'network_fees', sompi: -FEE_SOMPI },
        { kind: 'treasury', sompi: FEE_SOMPI },
      ]);
    });
  }

  async #plan(kind: string, feeFrom: string, paid: bigint, inputs: readonly number[]): Promise<void> {
    const sql = this.#sql;
    const amount = inputs.reduce((sum, input) => sum + 5n * KAS + BigInt(input), 0n);
    await sql`
      INSERT INTO payouts (kind, state, plan, plan_hash, paid_sompi, fee_sompi, change_sompi, fee_from, mass_grams, leader_epoch)
      VALUES (${kind}, 'PLANNED', '{}', ${hex(5000 + this.#payouts)}, ${paid}, ${FEE_SOMPI}, ${amount - paid - FEE_SOMPI}, ${feeFrom}, 3000,
        ${this.#epoch})`;
    for (const input of inputs)
      await sql`INSERT INTO payout_inputs (payout_id, txid, output_index) VALUES (${this.#payouts}, ${hex(input + 1)}, 0)`;
  }

  async #walk(
    id: number,
    until: PayoutState,
    inputs: readonly number[],
    close: () => Promise<void>,
  ): Promise<void> {
    const sql = this.#sql;
    const txid = hex(9000 + id);
    for (const state of PATHS[until]) {
      if (state === 'SIGNED')
        await sql`UPDATE payouts SET state = 'SIGNED', txid = ${txid}, signed_bytes = '\\x01' WHERE id = ${id}`;
      else if (state === 'ACCEPTED')
        await sql`UPDATE payouts SET state = ${state}, accepting_block = ${hex(7000 + id)}, accepting_daa = 9000 WHERE id = ${id}`;
      else await sql`UPDATE payouts SET state = ${state} WHERE id = ${id}`;
    }
    if (until === 'CANCELLED' || until === 'CONFLICTED' || until === 'CONFIRMED') await close();
    if (until === 'CANCELLED' || until === 'CONFLICTED')
      await sql`UPDATE payout_inputs SET live = false WHERE payout_id = ${id}`;
    if (until !== 'CONFIRMED') return;
    for (const input of inputs)
      await sql`UPDATE treasury_outputs SET spent_by = ${txid} WHERE txid = ${hex(input + 1)}`;
    await sql`
      INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, leader_epoch)
      SELECT ${txid}, 2, change_sompi, 'change', 9000, ${this.#epoch} FROM payouts WHERE id = ${id}`;
  }

  async #close(
    id: number,
    until: PayoutState,
    feeFrom: 'payees' | 'pool',
    kinds: (sign: bigint, kind: 'miner' | 'in_flight') => Entry[],
  ): Promise<void> {
    if (until === 'CONFIRMED') {
      await this.#post(`confirm:${id}`, 'confirm', [
        ...kinds(-1n, 'in_flight'),
        { kind: 'treasury', sompi: KAS + FEE_SOMPI },
        { kind: 'network_fees', sompi: feeFrom === 'pool' ? -FEE_SOMPI : 0n },
      ]);
      return;
    }
    const kind = until === 'CANCELLED' ? 'cancel' : 'conflict';
    await this.#post(`${kind}:${id}`, kind, [...kinds(-1n, 'in_flight'), ...kinds(1n, 'miner')]);
  }

  #post(key: string, kind: string, entries: readonly Entry[]): Promise<bigint> {
    return post(this.#sql, this.#epoch, { key, kind, detail: { by: 'small ledger' }, entries });
  }
}
