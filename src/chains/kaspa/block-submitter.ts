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

  /** Never rejects. One more try when the node could not be reached; an answer of any kind is final. */
  async #submitTo(link: NodeLink, block: WireBlock): Promise<SubmitReport> {
    const startedAtMs = this.#clock();
    const report = (outcome: SubmitReport['outcome'], reason: string): SubmitReport => {
      return { nodeName: link.name, outcome, reason, elapsedMs: this.#clock() - startedAtMs };
    };
    let reason = '';
    for (let attempt = 0; attempt < 2; attempt++) {
      if (attempt > 0 && !(await this.#connectedAgain(link, startedAtMs))) break;
      try {
        const answer = await link.submitBlock(block);
        return answer.ok ? report('accepted', '') : report('refused', answer.reason);
      } catch (error) {
        reason = messageOf(error);
      }
    }
    return report('unreachable', reason);
  }

  async #connectedAgain(link: NodeLink, startedAtMs: number): Promise<boolean> {
    while (!link.connected) {
      if (link.foreign || this.#clock() - startedAtMs >= this.#retryWithinMs) return false;
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_LOOK_MS));
    }
    return true;
  }
}
