/**
 * Payouts on Kaspa, through the nodes' RPC. In flow bytes and questions, out flow answers of the node that is furthest.
 *
 * Whether a transaction was accepted is read off the selected chain: each chain block lists the ids that it accepted. The walk
 * begins at a chain block of before the first send and goes on from where it last ended; a block that left the chain is named by
 * the node when it is asked from there.
 *
 *   chainFrom --- B1 --- B2(accepts ours) --- B3 --- ... tip      found: B2, until a later answer lists B2 as removed
 *
 * It must never say `unknown` because a node was away, nor `conflicted` because an input is not there: only a transaction on the
 * chain that spends it is a conflict, and it is named.
 */
import { FEERATE_FLOOR } from '../chains/kaspa/mass.ts';
import type { NodeLink } from '../chains/kaspa/node-link.ts';
import { goodFirst, isGood } from '../chains/kaspa/node-order.ts';
import { decodeWireHeader } from '../chains/kaspa/wire.ts';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import type { ChainOutput, PayoutChain, PayoutFate, SendAnswer } from './payout-chain.ts';
import { type Outpoint, outpointKey } from './plan.ts';
import { SpenderSearch } from './spender-search.ts';

export interface KaspaPayoutChainOptions {
  /** All of them; those that are not connected are passed over. */
  readonly links: readonly NodeLink[];
  readonly treasuryAddress: string;
}

interface Walk {
  /** Another node may never have seen the block where the walk stands. */
  readonly node: string;
  at: string;
  found: { readonly block: string; readonly daaScore: bigint } | undefined;
  /** It began after `chainFrom`, which was pruned: the payer was away for days. What was accepted before is told by its outputs alone. */
  readonly isLate: boolean;
}

/** Answers in a row without the end of the chain in sight: two days of chain. The walk goes on in the next tick. */
const BATCHES_MAX = 500;
/** Payouts that are followed at once; the rest begin their walk anew. */
const WALKS_MAX = 1_000;
const REFRESH_EVERY_MS = 1_000;
const KNOWN = /already in the mempool|already accepted|is already/i;

