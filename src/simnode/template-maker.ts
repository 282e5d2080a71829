/**
 * Makes whole blocks: header, coinbase and other transactions, for templates and for the blocks of "other
 * miners". Pure.
 *
 * In flow the virtual state, a miner's script and text, transactions; out flows a block that lacks only its
 * nonce. The header is hashed as consensus does. Commitments to the UTXO set and to accepted ids are 32 bytes
 * that change with the block: nobody outside a node can check them.
 */
import { type KaspaHeader, prePowHash } from '../chains/kaspa/header-hash.ts';
import { encodeWireHeader, type WireHeader, wireOfHeader } from '../chains/kaspa/wire.ts';
import {
  COINBASE_PAYLOAD_MAX_BYTES,
  coinbaseOutputs,
  coinbasePayload,
  coinbaseTransaction,
  type RewardedBlock,
  redRewardSompi,
} from './coinbase.ts';
import type { DagBlock, Ghostdag } from './dag.ts';
import { hexOf, keyedHash, merkleRoot } from './digests.ts';
import type { MempoolEntry } from './mempool.ts';
import {
  decodeTransaction,
  encodeTransaction,
  type SimTransaction,
  transactionHash,
  u32,
  u64,
} from './transaction.ts';

export interface SimBlock extends DagBlock, RewardedBlock {
  readonly foreign: boolean;
  readonly timestampMs: number;
  /** Without parents of a block that was made by `genesisBlock`. */
  readonly header: KaspaHeader;
  readonly coinbase: SimTransaction | undefined;
  /** Those that spend or make outputs of the model; fillers are not among them. */
  readonly carried: readonly SimTransaction[];
  /** All bytes, coinbase first. */
  readonly bodies: readonly Buffer[];
  /** Paid to its own miner for merged reds, in its own coinbase. */
  readonly redRewardSompi: bigint;
}

export interface BlockSettings {
  readonly version: number;
  readonly bits: number;
  readonly subsidySompi: bigint;
  /** Levels of parents in the header; a mainnet block has about 50. */
  readonly parentLevels: number;
  readonly genesisHash: string;
}

/** A block but for its nonce, and what the network must know when it comes back. */
export interface DraftBlock {
  readonly ghostdag: Ghostdag;
  readonly header: KaspaHeader;
  readonly prePowHash: Uint8Array;
  readonly coinbase: SimTransaction;
  readonly entries: readonly MempoolEntry[];
  readonly fillerFeesSompi: bigint;
  readonly minerScript: string;
  readonly bodies: readonly Buffer[];
  readonly redRewardSompi: bigint;
}

export interface DraftInput {
  readonly ghostdag: Ghostdag;
  readonly minerScript: string;
  /** Version and extra data, behind the script in the coinbase payload. */
  readonly text: Buffer;
  readonly fillers: readonly SimTransaction[];
  readonly fillerFeesSompi: bigint;
  readonly entries: readonly MempoolEntry[];
  readonly nowMs: number;
}

/** undefined when the coinbase payload would be too long. */
export function draftBlock(
  input: DraftInput,
  settings: BlockSettings,
  blockOf: (hash: string) => SimBlock | undefined,
): DraftBlock | undefined {
  const { ghostdag, minerScript } = input;
  const payload = coinbasePayload(ghostdag.blueScore, settings.subsidySompi, minerScript, input.text);
  if (payload.length > COINBASE_PAYLOAD_MAX_BYTES) return undefined;
  const coinbase = coinbaseTransaction(
    settings.version >= 2 ? 1 : 0,
    coinbaseOutputs(ghostdag, minerScript, blockOf),
    payload,
  );
  const transactions = [coinbase, ...input.fillers, ...input.entries.map((entry) => entry.transaction)];
  const header: KaspaHeader = {
    version: settings.version,
    parentsByLevel: parentLevels(ghostdag.parents, settings, blockOf),
    hashMerkleRoot: hexOf(merkleRoot(transactions.map(transactionHash))),
    acceptedIdMerkleRoot: hexOf(
      keyedHash('SimnodeAcceptedIds', ...ghostdag.blues.map((hash) => Buffer.from(hash, 'hex'))),
    ),
    utxoCommitment: hexOf(keyedHash('SimnodeUtxoCommitment', Buffer.from(ghostdag.selectedParent, 'hex'))),
    timestampMs: BigInt(input.nowMs),
    bits: settings.bits,
    nonce: 0n,
    daaScore: BigInt(ghostdag.daaScore),
    blueScore: BigInt(ghostdag.blueScore),
    blueWork: ghostdag.blueWork.toString(16),
    pruningPoint: settings.genesisHash,
  };
  return {
    ghostdag,
    header,
    prePowHash: prePowHash(header),
    coinbase,
    entries: input.entries,
    fillerFeesSompi: input.fillerFeesSompi,
    minerScript,
    bodies: transactions.map((tx) => tx.bytes),
    redRewardSompi: redRewardSompi(ghostdag, blockOf),
  };
}

