import { createRequire } from 'node:module';
import { blake2b } from '@noble/hashes/blake2.js';
import { describe, expect, it } from 'vitest';
import { AddressVersion, decodeAddress, encodeAddress } from '../../../../src/chains/kaspa/address.ts';
import {
  addressOfKey,
  isPrivateKey,
  judgeSignature,
  signText,
} from '../../../../src/chains/kaspa/message-signature.ts';
import { selfTestReference } from '../../../../src/chains/kaspa/reference-pow.ts';
import { verifySchnorr } from '../../../../src/simnode/signature.ts';
import { seededRandom } from '../../../kill/seeded-random.ts';

const KEY = 'b99d75736a0fd0ae2da658959813d680474f5a740a9c970a7da867141596178f';
const ADDRESS = addressOfKey(KEY, 'mainnet');
const TEXT = 'Sluice account settings\nnetwork: mainnet';
const payload = decodeAddress(ADDRESS)!.payload;
const sdk = createRequire(import.meta.url)('kaspa-wasm') as {
  __wasm: { memory: WebAssembly.Memory };
  PrivateKey: new (hex: string) => { toAddress(network: string): { toString(): string } };
};

describe('a signed message', () => {
  it('is proved by the address of the key, and by no other text, address or signature', () => {
    const signature = signText(TEXT, KEY);
    expect(judgeSignature(TEXT, ADDRESS, signature)).toBe('signed');
    expect(judgeSignature(`${TEXT} `, ADDRESS, signature)).toBe('not signed');
    const other = addressOfKey(`${'0'.repeat(63)}3`, 'mainnet');
    expect(judgeSignature(TEXT, other, signature)).toBe('not signed');
    expect(judgeSignature(TEXT, ADDRESS, signText('x', KEY))).toBe('not signed');
  });

  it('is what wallets make: BIP-340 over a keyed BLAKE2b of the text', () => {
    const signature = Buffer.from(signText(TEXT, KEY), 'hex');
    const digest = blake2b(Buffer.from(TEXT), { dkLen: 32, key: Buffer.from('PersonalMessageSigningHash') });
    expect(verifySchnorr(digest, payload, signature)).toBe(true);
  });

  it('cannot be proved by ECDSA addresses and scripts', () => {
    const signature = signText(TEXT, KEY);
    const ecdsa = encodeAddress({
      prefix: 'kaspa',
      version: AddressVersion.EcdsaKey,
      payload: Uint8Array.of(2, ...payload),
    });
    const script = encodeAddress({ prefix: 'kaspa', version: AddressVersion.ScriptHash, payload });
    for (const address of [ecdsa, script, 'nonsense', ''])
      expect(judgeSignature(TEXT, address, signature)).toBe('cannot prove');
  });

  it('gives a key the address that the SDK gives it', () => {
    expect(ADDRESS).toBe(new sdk.PrivateKey(KEY).toAddress('mainnet').toString());
    expect(addressOfKey(KEY, 'devnet')).toBe(new sdk.PrivateKey(KEY).toAddress('devnet').toString());
  });

  it('takes no key that is zero, beyond the group, or no key at all', () => {
    const order = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';
    for (const text of ['0'.repeat(64), order, 'f'.repeat(64), KEY.slice(1), `${KEY}0`, 'x'.repeat(64), ''])
      expect(isPrivateKey(text)).toBe(false);
    expect(isPrivateKey(KEY)).toBe(true);
    expect(() => signText(TEXT, 'f'.repeat(64))).toThrow(RangeError);
  });

  /** Mutations of a right one, so that they come as far as can be. Any trap in the SDK would be a RuntimeError of WebAssembly. */
  it('survives 20,000 pieces of garbage: none is taken for signed, the SDK neither traps nor grows', () => {
    const random = seededRandom(7);
    const pick = (below: number): number => Math.floor(random() * below);
    const signature = signText(TEXT, KEY);
    const judged: Record<string, number> = {};
    const once = (): void => {
      const kind = pick(6);
      let [message, address, given] = [TEXT, ADDRESS, signature];
      if (kind === 0) given = mutated(signature, pick);
      if (kind === 1) given = signature.slice(0, pick(128)) + 'f'.repeat(pick(200));
      if (kind === 2) message = mutated(TEXT, pick);
      if (kind === 3) message = `${TEXT}${String.fromCharCode(pick(0x10000))}`;
      if (kind === 4) address = mutated(ADDRESS, pick);
      // Any 32 bytes make an address; half of them are no point of the curve.
      if (kind === 5)
        address = encodeAddress({
          prefix: 'kaspa',
          version: AddressVersion.SchnorrKey,
          payload: Uint8Array.from({ length: 32 }, () => pick(256)),
        });
      if (message === TEXT && address === ADDRESS && given === signature) return;
      const judgement = judgeSignature(message, address, given);
      judged[judgement] = (judged[judgement] ?? 0) + 1;
    };
    for (let round = 0; round < 1_000; round++) once();
    const before = sdk.__wasm.memory.buffer.byteLength;
    for (let round = 0; round < 19_000; round++) once();
    expect(judged.signed).toBeUndefined();
    expect(judged['not signed']).toBeGreaterThan(5_000);
    expect(judged['cannot prove']).toBeGreaterThan(2_000);
    expect(judged.unreadable).toBeGreaterThan(2_000);
    expect(sdk.__wasm.memory.buffer.byteLength).toBe(before);
    // The very instance that judged all of this still computes.
    expect(createRequire(import.meta.url)('kaspa-wasm')).toBe(sdk);
    expect(judgeSignature(TEXT, ADDRESS, signature)).toBe('signed');
    selfTestReference();
  });
});

function mutated(text: string, pick: (below: number) => number): string {
  const at = pick(text.length);
  const digits = '0123456789abcdef';
  return text.slice(0, at) + digits[pick(16)] + text.slice(at + 1 + pick(2));
}
