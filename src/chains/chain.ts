/**
 * SEAM: a chain. In flow found blocks and questions; out flow templates and answers. Nothing above this seam knows
 * which chain or which node software it talks to, and nothing below it knows about miners.
 */
import type { Template } from '../domain/job.ts';

export interface NodeStatus {
  readonly name: string;
  readonly connected: boolean;
  readonly synced: boolean;
  readonly serverVersion: string;
  readonly networkId: string;
  readonly virtualDaaScore: bigint;
  /** Monotonic ms of the last template taken from it; 0 = never. */
  readonly lastTemplateAtMs: number;
  /** Empty when all is well, else one sentence for the operator. */
  readonly fault: string;
}

export type SubmitOutcome = 'accepted' | 'refused' | 'unreachable';

/** One node's answer to one found block. `accepted` means: reject reason NONE and no error. Never throws. */
export interface SubmitReport {
  readonly nodeName: string;
  readonly outcome: SubmitOutcome;
  /** The node's own words, '' when accepted. */
  readonly reason: string;
  readonly elapsedMs: number;
}

export type BlockColour = 'unknown' | 'blue' | 'red';

/** What the chain says of a block we submitted. */
export interface BlockFate {
  readonly colour: BlockColour;
  /** Hash of the chain block that merged it; '' while unknown. */
  readonly mergingBlockHash: string;
  /** Sink blue score minus the merging block's; 0 while unknown. */
  readonly confirmations: number;
  /** Sompi paid to us in the merging block's coinbase for this block; undefined when the node cannot say. */
  readonly reward: bigint | undefined;
}

/** A block candidate made of a template and a nonce, confirmed by the chain's own reference proof of work. */
export interface Candidate {
  readonly template: Template;
  readonly nonce: bigint;
  /** Lower-case hex. */
  readonly blockHash: string;
}

export type AddressCheck =
  | { readonly ok: true /** canonical form, with prefix */; readonly address: string }
  /** `reason` is written for the miner who typed it. */
  | { readonly ok: false; readonly reason: string };

export interface Chain {
  readonly name: string;
  /** e.g. `mainnet`, `testnet-10`, `devnet`. */
  readonly networkId: string;
  /** Subscribes before opening. `onTemplate` is called with every fresh template; the feed above coalesces. */
  open(listener: ChainListener): Promise<void>;
  close(): Promise<void>;
  status(): readonly NodeStatus[];
  /**
   * Builds the candidate and confirms it with the reference implementation of the chain's proof of work;
   * undefined when that one does not agree (our kernel is then wrong, which is an alarm, not a block).
   */
  confirmCandidate(template: Template, nonce: bigint): Candidate | undefined;
  /** To every node in parallel. Resolves when all have answered or timed out. */
  submit(candidate: Candidate): Promise<readonly SubmitReport[]>;
  /** Rejects when no node could be asked: not to know is no `unknown`. */
  blockFate(blockHash: string): Promise<BlockFate>;
  /** Never throws, never hands an unchecked string to foreign code. */
  checkAddress(text: string): AddressCheck;
}

export interface ChainListener {
  onTemplate(template: Template): void;
  onStatus(status: readonly NodeStatus[]): void;
}
