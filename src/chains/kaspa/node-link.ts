/**
 * One Kaspa node: what the pool asks of it, in the pool's words.
 *
 * In flow questions, found blocks and signed transactions; out flow templates, answers and the news that a new template can be
 * had. It must never serve work from a node of another network, nor report a block as accepted while the node set an error.
 *
 * Answers are awaited 1-3 s: a template older than that is of no use, and a found block has other nodes to go to.
 */
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import type { Logger } from '../../kit/log.ts';
import type { BlockColour, BlockFate } from '../chain.ts';
import { type FateSource, findBlockFate, UNKNOWN_FATE } from './block-fate.ts';
import { type FeeEstimate, feeEstimateOfWire, type TreasuryUtxo, utxoOfWire } from './money.ts';
import { RpcStream } from './rpc-stream.ts';
import { decodeWireTransaction, type WireBlock, type WireFeeEstimate, type WireUtxoEntry } from './wire.ts';

export interface NodeTimeouts {
  readonly infoMs: number;
  readonly templateMs: number;
  readonly submitMs: number;
  /** Everything that the money side asks. */
  readonly queryMs: number;
  /**
   * All outputs at an address. After weeks without a consolidation, or when somebody sends dust, these are 25 MB; a payer that gave up
   * on them would never come to the payout that makes them fewer.
   */
  readonly outputsMs: number;
}

export const DEFAULT_NODE_TIMEOUTS: NodeTimeouts = {
  infoMs: 2_000,
  templateMs: 1_500,
  submitMs: 3_000,
  queryMs: 3_000,
  outputsMs: 20_000,
};

export interface NodeLinkOptions {
  readonly name: string;
  /** host:port of the node's gRPC listener. */
  readonly address: string;
  readonly networkId: string;
  readonly log: Logger;
  readonly timeouts?: Partial<NodeTimeouts>;
  readonly random?: () => number;
  /** Something of `connected`, `info` or `fault` is new. */
  onChange?(): void;
  onNewBlockTemplate?(): void;
}

export interface NodeInfo {
  readonly serverVersion: string;
  readonly networkId: string;
  readonly synced: boolean;
  readonly utxoIndexed: boolean;
  readonly virtualDaaScore: bigint;
}

/** What the selected chain did since a block. */
export interface ChainChange {
  readonly removed: readonly string[];
  /** Oldest first, a batch: ask again from the last one until nothing comes. */
  readonly added: readonly { readonly hash: string; readonly acceptedIds: readonly string[] }[];
}

export interface SubmitAnswer {
  readonly ok: boolean;
  /** The node's words, '' when ok. */
  readonly reason: string;
  /** The node has not looked at the block at all: it may take the same one a moment later. */
  readonly busy?: true;
}

type Answer = Record<string, unknown> & { error: { message: string } | null };

export class NodeLink implements FateSource {
  readonly name: string;
  readonly #options: NodeLinkOptions;
  readonly #timeouts: NodeTimeouts;
  readonly #stream: RpcStream;
  #info: NodeInfo | undefined;
  #fault = 'not connected yet';
  #foreign = false;
  #greetings = 0;

