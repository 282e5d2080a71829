/**
 * What one simulated node answers: a table from the request's field name to a function. Pure but for the
 * clock that it is handed.
 *
 * In flow decoded requests; out flow answers in kaspad's shape and words, errors inside the answer. It must
 * never throw for what a client sent: a caught error becomes the answer's `error`, as in kaspad.
 */
import {
  decodeAddress,
  encodeAddress,
  payToAddressScript,
  prefixOfNetwork,
} from '../chains/kaspa/address.ts';
import type { WireBlock, WireUtxoEntry, WireVerboseData } from '../chains/kaspa/wire.ts';
import { difficultyOfTarget } from '../domain/target.ts';
import { messageOf } from '../kit/edge-error.ts';
import { hexOf } from './digests.ts';
import type { NodeCounters, NodeFaults, RefuseReason } from './faults.ts';
import type { SimNetwork } from './network.ts';
import { headerBytes, type SimBlock } from './template-maker.ts';
import { decodeTransaction } from './transaction.ts';
import { scriptKind } from './transaction-rules.ts';
import type { Utxo } from './utxo-set.ts';

export interface CallContext {
  readonly network: SimNetwork;
  readonly networkId: string;
  readonly faults: NodeFaults;
  readonly counters: NodeCounters;
  nowMs(): number;
}

export type Answer = Record<string, unknown>;
type Message = Record<string, unknown>;
type Call = (context: CallContext, message: Message) => Answer;

/** Ten merge sets of a 10-blocks-a-second network, which is where kaspad cuts the answer off. */
const CHAIN_BATCH = 2480;
/** Unit of the difficulty that the node shows: 2^255 / target, where ours is 2^224 / target. */
const NODE_DIFFICULTY_UNIT = 2 ** 31;

export const CALLS: Readonly<Record<string, Call>> = {
  getServerInfoRequest: ({ network, networkId, faults }) => ({
    rpcApiVersion: 1,
    rpcApiRevision: 0,
    serverVersion: network.settings.serverVersion,
    networkId,
    hasUtxoIndex: true,
    isSynced: !faults.unsynced,
    virtualDaaScore: String(network.virtual.daaScore),
  }),
  getInfoRequest: ({ network, faults }) => ({
    p2pId: '00000000-0000-0000-0000-000000000000',
    mempoolSize: String(network.mempool.size),
    serverVersion: network.settings.serverVersion,
    isUtxoIndexed: true,
    isSynced: !faults.unsynced,
    hasNotifyCommand: true,
    hasMessageId: true,
  }),
  getBlockDagInfoRequest: ({ network, networkId }) => ({
    networkName: `kaspa-${networkId}`,
    blockCount: String(network.dag.size),
    headerCount: String(network.dag.size),
    tipHashes: network.dag.tips,
    difficulty: difficultyOfTarget(network.settings.target) * NODE_DIFFICULTY_UNIT,
    pastMedianTime: String(network.dag.sink.timestampMs),
    virtualParentHashes: network.virtual.parents,
    pruningPointHash: network.block.genesisHash,
    virtualDaaScore: String(network.virtual.daaScore),
    sink: network.dag.sink.hash,
  }),
  getSinkBlueScoreRequest: ({ network }) => ({ blueScore: String(network.dag.sink.blueScore) }),
  getFeeEstimateRequest: ({ network }) => {
    const feerate = network.settings.minimumFeeratePerGram;
    return {
      estimate: {
        priorityBucket: { feerate, estimatedSeconds: 0.2 },
        normalBuckets: [{ feerate, estimatedSeconds: 1 }],
        lowBuckets: [{ feerate, estimatedSeconds: 5 }],
      },
    };
  },
  getBlockTemplateRequest: getBlockTemplate,
  submitBlockRequest: submitBlock,
  getBlockRequest: getBlock,
  getCurrentBlockColorRequest: getCurrentBlockColour,
  getBlockRewardInfoRequest: getBlockRewardInfo,
  getVirtualChainFromBlockRequest: getVirtualChainFromBlock,
  getUtxosByAddressesRequest: ({ network }, message) => ({
    entries: (message.addresses as string[]).flatMap((address) =>
      network.utxos.ofScript(scriptOfAddress(address)).map((utxo) => wireOfUtxo(utxo, address)),
    ),
  }),
  submitTransactionRequest: ({ network, counters }, message) => {
    const result = network.submitTransaction(message.transaction as Buffer);
    if (result.ok) {
      counters.transactionsAccepted++;
      return { transactionId: result.id };
    }
    counters.transactionsRefused++;
    return failed(`Rejected transaction ${result.id}: ${result.error}`);
  },
  getMempoolEntryRequest: ({ network }, message) => {
    if (message.filterTransactionPool && !message.includeOrphanPool) {
      return failed('transaction query must either not filter transactions or include orphans');
    }
    const entry = message.filterTransactionPool ? undefined : network.mempool.get(message.txId as string);
    if (!entry) return failed(`Transaction ${message.txId} not found`);
    return { entry: { fee: String(entry.feeSompi), transaction: entry.transaction.bytes, isOrphan: false } };
  },
};

