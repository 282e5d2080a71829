/**
 * The network of the simulation: the true chain, and several nodes that follow it late, each with a mempool of its own. In flow
 * transactions and time, out flow blocks. It decides by the seed what a real network decides by itself: who mines what and when, what is
 * forgotten, what a reorganisation takes back and whether that comes again.
 */
import type { SeededRandom } from '../../../src/simnode/random.ts';
import { type ModelBlock, type ModelOutput, type ModelTransaction, Replica } from './model-chain.ts';

export interface NetworkTerms {
  readonly nodes: number;
  readonly maturityDaa: number;
  /** Deeper ones do not happen; confirmations must be deeper. */
  readonly reorgDepthMax: number;
  readonly rewardAddress: string;
}

/** Chances, per block unless said otherwise; all 0 in calm weather, but for the mining itself. */
export interface NetworkWeather {
  readonly reorg: number;
  /** That a mempool forgets a transaction. */
  readonly forget: number;
  /** That a block takes a transaction which it could take. */
  readonly mine: number;
  /** That a node hears of a transaction from another one. */
  readonly relay: number;
  /** That a node follows the true chain to its tip; else it stays where it is. */
  readonly follow: number;
  /** That a transaction of a block that was taken back finds its way into the mempools again. */
  readonly returnAfterReorg: number;
}

export const CALM_NETWORK: NetworkWeather = {
  reorg: 0,
  forget: 0,
  mine: 0.9,
  relay: 1,
  follow: 1,
  returnAfterReorg: 1,
};

export type SubmitVerdict =
  | 'accepted'
  | 'in mempool'
  | 'mined already'
  | 'double spend'
  | 'missing'
  | 'immature';

export class ModelNode {
  readonly replica: Replica;
  readonly mempool = new Map<string, ModelTransaction>();
  readonly #spentBy = new Map<string, string>();

  constructor(genesis: ModelBlock, maturityDaa: number) {
    this.replica = new Replica(genesis, maturityDaa);
  }

