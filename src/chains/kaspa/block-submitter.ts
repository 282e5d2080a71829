/**
 * A found block to every node.
 *
 * In flows a candidate; out flow the nodes' reports. It must never wait for one node before it tells the next, and never send
 * the same block twice on its own account: a node answers success to a block that it already has, so a second success would
 * look like a second block.
 */
import { messageOf } from '../../kit/edge-error.ts';
import type { Candidate, SubmitReport } from '../chain.ts';
import type { NodeLink } from './node-link.ts';
import { blockOfTemplate } from './template.ts';
import type { WireBlock } from './wire.ts';

/** A block is worth a second try, but after a second others have built on without it. */
const RETRY_WITHIN_MS = 1_000;
const RECONNECT_LOOK_MS = 20;
/** A queue of a node empties in milliseconds; twenty tries in that second are no burden to one that is full. */
const BUSY_PAUSE_MS = 50;
/** Blocks of a pool that finds one a second, remembered for a quarter of an hour: far longer than any job lives. */
const REMEMBERED_BLOCKS_MAX = 1_000;

export class BlockSubmitter {
  readonly #links: readonly NodeLink[];
  readonly #clock: () => number;
  readonly #retryWithinMs: number;
  readonly #sent = new Map<string, Promise<readonly SubmitReport[]>>();

  constructor(links: readonly NodeLink[], clock: () => number, retryWithinMs = RETRY_WITHIN_MS) {
    this.#links = links;
    this.#clock = clock;
    this.#retryWithinMs = retryWithinMs;
  }

  /** The second call for a block gives the reports of the first. */
  submit(candidate: Candidate): Promise<readonly SubmitReport[]> {
    const known = this.#sent.get(candidate.blockHash);
    if (known !== undefined) return known;
    const { block } = blockOfTemplate(candidate.template, candidate.nonce);
    const reports = Promise.all(this.#links.map((link) => this.#submitTo(link, block)));
    this.#sent.set(candidate.blockHash, reports);
    if (this.#sent.size > REMEMBERED_BLOCKS_MAX) this.#sent.delete(this.#sent.keys().next().value!);
    return reports;
  }

  /**
   * Never rejects. One more try when the node could not be reached, more when it was too busy to look; an answer on the block
   * itself is final.
   */
  async #submitTo(link: NodeLink, block: WireBlock): Promise<SubmitReport> {
    const startedAtMs = this.#clock();
    const report = (outcome: SubmitReport['outcome'], reason: string): SubmitReport => {
      return { nodeName: link.name, outcome, reason, elapsedMs: this.#clock() - startedAtMs };
    };
    for (let unreached = 0; ; ) {
      try {
        const answer = await link.submitBlock(block);
        if (answer.ok) return report('accepted', '');
        if (!answer.busy || this.#clock() - startedAtMs >= this.#retryWithinMs)
          return report('refused', answer.reason);
        await pause(BUSY_PAUSE_MS);
      } catch (error) {
        const last = report('unreachable', messageOf(error));
        if (++unreached === 2 || !(await this.#connectedAgain(link, startedAtMs))) return last;
      }
    }
  }

  async #connectedAgain(link: NodeLink, startedAtMs: number): Promise<boolean> {
    while (!link.connected) {
      if (link.foreign || this.#clock() - startedAtMs >= this.#retryWithinMs) return false;
      await pause(RECONNECT_LOOK_MS);
    }
    return true;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
