/**
 * A simulated node, a database and both sides between them: the engine's block tracker and the payer's intake, each of which may be
 * away for as long as a test likes. Blocks are real: ground, submitted over gRPC, merged by the node.
 */
import { encodeAddress, payToAddressScript } from '../../src/chains/kaspa/address.ts';
import { NodeLink } from '../../src/chains/kaspa/node-link.ts';
import { blockOfTemplate, readTemplate } from '../../src/chains/kaspa/template.ts';
import { type KaspaTreasury, NodeTreasury, type TreasuryUtxo } from '../../src/chains/kaspa/treasury.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { BlockTracker } from '../../src/ledger/block-tracker.ts';
import { Lead } from '../../src/ledger/lead.ts';
import { type IntakeReport, RewardIntake } from '../../src/ledger/rewards/reward-intake.ts';
import { PostgresBlockStore } from '../../src/ledger/stores/block-store.ts';
import type { FoundBlock } from '../../src/ledger/stores/store.ts';
import { runSimnode, type SimnodeHandle, type SimnodeOptions } from '../../src/simnode/simnode.ts';
import { grindBlock } from './block-grinder.ts';
import { pollUntil } from './poll-until.ts';
import type { FreshDatabase, TestDatabase } from './test-database.ts';

export const MATURITY_DAA = 20;
const PAY_TO = { prefix: 'kaspadev', version: 0, payload: new Uint8Array(32).fill(9) } as const;
export const TREASURY_ADDRESS = encodeAddress(PAY_TO);
export const PAY_SCRIPT = Buffer.from(payToAddressScript(PAY_TO)).toString('hex');
const OPTIONS: Partial<SimnodeOptions> = {
  ...{ listen: ['127.0.0.1:0'], controlPort: -1, difficultyLog2: -20, blocksPerSecond: 0, redRate: 0 },
  ...{ maturityDaa: MATURITY_DAA, forkRate: 0 },
};

export class RewardStage {
  readonly fresh: FreshDatabase;
  readonly node: SimnodeHandle;
  readonly link: NodeLink;
  /** The chain as the intake sees it; a test may change what it says. */
  readonly chain: Pick<KaspaTreasury, 'utxos' | 'virtualDaaScore' | 'rewardOrigins'>;
  extraUtxos: TreasuryUtxo[] = [];
  hidden = new Set<string>();
  tracker: BlockTracker;
  #nowMs = 1_750_000_000_000;
  #payer: { lead: Lead; intake: RewardIntake } | undefined;
  #mined = 0;
  readonly #journal: FoundBlock[] = [];
  readonly #store: PostgresBlockStore;

  private constructor(fresh: FreshDatabase, node: SimnodeHandle, link: NodeLink) {
    this.fresh = fresh;
    this.node = node;
    this.link = link;
    const treasury = new NodeTreasury(() => [link]);
    this.chain = {
      virtualDaaScore: () => treasury.virtualDaaScore(),
      rewardOrigins: (hash, script) => treasury.rewardOrigins(hash, script),
      utxos: async (addresses) =>
        [...(await treasury.utxos(addresses)), ...this.extraUtxos].filter(
          ({ transactionId, index }) => !this.hidden.has(`${transactionId}:${index}`),
        ),
    };
    this.#store = new PostgresBlockStore(fresh.sql, 'one');
    this.tracker = this.#newTracker();
  }

  static async open(database: TestDatabase, options: Partial<SimnodeOptions> = {}): Promise<RewardStage> {
    const node = await runSimnode({ ...OPTIONS, ...options });
    const link = new NodeLink({
      ...{ name: 'node', address: node.address, networkId: 'devnet', log: silentLogger, random: () => 0 },
    });
    link.start();
    await pollUntil('the link is up', () => link.connected);
    const stage = new RewardStage(await database.freshDatabase(), node, link);
    // The block above genesis: genesis earned nothing, and its merger has no output for it.
    await stage.others(2);
    return stage;
  }

  get sql() {
    return this.fresh.sql;
  }

