/**
 * What a block is worth and how hard it is, read off the last chain blocks. In flow blocks with their coinbases, out flow compact
 * target, subsidy, and the mean of the fees. It must never compute a subsidy by a table of its own: the payload of a coinbase tells it.
 *
 *   coinbase of C pays for every block that C merged: subsidy + fees each  ->  fees = (sum of outputs - subsidy x merged) / merged
 */
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import type { NodeLink } from './node-link.ts';
import { decodeWireHeader, decodeWireTransaction, type WireBlock } from './wire.ts';

export interface NetworkWorth {
  readonly networkBits: number;
  readonly subsidySompi: bigint;
  readonly feesSompi: bigint;
}

interface BlockSource {
  sinkHash(): Promise<string>;
  block(hash: string, withTransactions: boolean): Promise<WireBlock | undefined>;
}

/** At ten blocks a second one block's fees are chance; so many chain blocks stand for some seconds of the network. */
const CHAIN_BLOCKS = 20;
/** Payload of a coinbase: blue score u64 | subsidy u64 | ... */
const SUBSIDY_OFFSET = 8;
const MEDIANS_MAX = 4n;
const SUBSIDY_PART_MIN = 100n;

export class NodeNetwork {
  readonly #links: () => readonly NodeLink[];
  readonly #allowUnsynced: boolean;

  /** `links`: the nodes as of now, best first. */
  constructor(links: () => readonly NodeLink[], allowUnsynced = false) {
    this.#links = links;
    this.#allowUnsynced = allowUnsynced;
  }

  async networkFacts(): Promise<NetworkWorth> {
    let last: unknown;
    for (const link of this.#links()) {
      if (!link.connected) continue;
      try {
        // A node that is still catching up tells of a network of years ago, and of a difficulty that would make every share worth
        // a thousand blocks. What it says would be written down for ever.
        if (!this.#allowUnsynced && !(await link.refreshInfo()).synced)
          throw new EdgeError('SLUICE_NODE_BEHIND', `${link.name} is not synced`);
        return await worthOfBlocks(link);
      } catch (error) {
        last = error;
      }
    }
    throw new EdgeError(
      'SLUICE_NO_NODE',
      `no Kaspa node could tell what a block is worth${last ? `: ${messageOf(last)}` : ''}`,
      'Look at the state of the nodes.',
      last,
    );
  }
}

/** Exported for tests that bring blocks of their own. */
export async function worthOfBlocks(source: BlockSource): Promise<NetworkWorth> {
  const sink = await blockOf(source, await source.sinkHash());
  const { bits } = decodeWireHeader(sink.header);
  const subsidySompi = coinbaseOf(sink).subsidySompi;
  const chain: MergedFees[] = [];
  let block = sink;
  for (let steps = 0; steps < CHAIN_BLOCKS; steps++) {
    const { mergeSetBluesHashes, mergeSetRedsHashes, selectedParentHash } = block.verboseData!;
    const count = BigInt(mergeSetBluesHashes.length + mergeSetRedsHashes.length);
    const extra = coinbaseOf(block).paidSompi - subsidySompi * count;
    // Below nothing: a block of the month before, or genesis, which earns nothing, is among the merged.
    chain.push({ merged: count, feesSompi: extra > 0n ? extra : 0n });
    const parent = await source.block(selectedParentHash, true);
    // Genesis and what is pruned have no coinbase that could be read.
    if (!parent?.verboseData || parent.transactions.length === 0) break;
    block = parent;
  }
  return { networkBits: bits, subsidySompi, feesSompi: meanFees(chain, subsidySompi) };
}

/** What one chain block paid out beyond the subsidies, and for how many blocks. */
export interface MergedFees {
  readonly merged: bigint;
  readonly feesSompi: bigint;
}

/**
 * Mean fees of a block, in which no chain block counts for much more than the others.
 *
 * Whoever finds a block can put a transaction of his own into it whose fee is a fortune: it comes back to him as the block's reward.
 * In a plain mean it would multiply what FPPS pays for everybody's work of that minute, his own included, out of the reserve. So
 * each chain block counts at most four times the median, or a hundredth of the subsidy where that is more.
 */
export function meanFees(chain: readonly MergedFees[], subsidySompi: bigint): bigint {
  const paying = chain.filter(({ merged }) => merged > 0n);
  const rates = paying.map(({ merged, feesSompi }) => feesSompi / merged).sort((a, b) => (a < b ? -1 : 1));
  const median = rates[Math.floor((rates.length - 1) / 2)] ?? 0n;
  const most = max(MEDIANS_MAX * median, subsidySompi / SUBSIDY_PART_MIN);
  let [fees, merged] = [0n, 0n];
  for (const one of paying) {
    fees += min(one.feesSompi, most * one.merged);
    merged += one.merged;
  }
  return merged === 0n ? 0n : fees / merged;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

async function blockOf(source: BlockSource, hash: string): Promise<WireBlock> {
  const block = await source.block(hash, true);
  if (!block?.verboseData || block.transactions.length === 0)
    throw new EdgeError('SLUICE_NODE_PROTOCOL', `the node has no transactions of its own sink ${hash}`);
  return block;
}

function coinbaseOf(block: WireBlock): { subsidySompi: bigint; paidSompi: bigint } {
  const { payload, outputs } = decodeWireTransaction(block.transactions[0]!);
  const bytes = Buffer.from(payload, 'hex');
  return {
    subsidySompi: bytes.length >= SUBSIDY_OFFSET + 8 ? bytes.readBigUInt64LE(SUBSIDY_OFFSET) : 0n,
    paidSompi: outputs.reduce((sum, { amount }) => sum + BigInt(amount), 0n),
  };
}