  submit(tx: ModelTransaction): SubmitVerdict {
    if (this.mempool.has(tx.txid)) return 'in mempool';
    const fault = this.replica.faultOf(tx, this.replica.tip.daaScore + 1);
    if (fault) return fault === 'accepted already' ? 'mined already' : fault;
    if (tx.inputs.some((input) => this.#spentBy.has(input))) return 'double spend';
    this.mempool.set(tx.txid, tx);
    for (const input of tx.inputs) this.#spentBy.set(input, tx.txid);
    return 'accepted';
  }

  forget(txid: string): void {
    const tx = this.mempool.get(txid);
    if (!tx) return;
    this.mempool.delete(txid);
    for (const input of tx.inputs) this.#spentBy.delete(input);
  }

  /** Goes to that block; gives back what only the old branch had accepted. */
  follow(block: ModelBlock): ModelTransaction[] {
    if (block === this.replica.tip) return [];
    const step = this.replica.moveTo(block);
    const gone = step.removed.flatMap((one) => one.accepted.filter((tx) => !tx.coinbase));
    // What the new branch has accepted or made impossible leaves the mempool.
    for (const tx of [...this.mempool.values()]) {
      if (this.replica.faultOf(tx, Infinity)) this.forget(tx.txid);
    }
    return gone.filter((tx) => !this.replica.acceptedIn.has(tx.txid));
  }
}

export class ModelNetwork {
  readonly truth: Replica;
  readonly nodes: readonly ModelNode[];
  weather: NetworkWeather = CALM_NETWORK;
  reorgs = 0;
  deepestReorg = 0;
  drops = 0;
  timeoutsAfterSuccess = 0;
  readonly blocks = new Map<string, ModelBlock>();
  readonly #random: SeededRandom;
  readonly #terms: NetworkTerms;
  #made = 0;
  /** Outputs that the next block's coinbase will have. */
  #due: ModelOutput[] = [];
  readonly genesis: ModelBlock;

  constructor(random: SeededRandom, terms: NetworkTerms) {
    this.#random = random;
    this.#terms = terms;
    this.genesis = { hash: this.#newId(), parent: undefined, height: 0, daaScore: 0, accepted: [] };
    this.blocks.set(this.genesis.hash, this.genesis);
    this.truth = new Replica(this.genesis, terms.maturityDaa);
    this.nodes = Array.from({ length: terms.nodes }, () => new ModelNode(this.genesis, terms.maturityDaa));
  }

  /** A block of ours was found: the next chain block pays for it. */
  payReward(sompi: bigint): void {
    this.#due.push({ address: this.#terms.rewardAddress, sompi });
  }

  /** Somebody sends us money. */
  deposit(sompi: bigint): void {
    const coin: ModelTransaction = {
      txid: this.#newId(),
      inputs: [],
      outputs: [{ address: this.#terms.rewardAddress, sompi }],
      coinbase: false,
    };
    for (const node of this.nodes) node.mempool.set(coin.txid, coin);
  }

  /** Another wallet with the treasury's key sends an output from the treasury to the treasury. Some nodes hear of it first. */
  spendElsewhere(outpoint: string, sompi: bigint): string {
    const outputs = [{ address: this.#terms.rewardAddress, sompi }];
    const tx: ModelTransaction = { txid: this.#newId(), inputs: [outpoint], outputs, coinbase: false };
    for (const node of this.nodes) if (this.#random.chance(0.6)) node.submit(tx);
    return tx.txid;
  }

  /** A second passes on the chain. */
  step(): void {
    const random = this.#random;
    if (random.chance(this.weather.reorg)) this.#reorganise();
    else this.#extend(this.truth.tip);
    for (const node of this.nodes) {
      if (random.chance(this.weather.follow)) this.#handBack(node.follow(this.truth.tip));
    }
    this.#gossip();
  }

  #extend(parent: ModelBlock): void {
    const daaScore = parent.daaScore + 1 + this.#random.below(2);
    const accepted: ModelTransaction[] = [];
    if (this.#due.length > 0) {
      accepted.push({ txid: this.#newId(), inputs: [], outputs: this.#due, coinbase: true });
      this.#due = [];
    }
    const spent = new Set<string>();
    // The miner of this block is one of the nodes; another may hold other transactions.
    const miner = this.nodes[this.#random.below(this.nodes.length)]!;
    for (const tx of miner.mempool.values()) {
      if (!this.#random.chance(this.weather.mine)) continue;
      if (this.truth.faultOf(tx, daaScore) || tx.inputs.some((input) => spent.has(input))) continue;
      accepted.push(tx);
      for (const input of tx.inputs) spent.add(input);
    }
    const block = { hash: this.#newId(), parent, height: parent.height + 1, daaScore, accepted };
    this.blocks.set(block.hash, block);
    this.truth.moveTo(block);
  }

  /** Takes 1 to 200 blocks back; the new branch is longer. Small ones are usual, deep ones are not rare here. */
  #reorganise(): void {
    const random = this.#random;
    const old = this.truth.tip;
    const limit = Math.min(this.#terms.reorgDepthMax, old.height);
    if (limit < 1) return;
    const depth = 1 + (random.chance(0.8) ? random.below(Math.min(8, limit)) : random.below(limit));
    let fork = old;
    for (let i = 0; i < depth; i++) fork = fork.parent!;
    const removed = this.truth.moveTo(fork).removed;
    this.reorgs++;
    this.deepestReorg = Math.max(this.deepestReorg, depth);
    // Rewards of the old branch are paid by the new one in blocks of its own, under other outpoints, or not at all.
    for (const block of removed) {
      for (const coin of block.accepted.filter((tx) => tx.coinbase)) {
        if (random.chance(0.5)) this.#due.push(...coin.outputs);
      }
    }
    const taken = removed.toReversed().flatMap((block) => block.accepted.filter((tx) => !tx.coinbase));
    for (let i = 0; i <= depth; i++) this.#extend(this.truth.tip);
    this.#handBack(taken.filter((tx) => !this.truth.acceptedIn.has(tx.txid)));
  }

  #handBack(transactions: readonly ModelTransaction[]): void {
    for (const tx of transactions) {
      // Money from elsewhere always comes again: the world's books count on it.
      const returns = tx.inputs.length === 0 || this.#random.chance(this.weather.returnAfterReorg);
      if (!returns) this.drops++;
      for (const node of this.nodes) if (returns) node.submit(tx);
    }
  }

  #gossip(): void {
    const random = this.#random;
    for (const node of this.nodes) {
      for (const tx of [...node.mempool.values()]) {
        if (tx.inputs.length > 0 && random.chance(this.weather.forget)) {
          node.forget(tx.txid);
          this.drops++;
          continue;
        }
        for (const other of this.nodes) {
          if (other !== node && random.chance(this.weather.relay)) other.submit(tx);
        }
      }
    }
  }

  #newId(): string {
    return (++this.#made).toString(16).padStart(64, '0');
  }
}
