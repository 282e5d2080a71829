/**
 * The simulated block DAG: parents, merge sets, blue and red, the selected chain. Pure: no clock, no chance.
 *
 * In flow blocks whose parents are known; out flow merge sets for templates and the steps by which the
 * selected chain moved. It must never hold more than `keepBlocks` blocks.
 *
 *   genesis <- A <- B <------- D <- virtual        chain: genesis A B D
 *                ^- C <-------'                    D merges B (selected parent) and C: blue or red
 *
 * Honest: the order of selected parents (blue work, then hash), merge sets, DAA score = size of the past,
 * blue score, blue work, who merges whom, reorganisations. Simplified: a block is red because it was declared
 * red, or it is more than K blue blocks behind the block that merges it, or K blues were merged already. Real
 * GHOSTDAG counts blue anticones instead.
 */

/** GHOSTDAG's K on a 10-blocks-a-second network. */
export const GHOSTDAG_K = 124;
/** Most direct parents of a block on such a network. */
export const MAX_PARENTS = 16;

export interface Ghostdag {
  readonly parents: readonly string[];
  /** '' for genesis alone. */
  readonly selectedParent: string;
  /** The selected parent first. */
  readonly blues: readonly string[];
  readonly reds: readonly string[];
  readonly blueScore: number;
  readonly daaScore: number;
  readonly blueWork: bigint;
}

export interface DagBlock extends Ghostdag {
  readonly hash: string;
  readonly children: string[];
  /**
   * Declared red: whoever merges it counts it as red, and it is never a selected parent while another tip
   * exists.
   */
  red: boolean;
}

/** How the selected chain moved: `removed` from the old sink downwards, `added` upwards to the new one. */
export interface ChainChange<B> {
  readonly removed: readonly B[];
  readonly added: readonly B[];
}

export class Dag<B extends DagBlock> {
  readonly #blocks = new Map<string, B>();
  readonly #tips = new Set<string>();
  readonly #mergedBy = new Map<string, string>();
  readonly #positions = new Map<string, number>();
  /** Selected chain from `#chainBase` on; pruned from below. */
  #chain: string[] = [];
  #chainBase = 0;
  readonly #k: number;
  readonly #workPerBlock: bigint;

  constructor(genesis: B, workPerBlock: bigint, k = GHOSTDAG_K) {
    this.#k = k;
    this.#workPerBlock = workPerBlock;
    this.#blocks.set(genesis.hash, genesis);
    this.#tips.add(genesis.hash);
    this.#extendChain(genesis);
  }

  get size(): number {
    return this.#blocks.size;
  }

  get sink(): B {
    return this.#blocks.get(this.#chain[this.#chain.length - 1]!)!;
  }

