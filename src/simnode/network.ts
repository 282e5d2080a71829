/**
 * The simulated Kaspa network: one DAG, its money, and the other miners. Pure: the clock comes in as an
 * argument, chance from the seed, and the proof-of-work check from outside.
 *
 * In flow ticks of the clock, blocks and transactions; out flow templates, verdicts and two kinds of news
 * (the virtual state changed, outputs changed). It must never know of gRPC, of faults, or of who asks:
 * several simulated nodes may look at one network.
 */
import { blockHash } from '../chains/kaspa/header-hash.ts';
import { bitsOfTarget, targetOfBits, workOfTarget } from '../domain/target.ts';
import { ChainState, REORG_DEPTH_MAX } from './chain-state.ts';
import { type ChainChange, Dag, type Ghostdag } from './dag.ts';
import { hexOf, keyedHash } from './digests.ts';
import { Mempool } from './mempool.ts';
import { OwnBlocks } from './own-blocks.ts';
import { SeededRandom } from './random.ts';
import { parseBlock } from './submitted-block.ts';
import {
  type BlockSettings,
  type DraftBlock,
  draftBlock,
  fillerTransactions,
  genesisBlock,
  type SimBlock,
} from './template-maker.ts';
import { decodeTransaction } from './transaction.ts';
import { type UtxoDiff, UtxoSet } from './utxo-set.ts';

export type ProofOfWork = (prePow: Uint8Array, timestampMs: bigint, bits: number, nonce: bigint) => boolean;

export interface NetworkSettings {
  readonly seed: string;
  readonly blockVersion: number;
  readonly target: bigint;
  readonly subsidySompi: bigint;
  readonly parentLevels: number;
  readonly fillerTransactions: number;
  /** Part of our blocks that are declared red. */
  readonly redRate: number;
  /** Part of the others' blocks that do not know the newest block yet, and so stand beside it. */
  readonly forkRate: number;
  readonly maturityDaa: number;
  readonly massLimitGrams: number;
  readonly minimumFeeratePerGram: number;
  readonly verifySignatures: boolean;
  readonly keepBlocks: number;
  readonly keepUtxos: number;
  /** Stands in the text of every coinbase, after `simnode/`. */
  readonly serverVersion: string;
}

export type BlockRefusal =
  | 'malformed'
  | 'too-old'
  | 'unknown-template'
  | 'timestamp'
  | 'proof-of-work'
  | 'merkle-root';

export type BlockVerdict =
  | { readonly ok: true; readonly hash: string; readonly repeated: boolean }
  | { readonly ok: false; readonly reason: BlockRefusal };

export interface NetworkListener {
  onVirtualChange(): void;
  onUtxosChanged(diff: UtxoDiff): void;
}

/** Other miners; some, so that coinbases pay more than one script. */
const FOREIGN_MINERS = 8;
const FILLER_FEE_SOMPI = 250_000n;
/** kaspad answers with the same template for as long as this, unless its virtual state changes. */
const TEMPLATE_LIFE_MS = 1000;
/**
 * Templates that may come back as blocks: at ten a second for one miner about seven minutes. kaspad would
 * take any.
 */
const ISSUED_MAX = 4096;
/** Different miners' templates of one virtual state. */
const CACHED_MAX = 256;
/** Blocks in the DAA window of a 10-blocks-a-second network. */
const DAA_WINDOW_BLOCKS = 26_410;
/** How far a timestamp may lie ahead of the node's clock. */
const TIMESTAMP_TOLERANCE_MS = 132_000n;
const BLOCK_MASS_LIMIT_GRAMS = 500_000n;

export class SimNetwork {
  readonly settings: NetworkSettings;
  readonly block: BlockSettings;
  readonly dag: Dag<SimBlock>;
  readonly utxos: UtxoSet;
  readonly mempool: Mempool;
  readonly own: OwnBlocks;
  readonly chainState: ChainState;
  readonly #random: SeededRandom;
  readonly #checkPow: ProofOfWork;
  readonly #foreignScripts: string[];
  readonly #issued = new Map<string, DraftBlock>();
  readonly #cache = new Map<string, { draft: DraftBlock; madeAtMs: number }>();
  readonly #listeners = new Set<NetworkListener>();
  /** No blocks of other miners, and templates keep their timestamp: work can be handed out twice. */
  frozen = false;
  #virtual: Ghostdag;
  #previousVirtual: Ghostdag;
  #declaredRed = 0;

  constructor(settings: NetworkSettings, checkPow: ProofOfWork, nowMs: number) {
    this.settings = settings;
    this.#checkPow = checkPow;
    this.#random = new SeededRandom(settings.seed);
    const bits = bitsOfTarget(settings.target);
    const genesis = genesisBlock(settings.blockVersion, bits, nowMs, settings.seed);
    this.block = {
      version: settings.blockVersion,
      bits,
      subsidySompi: settings.subsidySompi,
      parentLevels: settings.parentLevels,
      genesisHash: genesis.hash,
    };
    this.dag = new Dag(genesis, workOfTarget(targetOfBits(bits)));
    this.utxos = new UtxoSet(settings.keepUtxos);
    this.mempool = new Mempool(this.utxos, settings);
    this.own = new OwnBlocks(this.dag);
    this.#foreignScripts = Array.from(
      { length: FOREIGN_MINERS },
      (_, i) => `20${hexOf(keyedHash('SimnodeForeignMiner', Buffer.from(`${settings.seed}/${i}`)))}ac`,
    );
    const foreign = new Set(this.#foreignScripts);
    this.chainState = new ChainState(
      this.utxos,
      this.mempool,
      (hash) => this.dag.get(hash),
      (script) => foreign.has(script),
    );
    this.#virtual = this.#previousVirtual = this.dag.virtual();
  }

