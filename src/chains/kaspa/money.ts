/** What a node says of money, in integers: amounts are sompi, 10^8 of them are one KAS. Pure. */
import type { WireFeeEstimate, WireUtxoEntry } from './wire.ts';

export interface FeeEstimate {
  /** Sompi per gram: inclusion within a second, a minute, an hour. */
  readonly priorityFeerate: number;
  readonly normalFeerate: number;
  readonly lowFeerate: number;
}

export interface TreasuryUtxo {
  readonly transactionId: string;
  readonly index: number;
  readonly address: string;
  readonly amountSompi: bigint;
  /** Locking script, hex. */
  readonly script: string;
  readonly scriptVersion: number;
  readonly blockDaaScore: bigint;
  readonly isCoinbase: boolean;
}

export function utxoOfWire({ address, outpoint, utxoEntry }: WireUtxoEntry): TreasuryUtxo {
  return {
    transactionId: outpoint.transactionId,
    index: outpoint.index,
    address,
    amountSompi: BigInt(utxoEntry.amount),
    script: utxoEntry.scriptPublicKey.scriptPublicKey,
    scriptVersion: utxoEntry.scriptPublicKey.version,
    blockDaaScore: BigInt(utxoEntry.blockDaaScore),
    isCoinbase: utxoEntry.isCoinbase,
  };
}

/** The first bucket of a kind is the one that the node promises to give; a quiet node may leave out the others. */
export function feeEstimateOfWire(estimate: WireFeeEstimate): FeeEstimate {
  const priorityFeerate = estimate.priorityBucket.feerate;
  const normalFeerate = estimate.normalBuckets[0]?.feerate ?? priorityFeerate;
  return { priorityFeerate, normalFeerate, lowFeerate: estimate.lowBuckets[0]?.feerate ?? normalFeerate };
}
