import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { referencePow, selfTestReference, withReference } from '../../../src/chains/kaspa/reference-pow.ts';
import { leBytesToInteger } from '../../../src/domain/target.ts';
import { POW_VECTORS } from '../../vectors/kheavyhash.ts';

describe('the reference proof of work', () => {
  it('passes its self-test on a real mainnet block', () => {
    selfTestReference();
  });

  it.each(POW_VECTORS)('gives the value of the $name and decides on it', (vector) => {
    const hash = Buffer.from(vector.prePowHash, 'hex');
    const answer = referencePow(hash, vector.timestampMs, vector.bits, vector.nonce);
    expect(answer).toEqual({
      pow: leBytesToInteger(Buffer.from(vector.out, 'hex')),
      meetsBits: vector.isBlock,
    });
  });

  it('refuses an all-zero hash and a wrong length before the SDK can spin on it', () => {
    for (const length of [32, 31, 0]) {
      expect(() => referencePow(new Uint8Array(length), 1n, 0x207fffff, 1n)).toThrow(
        expect.objectContaining({ code: 'SLUICE_POW_BAD_HASH' }),
      );
    }
  });

  it('frees what it allocated even when its user throws', () => {
    const hash = new Uint8Array(32).fill(3);
    const ask = (): void => {
      expect(() =>
        withReference(hash, 1n, 0x207fffff, () => {
          throw new Error('user');
        }),
      ).toThrow('user');
    };
    ask();
    const sdk = createRequire(import.meta.url)('kaspa-wasm') as { __wasm: { memory: WebAssembly.Memory } };
    const before = sdk.__wasm.memory.buffer.byteLength;
    // A matrix is 8 KiB: unfreed, these would take 16 MiB.
    for (let round = 0; round < 2_000; round++) ask();
    expect(sdk.__wasm.memory.buffer.byteLength).toBe(before);
  });
});