  /** The block that would be made now: its past is what the node knows. */
  get virtual(): Ghostdag {
    return this.#virtual;
  }

  listen(listener: NetworkListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Equal virtual state, script and text give the very same template for a second, and for as long as the
   * network is frozen. undefined: the text is too long.
   */
  template(minerScript: string, extraData: string, nowMs: number): DraftBlock | undefined {
    const key = `${minerScript}/${extraData}`;
    const cached = this.#cache.get(key);
    if (cached && (this.frozen || isYoung(cached.madeAtMs, nowMs))) return cached.draft;
    const draft = this.#draft(this.#virtual, minerScript, extraData, nowMs, this.settings.fillerTransactions);
    if (!draft) return undefined;
    if (this.#cache.size >= CACHED_MAX) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(key, { draft, madeAtMs: nowMs });
    const id = hexOf(draft.prePowHash);
    this.#issued.delete(id);
    this.#issued.set(id, draft);
    if (this.#issued.size > ISSUED_MAX) this.#issued.delete(this.#issued.keys().next().value!);
    return draft;
  }

  /** A block from outside. Everything the header commits to is checked against the template it came from. */
  submitBlock(
    header: Buffer,
    transactions: readonly Buffer[],
    nowMs: number,
    allowNonDaa = false,
  ): BlockVerdict {
    const parsed = parseBlock(header, transactions);
    if (!parsed) return { ok: false, reason: 'malformed' };
    const { hash, prePow } = parsed;
    if (this.dag.get(hash) || this.own.has(hash)) return { ok: true, hash, repeated: true };
    const { timestampMs, bits, nonce, daaScore } = parsed.header;
    if (!allowNonDaa && Number(daaScore) < this.#virtual.daaScore - DAA_WINDOW_BLOCKS) {
      return { ok: false, reason: 'too-old' };
    }
    const draft = this.#issued.get(hexOf(prePow));
    if (!draft || !this.dag.get(draft.ghostdag.selectedParent))
      return { ok: false, reason: 'unknown-template' };
    const parentMs = BigInt(this.dag.get(draft.ghostdag.selectedParent)!.timestampMs);
    if (
      timestampMs > BigInt(nowMs) + TIMESTAMP_TOLERANCE_MS ||
      timestampMs < parentMs - TIMESTAMP_TOLERANCE_MS
    ) {
      return { ok: false, reason: 'timestamp' };
    }
    if (!this.#checkPow(prePow, timestampMs, bits, nonce)) return { ok: false, reason: 'proof-of-work' };
    if (parsed.merkleRoot !== draft.header.hashMerkleRoot) return { ok: false, reason: 'merkle-root' };

    const red = this.#isDeclaredRed();
    // Something must win against a red block, or it would be the only tip and everybody's selected parent.
    if (red && !this.#hasRival(draft)) this.#addForeign(this.#virtual, nowMs);
    const block = this.#complete(
      draft,
      parsed.header.nonce,
      hash,
      Number(timestampMs),
      false,
      red,
      transactions,
    );
    this.own.note(block);
    this.#add(block);
    return { ok: true, hash, repeated: false };
  }

  submitTransaction(bytes: Buffer): { ok: true; id: string } | { ok: false; id: string; error: string } {
    const tx = decodeTransaction(bytes);
    const result = this.mempool.submit(tx, this.#virtual.daaScore);
    return result.ok ? { ok: true, id: tx.id } : { ok: false, id: tx.id, error: result.error };
  }

  /** One block of another miner. */
  arriveForeign(nowMs: number): void {
    const beside = this.#random.chance(this.settings.forkRate);
    this.#addForeign(beside ? this.#previousVirtual : this.#virtual, nowMs);
  }

  /** `count` blocks of other miners, one after the other, and the news of the last one only. */
  mine(count: number, nowMs: number): void {
    const changes: UtxoDiff = { added: [], removed: [] };
    for (let i = 0; i < count; i++) {
      const diff = this.#insert(this.#foreign(this.#virtual, nowMs));
      changes.added.push(...diff.added);
      changes.removed.push(...diff.removed);
    }
    this.#tell(changes);
  }

  /** The next `count` submitted blocks will be red. */
  declareRed(count: number): void {
    this.#declaredRed = count;
  }

  /**
   * A heavier chain appears that left ours `depth` chain blocks below the sink. With `red` all that only our
   * chain had merged becomes red for whoever merges it next; without, it is merged again as blue, by another
   * block and with another coinbase. Returns the number of chain blocks that were given up.
   */
  reorganise(depth: number, red: boolean, nowMs: number): number {
    if (depth < 1 || depth > REORG_DEPTH_MAX) throw new RangeError(`depth must be 1 to ${REORG_DEPTH_MAX}`);
    const oldSink = this.dag.sink;
    const base = this.dag.chainBlockBelowSink(depth);
    const changes: UtxoDiff = { added: [], removed: [] };
    const removed: SimBlock[] = [];
    let tip = base;
    while (this.dag.sink === oldSink) {
      tip = this.#foreign(this.dag.colour([tip.hash]), nowMs);
      const diff = this.#insert(tip, (change) => removed.push(...change.removed));
      changes.added.push(...diff.added);
      changes.removed.push(...diff.removed);
    }
    if (red) {
      for (const block of removed) {
        block.red = true;
        for (const hash of [...block.blues, ...block.reds]) {
          const merged = this.dag.get(hash);
          if (merged && !this.dag.isChainBlock(hash) && !this.dag.mergerOf(hash)) merged.red = true;
        }
      }
    }
    this.#virtual = this.#previousVirtual = this.dag.virtual();
    this.#tell(changes);
    return removed.length;
  }

  #isDeclaredRed(): boolean {
    if (this.#declaredRed > 0) {
      this.#declaredRed--;
      return true;
    }
    return this.#random.chance(this.settings.redRate);
  }

  #hasRival(draft: DraftBlock): boolean {
    return this.dag.tips.some((hash) => !draft.ghostdag.parents.includes(hash) && !this.dag.get(hash)!.red);
  }

  #draft(
    ghostdag: Ghostdag,
    minerScript: string,
    extraData: string,
    nowMs: number,
    fillerCount: number,
  ): DraftBlock | undefined {
    const fillers = fillerTransactions(
      this.settings.seed,
      ghostdag.selectedParent,
      fillerCount,
      this.block.version,
    );
    return draftBlock(
      {
        ghostdag,
        minerScript,
        text: Buffer.from(`simnode/${this.settings.serverVersion}/${extraData}`),
        fillers,
        fillerFeesSompi: FILLER_FEE_SOMPI * BigInt(fillers.length),
        entries: this.mempool.selectForBlock(BLOCK_MASS_LIMIT_GRAMS),
        nowMs,
      },
      this.block,
      (hash) => this.dag.get(hash),
    );
  }

  #addForeign(ghostdag: Ghostdag, nowMs: number): void {
    this.#add(this.#foreign(ghostdag, nowMs));
  }

  /**
   * Another miner's block: a random nonce, and no proof of work behind it. Its ordinary transactions are left
   * out.
   */
  #foreign(ghostdag: Ghostdag, nowMs: number): SimBlock {
    const script = this.#foreignScripts[this.#random.below(FOREIGN_MINERS)]!;
    const draft = this.#draft(ghostdag, script, '', nowMs, 0)!;
    const nonce = this.#random.u64();
    const hash = hexOf(blockHash({ ...draft.header, nonce }));
    return this.#complete(draft, nonce, hash, nowMs, true, false, draft.bodies);
  }