/** Header as kaspad puts it on the wire: a nonce of zero is not there. */
export function headerBytes(header: KaspaHeader): Buffer {
  const { nonce, ...rest } = wireOfHeader(header);
  return encodeWireHeader((header.nonce === 0n ? rest : { ...rest, nonce }) as WireHeader);
}

export function genesisBlock(version: number, bits: number, nowMs: number, seed: string): SimBlock {
  const zero = '00'.repeat(32);
  const header: KaspaHeader = {
    version,
    parentsByLevel: [],
    hashMerkleRoot: zero,
    acceptedIdMerkleRoot: zero,
    utxoCommitment: zero,
    timestampMs: BigInt(nowMs),
    bits,
    nonce: 0n,
    daaScore: 0n,
    blueScore: 0n,
    blueWork: '0',
    pruningPoint: zero,
  };
  return {
    hash: hexOf(keyedHash('SimnodeGenesis', Buffer.from(seed))),
    parents: [],
    children: [],
    selectedParent: '',
    blues: [],
    reds: [],
    blueScore: 0,
    daaScore: 0,
    blueWork: 0n,
    red: false,
    foreign: true,
    minerScript: '',
    subsidySompi: 0n,
    feesSompi: 0n,
    timestampMs: nowMs,
    header,
    coinbase: undefined,
    carried: [],
    bodies: [],
    redRewardSompi: 0n,
  };
}

/** Parents of one level that a simulated header holds at most; real ones hold the antichain of that level. */
const PARENTS_PER_UPPER_LEVEL = 3;

/**
 * Level 0: the direct parents. Level k: the newest blocks below whose hash begins with at least k zero bits,
 * so the lists get older upwards and end in genesis. (On chain the level comes from the proof of work; a
 * simulated block has none.)
 */
function parentLevels(
  parents: readonly string[],
  settings: BlockSettings,
  blockOf: (hash: string) => SimBlock | undefined,
): (readonly string[])[] {
  const genesisOnly = [settings.genesisHash];
  const levels: (readonly string[])[] = [parents];
  const blocks = parents.map(blockOf).filter((block) => block !== undefined);
  for (let level = 1; level < settings.parentLevels; level++) {
    const found = new Set<string>();
    let inherited: readonly string[] = genesisOnly;
    for (const block of blocks) {
      if (levelOf(block.hash) >= level) found.add(block.hash);
      else {
        inherited = block.header.parentsByLevel[level] ?? genesisOnly;
        for (const hash of inherited) found.add(hash);
      }
    }
    if (found.size > 1) found.delete(settings.genesisHash);
    const list = [...found].slice(0, PARENTS_PER_UPPER_LEVEL);
    // Most blocks inherit the list as it is: sharing the array keeps ten thousand headers small.
    const same = list.length === inherited.length && list.every((hash, i) => hash === inherited[i]);
    levels.push(same ? inherited : list);
  }
  return levels;
}

function levelOf(hash: string): number {
  const digit = hash.search(/[^0]/);
  return digit < 0 ? 256 : digit * 4 + Math.clz32(Number(`0x${hash[digit]}`)) - 28;
}

/**
 * Ordinary transactions of other people, so that templates look like real ones. They spend nothing that the
 * model knows. From block version 2 on half of them are version 1 and hold what old clients drop: a compute
 * budget, a covenant, and a field with a number that no proto file of ours has.
 */
export function fillerTransactions(
  seed: string,
  state: string,
  count: number,
  blockVersion: number,
): SimTransaction[] {
  return Array.from({ length: count }, (_, i) => {
    const draw = keyedHash('SimnodeFiller', Buffer.from(seed), Buffer.from(state, 'hex'), u32(i));
    const script = (salt: number): string => `20${hexOf(keyedHash('SimnodeFiller', draw, u32(salt)))}ac`;
    const isVersionOne = blockVersion >= 2 && i % 2 === 0;
    const bytes = encodeTransaction({
      ...(isVersionOne ? { version: 1 } : {}),
      inputs: [
        {
          previousOutpoint: { transactionId: hexOf(draw), index: i },
          signatureScript: `41${hexOf(draw)}${hexOf(keyedHash('SimnodeFiller', draw))}01`,
          // u64's top: a client that goes through a double loses it.
          sequence: '18446744073709551615',
          sigOpCount: 1,
          ...(isVersionOne ? { computeBudget: 12 } : {}),
        },
      ],
      outputs: [1, 2].map((salt) => ({
        amount: String(1_000_000_000 + draw[salt]! * 1_000_003),
        scriptPublicKey: { version: 0, scriptPublicKey: script(salt) },
        ...(isVersionOne && salt === 1
          ? { covenant: { authorizing_input: 0, covenant_id: hexOf(draw) } }
          : {}),
      })),
      subnetworkId: '00'.repeat(20),
      ...(isVersionOne ? {} : { mass: '2500' }),
    });
    return decodeTransaction(isVersionOne ? Buffer.concat([bytes, FUTURE_FIELD, u64(i)]) : bytes);
  });
}

/** Field 1999, eight fixed bytes: key = 1999 << 3 | 1 as a varint. */
const FUTURE_FIELD = Buffer.of(0xf9, 0x7c);