  constructor(options: NodeLinkOptions) {
    this.name = options.name;
    this.#options = options;
    this.#timeouts = { ...DEFAULT_NODE_TIMEOUTS, ...options.timeouts };
    this.#stream = new RpcStream({
      address: options.address,
      log: options.log.child({ node: options.name }),
      random: options.random ?? Math.random,
      greet: () => this.#greet(),
      onUp: () => this.#changed(''),
      onDown: (reason) => this.#changed(this.#foreign ? this.#fault : `not connected: ${reason}`),
      onNotification: (field) => {
        if (field === 'newBlockTemplateNotification') this.#options.onNewBlockTemplate?.();
      },
    });
  }

  /** True once the node has told its network and taken our subscription. */
  get connected(): boolean {
    return this.#stream.up;
  }

  /** As of the last time it was asked; undefined before the first answer. */
  get info(): NodeInfo | undefined {
    return this.#info;
  }

  /** '' when all is well. */
  get fault(): string {
    return this.#fault;
  }

  /** True when the node answered that it is of another network. */
  get foreign(): boolean {
    return this.#foreign;
  }

  /** Attempts to greet that have ended, well or not; lets the start wait for the first word of every node. */
  get greetings(): number {
    return this.#greetings;
  }

  start(): void {
    this.#stream.start();
  }

  close(): void {
    this.#stream.close();
  }

  /** Asks for version, network and sync state, and remembers the answer. */
  async refreshInfo(): Promise<NodeInfo> {
    const info =
      this.#stream.timesFatal('getServerInfoRequest') < 2 ? await this.#serverInfo() : await this.#oldInfo();
    this.#info = info;
    this.#options.onChange?.();
    return info;
  }

  async getBlockTemplate(
    payAddress: string,
    extraData: string,
  ): Promise<{ block: WireBlock | null; synced: boolean }> {
    const answer = await this.#ask(
      'getBlockTemplateRequest',
      { payAddress, extraData },
      this.#timeouts.templateMs,
    );
    return { block: answer.block as WireBlock | null, synced: answer.isSynced === true };
  }

  /** Rejects only when the node did not answer. "Route is full" comes as reason NONE with an error, hence both. */
  async submitBlock(block: WireBlock): Promise<SubmitAnswer> {
    const request = {
      block: { header: block.header, transactions: block.transactions },
      allowNonDAABlocks: false,
    };
    const answer = await this.#callGreeted('submitBlockRequest', request, this.#timeouts.submitMs);
    if (answer.rejectReason !== 'NONE')
      return { ok: false, reason: answer.error?.message || String(answer.rejectReason) };
    return answer.error ? { ok: false, reason: answer.error.message, busy: true } : { ok: true, reason: '' };
  }

  /** `payScript`: hex of the script that our templates pay to. */
  blockFate(hash: string, payScript: string): Promise<BlockFate> {
    return findBlockFate(this, hash, payScript);
  }

  async rewardInfo(hash: string): Promise<BlockFate | undefined> {
    if (!this.#knows(2, 0, 'getBlockRewardInfoRequest')) return undefined;
    const answer = await this.#askMaybe('getBlockRewardInfoRequest', { hash });
    if (!answer) return undefined;
    const colour = String(answer.blockColor).toLowerCase() as BlockColour;
    if (colour !== 'blue' && colour !== 'red') return UNKNOWN_FATE;
    return {
      colour,
      mergingBlockHash: String(answer.mergingChainBlockHash ?? ''),
      confirmations: Number(answer.confirmationCount ?? 0),
      reward: answer.rewardAmount === undefined ? undefined : BigInt(answer.rewardAmount as string),
    };
  }

  async colour(hash: string): Promise<BlockColour | null> {
    if (!this.#knows(0, 15, 'getCurrentBlockColorRequest')) return null;
    const answer = await this.#askMaybe('getCurrentBlockColorRequest', { hash });
    if (!answer) return 'unknown';
    return answer.blue === true ? 'blue' : 'red';
  }

  async block(hash: string, withTransactions: boolean): Promise<WireBlock | undefined> {
    const answer = await this.#askMaybe('getBlockRequest', { hash, includeTransactions: withTransactions });
    return (answer?.block as WireBlock | null) ?? undefined;
  }

  async chainFrom(hash: string): Promise<readonly string[]> {
    const answer = await this.#askMaybe('getVirtualChainFromBlockRequest', { startHash: hash });
    return (answer?.addedChainBlockHashes as string[] | undefined) ?? [];
  }

  /** With the ids of what each block accepted; undefined when the node does not know `hash`. */
  async chainChange(hash: string): Promise<ChainChange | undefined> {
    const question = { startHash: hash, includeAcceptedTransactionIds: true };
    const answer = await this.#askMaybe('getVirtualChainFromBlockRequest', question);
    if (!answer) return undefined;
    const accepted = answer.acceptedTransactionIds as {
      acceptingBlockHash: string;
      acceptedTransactionIds: string[];
    }[];
    const idsOf = new Map(accepted.map((row) => [row.acceptingBlockHash, row.acceptedTransactionIds]));
    return {
      removed: answer.removedChainBlockHashes as string[],
      added: (answer.addedChainBlockHashes as string[]).map((added) => ({
        hash: added,
        acceptedIds: idsOf.get(added) ?? [],
      })),
    };
  }

  /** Orphans do not count: a node that lacks an input holds them aside and tells nobody. */
  async mempoolHolds(txId: string): Promise<boolean> {
    const question = { txId, includeOrphanPool: false, filterTransactionPool: false };
    return (await this.#askMaybe('getMempoolEntryRequest', question)) !== undefined;
  }

  /** Tip of the selected chain. */
  async sinkHash(): Promise<string> {
    return String((await this.#ask('getBlockDagInfoRequest', {}, this.#timeouts.queryMs)).sink);
  }

  /** The oldest block of the selected chain that the node keeps all of. */
  async pruningPoint(): Promise<string> {
    return String((await this.#ask('getBlockDagInfoRequest', {}, this.#timeouts.queryMs)).pruningPointHash);
  }

  async sinkBlueScore(): Promise<bigint> {
    const answer = await this.#ask('getSinkBlueScoreRequest', {}, this.#timeouts.queryMs);
    return BigInt(answer.blueScore as string);
  }

  async utxosOf(addresses: readonly string[]): Promise<TreasuryUtxo[]> {
    const answer = await this.#ask('getUtxosByAddressesRequest', { addresses }, this.#timeouts.outputsMs);
    return (answer.entries as WireUtxoEntry[]).map(utxoOfWire);
  }

  async feeEstimate(): Promise<FeeEstimate> {
    if (!this.#knows(0, 15, 'getFeeEstimateRequest'))
      throw new EdgeError('SLUICE_NODE_REFUSED', 'this node is too old to estimate fees');
    const answer = await this.#ask('getFeeEstimateRequest', {}, this.#timeouts.queryMs);
    return feeEstimateOfWire(answer.estimate as WireFeeEstimate);
  }

  /** Resolves with the transaction's id. The bytes are a protobuf `RpcTransaction`, stored by the caller and sent as they are. */
  async submitTransaction(transaction: Uint8Array): Promise<string> {
    const bytes = Buffer.from(transaction);
    // The node closes the stream on bytes that it cannot decode, which would cost us the templates as well.
    try {
      decodeWireTransaction(bytes);
    } catch (error) {
      throw new EdgeError(
        'SLUICE_TRANSACTION_BYTES',
        `these bytes are not a transaction: ${messageOf(error)}`,
        '',
        error,
      );
    }
    const answer = await this.#ask(
      'submitTransactionRequest',
      { transaction: bytes },
      this.#timeouts.queryMs,
    );
    return String(answer.transactionId);
  }

  async #greet(): Promise<void> {
    try {
      const info = await this.refreshInfo();
      this.#foreign = info.networkId !== this.#options.networkId;
      if (this.#foreign) {
        this.#fault = `this node serves ${info.networkId}, the pool mines ${this.#options.networkId}: it is not used`;
        throw new EdgeError(
          'SLUICE_NODE_NETWORK',
          this.#fault,
          'Put the address of a node of the right network into the configuration.',
        );
      }
      await this.#askNow('notifyNewBlockTemplateRequest', { command: 'NOTIFY_START' });
    } finally {
      this.#greetings++;
    }
  }

  async #serverInfo(): Promise<NodeInfo> {
    const answer = await this.#askNow('getServerInfoRequest', {});
    return {
      serverVersion: String(answer.serverVersion),
      networkId: String(answer.networkId),
      synced: answer.isSynced === true,
      utxoIndexed: answer.hasUtxoIndex === true,
      virtualDaaScore: BigInt(answer.virtualDaaScore as string),
    };
  }

  /** The same from two older calls. The network is called `kaspa-devnet` there. */
  async #oldInfo(): Promise<NodeInfo> {
    const info = await this.#askNow('getInfoRequest', {});
    const dag = await this.#askNow('getBlockDagInfoRequest', {});
    return {
      serverVersion: String(info.serverVersion),
      networkId: String(dag.networkName).replace(/^kaspa-/, ''),
      synced: info.isSynced === true,
      utxoIndexed: info.isUtxoIndexed === true,
      virtualDaaScore: BigInt(dag.virtualDaaScore as string),
    };
  }

  /** By version where it can be read, by experience otherwise: an unknown call costs the whole stream. */
  #knows(major: number, minor: number, requestField: string): boolean {
    if (this.#stream.timesFatal(requestField) >= 2) return false;
    const version = /^v?(\d+)\.(\d+)/.exec(this.#info?.serverVersion ?? '');
    if (!version) return true;
    const [nodeMajor, nodeMinor] = [Number(version[1]), Number(version[2])];
    return nodeMajor > major || (nodeMajor === major && nodeMinor >= minor);
  }

  /** undefined when the node answers with an error: it does not know the block, or will not say. */
  async #askMaybe(requestField: string, message: object): Promise<Answer | undefined> {
    const answer = await this.#callGreeted(requestField, message, this.#timeouts.queryMs);
    return answer.error ? undefined : answer;
  }

  async #ask(requestField: string, message: object, timeoutMs: number): Promise<Answer> {
    const answer = await this.#callGreeted(requestField, message, timeoutMs);
    if (answer.error) throw new EdgeError('SLUICE_NODE_REFUSED', answer.error.message);
    return answer;
  }

  /** A node that has not yet told its network gets no blocks and is believed nothing. */
  async #callGreeted(requestField: string, message: object, timeoutMs: number): Promise<Answer> {
    if (!this.connected) throw new EdgeError('SLUICE_NODE_UNREACHABLE', this.#fault || 'not connected');
    return (await this.#stream.call(requestField, message, timeoutMs)) as Answer;
  }

  async #askNow(requestField: string, message: object): Promise<Answer> {
    const answer = (await this.#stream.call(requestField, message, this.#timeouts.infoMs)) as Answer;
    if (answer.error) throw new EdgeError('SLUICE_NODE_REFUSED', answer.error.message);
    return answer;
  }

  #changed(fault: string): void {
    this.#fault = fault;
    this.#options.onChange?.();
  }
}
