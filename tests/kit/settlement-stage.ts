/**
 * A pool's books for tests of rewards: accounts with work, blocks with mature outputs, and the lead. Rows are made as engine and
 * intake make them; all money goes through `post`.
 */

import { configExample } from '../../config/example.ts';
import { parseConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { POTS, type SchemeName } from '../../src/domain/pot.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { post } from '../../src/ledger/books.ts';
import { Lead } from '../../src/ledger/lead.ts';
import { syncPolicies } from '../../src/ledger/settlement/policies.ts';
import { Settler } from '../../src/ledger/settlement/settler.ts';
import type { Database } from '../../src/ledger/stores/postgres.ts';
import type { FreshDatabase, TestDatabase } from './test-database.ts';

export const MINUTE_MS = 60_000;
/** A Monday noon, UTC. */
export const NOON = Date.UTC(2026, 5, 1, 12);
/** Target 2^224 - 1 or nearly: a block costs 2^32 hashes. */
export const BITS_OF_DIFFICULTY_ONE = 0x1d00ffff;

export interface StagedBlock {
  readonly pot: SchemeName;
  readonly finder: number;
  /** Minutes after NOON. */
  readonly minute: number;
  readonly sompi?: bigint;
  readonly origin?: 'blue' | 'reds';
  readonly state?: string;
}

export class SettlementStage {
  readonly database: FreshDatabase;
  lead: Lead;
  nowMs = NOON;
  readonly #rewards: Config['rewards'];
  #made = 0;

  private constructor(database: FreshDatabase, lead: Lead, rewards: Config['rewards']) {
    this.database = database;
    this.lead = lead;
    this.#rewards = rewards;
  }

  /** `accounts`: numbered from 1, with one rig each; one engine, which has loaded all. */
  static async open(
    server: TestDatabase,
    accounts: number,
    rewards: Partial<Config['rewards']> = {},
  ): Promise<SettlementStage> {
    const database = await server.freshDatabase();
    const { sql } = database;
    for (const day of ['2026-05-31', '2026-06-01', '2026-06-02'])
      await sql`SELECT ensure_day_partitions(${day}::text::date)`;
    await sql`SELECT ensure_instance('a')`;
    await sql`INSERT INTO journal_progress (instance_id, segment, slot) VALUES (1, 0, 0)`;
    await sql`INSERT INTO accounts (address) SELECT 'kaspadev:' || n FROM generate_series(1, ${accounts}::int) n`;
    await sql`INSERT INTO workers (account_id, name) SELECT id, 'rig' FROM accounts ORDER BY id`;
    const stage = new SettlementStage(database, await Lead.take(database.url, 'test'), {
      ...exampleRewards(),
      ...rewards,
    });
    await stage.applyTerms();
    await stage.loadedThrough(24 * 60);
    return stage;
  }

  get sql(): Database {
    return this.database.sql;
  }

  applyTerms(changes: Partial<Config['rewards']> = {}): Promise<readonly SchemeName[]> {
    return syncPolicies(this.lead, { ...this.#rewards, ...changes }, this.nowMs);
  }

  settler(waitForJournalsMs = 30 * MINUTE_MS): Settler {
    return this.settlerOf(this.lead, waitForJournalsMs);
  }

  /** @param monotonicMs absent: nobody ever sets the clock */
  settlerOf(lead: Lead, waitForJournalsMs = 30 * MINUTE_MS, monotonicMs?: () => number): Settler {
    const clocks = { clock: () => this.nowMs, ...(monotonicMs && { monotonicMs }) };
    return new Settler({ lead, ...clocks, log: silentLogger, waitForJournalsMs });
  }

  async loadedThrough(minute: number, instance = 'a'): Promise<void> {
    await this.sql`
      UPDATE journal_progress SET loaded_through = ${new Date(NOON + minute * MINUTE_MS)}
      WHERE instance_id = (SELECT id FROM instances WHERE name = ${instance})`;
  }

  async work(pot: SchemeName, account: number, minute: number, hashes: bigint): Promise<void> {
    await this.sql`
      INSERT INTO share_sums (bucket, worker_id, instance_id, pot, shares, work_hashes)
      VALUES (${new Date(NOON + minute * MINUTE_MS)}, ${BigInt(account)}, 1, ${POTS[pot]}, 1, ${String(hashes)}::text::numeric)`;
  }

  /** With an output in the books unless `state` says that it is not mature. Gives the outpoint's txid. */
  async block({
    pot,
    finder,
    minute,
    sompi = 1_000n,
    origin = 'blue',
    state = 'matured',
  }: StagedBlock): Promise<string> {
    const name = (++this.#made).toString(16).padStart(64, '0');
    const [block] = await this.sql<{ id: bigint }[]>`
      INSERT INTO blocks (block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, found_at, state, pot)
      VALUES (${name}, 1, ${BigInt(finder)}, 1, 1, 1, 1, ${BigInt(BITS_OF_DIFFICULTY_ONE)},
        ${new Date(NOON + minute * MINUTE_MS + 20_000)}, ${state}, ${POTS[pot]})
      RETURNING id`;
    if (state === 'matured') await this.output(name, origin, sompi, block!.id);
    return name;
  }

  /** As the intake books it. */
  async output(txid: string, origin: string, sompi: bigint, blockId: bigint | null): Promise<void> {
    const kept = {
      blue: 'unsettled',
      reds: 'unsettled',
      deposit: 'deposits',
      unattributed: 'unattributed',
    } as const;
    const { epoch } = this.lead;
    await this.lead.transaction(async (sql) => {
      const transactionId = await post(sql, epoch, {
        key: `${origin}:${txid}:0`,
        kind: origin === 'deposit' ? 'deposit' : 'reward',
        detail: {},
        entries: [
          { kind: 'treasury', sompi: -sompi },
          { kind: kept[origin as keyof typeof kept], sompi },
        ],
      });
      await sql`
        INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, block_id, transaction_id, leader_epoch)
        VALUES (${txid}, 0, ${sompi}, ${origin}, 1, ${blockId}, ${transactionId}, ${epoch})`;
    });
  }

  /** Of the miners, by account; those with nothing left out. */
  async balances(): Promise<Map<number, bigint>> {
    const rows = await this.sql<{ id: bigint; balance: bigint }[]>`
      SELECT account_id AS id, balance_sompi AS balance FROM ledger_accounts
      WHERE kind = 'miner' AND balance_sompi <> 0 ORDER BY account_id`;
    return new Map(rows.map(({ id, balance }) => [Number(id), balance]));
  }

  async balance(kind: string): Promise<bigint> {
    const [row] = await this.sql<{ balance: bigint }[]>`
      SELECT balance_sompi AS balance FROM ledger_accounts WHERE kind = ${kind}`;
    return row!.balance;
  }

  async close(): Promise<void> {
    this.lead.close();
    await this.database.drop();
  }
}

/** Every key at its default. */
function exampleRewards(): Config['rewards'] {
  const parsed = parseConfig(configExample(), 'example');
  if (!parsed.ok) throw new Error('the example is good');
  return parsed.config.rewards;
}
