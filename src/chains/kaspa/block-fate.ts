/**
 * What became of a block: paid (merged blue), not paid (merged red), or not decided yet.
 *
 * In flow a block hash and a node's answers; out flows a BlockFate. It must never call a block blue because it was found, or
 * because the node accepted it: only the chain block that merges it pays, in that block's own coinbase.
 *
 *      S <--- C1 <--- C2 <--- C3 (sink)        chain blocks; each merges what no earlier one had in its past
 *       \            /
 *        `--- B <---'                          B is in C2's merge set: blue -> output i of C2's coinbase is B's reward,
 *                                              i = B's place among C2's blues; red -> nothing for B
 *
 * Three ways to learn it, newest node first: the reward info (2.0), the colour (0.15), and a walk over the chain blocks after
 * S, the nearest chain ancestor of B. The colour alone lacks the merging block, so the walk follows it.
 */
import type { BlockColour, BlockFate } from '../chain.ts';
import { decodeWireTransaction, type WireBlock } from './wire.ts';

export const UNKNOWN_FATE: BlockFate = {
  colour: 'unknown',
  mergingBlockHash: '',
  confirmations: 0,
  reward: undefined,
};

/** Blocks merge within seconds, which is tens of chain blocks; behind this we leave it for the next time we are asked. */
const WALK_MAX_BLOCKS = 300;

/** What this file asks of a node. `undefined` = the node cannot say: it does not know the block, or not the question. */
export interface FateSource {
  rewardInfo(hash: string): Promise<BlockFate | undefined>;
  /** `null` when this node does not know the question at all. */
  colour(hash: string): Promise<BlockColour | null>;
  block(hash: string, withTransactions: boolean): Promise<WireBlock | undefined>;
  chainFrom(hash: string): Promise<readonly string[]>;
  sinkBlueScore(): Promise<bigint>;
}

export async function findBlockFate(source: FateSource, hash: string, payScript: string): Promise<BlockFate> {
  const told = await source.rewardInfo(hash);
  if (told) return told;
  const colour = await source.colour(hash);
  if (colour === 'unknown') return UNKNOWN_FATE;
  const merger = await findMerger(source, hash);
  // The colour is the node's word; a walk that found nothing only lacks the details.
  if (!merger) return colour ? { ...UNKNOWN_FATE, colour } : UNKNOWN_FATE;
  const { hash: mergingBlockHash, blueScore } = merger;
  const confirmations = Math.max(0, Number((await source.sinkBlueScore()) - blueScore));
  const reward =
    merger.colour === 'blue' ? await rewardOf(source, hash, mergingBlockHash, payScript) : undefined;
  return { colour: merger.colour, mergingBlockHash, confirmations, reward };
}

interface Merger {
  readonly hash: string;
  readonly colour: 'blue' | 'red';
  readonly blueScore: bigint;
}

async function findMerger(source: FateSource, hash: string): Promise<Merger | undefined> {
  const start = await nearestChainBlock(source, hash);
  if (start === undefined) return undefined;
  const chain = await source.chainFrom(start);
  for (const chainHash of chain.slice(0, WALK_MAX_BLOCKS)) {
    const verbose = (await source.block(chainHash, false))?.verboseData;
    if (!verbose) return undefined;
    const blueScore = BigInt(verbose.blueScore);
    if (verbose.mergeSetBluesHashes.includes(hash)) return { hash: chainHash, colour: 'blue', blueScore };
    if (verbose.mergeSetRedsHashes.includes(hash)) return { hash: chainHash, colour: 'red', blueScore };
  }
  return undefined;
}

async function nearestChainBlock(source: FateSource, hash: string): Promise<string | undefined> {
  let at = hash;
  for (let steps = 0; steps < WALK_MAX_BLOCKS; steps++) {
    const verbose = (await source.block(at, false))?.verboseData;
    if (!verbose) return undefined;
    if (verbose.isChainBlock) return at;
    at = verbose.selectedParentHash;
  }
  return undefined;
}

/**
 * The output for our block in the merging coinbase and, when ours is a chain block that merged reds, the output that its own
 * coinbase has for them. Undefined when the outputs do not fit the rule above or do not pay us: the ledger goes by outpoints
 * of the treasury anyway, a guess here would only mislead.
 */
async function rewardOf(
  source: FateSource,
  hash: string,
  merger: string,
  payScript: string,
): Promise<bigint | undefined> {
  const merging = await source.block(merger, true);
  const index = merging?.verboseData?.mergeSetBluesHashes.indexOf(hash) ?? -1;
  const output = merging && coinbaseOutputs(merging)[index];
  if (!output || output.script !== payScript) return undefined;
  return output.amount + (await redRewardOf(source, hash, payScript));
}

async function redRewardOf(source: FateSource, hash: string, payScript: string): Promise<bigint> {
  const own = await source.block(hash, true);
  const verbose = own?.verboseData;
  if (!own || !verbose?.isChainBlock || verbose.mergeSetRedsHashes.length === 0) return 0n;
  const forReds = coinbaseOutputs(own)[verbose.mergeSetBluesHashes.length];
  return forReds?.script === payScript ? forReds.amount : 0n;
}

export function coinbaseOutputs(block: WireBlock): { amount: bigint; script: string }[] {
  const coinbase = block.transactions[0];
  if (!coinbase) return [];
  return decodeWireTransaction(coinbase).outputs.map((output) => ({
    amount: BigInt(output.amount),
    script: output.scriptPublicKey?.scriptPublicKey ?? '',
  }));
}
