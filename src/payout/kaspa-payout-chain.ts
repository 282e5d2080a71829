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
}

/** Answers in a row without the end of the chain in sight: two days of chain. The walk goes on in the next tick. */
const BATCHES_MAX = 500;
/** Payouts that are followed at once; the rest begin their walk anew. */
const WALKS_MAX = 1_000;
const KNOWN = /already in the mempool|already accepted|is already/i;

export class KaspaPayoutChain implements PayoutChain {
  readonly #options: KaspaPayoutChainOptions;
  readonly #walks = new Map<string, Walk>();
  readonly #spenders = new SpenderSearch();

  constructor(options: KaspaPayoutChainOptions) {
    this.#options = options;
  }

  virtualDaaScore(): Promise<bigint> {
    return this.#ask(async (link) => (await link.refreshInfo()).virtualDaaScore);
  }

  sinkHash(): Promise<string> {
    return this.#ask((link) => link.sinkHash());
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
    if (walk?.found) {
      const depthDaa = virtualDaaScore - walk.found.daaScore;
      return { kind: 'accepted', ...walk.found, depthDaa: depthDaa > 0n ? depthDaa : 0n };
    }
    if (await link.mempoolHolds(txid)) return { kind: 'mempool' };
    if (!walk) return { kind: 'unknown', reason: `${link.name} does not know block ${chainFrom}` };
    const there = new Set((await this.#outputsOn(link)).map(outpointKey));
    const gone = inputs.filter((input) => !there.has(outpointKey(input)));
    if (gone.length === 0) return { kind: 'unknown', reason: 'no node holds it' };
    const spender = await this.#spenders.find(link, txid, chainFrom, gone);
    if (!spender)
      return {
        kind: 'unknown',
        reason: `${gone.length} inputs are not at the treasury's address, e.g. ${outpointKey(gone[0]!)}`,
      };
    const depthDaa = virtualDaaScore - spender.daaScore;
    return { kind: 'conflicted', by: spender.txid, depthDaa: depthDaa > 0n ? depthDaa : 0n };
  }

  /** undefined when the node knows neither where the walk stood nor where it began. */
  async #walkOn(link: NodeLink, txid: string, chainFrom: string): Promise<Walk | undefined> {
    const known = this.#walks.get(txid);
    if (known?.node === link.name && (await this.#goOn(link, txid, known))) return known;
    const fresh: Walk = { node: link.name, at: chainFrom, found: undefined };
    this.#walks.delete(txid);
    if (!(await this.#goOn(link, txid, fresh))) return undefined;
    if (this.#walks.size >= WALKS_MAX) this.#walks.delete(this.#walks.keys().next().value!);
    this.#walks.set(txid, fresh);
    return fresh;
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
    for (const link of this.#bestFirst()) {
      try {
        return await ask(link);
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

  #bestFirst(): readonly NodeLink[] {
    const score = (link: NodeLink): bigint => link.info?.virtualDaaScore ?? 0n;
    return this.#options.links
      .filter((link) => link.connected)
      .sort((a, b) => {
        const synced = Number(b.info?.synced ?? false) - Number(a.info?.synced ?? false);
        if (synced !== 0) return synced;
        return score(a) === score(b) ? 0 : score(a) > score(b) ? -1 : 1;
      });
  }
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
