/**
 * Unspent outputs at the sink, with an index by script. Pure.
 *
 * Every chain block that is accepted gives a diff; the diffs of the last blocks are kept by the network so
 * that a reorganisation can take them back. It must never hold more than `capacity` entries: a node that runs
 * for weeks with nobody spending would grow for ever, so the oldest are forgotten then, and counted.
 */
import { outpointKey } from './transaction.ts';

export interface Utxo {
  readonly transactionId: string;
  readonly index: number;
  readonly valueSompi: bigint;
  readonly scriptVersion: number;
  readonly script: string;
  readonly blockDaaScore: number;
  readonly isCoinbase: boolean;
}

export interface UtxoDiff {
  readonly added: Utxo[];
  readonly removed: Utxo[];
}

export class UtxoSet {
  readonly #entries = new Map<string, Utxo>();
  readonly #byScript = new Map<string, Set<string>>();
  readonly #capacity: number;
  #forgotten = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Entries that had to go because the set was full. */
  get forgotten(): number {
    return this.#forgotten;
  }

  get(key: string): Utxo | undefined {
    return this.#entries.get(key);
  }

  ofScript(script: string): Utxo[] {
    return [...(this.#byScript.get(script) ?? [])].map((key) => this.#entries.get(key)!);
  }

  apply(diff: UtxoDiff): void {
    for (const utxo of diff.removed) this.#remove(utxo);
    for (const utxo of diff.added) this.#add(utxo);
    while (this.#entries.size > this.#capacity) {
      this.#remove(this.#entries.values().next().value!);
      this.#forgotten++;
    }
  }

  revert(diff: UtxoDiff): void {
    this.apply({ added: diff.removed, removed: diff.added });
  }

  #add(utxo: Utxo): void {
    const key = outpointKey(utxo.transactionId, utxo.index);
    this.#entries.set(key, utxo);
    const ofScript = this.#byScript.get(utxo.script);
    if (ofScript) ofScript.add(key);
    else this.#byScript.set(utxo.script, new Set([key]));
  }

  #remove(utxo: Utxo): void {
    const key = outpointKey(utxo.transactionId, utxo.index);
    this.#entries.delete(key);
    const ofScript = this.#byScript.get(utxo.script);
    ofScript?.delete(key);
    if (ofScript?.size === 0) this.#byScript.delete(utxo.script);
  }
}
