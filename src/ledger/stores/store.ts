/**
 * SEAM: where found blocks are kept. The tracker knows only this; PostgreSQL stands behind it in the engine
 * (`block-store`), a Map in unit tests. Every write may be repeated: the block's hash is its identity.
 */
import type { BlockColour, SubmitReport } from '../../chains/chain.ts';

/**
 * candidate (found) > submitted (sent, no node has said yes) > accepted | refused by every node > blue > matured once its reward
 * is in the books, or red. `orphaned`: nobody merged it within the time that blocks are followed.
 */
export const BLOCK_STATES = [
  'candidate',
  'submitted',
  'accepted',
  'refused',
  'blue',
  'red',
  'matured',
  'orphaned',
] as const;
export type BlockState = (typeof BLOCK_STATES)[number];

/**
 * What the chain says of it will not change any more. A blue block that is final stays `blue` until the payer has booked its output:
 * `matured` is the word for money in the books, and the engine writes none.
 */
export function isFinal({ state, deep }: Pick<BlockProgress, 'state' | 'deep'>): boolean {
  if (state === 'blue') return deep;
  return state === 'refused' || state === 'red' || state === 'matured' || state === 'orphaned';
}

/** What is known of a block when it is found; never changes afterwards. */
export interface FoundBlock {
  /** Lower-case hex. */
  readonly blockHash: string;
  readonly address: string;
  readonly workerName: string;
  readonly nonce: bigint;
  readonly prePowHash: Uint8Array;
  readonly templateTimestampMs: bigint;
  readonly daaScore: bigint;
  readonly blueScore: bigint;
  readonly bits: number;
  readonly pot: number;
  readonly foundAtUnixMs: number;
  /** How old the template was when the miner's submission came, and how long that took until the nodes were told. */
  readonly templateAgeMs: number;
  readonly queueMs: number;
}

/** What became of it so far. */
export interface BlockProgress {
  readonly state: BlockState;
  readonly reports: readonly SubmitReport[];
  readonly colour: BlockColour;
  /** '' while unknown. */
  readonly mergingBlockHash: string;
  /** Told by the node; in the books it is what the outputs say. */
  readonly rewardSompi: bigint | undefined;
  /** The merging block is as deep as a reward needs to mature. */
  readonly deep: boolean;
}

/** A block as people see it: on the page, in the summary. */
export interface BlockView extends BlockProgress {
  readonly blockHash: string;
  readonly address: string;
  readonly workerName: string;
  readonly daaScore: bigint;
  readonly foundAtUnixMs: number;
}

export interface BlockStore {
  /** Adds the block unless its hash is there already (the loader may have been faster). */
  insert(block: FoundBlock): Promise<void>;
  /** Overwrites what is known of its fate. False when no block of that hash is there. */
  update(blockHash: string, progress: BlockProgress): Promise<boolean>;
  /** Efforts of blocks whose shares are loaded by now. Returns how many it computed. */
  measureEfforts(): Promise<number>;
  /** Blocks that are not final, oldest first. */
  unfinished(limit: number): Promise<BlockView[]>;
  /** Newest first. */
  recent(limit: number): Promise<BlockView[]>;
}
