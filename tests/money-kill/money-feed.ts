/**
 * Money for the kill rounds: blocks that accounts found by themselves (SOLO). In flow blocks, out flows what the payer's own intake and
 * settlement make of them. It plays the engine, which notes a block and never writes money.
 */
import { demoAddresses } from '../../src/miner/miner.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { type MoneyRig, NETWORK } from './money-rig.ts';

export const PAYEES = demoAddresses(NETWORK, 24);
/** Nobody can be paid there: what it earned fills the treasury with outputs that wait to be joined. */
const HERMIT = demoAddresses('mainnet', 1)[0]!;
/** Deeper than any reorganisation of the rounds: what is booked stays. */
const DEEP_BLOCKS = 120;
const SOLO_POT = 3;
const BOOKED_LIMIT_MS = 60_000;

export class MoneyFeed {
  readonly #rig: MoneyRig;
  readonly #random: () => number;
  readonly #workers = new Map<string, bigint>();
  #instance = 0;
  #found = 0;

  constructor(rig: MoneyRig, random: () => number) {
    this.#rig = rig;
    this.#random = random;
  }

  async open(): Promise<void> {
    const { sql } = this.#rig;
    const [instance] = await sql<{ id: number }[]>`SELECT ensure_instance('kill-rounds') AS id`;
    this.#instance = instance!.id;
    // Its shares are all loaded: a settlement waits for minutes, and these are over.
    await sql`
      INSERT INTO journal_progress (instance_id, segment, slot, loaded_through)
      VALUES (${this.#instance}, 0, 0, now() + interval '1 day')`;
    for (const address of [...PAYEES, HERMIT]) {
      const [worker] = await sql<{ id: bigint }[]>`
        WITH account AS (INSERT INTO accounts (address) VALUES (${address}) RETURNING id)
        INSERT INTO workers (account_id, name) SELECT id, 'rig' FROM account RETURNING id`;
      this.#workers.set(address, worker!.id);
    }
  }

  /** So many blocks of as many accounts, found and deep. */
  async takeIn(blocks: number): Promise<void> {
    for (let left = blocks; left > 0; left--) {
      await this.#find(PAYEES[Math.floor(this.#random() * PAYEES.length)]!, 1);
    }
    await this.#rig.deepen(DEEP_BLOCKS);
  }

  /** Outputs that stay in the treasury. */
  async hoard(blocks: number): Promise<void> {
    await this.#find(HERMIT, blocks);
    await this.#rig.deepen(DEEP_BLOCKS);
    await this.booked();
  }

  /** Until every block is in the books and divided. */
  async booked(): Promise<void> {
    await pollUntil(
      'all blocks are in the books and divided',
      async () => {
        const [row] = await this.#rig.sql<{ settled: number }[]>`
          SELECT count(DISTINCT block_id)::int AS settled FROM treasury_outputs WHERE settlement_id IS NOT NULL`;
        return row!.settled >= this.#found;
      },
      BOOKED_LIMIT_MS,
    );
  }

  async #find(address: string, count: number): Promise<void> {
    const { miner, sql, treasury } = this.#rig;
    await miner.mine(treasury, count, async ({ hash, daaScore, bits }) => {
      await sql`
        INSERT INTO blocks (block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, found_at, state, pot)
        VALUES (${hash}, ${this.#instance}, ${this.#workers.get(address)!}, 0, 0, ${daaScore}, 0, ${bits}, now() - interval '5 minutes', 'accepted', ${SOLO_POT})`;
    });
    this.#found += count;
  }
}