/** undefined: this node does not know the call, which makes kaspad close the stream. */
export function answerCall(context: CallContext, field: string, message: Message): Answer | undefined {
  const call = CALLS[field];
  if (!call) return undefined;
  try {
    return call(context, message);
  } catch (error) {
    return failed(messageOf(error));
  }
}

function getBlockTemplate(
  { network, networkId, faults, counters, nowMs }: CallContext,
  message: Message,
): Answer {
  const address = decodeAddress(message.payAddress as string);
  if (!address) return failed('The address is invalid');
  if (address.prefix !== prefixOfNetwork(networkId)) {
    return failed(`The address has an invalid prefix ${address.prefix}`);
  }
  const script = hexOf(payToAddressScript(address));
  const draft = network.template(script, message.extraData as string, nowMs());
  if (!draft) return failed('Coinbase payload is above max length (204). Try to shorten the extra data.');
  counters.templatesServed++;
  const block: WireBlock = { header: headerBytes(draft.header), transactions: [...draft.bodies] };
  return { block, isSynced: !faults.unsynced };
}

const REFUSAL_TEXT: Readonly<Record<RefuseReason, string>> = {
  BLOCK_INVALID: 'block is invalid',
  IS_IN_IBD: 'node is not synced',
  ROUTE_IS_FULL: 'route is full',
};

function submitBlock({ network, faults, counters, nowMs }: CallContext, message: Message): Answer {
  counters.blocksSubmitted++;
  const refused = (reason: RefuseReason, why: string): Answer => {
    counters.blockRefused(why);
    return {
      rejectReason: reason === 'ROUTE_IS_FULL' ? 'NONE' : reason,
      ...failed(`Block was not submitted: ${REFUSAL_TEXT[reason]}`),
    };
  };
  // kaspad fails before it has a verdict then, so the reason keeps its default.
  const unreadable = (): Answer => {
    counters.blockRefused('malformed');
    return { rejectReason: 'NONE', ...failed('Hex parsing error: Invalid input length') };
  };
  const ordered = faults.takeRefusal();
  if (ordered) return refused(ordered, `ordered:${ordered}`);
  if (faults.unsynced) return refused('IS_IN_IBD', 'unsynced');
  const block = message.block as WireBlock | null;
  if (!block) return unreadable();
  const verdict = network.submitBlock(
    block.header,
    block.transactions,
    nowMs(),
    message.allowNonDAABlocks === true,
  );
  if (!verdict.ok && verdict.reason === 'malformed') return unreadable();
  if (!verdict.ok) return refused('BLOCK_INVALID', verdict.reason);
  if (verdict.repeated) counters.blocksRepeated++;
  else counters.blocksAccepted++;
  return { rejectReason: 'NONE' };
}

function getBlock({ network }: CallContext, message: Message): Answer {
  const block = network.dag.get(hashOf(message.hash));
  if (!block) return failed(`cannot find header ${message.hash}`);
  const withTransactions = message.includeTransactions === true;
  const wire: WireBlock = {
    header: headerBytes(block.header),
    transactions: withTransactions ? [...block.bodies] : [],
    verboseData: verboseOf(network, block, withTransactions),
  };
  return { block: wire };
}

