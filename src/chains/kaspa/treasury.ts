/**
 * The money side of the chain: what the pool owns on it, and sending signed transactions.
 *
 * In flow addresses and signed bytes; out flow UTXOs, scores, fee rates and transaction ids. It must never sign, choose or
 * change anything: the payer stores the bytes first and may hand in the very same ones again.
 */
import { EdgeError } from '../../kit/edge-error.ts';
import type { FeeEstimate, TreasuryUtxo } from './money.ts';
import type { NodeLink } from './node-link.ts';
import { findRewardOrigins, type RewardOrigin } from './reward-origin.ts';

export type { FeeEstimate, TreasuryUtxo } from './money.ts';

export interface KaspaTreasury {
  /** Of these addresses; the node needs `--utxoindex`. */
  utxos(addresses: readonly string[]): Promise<readonly TreasuryUtxo[]>;
  /** Fresh from a node: maturity is counted in it. */
  virtualDaaScore(): Promise<bigint>;
  feeEstimate(): Promise<FeeEstimate>;
  /** Outputs of coinbases to this script that are for a block of ours; none while nothing has merged it. */
  rewardOrigins(blockHash: string, payScript: string): Promise<readonly RewardOrigin[]>;
  /** Resolves with the transaction's id; rejects with SLUICE_NODE_REFUSED and the node's words when it will not have it. */
  submitTransaction(transaction: Uint8Array): Promise<string>;
}

export class NodeTreasury implements KaspaTreasury {
  readonly #links: () => readonly NodeLink[];

  /** `links`: the nodes as of now, best first. */
  constructor(links: () => readonly NodeLink[]) {
    this.#links = links;
  }

  utxos(addresses: readonly string[]): Promise<readonly TreasuryUtxo[]> {
    return this.#firstAnswer((link) => link.utxosOf(addresses));
  }

  virtualDaaScore(): Promise<bigint> {
    return this.#firstAnswer(async (link) => (await link.refreshInfo()).virtualDaaScore);
  }

  feeEstimate(): Promise<FeeEstimate> {
    return this.#firstAnswer((link) => link.feeEstimate());
  }

  /** From one node after another until one knows the block: a node that was set up a day ago has not seen all of them. */
  async rewardOrigins(blockHash: string, payScript: string): Promise<readonly RewardOrigin[]> {
    return this.#firstAnswer(
      (link) => findRewardOrigins(link, blockHash, payScript),
      (found) => found.length > 0,
    );
  }

  submitTransaction(transaction: Uint8Array): Promise<string> {
    return this.#firstAnswer((link) => link.submitTransaction(transaction));
  }

  /** The next node is asked only when one could not be reached, or its answer will not do: a refusal is an answer. */
  async #firstAnswer<T>(
    ask: (link: NodeLink) => Promise<T>,
    willDo: (answer: T) => boolean = () => true,
  ): Promise<T> {
    let last: unknown;
    let weak: { answer: T } | undefined;
    for (const link of this.#links()) {
      if (!link.connected) continue;
      try {
        const answer = await ask(link);
        if (willDo(answer)) return answer;
        weak ??= { answer };
      } catch (error) {
        if (error instanceof EdgeError && !/_(UNREACHABLE|TIMEOUT)$/.test(error.code)) throw error;
        last = error;
      }
    }
    if (weak) return weak.answer;
    throw new EdgeError(
      'SLUICE_NO_NODE',
      'no Kaspa node could be asked',
      'Look at the state of the nodes.',
      last,
    );
  }
}
