/**
 * Reads a block as somebody submitted it: hashes and merkle root are taken from what came, not from what was
 * given out. Pure.
 */
import { blockHash, type KaspaHeader, prePowHash } from '../chains/kaspa/header-hash.ts';
import { decodeWireHeader, headerOfWire } from '../chains/kaspa/wire.ts';
import { hexOf, merkleRoot } from './digests.ts';
import { decodeTransaction, transactionHash } from './transaction.ts';

export interface SubmittedBlock {
  readonly header: KaspaHeader;
  readonly hash: string;
  readonly prePow: Uint8Array;
  /** Of the transactions that came with the header. */
  readonly merkleRoot: string;
}

/** undefined for anything that is not a block: kaspad tells no more about it either. */
export function parseBlock(headerBytes: Buffer, transactions: readonly Buffer[]): SubmittedBlock | undefined {
  try {
    const header = headerOfWire(decodeWireHeader(headerBytes));
    return {
      header,
      hash: hexOf(blockHash(header)),
      prePow: prePowHash(header),
      merkleRoot: hexOf(merkleRoot(transactions.map((bytes) => transactionHash(decodeTransaction(bytes))))),
    };
  } catch {
    return undefined;
  }
}