  /** Killed and started again: all that it knows is in the database, where the loader brings what only the journal knew. */
  async restartEngine(): Promise<void> {
    for (const block of this.#journal.splice(0)) await this.#store.insert(block);
    this.tracker = this.#newTracker();
  }

  /** Another payer process, under a new epoch. */
  killPayer(): void {
    this.#payer?.lead.close();
    this.#payer = undefined;
  }

  /** A block of ours. @param told false: the engine died before it wrote a line. */
  async mine(told = true): Promise<string> {
    const { block: wire } = await this.link.getBlockTemplate(TREASURY_ADDRESS, `stage-${++this.#mined}`);
    const reading = readTemplate(wire, 'node', 1);
    if (!reading.ok) throw new Error(reading.reason);
    const { template } = reading;
    const nonce = await grindBlock(template);
    const { block, hash } = blockOfTemplate(template, nonce);
    const blockHash = Buffer.from(hash).toString('hex');
    const answer = await this.link.submitBlock(block);
    if (!answer.ok) throw new Error(answer.reason);
    if (!told) return blockHash;
    const finder = {
      ...{ address: 'kaspadev:finder', workerName: 'rig', pot: 1, foundAtUnixMs: this.#nowMs },
      ...{ templateAgeMs: 10, queueMs: 1 },
    };
    this.tracker.found({ template, nonce, blockHash }, finder);
    const { prePowHash, timestampMs: templateTimestampMs, daaScore, blueScore, bits } = template;
    this.#journal.push({
      ...{ blockHash, nonce, prePowHash, templateTimestampMs, daaScore, blueScore, bits },
      ...finder,
    });
    this.tracker.submitted(blockHash, [{ nodeName: 'node', outcome: 'accepted', reason: '', elapsedMs: 2 }]);
    return blockHash;
  }

  async others(count: number): Promise<void> {
    await this.node.command('mine', { value: String(count) });
  }

  async reorganise(depth: number, red: boolean): Promise<void> {
    await this.node.command('reorg', { value: String(depth), red: String(red) });
  }

  /** The engine asks the chain and writes what it heard. */
  async follow(): Promise<void> {
    this.#nowMs += 60_000;
    await this.tracker.tick();
    this.#nowMs += 60_000;
    await this.tracker.tick();
  }

  /** One round of the payer, which is started if it does not run. */
  async intake(): Promise<IntakeReport> {
    this.#nowMs += 60_000;
    this.#payer ??= await this.#startPayer();
    try {
      return await this.#payer.intake.tick();
    } catch (error) {
      this.killPayer();
      throw error;
    }
  }

  async missing() {
    this.#payer ??= await this.#startPayer();
    return this.#payer.intake.outputsMissing();
  }

  async block(hash: string) {
    const [row] = await this.sql`
      SELECT state, colour, reward_sompi, deep, merging_block FROM blocks WHERE block_hash = ${hash}`;
    return row;
  }

  /** Sums by origin in the table, and balances in the ledger. */
  async books() {
    const outputs = await this.sql<{ origin: string; count: number; sompi: bigint }[]>`
      SELECT origin, count(*)::int AS count, sum(amount_sompi)::bigint AS sompi FROM treasury_outputs GROUP BY origin`;
    const balances = await this.sql<{ kind: string; balance: bigint }[]>`
      SELECT kind, balance_sompi AS balance FROM ledger_accounts`;
    return {
      outputs: Object.fromEntries(outputs.map(({ origin, count, sompi }) => [origin, { count, sompi }])),
      balances: Object.fromEntries(balances.map(({ kind, balance }) => [kind, balance])),
    };
  }

  /** What the chain shows of ours that is old enough. */
  async matureOnChain(): Promise<{ count: number; sompi: bigint }> {
    const score = await this.chain.virtualDaaScore();
    const utxos = await this.chain.utxos([TREASURY_ADDRESS]);
    const mature = utxos.filter((utxo) => utxo.blockDaaScore + BigInt(MATURITY_DAA) <= score);
    return { count: mature.length, sompi: mature.reduce((sum, utxo) => sum + utxo.amountSompi, 0n) };
  }

  async close(): Promise<void> {
    this.killPayer();
    this.link.close();
    await this.node.close();
    await this.fresh.drop();
  }

  #newTracker(): BlockTracker {
    return new BlockTracker({
      store: this.#store,
      fateOf: (hash) => this.link.blockFate(hash, PAY_SCRIPT),
      clock: () => this.#nowMs,
      log: silentLogger,
      finalConfirmations: MATURITY_DAA,
      followForMs: 100 * 3_600_000,
    });
  }

  async #startPayer(): Promise<{ lead: Lead; intake: RewardIntake }> {
    // The connection of a payer that was killed a moment ago may still hold the lock.
    const lead = await pollUntil('the lead is free', () =>
      Lead.take(this.fresh.url, 'test').catch((error: { code?: string }) => {
        if (error.code !== 'SLUICE_LEAD_TAKEN') throw error;
        return undefined;
      }),
    );
    const terms = { treasuryAddress: TREASURY_ADDRESS, payScript: PAY_SCRIPT, maturityDaa: MATURITY_DAA };
    const intake = new RewardIntake({
      ...{ lead, terms, treasury: this.chain, clock: () => this.#nowMs, log: silentLogger },
    });
    return { lead, intake };
  }
}
