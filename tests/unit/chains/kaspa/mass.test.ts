import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  computeMassGrams,
  relayGrams,
  sizeBytes,
  storageMassGrams,
  transientMassGrams,
} from '../../../../src/chains/kaspa/mass.ts';
import { encodeWireTransaction, type WireTransaction } from '../../../../src/chains/kaspa/wire.ts';
import { decodeTransaction } from '../../../../src/simnode/transaction.ts';
import {
  computeMassOf,
  estimatedSizeBytes,
  storageMassOf,
} from '../../../../src/simnode/transaction-rules.ts';

const sdk = createRequire(import.meta.url)('kaspa-wasm');
const KEY = new sdk.PrivateKey('b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef');
const ADDRESS: string = KEY.toKeypair().toAddress('devnet').toString();
const ECDSA: string = KEY.toKeypair().toAddressECDSA('devnet').toString();
const SCRIPT = `20${'11'.repeat(32)}ac`;
const KAS = 100_000_000n;

function wire(inputs: number, scripts: readonly string[]): WireTransaction {
  return {
    version: 0,
    inputs: Array.from({ length: inputs }, (_, index) => ({
      previousOutpoint: { transactionId: '22'.repeat(32), index },
      signatureScript: `41${'33'.repeat(64)}01`,
      sequence: '0',
      sigOpCount: 1,
    })),
    outputs: scripts.map((scriptPublicKey) => ({
      amount: '100000000',
      scriptPublicKey: { version: 0, scriptPublicKey },
    })),
    lockTime: '0',
    subnetworkId: '00'.repeat(20),
    gas: '0',
    payload: '',
    mass: '0',
  };
}

describe('masses of a payment', () => {
  it('are 94 grams, 1118 per input, 412 per output to a Schnorr key and 423 to others', () => {
    expect(computeMassGrams(0n, [])).toBe(94n);
    expect(computeMassGrams(1n, [])).toBe(94n + 1118n);
    expect(computeMassGrams(1n, [34n])).toBe(94n + 1118n + 412n);
    expect(computeMassGrams(1n, [35n])).toBe(94n + 1118n + 423n);
  });

  it('are those of the node, for signed transactions of any shape', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
        (count, kinds) => {
          const scripts = kinds.map((schnorr) => (schnorr ? SCRIPT : `21${'11'.repeat(33)}ab`));
          const tx = decodeTransaction(encodeWireTransaction(wire(count, scripts)));
          const bytes = scripts.map((script) => BigInt(script.length / 2));
          expect(computeMassGrams(BigInt(count), bytes)).toBe(BigInt(computeMassOf(tx)));
          expect(sizeBytes(BigInt(count), bytes)).toBe(BigInt(estimatedSizeBytes(tx)));
          expect(transientMassGrams(BigInt(count), bytes)).toBe(4n * BigInt(estimatedSizeBytes(tx)));
          expect(relayGrams(BigInt(count), bytes)).toBe(computeMassGrams(BigInt(count), bytes));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('count storage as the node does, with the looser form for 1:n, n:1 and 2:2', () => {
    const amounts = fc.array(fc.bigInt(20_000_000n, 10n ** 15n), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(amounts, amounts, (inputs, outputs) => {
        expect(storageMassGrams(inputs, outputs)).toBe(storageMassOf(inputs, outputs));
      }),
    );
    // 10,000/X grams for an output of X KAS.
    expect(storageMassGrams([10n ** 15n], [4n * KAS, 4n * KAS, 4n * KAS])).toBe(7_500n);
  });

  it("are the official SDK's, storage and compute, for amounts as payouts have them", () => {
    const cases: [bigint[], bigint[]][] = [
      [[5_000n * KAS], [10n * KAS, 20n * KAS, 4_969n * KAS]],
      [
        [500n * KAS, 300n * KAS, 20n * KAS],
        [1n * KAS, 2n * KAS, 3n * KAS, 813n * KAS],
      ],
      [Array(20).fill(194_454_365n), [38n * KAS]],
      [
        [100n * KAS, 90n * KAS],
        [1n * KAS, 188n * KAS],
      ],
    ];
    for (const [inputs, outputs] of cases) {
      const entries = inputs.map((amount, index) => ({
        address: ADDRESS,
        outpoint: { transactionId: '22'.repeat(32), index },
        amount,
        scriptPublicKey: { version: 0, script: SCRIPT },
        blockDaaScore: 0n,
        isCoinbase: false,
      }));
      const paid = outputs.map((amount) => ({ address: ADDRESS, amount }));
      const tx = sdk.createTransaction(entries, paid, 0n, undefined, 1);
      const scripts = outputs.map(() => 34n);
      const compute = computeMassGrams(BigInt(inputs.length), scripts);
      const storage = storageMassGrams(inputs, outputs);
      // The SDK takes the greater of both, and counts an unsigned input as one with a signature.
      expect(sdk.calculateTransactionMass('devnet', tx, 1)).toBe(compute > storage ? compute : storage);
    }
    expect(ECDSA).toMatch(/^kaspadev:/);
  });
});
