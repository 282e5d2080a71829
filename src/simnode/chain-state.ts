/**
 * What the selected chain has accepted: walks its steps, changes the UTXO set, and can take the last steps
 * back. Pure.
 *
 *   chain block C accepts: the coinbase of its selected parent (of no other block it merges), and every
 *   submitted transaction of its merge set, blue or red, whose inputs still exist. Outputs get C's DAA score.
 *
 * kaspad shows the virtual block's view, which is one block ahead of this one: an output appears here one
 * chain block later.
 */
import type { ChainChange } from './dag.ts';
import type { Mempool } from './mempool.ts';
import type { SimBlock } from './template-maker.ts';
import { outpointKey, type SimTransaction } from './transaction.ts';
import type { Utxo, UtxoDiff, UtxoSet } from './utxo-set.ts';

interface Acceptance {
  readonly diff: UtxoDiff;
  readonly ids: readonly string[];
  readonly transactions: readonly SimTransaction[];
}

/** Steps that can be taken back. A reorganisation deeper than this is refused by the network. */
export const REORG_DEPTH_MAX = 2_000;
/** Chain blocks whose accepted ids are told: more than the blocks that are kept unless somebody asks for many; some megabytes. */
const OLD_IDS_MAX = 20_000;

export class ChainState {
  readonly #utxos: UtxoSet;
  readonly #mempool: Mempool;
  readonly #blockOf: (hash: string) => SimBlock | undefined;
  /**
   * Outputs to these scripts are dropped at once: nobody can spend or ask for the money of the simulated
   * other miners.
   */
  readonly #isForeignScript: (script: string) => boolean;
  readonly #acceptances = new Map<string, Acceptance>();
  /** Of chain blocks that cannot be taken back any more: a node tells of every block that it still has. */
  readonly #oldIds = new Map<string, readonly string[]>();

  constructor(
    utxos: UtxoSet,
    mempool: Mempool,
    blockOf: (hash: string) => SimBlock | undefined,
    isForeignScript: (script: string) => boolean,
  ) {
    this.#utxos = utxos;
    this.#mempool = mempool;
    this.#blockOf = blockOf;
    this.#isForeignScript = isForeignScript;
  }

  /** Ids in the order of acceptance, the coinbase first. */
  acceptedIds(chainBlock: string): readonly string[] {
    return this.#acceptances.get(chainBlock)?.ids ?? this.#oldIds.get(chainBlock) ?? [];
  }

  /** Returns what changed on balance. */
  follow(change: ChainChange<SimBlock>): UtxoDiff {
    const added = new Map<string, Utxo>();
    const removed = new Map<string, Utxo>();
    const note = (diff: UtxoDiff): void => {
      for (const utxo of diff.removed) if (!added.delete(keyOf(utxo))) removed.set(keyOf(utxo), utxo);
      for (const utxo of diff.added) {
        const before = removed.get(keyOf(utxo));
        // The same outpoint with another DAA score is a change that a wallet must hear of.
        if (before?.blockDaaScore === utxo.blockDaaScore) removed.delete(keyOf(utxo));
        else added.set(keyOf(utxo), utxo);
      }
    };
    for (const block of change.removed) {
      const acceptance = this.#acceptances.get(block.hash);
      if (!acceptance) continue;
      this.#acceptances.delete(block.hash);
      this.#utxos.revert(acceptance.diff);
      for (const tx of acceptance.transactions) this.#mempool.holdAgain(tx);
      note({ added: acceptance.diff.removed, removed: acceptance.diff.added });
    }
    for (const block of change.added) note(this.#accept(block));
    return { added: [...added.values()], removed: [...removed.values()] };
  }

  #accept(block: SimBlock): UtxoDiff {
    const diff: UtxoDiff = { added: [], removed: [] };
    const ids: string[] = [];
    const transactions: SimTransaction[] = [];
    const coinbase = this.#blockOf(block.selectedParent)?.coinbase;
    if (coinbase) {
      ids.push(coinbase.id);
      diff.added.push(...this.#outputsOf(coinbase, block.daaScore, true));
    }
    for (const hash of [...block.blues, ...block.reds]) {
      for (const tx of this.#blockOf(hash)?.carried ?? []) {
        if (ids.includes(tx.id) || !this.#spend(tx, diff)) continue;
        ids.push(tx.id);
        transactions.push(tx);
        diff.added.push(...this.#outputsOf(tx, block.daaScore, false));
        this.#mempool.release(tx);
      }
    }
    this.#utxos.apply(diff);
    this.#acceptances.set(block.hash, { diff, ids, transactions });
    if (this.#acceptances.size > REORG_DEPTH_MAX) this.#growOld();
    return diff;
  }

  #growOld(): void {
    const [hash, { ids }] = this.#acceptances.entries().next().value!;
    this.#acceptances.delete(hash);
    this.#oldIds.set(hash, ids);
    if (this.#oldIds.size > OLD_IDS_MAX) this.#oldIds.delete(this.#oldIds.keys().next().value!);
  }

  /**
   * All inputs or none. What the same chain block has just made may be spent too, after a reorganisation that
   * merges much at once.
   */
  #spend(tx: SimTransaction, diff: UtxoDiff): boolean {
    const keys = tx.inputs.map((input) => outpointKey(input.transactionId, input.index));
    const gone = new Set(diff.removed.map(keyOf));
    const fresh = new Map(diff.added.map((utxo) => [keyOf(utxo), utxo]));
    if (!keys.every((key) => fresh.has(key) || (this.#utxos.get(key) && !gone.has(key)))) return false;
    for (const key of keys) {
      const utxo = fresh.get(key);
      if (utxo) diff.added.splice(diff.added.indexOf(utxo), 1);
      else diff.removed.push(this.#utxos.get(key)!);
    }
    return true;
  }

  #outputsOf(tx: SimTransaction, blockDaaScore: number, isCoinbase: boolean): Utxo[] {
    return tx.outputs
      .map((output, index) => ({
        transactionId: tx.id,
        index,
        valueSompi: output.valueSompi,
        scriptVersion: output.scriptVersion,
        script: output.script,
        blockDaaScore,
        isCoinbase,
      }))
      .filter((utxo) => !this.#isForeignScript(utxo.script));
  }
}

function keyOf(utxo: Utxo): string {
  return outpointKey(utxo.transactionId, utxo.index);
}
