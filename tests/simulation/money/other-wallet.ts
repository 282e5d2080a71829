/**
 * Another wallet with the treasury's key, and the person who puts the books right after it. It should not be; it happens; and nobody may
 * be paid twice for it, nor lose what is his.
 */

import { outpointKey } from '../../../src/payout/plan.ts';
import type { SeededRandom } from '../../../src/simnode/random.ts';
import { type MemoryBooks, MemoryPayoutStore } from '../../kit/memory-payout-store.ts';
import type { ModelNetwork } from './model-network.ts';

export interface OtherWalletParts {
  readonly random: SeededRandom;
  readonly network: ModelNetwork;
  readonly books: MemoryBooks;
  readonly treasuryAddress: string;
  /** So deep, a person believes it. */
  readonly mendDaa: number;
  readonly note: (what: string) => void;
}

export class OtherWallet {
  readonly #parts: OtherWalletParts;
  /** Txid -> the output that it spends. */
  readonly #spends = new Map<string, string>();

  constructor(parts: OtherWalletParts) {
    this.#parts = parts;
  }

  spendOne(): void {
    const { random, network, books, treasuryAddress, note } = this.#parts;
    const { truth } = network;
    const mature = [...truth.utxos.values()].filter(
      ({ address, coinbase, daaScore, outpoint }) =>
        address === treasuryAddress &&
        books.outputs.has(outpoint) &&
        (!coinbase || daaScore + truth.maturityDaa <= truth.tip.daaScore),
    );
    const chosen = mature[random.below(mature.length)];
    if (!chosen) return;
    this.#spends.set(network.spendElsewhere(chosen.outpoint, chosen.sompi), chosen.outpoint);
    note(`another wallet spends ${chosen.outpoint.slice(-12)}`);
  }

  /** What a person does, output by output: cancel what was never sent, wait for what was, then book what the wallet did. */
  mend(): void {
    const { network, books, mendDaa, note } = this.#parts;
    for (const [txid, outpoint] of this.#spends) {
      const block = network.truth.acceptedIn.get(txid);
      if (!block || network.truth.tip.daaScore - block.daaScore < mendDaa) continue;
      const holder = books.payouts.find(
        ({ state, plan }) =>
          state !== 'CANCELLED' &&
          state !== 'CONFLICTED' &&
          plan.inputs.some((input) => outpointKey(input) === outpoint),
      );
      if (holder?.state === 'PLANNED' || holder?.state === 'SIGNED') {
        note(`a person cancels payout ${holder.id}`);
        void new MemoryPayoutStore(books, books.epoch).cancel(holder.id, 'its input is gone');
      } else if (!holder) this.#book(txid, outpoint, block.daaScore);
    }
  }

  #book(txid: string, outpoint: string, daaScore: number): void {
    const { books, note } = this.#parts;
    const spent = books.outputs.get(outpoint);
    if (!spent) return;
    spent.spentBy = txid;
    const made = {
      txid,
      index: 0,
      amountSompi: spent.amountSompi,
      isCoinbase: false,
      daaScore: BigInt(daaScore),
    };
    books.outputs.set(outpointKey(made), { ...made, spentBy: undefined });
    this.#spends.delete(txid);
    note(`a person books what ${txid.slice(-6)} did`);
  }
}
