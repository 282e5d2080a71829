/**
 * Which outputs of which coinbases are for a block of ours. In flow a block's hash and a node's answers, out flow outpoints. What it
 * says is a fact about those coinbases and stays true whatever chain wins: whether an output exists is told by the UTXO set alone.
 *
 *   B ours, C the chain block that merged it                         C's coinbase      output i      = B, i = B's place among C's blues
 *   B a chain block that merged reds                                 B's own coinbase  last output   = the reds' rewards
 *
 * The id of a coinbase comes from the node: computing it takes rules that change with the transaction's version.
 */
import { coinbaseOutputs, type FateSource, findBlockFate } from './block-fate.ts';
import type { WireBlock } from './wire.ts';

export interface RewardOrigin {
  readonly transactionId: string;
  readonly index: number;
  readonly amountSompi: bigint;
  /** `blue`: for the block itself. `reds`: for the red blocks that it merged. */
  readonly origin: 'blue' | 'reds';
  /** The block whose coinbase it is. */
  readonly coinbaseBlock: string;
}

/** @param payScript hex of the treasury's script; outputs to others are not ours, whatever their place */
export async function findRewardOrigins(
  source: FateSource,
  hash: string,
  payScript: string,
): Promise<readonly RewardOrigin[]> {
  const { colour, mergingBlockHash } = await findBlockFate(source, hash, payScript);
  if (colour !== 'blue' || mergingBlockHash === '') return [];
  const [merging, own] = await Promise.all([source.block(mergingBlockHash, true), source.block(hash, true)]);
  const place = merging?.verboseData?.mergeSetBluesHashes.indexOf(hash) ?? -1;
  const forReds = own?.verboseData?.mergeSetRedsHashes.length
    ? own.verboseData.mergeSetBluesHashes.length
    : -1;
  return [
    ...originAt(merging, place, 'blue', mergingBlockHash, payScript),
    ...originAt(own, forReds, 'reds', hash, payScript),
  ];
}

function originAt(
  block: WireBlock | undefined,
  index: number,
  origin: RewardOrigin['origin'],
  coinbaseBlock: string,
  payScript: string,
): RewardOrigin[] {
  const verbose = block?.verboseData;
  if (!block || !verbose || index < 0) return [];
  const outputs = coinbaseOutputs(block);
  // A blue that earned nothing has no output, and then no place is sure: better nobody's than somebody else's.
  const paid = verbose.mergeSetBluesHashes.length + (verbose.mergeSetRedsHashes.length > 0 ? 1 : 0);
  const transactionId = verbose.transactionIds[0];
  const output = outputs[index];
  if (outputs.length !== paid || transactionId === undefined || output?.script !== payScript) return [];
  return [{ transactionId, index, amountSompi: output.amount, origin, coinbaseBlock }];
}
