/**
 * The chain as one payer sees it: through one node or another, late, with answers that are lost or wrong. In flow the questions of
 * `PayoutChain`, out flow what some node believes at that moment. It lies only as nodes do: about what is recent, never about what
 * lies deep.
 */

import type { ChainOutput, PayoutChain, PayoutFate, SendAnswer } from '../../../src/payout/payout-chain.ts';
import { type Outpoint, outpointKey } from '../../../src/payout/plan.ts';
import type { SeededRandom } from '../../../src/simnode/random.ts';
import type { ModelNetwork, ModelNode } from './model-network.ts';
import { transactionOfBytes } from './sim-signer.ts';
import type { Actor, Turns } from './turns.ts';
import type { Weather } from './weather.ts';

export interface SimChainParts {
  readonly actor: Actor;
  readonly turns: Turns;
  readonly random: SeededRandom;
  readonly network: ModelNetwork;
  readonly treasuryAddress: string;
  readonly weather: () => Weather;
  /** Sees all bytes that leave, whether they arrive or not. */
  readonly onSend: (txid: string, bytes: Uint8Array) => void;
}

const ANSWER_MS = 200;
/** What a caller waits for an answer that does not come. */
const TIMEOUT_MS = 10_000;

export class SimChain implements PayoutChain {
  readonly #parts: SimChainParts;

  constructor(parts: SimChainParts) {
    this.#parts = parts;
  }

  async virtualDaaScore(): Promise<bigint> {
    return BigInt((await this.#ask()).replica.tip.daaScore);
  }

  async sinkHash(): Promise<string> {
    return (await this.#ask()).replica.tip.hash;
  }

  async oldestBlock(): Promise<string> {
    await this.#ask();
    return this.#parts.network.blocks.keys().next().value!;
  }

  async feerate(): Promise<number> {
    await this.#ask();
    return 100 + this.#parts.random.below(300);
  }

  async treasuryOutputs(): Promise<readonly ChainOutput[]> {
    const node = await this.#ask();
    const outputs: ChainOutput[] = [];
    for (const utxo of node.replica.utxos.values()) {
      if (utxo.address !== this.#parts.treasuryAddress) continue;
      const { txid, index, coinbase } = utxo;
      outputs.push({
        txid,
        index,
        amountSompi: utxo.sompi,
        daaScore: BigInt(utxo.daaScore),
        isCoinbase: coinbase,
      });
    }
    return outputs;
  }

  async send(bytes: Uint8Array): Promise<SendAnswer> {
    const { actor, turns, network } = this.#parts;
    const tx = transactionOfBytes(bytes);
    await turns.wait(actor);
    this.#parts.onSend(tx.txid, bytes);
    // Before the first answer is awaited: whoever is killed from here on has sent it.
    const answers = network.nodes.map((node) => this.#sendTo(node, bytes));
    const silent = answers.every((answer) => answer === 'silent');
    await turns.wait(actor, silent ? TIMEOUT_MS : ANSWER_MS);
    if (answers.includes('taken')) return { outcome: 'taken', reason: '' };
    if (answers.includes('known')) return { outcome: 'known', reason: 'already in the mempool or accepted' };
    const refusal = answers.find((answer) => answer !== 'silent');
    return refusal
      ? { outcome: 'refused', reason: refusal }
      : { outcome: 'unreachable', reason: 'no answer' };
  }

  async fateOf(txid: string, chainFrom: string, inputs: readonly Outpoint[]): Promise<PayoutFate> {
    const { random, network } = this.#parts;
    const node = await this.#ask();
    const { replica } = node;
    // As the real question does, it walks the chain from that block, or from where the two branches part.
    const start = network.blocks.get(chainFrom);
    if (!start) throw new Error(`no node knows the block ${chainFrom}`);
    let fork = start;
    while (!replica.isOnBranch(fork)) fork = fork.parent!;
    const depthOf = (id: string): bigint =>
      BigInt(replica.tip.daaScore - replica.acceptedIn.get(id)!.daaScore);
    const accepted = replica.acceptedIn.get(txid);
    if (accepted && accepted.height > fork.height) {
      return {
        kind: 'accepted',
        block: accepted.hash,
        daaScore: BigInt(accepted.daaScore),
        depthDaa: depthOf(txid),
      };
    }
    for (const input of inputs) {
      const by = replica.spenderOf.get(outpointKey(input));
      if (by !== undefined && by !== txid) return { kind: 'conflicted', by, depthDaa: depthOf(by) };
    }
    if (node.mempool.has(txid) && !random.chance(this.#parts.weather().amnesia)) return { kind: 'mempool' };
    return { kind: 'unknown', reason: 'not in the mempool, not on the chain' };
  }

  #sendTo(node: ModelNode, bytes: Uint8Array): string {
    const { random, network } = this.#parts;
    const weather = this.#parts.weather();
    if (random.chance(weather.sendLost)) return 'silent';
    if (random.chance(weather.refuse)) return 'the mempool is full';
    if (random.chance(weather.lie)) {
      network.drops++;
      return 'taken';
    }
    const verdict = node.submit(transactionOfBytes(bytes));
    if (random.chance(weather.answerLost)) {
      network.timeoutsAfterSuccess++;
      return 'silent';
    }
    if (verdict === 'accepted') return 'taken';
    return verdict === 'in mempool' || verdict === 'mined already' ? 'known' : verdict;
  }

  /** Any node, as a client that takes the next one when the first does not answer. */
  async #ask(): Promise<ModelNode> {
    const { actor, turns, random, network } = this.#parts;
    const silent = random.chance(this.#parts.weather().silence);
    await turns.wait(actor, silent ? TIMEOUT_MS : ANSWER_MS);
    if (silent) throw new Error('no node answered');
    return network.nodes[random.below(network.nodes.length)]!;
  }
}
