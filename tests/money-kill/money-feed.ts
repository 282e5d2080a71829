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
<<<<<<< HEAD
    for (let left = blocks; left > 0; left--) {
      await this.#find(PAYEES[Math.floor(this.#random() * PAYEES.length)]!, 1);
=======
    await this.#rig.miner.mine(this.#rig.treasury, blocks);
    await this.#rig.deepen(BOOKED_DEPTH_DAA);
    const { virtualDaaScore } = await this.#rig.miner.link.refreshInfo();
    for (const utxo of await this.#rig.miner.link.utxosOf([this.#rig.treasury])) {
      if (!utxo.isCoinbase || utxo.blockDaaScore + BigInt(BOOKED_DEPTH_DAA - MATURITY_DAA) > virtualDaaScore)
        continue;
      await this.#book(utxo.transactionId, utxo.index, utxo.amountSompi, utxo.blockDaaScore);
>>>>>>> money
    }
    await this.#rig.deepen(DEEP_BLOCKS);
  }

  /** Outputs that stay in the treasury. */
  async hoard(blocks: number): Promise<void> 
    await this.#find(HERMIT, blocks);
    await this.#rig.deepen(DEEP_BLOCKS);
    await this.booked();

<<<<<<< HEAD
  /** Until every block is in the books and divided. */
  async booked(): Promise<void> 
    await pollUntil(
      'all blocks are in the books and divided',
      async () => {
        const [row] = await this.#rig.sql<{ settled: number }[]>`
          SELECT count(DISTINCT block_id)::int AS settled FROM treasury_outputs WHERE settlement_id IS NOT NULL`;
        return row!.settled >= this.#found;
      },
      BOOKED_LIMIT_MS,
    );

  async #find(address: string, count: number): Promise<void> {
    const { miner, sql, treasury } = this.#rig;
    await miner.mine(treasury, count, async ({ hash, daaScore, bits }) => {
      await sql`
        INSERT INTO blocks (block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, found_at, state, pot)
        VALUES (${hash}, ${this.#instance}, ${this.#workers.get(address)!}, 0, 0, ${daaScore}, 0, ${bits}, now() - interval '5 minutes', 'accepted', ${SOLO_POT})`;
    });
    this.#found += count;
=======
  /** What a person books after another wallet spent one of our outputs and sent the rest back. */
  async mend(
    spent: string,
    by: string,
    amountSompi: bigint,
    feeSompi: bigint,
    daaScore: bigint,
  ): Promise<void> {
    const id = await this.#post(`deposit:${by}:0`, 'deposit', [
      { kind: 'treasury', sompi: feeSompi },
      { kind: 'pool_fee', sompi: -feeSompi },
    ]);
    const [txid, index] = spent.split(':');
    await this.#rig.sql`
      UPDATE treasury_outputs SET spent_by = ${by} WHERE txid = ${txid!} AND output_index = ${Number(index)}`;
    await this.#insert({ txid: by, index: 0 }, amountSompi - feeSompi, 'deposit', daaScore, id);
  }

  async #book(txid: string, index: number, amountSompi: bigint, daaScore: bigint): Promise<void> {
    const [known] = await this.#rig.sql`
      SELECT FROM treasury_outputs WHERE txid = ${txid} AND output_index = ${index}`;
    if (known) return;
    const id = await this.#post(`unattributed:${txid}:${index}`, 'attribute', [
      { kind: 'treasury', sompi: -amountSompi },
      { kind: 'unattributed', sompi: amountSompi },
    ]);
    await this.#insert({ txid, index }, amountSompi, 'unattributed', daaScore, id);
  }

  async #insert(
    outpoint: { readonly txid: string; readonly index: number },
    amountSompi: bigint,
    origin: 'unattributed' | 'deposit',
    daaScore: bigint,
    transactionId: bigint,
  ): Promise<void> {
    await this.#rig.sql`
      INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, transaction_id, leader_epoch)
      VALUES (${outpoint.txid}, ${outpoint.index}, ${amountSompi}, ${origin}, ${daaScore}, ${transactionId},
              (SELECT epoch FROM leaders WHERE role = 'payer'))
      ON CONFLICT DO NOTHING`;
  }

  async #post(key: string, kind: string, entries: Parameters<typeof post>[2]['entries']): Promise<bigint> {
    for (let attempt = 1; ; attempt++) {
      try {
        const [leader] = await this.#rig.sql<
          { epoch: bigint }[]
        >`SELECT epoch FROM leaders WHERE role = 'payer'`;
        return await post(this.#rig.sql, leader!.epoch, { key, kind, detail: {}, entries });
      } catch (error) {
        if (attempt === TRIES) throw error;
        await this.#rig.databaseAnswers();
      }
    }
>>>>>>> money
  }
}