function verboseOf(network: SimNetwork, block: SimBlock, withTransactions: boolean): WireVerboseData {
  return {
    hash: block.hash,
    difficulty: difficultyOfTarget(network.settings.target) * NODE_DIFFICULTY_UNIT,
    selectedParentHash: block.selectedParent,
    transactionIds: withTransactions ? block.bodies.map((bytes) => decodeTransaction(bytes).id) : [],
    isHeaderOnly: false,
    blueScore: String(block.blueScore),
    childrenHashes: [...block.children],
    mergeSetBluesHashes: [...block.blues],
    mergeSetRedsHashes: [...block.reds],
    isChainBlock: network.dag.isChainBlock(block.hash),
  };
}

/** A block that nobody merged yet and one that nobody knows get the same words. */
function getCurrentBlockColour({ network }: CallContext, message: Message): Answer {
  const hash = hashOf(message.hash);
  const fate = network.own.fate(hash);
  if (!fate || fate.colour === 'unknown') return failed(`Block ${hash} doesn't have any merger block.`);
  return { blue: fate.colour === 'blue' };
}

/** The shape of kaspad 2: what is not known yet is not there, rather than zero. */
function getBlockRewardInfo({ network }: CallContext, message: Message): Answer {
  const hash = hashOf(message.hash);
  const fate = network.own.fate(hash);
  if (!fate) return failed(`cannot find header ${hash}`);
  const block = network.dag.get(hash);
  const header = block ? headerBytes(block.header) : Buffer.alloc(0);
  if (fate.colour === 'unknown') return { header, blockColor: 'UNKNOWN' };
  return {
    header,
    blockColor: fate.colour === 'blue' ? 'BLUE' : 'RED',
    confirmationCount: String(fate.confirmations),
    mergingChainBlockHash: fate.mergingBlock,
    ...(fate.rewardSompi === undefined ? {} : { rewardAmount: String(fate.rewardSompi) }),
  };
}

function getVirtualChainFromBlock({ network }: CallContext, message: Message): Answer {
  const start = hashOf(message.startHash);
  const change = network.dag.chainFrom(start, CHAIN_BATCH);
  if (!change) return failed(`cannot find header ${start}`);
  const acceptedTransactionIds = message.includeAcceptedTransactionIds
    ? change.added.map((block) => ({
        acceptingBlockHash: block.hash,
        acceptedTransactionIds: network.chainState.acceptedIds(block.hash),
      }))
    : [];
  return {
    removedChainBlockHashes: change.removed.map((block) => block.hash),
    addedChainBlockHashes: change.added.map((block) => block.hash),
    acceptedTransactionIds,
  };
}

export function wireOfUtxo(utxo: Utxo, address: string): WireUtxoEntry {
  return {
    address,
    outpoint: { transactionId: utxo.transactionId, index: utxo.index },
    utxoEntry: {
      amount: String(utxo.valueSompi),
      scriptPublicKey: { version: utxo.scriptVersion, scriptPublicKey: utxo.script },
      blockDaaScore: String(utxo.blockDaaScore),
      isCoinbase: utxo.isCoinbase,
    },
  };
}

export function scriptOfAddress(text: string): string {
  const address = decodeAddress(text);
  if (!address) throw new Error('The address is invalid');
  return hexOf(payToAddressScript(address));
}

/** The other way round; '' for a script that no address names. */
export function addressOfScript(script: string, networkId: string): string {
  const prefix = prefixOfNetwork(networkId);
  const kind = scriptKind(script);
  if (!prefix || !kind) return '';
  const bytes = Buffer.from(script, 'hex');
  if (kind === 'script-hash') return encodeAddress({ prefix, version: 8, payload: bytes.subarray(2, -1) });
  return encodeAddress({ prefix, version: kind === 'schnorr-key' ? 0 : 1, payload: bytes.subarray(1, -1) });
}

function hashOf(text: unknown): string {
  if (typeof text !== 'string' || !/^[0-9a-f]{64}$/i.test(text))
    throw new Error('Hex parsing error: Invalid input length');
  return text.toLowerCase();
}

function failed(message: string): { error: { message: string } } {
  return { error: { message } };
}
