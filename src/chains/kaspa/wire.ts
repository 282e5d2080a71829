/**
 * The node's protocol as objects: loads `proto/kaspad.proto` and names the shapes of the messages.
 *
 * u64 come and go as decimal strings (a Number would round them), bytes as Buffers, enums as their names. With
 * `defaults` every scalar is present on reading, so `''`, `'0'` and `[]` mean "not there".
 */
import type { Client, MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { projectPath } from '../../kit/project-root.ts';
import type { KaspaHeader } from './header-hash.ts';

const definition = loadSync(projectPath('src/chains/kaspa/proto/kaspad.proto'), {
  keepCase: true,
  longs: String,
  enums: String,
  bytes: Buffer,
  defaults: true,
  oneofs: true,
});

/** For a server (the simulated node) and, by its MessageStream, for the client. */
export const RPC_SERVICE = definition['protowire.RPC'] as ServiceDefinition;
export const MESSAGE_STREAM = RPC_SERVICE.MessageStream as MethodDefinition<RpcRequest, RpcResponse>;
export type RpcClient = Client;

type Codec<T> = { requestSerialize(value: T): Buffer; requestDeserialize(bytes: Buffer): T };
const inner = definition['protowire.InnerCodec'] as unknown as {
  Header: Codec<WireHeader>;
  Transaction: Codec<WireTransaction>;
};

export const encodeWireHeader = (header: WireHeader): Buffer => inner.Header.requestSerialize(header);
export const decodeWireHeader = (bytes: Buffer): WireHeader => inner.Header.requestDeserialize(bytes);
export const encodeWireTransaction = (tx: WireTransaction): Buffer => inner.Transaction.requestSerialize(tx);
export const decodeWireTransaction = (bytes: Buffer): WireTransaction =>
  inner.Transaction.requestDeserialize(bytes);

/** Both sides of the stream: an id and exactly one payload, whose field name is in `payload` on reading. */
export interface RpcRequest {
  id: string;
  payload?: string;
  [field: string]: unknown;
}
export type RpcResponse = RpcRequest;

export interface WireHeader {
  version: number;
  parents: { parentHashes: string[] }[];
  hashMerkleRoot: string;
  acceptedIdMerkleRoot: string;
  utxoCommitment: string;
  timestamp: string;
  bits: number;
  nonce: string;
  daaScore: string;
  blueWork: string;
  blueScore: string;
  pruningPoint: string;
  hash?: string;
}

export interface WireVerboseData {
  hash: string;
  difficulty: number;
  selectedParentHash: string;
  transactionIds: string[];
  isHeaderOnly: boolean;
  blueScore: string;
  childrenHashes: string[];
  mergeSetBluesHashes: string[];
  mergeSetRedsHashes: string[];
  isChainBlock: boolean;
}

export interface WireBlock {
  header: Buffer;
  transactions: Buffer[];
  verboseData?: WireVerboseData | null;
}

export interface WireScriptPublicKey {
  version: number;
  scriptPublicKey: string;
}

export interface WireOutpoint {
  transactionId: string;
  index: number;
}

export interface WireTransaction {
  version: number;
  inputs: {
    previousOutpoint: WireOutpoint | null;
    signatureScript: string;
    sequence: string;
    sigOpCount: number;
    computeBudget?: number;
  }[];
  outputs: {
    amount: string;
    scriptPublicKey: WireScriptPublicKey | null;
    covenant?: { authorizing_input: number; covenant_id: string } | null;
  }[];
  lockTime: string;
  subnetworkId: string;
  gas: string;
  payload: string;
  verboseData?: {
    transactionId: string;
    hash: string;
    computeMass: string;
    blockHash: string;
    blockTime: string;
  } | null;
  mass: string;
}

export interface WireUtxoEntry {
  address: string;
  outpoint: WireOutpoint;
  utxoEntry: {
    amount: string;
    scriptPublicKey: WireScriptPublicKey;
    blockDaaScore: string;
    isCoinbase: boolean;
  };
}

export interface WireFeeEstimate {
  priorityBucket: { feerate: number };
  normalBuckets: { feerate: number }[];
  lowBuckets: { feerate: number }[];
}

export function headerOfWire(wire: WireHeader): KaspaHeader {
  return {
    version: wire.version,
    parentsByLevel: wire.parents.map((level) => level.parentHashes),
    hashMerkleRoot: wire.hashMerkleRoot,
    acceptedIdMerkleRoot: wire.acceptedIdMerkleRoot,
    utxoCommitment: wire.utxoCommitment,
    timestampMs: BigInt(wire.timestamp),
    bits: wire.bits,
    nonce: BigInt(wire.nonce),
    daaScore: BigInt(wire.daaScore),
    blueScore: BigInt(wire.blueScore),
    blueWork: wire.blueWork,
    pruningPoint: wire.pruningPoint,
  };
}

export function wireOfHeader(header: KaspaHeader): WireHeader {
  return {
    version: header.version,
    parents: header.parentsByLevel.map((parentHashes) => ({ parentHashes: [...parentHashes] })),
    hashMerkleRoot: header.hashMerkleRoot,
    acceptedIdMerkleRoot: header.acceptedIdMerkleRoot,
    utxoCommitment: header.utxoCommitment,
    timestamp: String(header.timestampMs),
    bits: header.bits,
    nonce: String(header.nonce),
    daaScore: String(header.daaScore),
    blueWork: header.blueWork,
    blueScore: String(header.blueScore),
    pruningPoint: header.pruningPoint,
  };
}