export class KaspaPayoutChain implements PayoutChain {
  readonly #options: KaspaPayoutChainOptions;
  readonly #walks = new Map<string, Walk>();
  readonly #spenders = new SpenderSearch();
  #asked: NodeLink | undefined;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: KaspaPayoutChainOptions) {
    this.#options = options;
  }

  virtualDaaScore(): Promise<bigint> {
    return this.#ask(async (link) => (await link.refreshInfo()).virtualDaaScore);
  }

  sinkHash(): Promise<string> {
    return this.#ask((link) => link.sinkHash());
  }

  oldestBlock(): Promise<string> {
    return this.#ask((link) => link.pruningPoint());
  }

  treasuryOutputs(): Promise<readonly ChainOutput[]> {
    return this.#ask((link) => this.#outputsOn(link));
  }

  /** Nodes that cannot estimate are older than the floor; what they would take is below it. */
  feerate(): Promise<number> {
    return this.#ask(async (link) => {
      try {
        return (await link.feeEstimate()).normalFeerate;
      } catch (error) {
        if (error instanceof EdgeError && error.code === 'SLUICE_NODE_REFUSED') return FEERATE_FLOOR;
        throw error;
      }
    });
  }

  async send(bytes: Uint8Array): Promise<SendAnswer> {
    const answers = await Promise.all(this.#options.links.map((link) => sendTo(link, bytes)));
    for (const outcome of ['taken', 'known', 'refused'] as const) {
      const answer = answers.find((one) => one.outcome === outcome);
      if (answer) return answer;
    }
    return answers[0] ?? { outcome: 'unreachable', reason: 'there is no node' };
  }

  fateOf(txid: string, chainFrom: string, inputs: readonly Outpoint[]): Promise<PayoutFate> {
    return this.#ask((link) => this.#fateOn(link, txid, chainFrom, inputs));
  }

  async #fateOn(
    link: NodeLink,
    txid: string,
    chainFrom: string,
    inputs: readonly Outpoint[],
  ): Promise<PayoutFate> {
    const walk = await this.#walkOn(link, txid, chainFrom);
    const { virtualDaaScore } = await link.refreshInfo();
    if (walk.found)
      return { kind: 'accepted', ...walk.found, depthDaa: max(virtualDaaScore - walk.found.daaScore, 0n) };
    if (await link.mempoolHolds(txid)) return { kind: 'mempool' };
    const outputs = await this.#outputsOn(link);
    if (walk.isLate) {
      const ours = outputs.find((output) => output.txid === txid);
      const pruningPoint = await link.pruningPoint();
      if (ours)
        return {
          kind: 'accepted',
          block: pruningPoint,
          daaScore: ours.daaScore,
          depthDaa: max(virtualDaaScore - ours.daaScore, 0n),
        };
    }
    const there = new Set(outputs.map(outpointKey));
    const gone = inputs.filter((input) => !there.has(outpointKey(input)));
    if (gone.length === 0) return { kind: 'unknown', reason: 'no node holds it' };
    const spender = await this.#spenders.find(link, txid, chainFrom, gone);
    if (!spender)
      return {
        kind: 'unknown',
        reason: `${gone.length} inputs are not at the treasury's address, e.g. ${outpointKey(gone[0]!)}`,
      };
    return { kind: 'conflicted', by: spender.txid, depthDaa: max(virtualDaaScore - spender.daaScore, 0n) };
  }

  /** From where it stood; else from `chainFrom`; else, when the node has pruned that away, from the oldest block that it has. */
  async #walkOn(link: NodeLink, txid: string, chainFrom: string): Promise<Walk> {
    const known = this.#walks.get(txid);
    if (known?.node === link.name && (await this.#goOn(link, txid, known))) return known;
    this.#walks.delete(txid);
    let walk: Walk = { node: link.name, at: chainFrom, found: undefined, isLate: false };
    if (!(await this.#goOn(link, txid, walk))) {
      walk = { ...walk, at: await link.pruningPoint(), isLate: true };
      if (!(await this.#goOn(link, txid, walk))) return walk;
    }
    if (this.#walks.size >= WALKS_MAX) this.#walks.delete(this.#walks.keys().next().value!);
    this.#walks.set(txid, walk);
    return walk;
  }

  async #goOn(link: NodeLink, txid: string, walk: Walk): Promise<boolean> {
    for (let batch = 0; batch < BATCHES_MAX; batch++) {
      const change = await link.chainChange(walk.at);
      if (!change) return false;
      if (walk.found && change.removed.includes(walk.found.block)) walk.found = undefined;
      const accepting = change.added.find(({ acceptedIds }) => acceptedIds.includes(txid));
      if (accepting) walk.found = { block: accepting.hash, daaScore: await daaScoreOf(link, accepting.hash) };
      const last = change.added.at(-1);
      if (!last) return true;
      walk.at = last.hash;
    }
    return true;
  }

  async #outputsOn(link: NodeLink): Promise<readonly ChainOutput[]> {
    const utxos = await link.utxosOf([this.#options.treasuryAddress]);
    return utxos.map((utxo) => ({
      txid: utxo.transactionId,
      index: utxo.index,
      amountSompi: utxo.amountSompi,
      daaScore: utxo.blockDaaScore,
      isCoinbase: utxo.isCoinbase,
    }));
  }

  /** The furthest first; the next one only when that one could not be reached. */
  async #ask<T>(ask: (link: NodeLink) => Promise<T>): Promise<T> {
    let last: unknown;
    await this.#refresh();
    for (const link of this.#bestFirst()) {
      try {
        const answer = await ask(link);
        this.#asked = link;
        return answer;
      } catch (error) {
        if (error instanceof EdgeError && error.code === 'SLUICE_NODE_REFUSED') throw error;
        last = error;
      }
    }
    throw new EdgeError(
      'SLUICE_NO_NODE',
      'no Kaspa node could be asked',
      'Look at the state of the nodes.',
      last,
    );
  }

  /** All nodes, also those that nobody asks: one that stands still is noticed by the others' going on. */
  async #refresh(): Promise<void> {
    if (performance.now() - this.#refreshedAtMs < REFRESH_EVERY_MS) return;
    this.#refreshedAtMs = performance.now();
    const { links } = this.#options;
    if (links.length < 2) return;
    await Promise.allSettled(links.filter((link) => link.connected).map((link) => link.refreshInfo()));
  }

  /** The one that was asked last stays first while it is about as far as the best: on another one each walk begins anew. */
  #bestFirst(): readonly NodeLink[] {
    const order = goodFirst(this.#options.links);
    const asked = this.#asked;
    if (!asked || !isGood(asked, order)) return order;
    return [asked, ...order.filter((link) => link !== asked)];
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

async function daaScoreOf(link: NodeLink, hash: string): Promise<bigint> {
  const block = await link.block(hash, false);
  if (!block)
    throw new EdgeError('SLUICE_NODE_REFUSED', `${link.name} does not show its chain block ${hash}`);
  return BigInt(decodeWireHeader(block.header).daaScore);
}

async function sendTo(link: NodeLink, bytes: Uint8Array): Promise<SendAnswer> {
  try {
    await link.submitTransaction(bytes);
    return { outcome: 'taken', reason: '' };
  } catch (error) {
    const reason = `${link.name}: ${messageOf(error)}`;
    if (!(error instanceof EdgeError) || error.code !== 'SLUICE_NODE_REFUSED')
      return { outcome: 'unreachable', reason };
    return { outcome: KNOWN.test(reason) ? 'known' : 'refused', reason };
  }
}
