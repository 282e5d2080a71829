import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AddressPrefix,
  checkAddress,
  decodeAddress,
  encodeAddress,
  payToAddressScript,
  prefixOfNetwork,
} from '../../../../src/chains/kaspa/address.ts';

interface SdkAddress {
  toString(): string;
  readonly prefix: string;
  free(): void;
}
const sdk = createRequire(import.meta.url)('kaspa-wasm') as {
  Address: { new (text: string): SdkAddress; validate(text: string): boolean };
  payToAddressScript(address: SdkAddress): { script: string };
};

const MAINNET = 'kaspa:qz4jdyu04hv4hpyy00pl6trzw4gllnhnwy62xattejv2vaj5r0p5quvns058f';
const PREFIXES: readonly AddressPrefix[] = ['kaspa', 'kaspatest', 'kaspadev', 'kaspasim'];
const address = fc
  .tuple(
    fc.constantFrom(...PREFIXES),
    fc.constantFrom(0, 1, 8),
    fc.uint8Array({ minLength: 33, maxLength: 33 }),
  )
  .map(([prefix, version, bytes]) => ({
    prefix,
    version,
    payload: bytes.subarray(0, version === 1 ? 33 : 32),
  }));
const kindOfPrefix = {
  kaspa: 'mainnet',
  kaspatest: 'testnet-10',
  kaspadev: 'devnet',
  kaspasim: 'simnet',
} as const;

function reasonOf(text: string, networkId: string): string {
  const check = checkAddress(text, networkId);
  if (check.ok) throw new Error(`${text} was accepted`);
  return check.reason;
}

describe('a Kaspa address', () => {
  it('is encoded and decoded as the official SDK does it, with the same script', () => {
    fc.assert(
      fc.property(address, (parts) => {
        const text = encodeAddress(parts);
        expect(sdk.Address.validate(text)).toBe(true);
        const theirs = new sdk.Address(text);
        expect(theirs.toString()).toBe(text);
        expect(Buffer.from(payToAddressScript(parts)).toString('hex')).toBe(
          sdk.payToAddressScript(theirs).script,
        );
        theirs.free();
        expect(decodeAddress(text)).toEqual(parts);
        expect(checkAddress(text, kindOfPrefix[parts.prefix])).toEqual({ ok: true, address: text });
      }),
    );
  });

  it('is never accepted here when the SDK calls it invalid, whatever one character was changed to', () => {
    fc.assert(
      fc.property(
        address,
        fc.nat(200),
        fc.constantFrom(...'qpzry9x8gf2tvdw0s3jn54khce6mua7l', 'b', '1', ':'),
        (parts, at, char) => {
          const good = encodeAddress(parts);
          const where = at % good.length;
          const text = good.slice(0, where) + char + good.slice(where + 1);
          if (text === good) return;
          expect(decodeAddress(text)).toBeUndefined();
          expect(sdk.Address.validate(text)).toBe(false);
        },
      ),
    );
  });

  it('has 61 characters behind the colon, or 63 for an ECDSA key', () => {
    const lengths = [0, 1, 8].map((version) => {
      const payload = new Uint8Array(version === 1 ? 33 : 32);
      return encodeAddress({ prefix: 'kaspa', version, payload }).length - 'kaspa:'.length;
    });
    expect(lengths).toEqual([61, 63, 61]);
    expect(() => encodeAddress({ prefix: 'kaspa', version: 1, payload: new Uint8Array(32) })).toThrow(
      RangeError,
    );
    expect(() => encodeAddress({ prefix: 'kaspa', version: 2, payload: new Uint8Array(32) })).toThrow(
      RangeError,
    );
  });

  it('begins as its network demands', () => {
    expect(
      ['mainnet', 'testnet-10', 'testnet-11', 'devnet', 'simnet', 'othernet'].map(prefixOfNetwork),
    ).toEqual(['kaspa', 'kaspatest', 'kaspatest', 'kaspadev', 'kaspasim', undefined]);
  });
});

describe('what a miner typed', () => {
  it('is accepted with spaces, capitals, no prefix, or junk around it', () => {
    const bare = MAINNET.slice('kaspa:'.length);
    for (const text of [
      MAINNET,
      ` ${MAINNET}\n`,
      MAINNET.toUpperCase(),
      bare,
      `${MAINNET},Rig_1234`,
      `${bare},Rig`,
      `x ${MAINNET} y`,
    ]) {
      expect(checkAddress(text, 'mainnet')).toEqual({ ok: true, address: MAINNET });
    }
  });

  it('is answered with the network of this pool when it is of another one', () => {
    const wanted = 'this pool mines devnet: the address must begin with kaspadev:';
    expect(reasonOf(MAINNET, 'devnet')).toBe(wanted);
    expect(reasonOf(MAINNET.slice(6), 'devnet')).toBe(`${wanted} (this one is for kaspa:)`);
    expect(reasonOf('bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', 'devnet')).toBe(wanted);
    expect(reasonOf('', 'devnet')).toContain(wanted);
  });

  it('is answered with what is wrong when it is of this network', () => {
    expect(reasonOf(MAINNET.replace('q4', 'q5').replace('z4', 'z5'), 'mainnet')).toContain('checksum');
    expect(reasonOf(MAINNET.slice(0, -1), 'mainnet')).toContain('60 characters');
    expect(reasonOf('kaspa:', 'mainnet')).toContain('0 characters');
    expect(reasonOf(`kaspa:${'b'.repeat(61)}`, 'mainnet')).toContain('checksum');
  });

  it('never throws, whatever it is, and never yields an address that the SDK would not take', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.stringMatching(/^(kaspa(test|dev|sim)?:)?[a-z0-9,.: ]{0,80}$/),
      fc.constantFrom('kaspa', ':', '::', 'kaspa::', `kaspa:${'q'.repeat(61)}`, 'a'.repeat(100_000)),
    );
    fc.assert(
      fc.property(hostile, fc.constantFrom('mainnet', 'testnet-10', 'devnet'), (text, networkId) => {
        const check = checkAddress(text, networkId);
        if (check.ok) expect(sdk.Address.validate(check.address)).toBe(true);
        else expect(check.reason).not.toBe('');
      }),
      { numRuns: 500 },
    );
  });

  it('is refused when it is not even text', () => {
    for (const nonsense of [undefined, null, 7, {}, []]) {
      expect(checkAddress(nonsense as unknown as string, 'mainnet').ok).toBe(false);
    }
  });
});
