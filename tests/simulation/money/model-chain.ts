/**
 * The chain of the simulation: a tree of chain blocks, and replicas that follow one branch of it. In flow transactions, out flow
 * blocks, unspent outputs and what became of a transaction. It must hold to two rules whatever is asked of it: an output is spent
 * once on a branch, and a coinbase output not before it is mature.
 *
 *   genesis <- b1 <- b2 <- b3 <- b4          truth's tip; a replica may still stand on b2, or on the branch below
 *                     \ <- c3 <- c4 <- c5    a reorganisation moves the tip to c5: b3, b4 are taken back, with all they accepted
 *
 * Merged blocks, colours and proof of work are left to the simulated node (src/simnode): here a block accepts transactions, no more.
 */

export interface ModelOutput {
  readonly address: string;
  readonly sompi: bigint;
}

export interface ModelTransaction {
  readonly txid: string;
  /** Outpoints, `txid:index`. */
  readonly inputs: readonly string[];
  readonly outputs: readonly ModelOutput[];
  readonly coinbase: boolean;
}

export interface ModelUtxo extends ModelOutput {
  readonly outpoint: string;
  readonly txid: string;
  readonly index: number;
  readonly daaScore: number;
  readonly coinbase: boolean;
}

export interface ModelBlock {
  readonly hash: string;
  readonly parent: ModelBlock | undefined;
  readonly height: number;
  readonly daaScore: number;
  readonly accepted: readonly ModelTransaction[];
}

export interface ChainStep {
  /** Newest first. */
  readonly removed: readonly ModelBlock[];
  /** Oldest first. */
  readonly added: readonly ModelBlock[];
}

export function pathBetween(from: ModelBlock, to: ModelBlock): ChainStep {
  const removed: ModelBlock[] = [];
  const added: ModelBlock[] = [];
  let old = from;
  let next = to;
  while (old !== next) {
    if (old.height >= next.height) {
      removed.push(old);
      old = old.parent!;
    } else {
      added.push(next);
      next = next.parent!;
    }
  }
  return { removed, added: added.reverse() };
}

/** One branch with its unspent outputs. */
export class Replica {
  readonly maturityDaa: number;
  readonly utxos = new Map<string, ModelUtxo>();
  /** Txid -> the chain block of this branch that accepted it. */
  readonly acceptedIn = new Map<string, ModelBlock>();
  /** Outpoint -> txid of the transaction of this branch that spent it. */
  readonly spenderOf = new Map<string, string>();
  #tip: ModelBlock;
  readonly #spentBy = new Map<ModelBlock, readonly ModelUtxo[]>();

  constructor(genesis: ModelBlock, maturityDaa: number) {
    this.#tip = genesis;
    this.maturityDaa = maturityDaa;
  }

  get tip(): ModelBlock {
    return this.#tip;
  }

  moveTo(block: ModelBlock): ChainStep {
    const step = pathBetween(this.#tip, block);
    for (const old of step.removed) this.#revert(old);
    for (const next of step.added) this.#apply(next);
    this.#tip = block;
    return step;
  }

  /** Why the branch's next block cannot accept it; undefined when it can. */
  faultOf(tx: ModelTransaction, atDaaScore: number): 'accepted already' | 'missing' | 'immature' | undefined {
    if (this.acceptedIn.has(tx.txid)) return 'accepted already';
    for (const input of tx.inputs) {
      const utxo = this.utxos.get(input);
      if (!utxo) return 'missing';
      if (utxo.coinbase && utxo.daaScore + this.maturityDaa > atDaaScore) return 'immature';
    }
    return undefined;
  }

  isOnBranch(block: ModelBlock): boolean {
    let at: ModelBlock | undefined = this.#tip;
    while (at && at.height > block.height) at = at.parent;
    return at === block;
  }

  #apply(block: ModelBlock): void {
    const spent: ModelUtxo[] = [];
    for (const tx of block.accepted) {
      for (const input of tx.inputs) {
        const utxo = this.utxos.get(input);
        if (!utxo)
          throw new Error(`block ${block.hash} spends ${input}, which does not exist: the model is wrong`);
        spent.push(utxo);
        this.utxos.delete(input);
        this.spenderOf.set(input, tx.txid);
      }
      this.acceptedIn.set(tx.txid, block);
      tx.outputs.forEach((output, index) => {
        const outpoint = `${tx.txid}:${index}`;
        const made = {
          ...output,
          outpoint,
          txid: tx.txid,
          index,
          daaScore: block.daaScore,
          coinbase: tx.coinbase,
        };
        this.utxos.set(outpoint, made);
      });
    }
    if (spent.length > 0) this.#spentBy.set(block, spent);
  }

  /** What a block both made and spent comes back first and goes with the block's other outputs. */
  #revert(block: ModelBlock): void {
    for (const utxo of this.#spentBy.get(block) ?? []) this.utxos.set(utxo.outpoint, utxo);
    this.#spentBy.delete(block);
    for (const tx of block.accepted) {
      this.acceptedIn.delete(tx.txid);
      for (const input of tx.inputs) this.spenderOf.delete(input);
      for (let index = 0; index < tx.outputs.length; index++) this.utxos.delete(`${tx.txid}:${index}`);
    }
  }
}
