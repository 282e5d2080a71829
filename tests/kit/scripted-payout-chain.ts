/**
 * A chain for tests of the payout machine: outputs, a mempool, blocks that can be taken back, answers that get lost. One line of
 * blocks, one transaction format (the plan's own text); no masses, no signatures: those belong to the simulated node.
 */
import { createHash } from 'node:crypto';
import type { ChainOutput, PayoutChain, PayoutFate, SendAnswer } from '../../src/payout/payout-chain.ts';
import { type Outpoint, outpointKey, type Plan, planText } from '../../src/payout/plan.ts';
import type { SignedPayout, Signer } from '../../src/payout/signer.ts';

interface Block {
  readonly hash: string;
  readonly daaScore: bigint;
  readonly txids: readonly string[];
}

/** Signs by hashing; its transactions are for the scripted chain only. */
export class ScriptedSigner implements Signer {
  readonly address: string;
  readonly #plans: Map<string, Plan>;

  constructor(address: string, chain: ScriptedPayoutChain) {
    this.address = address;
    this.#plans = chain.plans;
  }

  async sign(plan: Plan): Promise<SignedPayout> {
    const txid = createHash('sha256').update(planText(plan)).digest('hex');
    this.#plans.set(txid, plan);
    return { txid, bytes: Buffer.from(txid) };
  }
}

export class ScriptedPayoutChain implements PayoutChain {
  readonly plans = new Map<string, Plan>();
  readonly coins = new Map<string, ChainOutput>();
  readonly mempool = new Set<string>();
  readonly sent: string[] = [];
  /** undefined = the node takes it and says so. */
  onSend: (txid: string) => SendAnswer | undefined = () => undefined;
  down = false;
  blocks: Block[] = [{ hash: '00'.repeat(32), daaScore: 1_000n, txids: [] }];
  /** Who spent an output behind our back, by outpoint. */
  readonly thieves = new Map<string, { by: string; daaScore: bigint }>();
  #made = 0;

  fund(amountSompi: bigint): ChainOutput {
    const txid = createHash('sha256').update(`coin ${this.coins.size}`).digest('hex');
    const coin = { txid, index: 0, amountSompi, daaScore: 1n, isCoinbase: true };
    this.coins.set(outpointKey(coin), coin);
    return coin;
  }

  /** Blocks, each a DAA score further; the first accepts all of the mempool. */
  mine(count = 1): void {
    for (let i = 0; i < count; i++) {
      const hash = createHash('sha256')
        .update(`block ${++this.#made}`)
        .digest('hex');
      this.blocks.push({ hash, daaScore: this.#tip.daaScore + 1n, txids: [...this.mempool] });
      this.mempool.clear();
    }
  }

  /** Takes blocks back; what they accepted is in the mempool again, or lost. */
  reorg(count: number, lose = false): void {
    for (const { txids } of this.blocks.splice(-count))
      if (!lose) for (const id of txids) this.mempool.add(id);
  }

  async virtualDaaScore(): Promise<bigint> {
    this.#answer();
    return this.#tip.daaScore;
  }

  async sinkHash(): Promise<string> {
    this.#answer();
    return this.#tip.hash;
  }

  async oldestBlock(): Promise<string> {
    this.#answer();
    return this.blocks[0]!.hash;
  }

  async feerate(): Promise<number> {
    this.#answer();
    return 100;
  }

  async treasuryOutputs(): Promise<readonly ChainOutput[]> {
    this.#answer();
    const there = new Map(this.coins);
    for (const { txids, daaScore } of this.blocks)
      for (const txid of txids) {
        const plan = this.plans.get(txid)!;
        for (const input of plan.inputs) there.delete(outpointKey(input));
        const change = { txid, index: plan.payees.length, amountSompi: plan.changeSompi };
        if (plan.changeSompi > 0n) there.set(outpointKey(change), { ...change, daaScore, isCoinbase: false });
      }
    for (const key of this.thieves.keys()) there.delete(key);
    return [...there.values()];
  }

  async send(bytes: Uint8Array): Promise<SendAnswer> {
    const txid = Buffer.from(bytes).toString();
    this.sent.push(txid);
    const scripted = this.onSend(txid);
    if (scripted) return scripted;
    if (this.down) return { outcome: 'unreachable', reason: 'down' };
    if (this.mempool.has(txid) || this.blocks.some(({ txids }) => txids.includes(txid)))
      return { outcome: 'known', reason: 'already there' };
    this.mempool.add(txid);
    return { outcome: 'taken', reason: '' };
  }

  async fateOf(txid: string, chainFrom: string, inputs: readonly Outpoint[]): Promise<PayoutFate> {
    this.#answer();
    if (chainFrom === '') throw new Error('no block to begin at');
    const block = this.blocks.find(({ txids }) => txids.includes(txid));
    const depthOf = (daaScore: bigint): bigint => this.#tip.daaScore - daaScore;
    if (block)
      return {
        kind: 'accepted',
        block: block.hash,
        daaScore: block.daaScore,
        depthDaa: depthOf(block.daaScore),
      };
    const thief = inputs
      .map((input) => this.thieves.get(outpointKey(input)))
      .find((one) => one !== undefined);
    if (thief) return { kind: 'conflicted', by: thief.by, depthDaa: depthOf(thief.daaScore) };
    return this.mempool.has(txid) ? { kind: 'mempool' } : { kind: 'unknown', reason: '' };
  }

  get #tip(): Block {
    return this.blocks.at(-1)!;
  }

  #answer(): void {
    if (this.down) throw new Error('no node answers');
  }
}
