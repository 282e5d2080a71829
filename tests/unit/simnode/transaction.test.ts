import { describe, expect, it } from 'vitest';
import { hexOf, merkleRoot } from '../../../src/simnode/digests.ts';
import { verifySchnorr } from '../../../src/simnode/signature.ts';
import {
  decodeTransaction,
  encodeTransaction,
  SUBNETWORK_COINBASE,
  SUBNETWORK_NATIVE,
  transactionHash,
} from '../../../src/simnode/transaction.ts';
import { computeMassOf, estimatedSizeBytes, storageMassOf } from '../../../src/simnode/transaction-rules.ts';

const KAS = 100_000_000n;

describe('a transaction of the simulated node', () => {
  // The empty version-0 transaction of the reference node's own tests.
  it('has the id and the hash that the reference node computes', () => {
    const tx = decodeTransaction(encodeTransaction({ subnetworkId: SUBNETWORK_NATIVE }));
    expect(tx.id).toBe('2c18d5e59ca8fc4c23d9560da3bf738a8f40935c11c162017fbf2c907b7e665c');
    expect(hexOf(transactionHash(tx))).toBe(
      'c9e29784564c269ce2faaffd3487cb4684383018ace11133de082dce4bb88b0b',
    );
  });

  it('hashes pairs upwards, and a missing neighbour as zero bytes', () => {
    const leaf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
    const pair = merkleRoot([leaf(1), leaf(2)]);
    expect(merkleRoot([leaf(1)])).toEqual(leaf(1));
    expect(merkleRoot([leaf(1), leaf(2), leaf(3)])).toEqual(
      merkleRoot([pair, merkleRoot([leaf(3), new Uint8Array(32)])]),
    );
    expect(merkleRoot([])).toEqual(new Uint8Array(32));
  });

  it('covers a coinbase payload by its id, and a signature not', () => {
    const coinbase = (payload: string): string =>
      decodeTransaction(encodeTransaction({ subnetworkId: SUBNETWORK_COINBASE, payload })).id;
    expect(coinbase('00')).not.toBe(coinbase('01'));
    const spend = (signatureScript: string): string =>
      decodeTransaction(
        encodeTransaction({
          subnetworkId: SUBNETWORK_NATIVE,
          inputs: [
            {
              previousOutpoint: { transactionId: 'ab'.repeat(32), index: 1 },
              signatureScript,
              sequence: '0',
              sigOpCount: 1,
            },
          ],
        }),
      ).id;
    expect(spend('00')).toBe(spend('ffff'));
  });

  it('refuses hex that is none', () => {
    expect(() => decodeTransaction(encodeTransaction({ subnetworkId: 'xyz' }))).toThrow('Hex parsing error');
  });
});

describe('masses', () => {
  const script = `20${'11'.repeat(32)}ac`;
  const tx = (inputs: number, outputs: number) =>
    decodeTransaction(
      encodeTransaction({
        subnetworkId: SUBNETWORK_NATIVE,
        inputs: Array.from({ length: inputs }, (_, index) => ({
          previousOutpoint: { transactionId: 'ab'.repeat(32), index },
          signatureScript: '00'.repeat(66),
          sequence: '0',
          sigOpCount: 1,
        })),
        outputs: Array.from({ length: outputs }, () => ({
          amount: '100000000',
          scriptPublicKey: { version: 0, scriptPublicKey: script },
        })),
      }),
    );

  it('are 1118 grams an input, 412 an output and 94 for the rest', () => {
    expect(computeMassOf(tx(0, 0))).toBe(94);
    expect(computeMassOf(tx(1, 0)) - computeMassOf(tx(0, 0))).toBe(1118);
    expect(computeMassOf(tx(1, 1)) - computeMassOf(tx(1, 0))).toBe(412);
    expect(estimatedSizeBytes(tx(1, 1))).toBe(94 + 118 + 52);
  });

  it('of storage are 10,000 grams for an output of one coin out of a large input', () => {
    expect(storageMassOf([100_000n * KAS], [KAS, 99_999n * KAS])).toBe(10_000n);
  });

  it('of storage cost nothing for gathering outputs', () => {
    expect(storageMassOf([KAS, KAS, KAS, KAS], [4n * KAS])).toBe(0n);
    expect(storageMassOf([100n, 200n, 300n], [300n, 300n])).toBe(0n);
  });

  it('of storage follow the arithmetic mean for many to many', () => {
    const inputs = [10_000n * KAS, 10_000n * KAS, 20_000n * KAS];
    expect(storageMassOf(inputs, Array(4).fill(10_000n * KAS))).toBe(4n);
  });
});

describe('a Schnorr signature', () => {
  // First vector of BIP-340's list.
  const key = Buffer.from('F9308A019258C31049344F85F89D5229B531C845836F99B08601F113BCE036F9', 'hex');
  const signature = Buffer.from(
    'E907831F80848D1069A5371B402410364BDF1C5F8307B0084C55F1CE2DCA821525F66A4A85EA8B71E482A74F382D2CE5EBEEE8FDB2172F477DF4900D310536C0',
    'hex',
  );
  const message = Buffer.alloc(32);

  it('is accepted when it is right', () => {
    expect(verifySchnorr(message, key, signature)).toBe(true);
  });

  it('is refused for another message, another key, or one changed bit', () => {
    const changed = Buffer.from(signature);
    changed[40]! ^= 1;
    expect(verifySchnorr(Buffer.alloc(32, 1), key, signature)).toBe(false);
    expect(verifySchnorr(message, Buffer.alloc(32, 0xff), signature)).toBe(false);
    expect(verifySchnorr(message, key, changed)).toBe(false);
  });
});
