/**
 * Coinbase transactions: what a block says of its miner, and whom it pays for the blocks it merged. Pure.
 *
 *   payload: blue score u64 | subsidy u64 | script version u16 | script length u8 | script | text
 *   outputs: one per merged blue block, the selected parent first, to the script in that block's payload;
 *            then one with the rewards of all merged reds, to this block's own miner
 */
import type { Ghostdag } from './dag.ts';
import {
  decodeTransaction,
  encodeTransaction,
  type SimTransaction,
  SUBNETWORK_COINBASE,
  u8,
  u16,
  u64,
} from './transaction.ts';

/** Largest payload that consensus allows. */
export const COINBASE_PAYLOAD_MAX_BYTES = 204;

export interface RewardedBlock {
  /** Locking script of the block's miner, hex. */
  readonly minerScript: string;
  readonly subsidySompi: bigint;
  readonly feesSompi: bigint;
}

export interface CoinbaseOutput {
  readonly valueSompi: bigint;
  readonly script: string;
}

export function coinbaseOutputs(
  ghostdag: Ghostdag,
  minerScript: string,
  blockOf: (hash: string) => RewardedBlock | undefined,
): CoinbaseOutput[] {
  const outputs: CoinbaseOutput[] = [];
  for (const hash of ghostdag.blues) {
    const block = blockOf(hash);
    const valueSompi = block ? block.subsidySompi + block.feesSompi : 0n;
    // Genesis earned nothing.
    if (valueSompi > 0n) outputs.push({ valueSompi, script: block!.minerScript });
  }
  const red = redRewardSompi(ghostdag, blockOf);
  if (red > 0n) outputs.push({ valueSompi: red, script: minerScript });
  return outputs;
}

export function redRewardSompi(
  ghostdag: Ghostdag,
  blockOf: (hash: string) => RewardedBlock | undefined,
): bigint {
  return ghostdag.reds.reduce((total, hash) => {
    const block = blockOf(hash);
    return block ? total + block.subsidySompi + block.feesSompi : total;
  }, 0n);
}

export function coinbasePayload(
  blueScore: number,
  subsidySompi: bigint,
  script: string,
  text: Buffer,
): Buffer {
  const scriptBytes = Buffer.from(script, 'hex');
  return Buffer.concat([
    u64(blueScore),
    u64(subsidySompi),
    u16(0),
    u8(scriptBytes.length),
    scriptBytes,
    text,
  ]);
}

export function coinbaseTransaction(
  version: number,
  outputs: readonly CoinbaseOutput[],
  payload: Buffer,
): SimTransaction {
  return decodeTransaction(
    encodeTransaction({
      ...(version === 0 ? {} : { version }),
      outputs: outputs.map((output) => ({
        amount: String(output.valueSompi),
        scriptPublicKey: { scriptPublicKey: output.script } as { version: number; scriptPublicKey: string },
      })),
      subnetworkId: SUBNETWORK_COINBASE,
      payload: payload.toString('hex'),
    }),
  );
}
