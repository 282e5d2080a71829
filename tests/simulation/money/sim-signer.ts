/**
 * A signer without a key: its bytes are the transaction as text, with a salt that differs each time, as signatures may. So whoever
 * signs a plan a second time and sends that is seen by his bytes, though the txid is the same.
 */
import { createHash } from 'node:crypto';
import { outpointKey, type Plan } from '../../../src/payout/plan.ts';
import type { SignedPayout, Signer } from '../../../src/payout/signer.ts';
import type { SeededRandom } from '../../../src/simnode/random.ts';
import type { ModelTransaction } from './model-chain.ts';

export class SimSigner implements Signer {
  readonly address: string;
  readonly #random: SeededRandom;

  constructor(address: string, random: SeededRandom) {
    this.address = address;
    this.#random = random;
  }

  async sign(plan: Plan): Promise<SignedPayout> {
    const inputs = plan.inputs.map(outpointKey);
    const outputs = plan.payees.map(({ address, outputSompi }) => [address, String(outputSompi)]);
    if (plan.changeSompi > 0n) outputs.push([this.address, String(plan.changeSompi)]);
    const txid = createHash('sha256')
      .update(JSON.stringify([inputs, outputs]))
      .digest('hex');
    return { txid, bytes: Buffer.from(JSON.stringify({ txid, inputs, outputs, salt: this.#random.u32() })) };
  }
}

export function transactionOfBytes(bytes: Uint8Array): ModelTransaction {
  const { txid, inputs, outputs } = JSON.parse(Buffer.from(bytes).toString()) as {
    txid: string;
    inputs: string[];
    outputs: [string, string][];
  };
  return {
    txid,
    inputs,
    outputs: outputs.map(([address, sompi]) => ({ address, sompi: BigInt(sompi) })),
    coinbase: false,
  };
}
