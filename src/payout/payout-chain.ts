/**
 * SEAM: the chain, as payouts see it. In flow signed bytes and questions; out flow scores, outputs, fates.
 *
 * Every question rejects when no node could be asked: not to know is no `unknown`. An answer tells of the selected chain as the
 * asked node sees it now; nothing here is believed for ever but what lies deep enough.
 */
import type { Outpoint } from './plan.ts';

/** An output at the treasury's address, as the chain shows it now. */
export interface ChainOutput extends Outpoint {
  readonly amountSompi: bigint;
  /** Of the chain block that accepted it. */
  readonly daaScore: bigint;
  readonly isCoinbase: boolean;
}

export interface SendAnswer {
  /**
   * taken: a node has it now; known: a node had it or knows it as accepted; refused: all that answered will not have it;
   * unreachable: nobody answered, and it may have arrived all the same.
   */
  readonly outcome: 'taken' | 'known' | 'refused' | 'unreachable';
  /** The nodes' words, '' when taken. */
  readonly reason: string;
}

export type PayoutFate =
  /** Neither in the mempool nor accepted, and no other transaction is known to have spent its inputs. */
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'mempool' }
  /** By a block of the selected chain as of now; `depthDaa`: virtual score - `daaScore`. */
  | {
      readonly kind: 'accepted';
      readonly block: string;
      readonly daaScore: bigint;
      readonly depthDaa: bigint;
    }
  /** Another transaction on the selected chain has spent one of the inputs, so deep. */
  | { readonly kind: 'conflicted'; readonly by: string; readonly depthDaa: bigint };

export interface PayoutChain {
  virtualDaaScore(): Promise<bigint>;
  /** Tip of the selected chain; where to begin to look for the acceptance of what is sent after this. */
  sinkHash(): Promise<string>;
  /** The oldest chain block from which acceptances can be read. */
  oldestBlock(): Promise<string>;
  /** All at the treasury's address, immature ones as well. */
  treasuryOutputs(): Promise<readonly ChainOutput[]>;
  /** Sompi per gram as the node advises. */
  feerate(): Promise<number>;
  /** To every node; never rejects. */
  send(bytes: Uint8Array): Promise<SendAnswer>;
  /**
   * @param chainFrom a chain block of before the first send
   * @param inputs what the transaction spends, to find the one that was quicker
   */
  fateOf(txid: string, chainFrom: string, inputs: readonly Outpoint[]): Promise<PayoutFate>;
}
