/**
 * Money for the kill rounds: blocks pay the treasury, and what they paid is booked and credited to accounts. In flow blocks and amounts,
 * out flows what everybody has earned. It plays intake and settlement, under the epoch of whoever leads; all it does has a key, so
 * it can be done again when the database was killed in the middle.
 */
import { post } from '../../src/ledger/books.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { MATURITY_DAA, type MoneyRig, NETWORK } from './money-rig.ts';

const KAS = 100_000_000n;
export const PAYEES = demoAddresses(NETWORK, 24);
/** Deeper than any reorganisation of the rounds: what is booked stays. */
export const BOOKED_DEPTH_DAA = 120;
/** Rounds that a leader may be replaced in while something is posted. */
const TRIES = 5;

export class MoneyFeed {
  /** By address, since the beginning. */
  readonly earned = new Map<string, bigint>(PAYEES.map((address) => [address, 0n]));
  readonly #rig: MoneyRig;
  readonly #random: () => number;
  readonly #accounts = new Map<string, bigint>();
  #credits = 0;

  constructor(rig: MoneyRig, random: () => number) {
    this.#rig = rig;
    this.#random = random;
  }

  async open(): Promise<void> {
    for (const address of PAYEES) {
      const [row] = await this.#rig.sql<{ id: bigint }[]>`
        INSERT INTO accounts (address) VALUES (${address}) RETURNING id`;
      this.#accounts.set(address, row!.id);
    }
  }

  /** So many blocks, found, deep and booked. */
  async takeIn(blocks: number): Promise<void> {
    await this.#rig.miner.mine(this.#rig.treasury, blocks);
    await this.#rig.deepen(BOOKED_DEPTH_DAA);
    const { virtualDaaScore } = await this.#rig.miner.link.refreshInfo();
    for (const utxo of await this.#rig.miner.link.utxosOf([this.#rig.treasury])) {
      if (!utxo.isCoinbase || utxo.blockDaaScore + BigInt(BOOKED_DEPTH_DAA - MATURITY_DAA) > virtualDaaScore)
        continue;
      await this.#book(utxo.transactionId, utxo.index, utxo.amountSompi, utxo.blockDaaScore);
    }
  }

  /** Some accounts earn between 10 and 60 KAS each, and the pool a little: all of it is there. */
  async credit(accounts: number): Promise<void> {
    const key = `settlement:kill:${++this.#credits}`;
    const parts = new Map<string, bigint>();
    while (parts.size < accounts) {
      const address = PAYEES[Math.floor(this.#random() * PAYEES.length)]!;
      parts.set(address, 10n * KAS + BigInt(Math.floor(this.#random() * 50e8)));
    }
    const fee = KAS;
    const total = [...parts.values()].reduce((sum, sompi) => sum + sompi, fee);
    await this.#post(key, 'settlement', [
      { kind: 'unattributed', sompi: -total },
      { kind: 'pool_fee', sompi: fee },
      ...[...parts].map(([address, sompi]) => ({
        kind: 'miner' as const,
        accountId: this.#accounts.get(address)!,
        sompi,
      })),
    ]);
    for (const [address, sompi] of parts) this.earned.set(address, this.earned.get(address)! + sompi);
  }

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
  }
}
