/**
 * The blocks that were submitted, and their fate, which must outlive the pruning of the DAG: a pool asks for
 * it much later. Pure.
 */
import type { Dag } from './dag.ts';
import type { SimBlock } from './template-maker.ts';

export interface Fate {
  readonly colour: 'unknown' | 'blue' | 'red';
  readonly mergingBlock: string;
  readonly confirmations: number;
  /** Subsidy, fees, and what the block paid its own miner for merged reds; undefined unless blue. */
  readonly rewardSompi: bigint | undefined;
}

const UNKNOWN: Fate = { colour: 'unknown', mergingBlock: '', confirmations: 0, rewardSompi: undefined };

/** Fates kept of blocks that the DAG has forgotten: some days of a busy demo, a few megabytes. */
const SETTLED_MAX = 50_000;

interface Settled {
  readonly colour: 'blue' | 'red';
  readonly mergingBlock: string;
  readonly mergingBlueScore: number;
  readonly rewardSompi: bigint | undefined;
}

export class OwnBlocks {
  readonly #dag: Dag<SimBlock>;
  readonly #settled = new Map<string, Settled>();
  #settledBlue = 0;
  #settledRed = 0;
  readonly #recent = new Set<string>();

  constructor(dag: Dag<SimBlock>) {
    this.#dag = dag;
  }

  note(block: SimBlock): void {
    this.#recent.add(block.hash);
  }

  has(hash: string): boolean {
    return this.#recent.has(hash) || this.#settled.has(hash);
  }

  /** Before the DAG forgets it. A block that was never merged leaves no trace, as on a real node. */
  settle(block: SimBlock, mergedBy: SimBlock | undefined): void {
    if (!this.#recent.delete(block.hash) || !mergedBy) return;
    const fate = this.#fateIn(block, mergedBy);
    if (fate.colour === 'blue') this.#settledBlue++;
    else this.#settledRed++;
    this.#settled.set(block.hash, {
      colour: fate.colour === 'blue' ? 'blue' : 'red',
      mergingBlock: mergedBy.hash,
      mergingBlueScore: mergedBy.blueScore,
      rewardSompi: fate.rewardSompi,
    });
    if (this.#settled.size > SETTLED_MAX) this.#settled.delete(this.#settled.keys().next().value!);
  }

  /** undefined: nobody knows this block. */
  fate(hash: string): Fate | undefined {
    const settled = this.#settled.get(hash);
    if (settled) {
      return { ...settled, confirmations: Math.max(0, this.#dag.sink.blueScore - settled.mergingBlueScore) };
    }
    const block = this.#dag.get(hash);
    if (!block) return undefined;
    const merger = this.#dag.mergerOf(hash);
    return merger ? this.#fateIn(block, merger) : UNKNOWN;
  }

  counts(): { blue: number; red: number; waiting: number } {
    const counts = { blue: this.#settledBlue, red: this.#settledRed, waiting: 0 };
    for (const hash of this.#recent) {
      const colour = this.fate(hash)?.colour;
      if (colour === 'blue') counts.blue++;
      else if (colour === 'red') counts.red++;
      else counts.waiting++;
    }
    return counts;
  }

  #fateIn(block: SimBlock, merger: SimBlock): Fate {
    const blue = merger.blues.includes(block.hash);
    // The block's own coinbase, with the red reward, is accepted only if the block is on the selected chain.
    const ownRed = this.#dag.isChainBlock(block.hash) ? block.redRewardSompi : 0n;
    return {
      colour: blue ? 'blue' : 'red',
      mergingBlock: merger.hash,
      confirmations: this.#dag.sink.blueScore - merger.blueScore,
      rewardSompi: blue ? block.subsidySompi + block.feesSompi + ownRed : undefined,
    };
  }
}