  #complete(
    draft: DraftBlock,
    nonce: bigint,
    hash: string,
    timestampMs: number,
    foreign: boolean,
    red: boolean,
    bodies: readonly Buffer[],
  ): SimBlock {
    const carried = draft.entries.map((entry) => entry.transaction);
    // A transaction that several blocks carry pays the first of them.
    const fees = carried.reduce((total, tx) => total + this.mempool.takeIntoBlock(tx.id), 0n);
    return {
      ...draft.ghostdag,
      hash,
      children: [],
      red,
      foreign,
      minerScript: draft.minerScript,
      subsidySompi: this.block.subsidySompi,
      feesSompi: draft.fillerFeesSompi + fees,
      timestampMs,
      header: { ...draft.header, nonce, timestampMs: BigInt(timestampMs) },
      coinbase: draft.coinbase,
      carried,
      bodies,
      redRewardSompi: draft.redRewardSompi,
    };
  }

  #add(block: SimBlock): void {
    this.#tell(this.#insert(block));
  }

  #insert(block: SimBlock, onChange?: (change: ChainChange<SimBlock>) => void): UtxoDiff {
    const change = this.dag.add(block);
    onChange?.(change);
    const diff = this.chainState.follow(change);
    this.dag.prune(this.settings.keepBlocks, (old, mergedBy) => this.own.settle(old, mergedBy));
    this.#previousVirtual = this.#virtual;
    this.#virtual = this.dag.virtual();
    this.#cache.clear();
    return diff;
  }

  #tell(diff: UtxoDiff): void {
    this.#cache.clear();
    for (const listener of this.#listeners) {
      listener.onVirtualChange();
      if (diff.added.length + diff.removed.length > 0) listener.onUtxosChanged(diff);
    }
  }
}

function isYoung(madeAtMs: number, nowMs: number): boolean {
  return nowMs >= madeAtMs && nowMs - madeAtMs < TEMPLATE_LIFE_MS;
}