  get tips(): readonly string[] {
    return [...this.#tips];
  }

  get(hash: string): B | undefined {
    return this.#blocks.get(hash);
  }

  isChainBlock(hash: string): boolean {
    return this.#positions.has(hash);
  }

  /** The chain block that has `hash` in its merge set. The virtual block does not count, as in kaspad. */
  mergerOf(hash: string): B | undefined {
    return this.#blocks.get(this.#mergedBy.get(hash) ?? '');
  }

  /** What a block made now would have for parents, and what it would merge. */
  virtual(): Ghostdag {
    return this.colour(this.#virtualParents());
  }

  /** The chain block `depth` steps below the sink, or the lowest that is still known. */
  chainBlockBelowSink(depth: number): B {
    return this.#blocks.get(this.#chain[Math.max(0, this.#chain.length - 1 - depth)]!)!;
  }

  /**
   * As kaspad answers it: blocks of `start`'s own chain that were given up, then the chain from there to the
   * sink.
   */
  chainFrom(start: string, limit: number): ChainChange<B> | undefined {
    let block = this.#blocks.get(start);
    const removed: B[] = [];
    while (block && !this.isChainBlock(block.hash)) {
      removed.push(block);
      block = this.#blocks.get(block.selectedParent);
    }
    if (!block) return undefined;
    const from = this.#positions.get(block.hash)! - this.#chainBase + 1;
    return { removed, added: this.#chain.slice(from, from + limit).map((hash) => this.#blocks.get(hash)!) };
  }

  /**
   * Merge set and colours of a block with these parents: everything in its past that is not in its selected
   * parent's past.
   *
   * The DAA score is the size of a block's past, so a block's score is above that of every block in its past.
   * Walking back from the highest score, a block's mark is final when its turn comes, and the walk ends when
   * no block of the merge set is left: its length is the depth of the oldest merged block, not that of the
   * DAG.
   */
  colour(parents: readonly string[]): Ghostdag {
    const known = parents.map((hash) => this.#blocks.get(hash)).filter((block) => block !== undefined);
    const eligible = known.filter((block) => !block.red);
    const selected = (eligible.length > 0 ? eligible : known).reduce((a, b) => (isHeavier(b, a) ? b : a));
    const merged = this.#mergeSet(selected, known);
    merged.sort((a, b) => (isHeavier(a, b) ? 1 : -1));

    const blues = [selected.hash];
    const reds: string[] = [];
    for (const block of merged) {
      const tooOld = selected.blueScore - block.blueScore > this.#k;
      if (block.red || tooOld || blues.length > this.#k) reds.push(block.hash);
      else blues.push(block.hash);
    }
    return {
      parents: [selected.hash, ...known.map((block) => block.hash).filter((hash) => hash !== selected.hash)],
      selectedParent: selected.hash,
      blues,
      reds,
      blueScore: selected.blueScore + blues.length,
      daaScore: selected.daaScore + blues.length + reds.length,
      blueWork: selected.blueWork + this.#workPerBlock * BigInt(blues.length),
    };
  }

  add(block: B): ChainChange<B> {
    this.#blocks.set(block.hash, block);
    for (const hash of block.parents) {
      this.#blocks.get(hash)?.children.push(block.hash);
      this.#tips.delete(hash);
    }
    this.#tips.add(block.hash);
    return this.#moveSink();
  }

  /** Drops the oldest blocks. `onDrop` is the last chance to write down what is still wanted of one. */
  prune(keepBlocks: number, onDrop: (block: B, mergedBy: B | undefined) => void): void {
    while (this.#blocks.size > keepBlocks) {
      const oldest = this.#blocks.values().next().value!;
      if (oldest === this.sink) break;
      onDrop(oldest, this.mergerOf(oldest.hash));
      this.#blocks.delete(oldest.hash);
      this.#tips.delete(oldest.hash);
      this.#mergedBy.delete(oldest.hash);
      if (this.#positions.delete(oldest.hash)) this.#shiftChain(oldest.hash);
    }
  }

  #virtualParents(): string[] {
    const tips = [...this.#tips].map((hash) => this.#blocks.get(hash)!);
    tips.sort((a, b) => Number(a.red) - Number(b.red) || (isHeavier(a, b) ? -1 : 1));
    return tips.slice(0, MAX_PARENTS).map((tip) => tip.hash);
  }

  #mergeSet(selected: B, parents: readonly B[]): B[] {
    const merged: B[] = [];
    const marks = new Map<string, 'past' | 'merged'>([[selected.hash, 'past']]);
    const open: B[] = [selected];
    let candidates = 0;
    for (const parent of parents) {
      if (parent === selected) continue;
      marks.set(parent.hash, 'merged');
      open.push(parent);
      candidates++;
    }
    while (candidates > 0) {
      const block = takeHighest(open);
      const mark = marks.get(block.hash)!;
      if (mark === 'merged') {
        merged.push(block);
        candidates--;
      }
      for (const hash of block.parents) {
        const parent = this.#blocks.get(hash);
        if (!parent) continue;
        const before = marks.get(hash);
        if (!before) {
          open.push(parent);
          marks.set(hash, mark);
          if (mark === 'merged') candidates++;
        } else if (mark === 'past' && before === 'merged') {
          marks.set(hash, 'past');
          candidates--;
        }
      }
    }
    return merged;
  }

  #moveSink(): ChainChange<B> {
    const best = this.#blocks.get(this.#virtualParents()[0]!)!;
    const removed: B[] = [];
    const added: B[] = [];
    let block: B | undefined = best;
    while (block && !this.isChainBlock(block.hash)) {
      added.unshift(block);
      block = this.#blocks.get(block.selectedParent);
    }
    const forkAt = block?.hash ?? '';
    while (this.#chain.length > 0 && this.sink.hash !== forkAt) removed.push(this.#dropSink());
    for (const next of added) this.#extendChain(next);
    return { removed, added };
  }

  #extendChain(block: B): void {
    this.#positions.set(block.hash, this.#chainBase + this.#chain.length);
    this.#chain.push(block.hash);
    for (const hash of block.blues) this.#mergedBy.set(hash, block.hash);
    for (const hash of block.reds) this.#mergedBy.set(hash, block.hash);
  }

  #dropSink(): B {
    const block = this.sink;
    this.#chain.pop();
    this.#positions.delete(block.hash);
    for (const hash of block.blues) this.#mergedBy.delete(hash);
    for (const hash of block.reds) this.#mergedBy.delete(hash);
    return block;
  }

  #shiftChain(hash: string): void {
    // Blocks are pruned in order of arrival, so a chain block's turn may come before that of one below it
    // after a reorg.
    const at = this.#chain.indexOf(hash);
    this.#chain.splice(0, at + 1);
    this.#chainBase += at + 1;
  }
}

function isHeavier(a: DagBlock, b: DagBlock): boolean {
  return a.blueWork === b.blueWork ? a.hash > b.hash : a.blueWork > b.blueWork;
}

/** The open set is as wide as the DAG, a few blocks: a heap would only be longer. */
function takeHighest<B extends DagBlock>(open: B[]): B {
  let at = 0;
  for (let i = 1; i < open.length; i++) if (open[i]!.daaScore > open[at]!.daaScore) at = i;
  const block = open[at]!;
  open[at] = open[open.length - 1]!;
  open.pop();
  return block;
}
