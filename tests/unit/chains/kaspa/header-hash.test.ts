import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import {
  blockHash,
  blueWorkBytes,
  headerPreimage,
  type KaspaHeader,
  prePowHash,
} from '../../../../src/chains/kaspa/header-hash.ts';
import {
  decodeWireHeader,
  encodeWireHeader,
  headerOfWire,
  wireOfHeader,
} from '../../../../src/chains/kaspa/wire.ts';
import { projectPath } from '../../../../src/kit/project-root.ts';

interface SdkHeader {
  finalize(): string;
  free(): void;
}
const { Header } = createRequire(import.meta.url)('kaspa-wasm') as {
  Header: new (fields: object) => SdkHeader;
};

const ZERO = '0'.repeat(64);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const randomHash = (): string => hex(crypto.getRandomValues(new Uint8Array(32)));
const randomBelow = (limit: number): number => Math.floor(Math.random() * limit);

const TESTNET_GENESIS: KaspaHeader = {
  version: 0,
  parentsByLevel: [],
  hashMerkleRoot: '17341408a5724556504df4d6cf515cbfbb220430dc451c743c22d5e911720c2a',
  acceptedIdMerkleRoot: ZERO,
  utxoCommitment: '544eb3142c000f0ad2c76ac41f4222abbababed830eeafee4b6dc56b52d5cac0',
  timestampMs: 1633687894966n,
  bits: 0x1e7fffff,
  nonce: 0x14582n,
  daaScore: 0n,
  blueScore: 0n,
  blueWork: '0',
  pruningPoint: ZERO,
};
const SIMNET_GENESIS: KaspaHeader = {
  ...TESTNET_GENESIS,
  hashMerkleRoot: '1946d629f7e922a7bced59190521c3771f73d352ddbbb686564ad7fd56857c1b',
  bits: 0x207fffff,
  nonce: 2n,
};
const MAINNET_GENESIS: KaspaHeader = {
  ...TESTNET_GENESIS,
  hashMerkleRoot: '8ec898568c6801d13df4ee6e2a1b54b7e6236f671f20954f05306410518eeb32',
  utxoCommitment: '710f27df423e63aa6cdb72b89ea5a06cffa399d66f167704455b5af59def8e20',
  timestampMs: 1637609671037n,
  bits: 486722099,
  nonce: 0x3392cn,
  daaScore: 1312860n,
};

function mainnetBlock(): { header: KaspaHeader; hash: string; prePowHash: string } {
  const vector = JSON.parse(readFileSync(projectPath('tests/vectors/kaspa/mainnet-block.json'), 'utf8'));
  const fields = vector.header;
  return {
    hash: vector.hash,
    prePowHash: vector.prePowHash,
    header: {
      ...fields,
      timestampMs: BigInt(fields.timestampMs),
      nonce: BigInt(fields.nonce),
      daaScore: BigInt(fields.daaScore),
      blueScore: BigInt(fields.blueScore),
      parentsByLevel: vector.parentRuns.flatMap((run: { levels: number; parents: string[] }) =>
        Array.from({ length: run.levels }, () => run.parents),
      ),
    },
  };
}

function randomHeader(version: number): KaspaHeader {
  const levels = randomBelow(60);
  return {
    version,
    parentsByLevel: Array.from({ length: levels }, () =>
      Array.from({ length: 1 + randomBelow(16) }, randomHash),
    ),
    hashMerkleRoot: randomHash(),
    acceptedIdMerkleRoot: randomHash(),
    utxoCommitment: randomHash(),
    timestampMs: BigInt(randomBelow(2 ** 45)),
    bits: randomBelow(2 ** 32),
    nonce: crypto.getRandomValues(new BigUint64Array(1))[0]!,
    daaScore: BigInt(randomBelow(2 ** 50)),
    blueScore: BigInt(randomBelow(2 ** 50)),
    blueWork: randomHash().slice(0, randomBelow(49)),
    pruningPoint: randomHash(),
  };
}

function sdkHash(header: KaspaHeader): string {
  const sdk = new Header({
    ...header,
    timestamp: header.timestampMs,
    blueWork: BigInt(`0x0${header.blueWork}`),
    hash: ZERO,
  });
  const hash = sdk.finalize();
  sdk.free();
  return hash;
}

describe('the hash of a header', () => {
  it('is the known one for the genesis of testnet, simnet and mainnet', () => {
    expect(hex(blockHash(TESTNET_GENESIS))).toBe(
      'f896a3034873be1739fc4359236899fd3d65d2bc94f9780df0d0da3eb1cc4370',
    );
    expect(hex(prePowHash(TESTNET_GENESIS))).toBe(
      'f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d',
    );
    expect(hex(blockHash(SIMNET_GENESIS))).toBe(
      '411f8cd26f3d41aea39e78573927da24d23995705b579f30959b9127e96b79e3',
    );
    expect(hex(prePowHash(SIMNET_GENESIS))).toBe(
      '065c9ca83101011c4cdd02e20b9cdeaf264eb02951b2b10b77c12e1e85c5a5ca',
    );
    expect(hex(blockHash(MAINNET_GENESIS))).toBe(
      '58c2d4199e21f910d1571d114969cecef48f09f934d42ccb6a281a15868f2999',
    );
  });

  it('is the known one for a real mainnet block of 54 parent levels', () => {
    const block = mainnetBlock();
    expect(block.header.parentsByLevel).toHaveLength(54);
    expect(hex(blockHash(block.header))).toBe(block.hash);
    expect(hex(prePowHash(block.header))).toBe(block.prePowHash);
  });

  it('agrees with the official SDK on random headers of versions 0, 1 and 2', () => {
    for (let i = 0; i < 300; i++) {
      const header = randomHeader(i % 3);
      expect(hex(blockHash(header))).toBe(sdkHash(header));
      expect(hex(prePowHash(header))).toBe(sdkHash({ ...header, timestampMs: 0n, nonce: 0n }));
    }
  });

  it('survives the way over the wire', () => {
    for (let i = 0; i < 20; i++) {
      const header = randomHeader(1);
      const read = headerOfWire(decodeWireHeader(encodeWireHeader(wireOfHeader(header))));
      expect(read).toEqual(header);
      expect(hex(blockHash(read))).toBe(hex(blockHash(header)));
    }
  });

  it('depends on the version', () => {
    const header = randomHeader(1);
    expect(hex(prePowHash({ ...header, version: 2 }))).not.toBe(hex(prePowHash(header)));
  });

  it('has blue work as the shortest big-endian bytes, whatever the padding', () => {
    const lengths = ['', '0', 'abc', '0abc', '00000796ae'].map((work) => blueWorkBytes(work).length);
    expect(lengths).toEqual([0, 0, 2, 2, 3]);
    expect(hex(blueWorkBytes('abc'))).toBe('0abc');
    expect(() => blueWorkBytes('0x12')).toThrow(/not hex/);
  });

  it('refuses a header with a hash that is not 64 hex digits, instead of hashing something else', () => {
    for (const bad of ['', 'ab', `${'a'.repeat(63)}g`, 'a'.repeat(66)]) {
      expect(() => headerPreimage({ ...TESTNET_GENESIS, pruningPoint: bad }, 0n, 0n)).toThrow(
        /64 hex digits/,
      );
      expect(() => prePowHash({ ...TESTNET_GENESIS, parentsByLevel: [[bad]] })).toThrow(/64 hex digits/);
    }
  });
});
