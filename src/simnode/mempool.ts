/**
 * Transactions that were submitted and are not in a block yet. Pure.
 *
 * In flows decoded transactions; out flow kaspad's verdicts and the bodies of the next blocks. One
 * transaction holds an outpoint at a time: the first one seen. It stays held while its block waits to be
 * merged, since kaspad's virtual state has spent it by then.
 */

import { outpointKey, type SimTransaction } from './transaction.ts';
import { judgeTransaction, type TransactionPolicy } from './transaction-rules.ts';
import type { Utxo, UtxoSet } from './utxo-set.ts';

export interface MempoolEntry {
  readonly transaction: SimTransaction;
  readonly feeSompi: bigint;
  readonly mass: bigint;
}

export type Submission = { readonly ok: true } | { readonly ok: false; readonly error: string };

/** Ids that are remembered in order to answer "already accepted"; kaspad forgets them too. */
const ACCEPTED_IDS_MAX = 20_000;
/** One kaspad mempool holds a million; a simulated one that nobody mines must stop somewhere sooner. */
const ENTRIES_MAX = 10_000;

export class Mempool {
  readonly #entries = new Map<string, MempoolEntry>();
  /** Outpoint -> id of the transaction that spends it, here or in a block that is not merged yet. */
  readonly #spentBy = new Map<string, string>();
  readonly #acceptedIds = new Set<string>();
  readonly #utxos: UtxoSet;
  readonly #policy: TransactionPolicy;

  constructor(utxos: UtxoSet, policy: TransactionPolicy) {
    this.#utxos = utxos;
    this.#policy = policy;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): MempoolEntry | undefined {
    return this.#entries.get(id);
  }

  submit(tx: SimTransaction, virtualDaaScore: number): Submission {
    if (this.#acceptedIds.has(tx.id))
      return refused(`transaction ${tx.id} was already accepted by the consensus`);
    if (this.#entries.has(tx.id)) return refused(`transaction ${tx.id} is already in the mempool`);
    if (this.#entries.size >= ENTRIES_MAX) {
      return refused(
        "transaction could not be added to the mempool because it's full with transactions with higher priority",
      );
    }
    for (const input of tx.inputs) {
      const spender = this.#spentBy.get(outpointKey(input.transactionId, input.index));
      if (spender === undefined) continue;
      if (!this.#entries.has(spender)) {
        return refused('at least one outpoint of transaction is lacking a matching UTXO entry');
      }
      return refused(
        `output (${input.transactionId}, ${input.index}) already spent by transaction ${spender} in the mempool`,
      );
    }
    const lookup = (key: string): Utxo | undefined => this.#utxos.get(key) ?? this.#unconfirmedOutput(key);
    const judgement = judgeTransaction(tx, lookup, virtualDaaScore, this.#policy);
    if (!judgement.ok) return judgement;
    const computeMass = BigInt(judgement.computeMass);
    const mass = computeMass > judgement.storageMass ? computeMass : judgement.storageMass;
    this.#entries.set(tx.id, { transaction: tx, feeSompi: judgement.feeSompi, mass });
    for (const input of tx.inputs) this.#spentBy.set(outpointKey(input.transactionId, input.index), tx.id);
    return { ok: true };
  }

  /** Oldest first, those whose inputs all exist already: a block may not hold a chain of transactions. */
  selectForBlock(massLimitGrams: bigint): MempoolEntry[] {
    const selected: MempoolEntry[] = [];
    let mass = 0n;
    for (const entry of this.#entries.values()) {
      if (mass + entry.mass > massLimitGrams) continue;
      const confirmed = entry.transaction.inputs.every((input) =>
        this.#utxos.get(outpointKey(input.transactionId, input.index)),
      );
      if (!confirmed) continue;
      selected.push(entry);
      mass += entry.mass;
    }
    return selected;
  }

  /** The block that carries it is in the DAG. Answers the fee when this is the first block to do so. */
  takeIntoBlock(id: string): bigint {
    const entry = this.#entries.get(id);
    if (!entry) return 0n;
    this.#entries.delete(id);
    this.#acceptedIds.add(id);
    if (this.#acceptedIds.size > ACCEPTED_IDS_MAX)
      this.#acceptedIds.delete(this.#acceptedIds.values().next().value!);
    return entry.feeSompi;
  }

  /** A chain block has merged it: the UTXO set knows from now on. */
  release(tx: SimTransaction): void {
    for (const input of tx.inputs) {
      const key = outpointKey(input.transactionId, input.index);
      if (this.#spentBy.get(key) === tx.id) this.#spentBy.delete(key);
    }
  }

  /**
   * A reorganisation has given its outpoints back; it waits for the block that carries it to be merged again.
   */
  holdAgain(tx: SimTransaction): void {
    for (const input of tx.inputs) this.#spentBy.set(outpointKey(input.transactionId, input.index), tx.id);
  }

  #unconfirmedOutput(key: string): Utxo | undefined {
    const [id, index] = key.split(':');
    const output = this.#entries.get(id!)?.transaction.outputs[Number(index)];
    if (!output) return undefined;
    return {
      transactionId: id!,
      index: Number(index),
      valueSompi: output.valueSompi,
      scriptVersion: output.scriptVersion,
      script: output.script,
      // kaspad's marker for "not in any block yet" is the highest score there is.
      blockDaaScore: Number.MAX_SAFE_INTEGER,
      isCoinbase: false,
    };
  }
}

function refused(error: string): Submission {
  return { ok: false, error };
}
