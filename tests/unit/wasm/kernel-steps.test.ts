import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Verdict } from '../../../src/domain/share.ts';
import { shareTarget, targetToLeBytes } from '../../../src/domain/target.ts';
import * as batchLayout from '../../../src/validation/batch-layout.ts';
import { loadKernelSteps } from '../../../wasm/load.ts';
import {
  FIRST_HASH_VECTOR,
  GENERATOR_VECTOR,
  HEAVY_HASH_VECTOR,
  POW_VECTORS,
  SECOND_HASH_VECTOR,
  TESTNET_JOB,
  TESTNET_MATRIX,
} from '../../vectors/kheavyhash.ts';
import { MATRIX_OF_0X2A, MATRIX_OF_HEAVY_HASH, matrixBytes } from '../../vectors/kheavyhash-matrices.ts';

const steps = loadKernelSteps();
const NO_TARGET = new Uint8Array(32);
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const prepare = (prePowHash: string, timestampMs: bigint): void =>
  steps.kernel.prepare(0, 1, bytes(prePowHash), timestampMs, NO_TARGET);

/** xoshiro256++ once more, in big integers. */
function generator(prePowHash: string): () => bigint {
  const seed = Buffer.from(prePowHash, 'hex');
  let [s0, s1, s2, s3] = [0, 8, 16, 24].map((at) => seed.readBigUInt64LE(at)) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
  const rotl = (x: bigint, bits: bigint): bigint => u64(x << bits) | (x >> (64n - bits));
  return () => {
    const out = u64(rotl(u64(s0 + s3), 23n) + s0);
    const t = u64(s1 << 17n);
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotl(s3, 45n);
    return out;
  };
}

const nibblesOf = (word: bigint): number[] =>
  Array.from({ length: 16 }, (_, i) => Number((word >> BigInt(4 * i)) & 15n));

describe('the steps of the kernel', () => {
  it('makes the published first hash', () => {
    prepare(FIRST_HASH_VECTOR.prePowHash, FIRST_HASH_VECTOR.timestampMs);
    expect(hex(steps.firstHashOf(0, FIRST_HASH_VECTOR.nonce))).toBe(FIRST_HASH_VECTOR.out);
  });

  it.each(POW_VECTORS.filter((vector) => vector.firstHash !== undefined))(
    'makes the first hash and the value of the $name',
    (vector) => {
      prepare(vector.prePowHash, vector.timestampMs);
      expect(hex(steps.firstHashOf(0, vector.nonce))).toBe(vector.firstHash);
      expect(hex(steps.kernel.powOf(0, vector.nonce))).toBe(vector.out);
    },
  );

  it('makes the published second hash, a matrix of zeros leaving its input alone', () => {
    const out = steps.heavyHash(new Uint8Array(4096), bytes(SECOND_HASH_VECTOR.in));
    expect(hex(out)).toBe(SECOND_HASH_VECTOR.out);
  });

  it('multiplies with the published matrix', () => {
    const out = steps.heavyHash(matrixBytes(MATRIX_OF_HEAVY_HASH), bytes(HEAVY_HASH_VECTOR.firstHash));
    expect(hex(out)).toBe(HEAVY_HASH_VECTOR.out);
  });

  it('multiplies without overflow where every element and every nibble is the largest', () => {
    // 64 * 15 * 15 >> 10 = 14, so every byte of p is 0xee, and ff xor ee = 11.
    const largest = steps.heavyHash(new Uint8Array(4096).fill(15), new Uint8Array(32).fill(0xff));
    const plain = steps.heavyHash(new Uint8Array(4096), new Uint8Array(32).fill(0x11));
    expect(largest).toEqual(plain);
  });

  it('forgets what slot 0 held when a step spoils it', () => {
    prepare(TESTNET_JOB.prePowHash, 1n);
    steps.heavyHash(new Uint8Array(4096), new Uint8Array(32));
    expect(steps.kernel.preparedSequence(0)).toBe(0);
  });
});

describe('the matrix', () => {
  it('is drawn from the published words of the generator', () => {
    prepare('2a'.repeat(32), 0n);
    const firstRow = [...steps.preparedMatrix().subarray(0, 64)];
    expect(firstRow).toEqual(GENERATOR_VECTOR.flatMap(nibblesOf));
  });

  it('equals the published one for 0x2a x 32, all of it', () => {
    prepare('2a'.repeat(32), 0n);
    expect(steps.preparedMatrix()).toEqual(matrixBytes(MATRIX_OF_0X2A));
  });

  it('has the known first row and sum for the testnet genesis', () => {
    prepare(TESTNET_JOB.prePowHash, 0n);
    const matrix = steps.preparedMatrix();
    expect([...matrix.subarray(0, TESTNET_MATRIX.rowStart.length)]).toEqual(TESTNET_MATRIX.rowStart);
    expect(matrix.reduce((sum, element) => sum + element, 0)).toBe(TESTNET_MATRIX.sum);
  });

  it('would be drawn again from the same generator, not from a fresh seed', () => {
    prepare(TESTNET_JOB.prePowHash, 0n);
    const next = generator(TESTNET_JOB.prePowHash);
    const draw = (): Uint8Array => Uint8Array.from(Array.from({ length: 256 }, next).flatMap(nibblesOf));
    expect(steps.preparedMatrix()).toEqual(draw());
    expect(steps.nextMatrix()).toEqual(draw());
    expect(steps.nextMatrix()).toEqual(draw());
  });
});

describe('the rank', () => {
  const full = matrixBytes(MATRIX_OF_0X2A);
  const changed = (change: (matrix: Uint8Array) => void): Uint8Array => {
    const copy = full.slice();
    change(copy);
    return copy;
  };

  it('is 64 for a drawn matrix and 0 for a matrix of zeros', () => {
    expect(steps.rankOf(full)).toBe(64);
    expect(steps.rankOf(new Uint8Array(4096))).toBe(0);
  });

  it('is 64 for a permutation matrix, whose pivots are never on the diagonal', () => {
    const shifted = new Uint8Array(4096);
    for (let row = 0; row < 64; row++) shifted[row * 64 + ((row + 5) % 64)] = 9;
    expect(steps.rankOf(shifted)).toBe(64);
  });

  it('falls by one for each row that repeats another', () => {
    expect(steps.rankOf(changed((m) => m.copyWithin(0, 64, 128)))).toBe(63);
    const twice = changed((m) => {
      m.copyWithin(0, 64, 128);
      m.copyWithin(63 * 64, 64, 128);
    });
    expect(steps.rankOf(twice)).toBe(62);
  });

  it('sees a column that is zero and a row that is the sum of two others', () => {
    const noColumn = changed((m) => {
      for (let row = 0; row < 64; row++) m[row * 64 + 17] = 0;
    });
    expect(steps.rankOf(noColumn)).toBe(63);
    const sum = changed((m) => {
      for (let column = 0; column < 64; column++) {
        m[column] = m[column]! & 7;
        m[64 + column] = m[64 + column]! & 7;
        m[40 * 64 + column] = m[column]! + m[64 + column]!;
      }
    });
    expect(steps.rankOf(sum)).toBe(63);
  });

  it('is 1 where all rows are multiples of one', () => {
    const multiples = new Uint8Array(4096);
    for (let i = 0; i < 4096; i++) multiples[i] = (1 + ((i >> 6) % 5)) * (i % 4);
    expect(steps.rankOf(multiples)).toBe(1);
  });
});

describe('the verdict', () => {
  const verdictOf = (pow: bigint, target: bigint, difficultyLog2: number): number =>
    steps.verdictOf(targetToLeBytes(pow), targetToLeBytes(target), difficultyLog2);

  it('accepts a value that equals the share target and refuses the next one, at every difficulty', () => {
    for (let difficultyLog2 = -31; difficultyLog2 <= 62; difficultyLog2++) {
      const bound = shareTarget(difficultyLog2);
      expect(verdictOf(bound - 1n, 0n, difficultyLog2)).toBe(Verdict.Share);
      expect(verdictOf(bound, 0n, difficultyLog2)).toBe(Verdict.Share);
      expect(verdictOf(bound + 1n, 0n, difficultyLog2)).toBe(Verdict.LowDifficulty);
    }
  });

  it('equals the comparison of big integers', () => {
    const words = fc.constantFrom(0n, 1n, 2n ** 63n, 2n ** 64n - 1n);
    const word = fc.oneof(words, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
    const number = fc
      .tuple(word, word, word, word)
      .map(([a, b, c, d]) => (a << 192n) | (b << 128n) | (c << 64n) | d);
    fc.assert(
      fc.property(number, number, fc.integer({ min: -31, max: 62 }), (pow, target, difficultyLog2) => {
        const share = pow <= shareTarget(difficultyLog2) ? Verdict.Share : Verdict.LowDifficulty;
        expect(verdictOf(pow, target, difficultyLog2)).toBe(pow <= target ? Verdict.Block : share);
      }),
      { numRuns: 2_000 },
    );
  });
});

it('lays out a record as the batch layout does', () => {
  expect(steps.layout).toEqual({
    recordBytes: batchLayout.RECORD_BYTES,
    nonce: batchLayout.OFFSET_NONCE,
    slot: batchLayout.OFFSET_TEMPLATE_SLOT,
    sequence: batchLayout.OFFSET_TEMPLATE_SEQUENCE,
    difficultyLog2: batchLayout.OFFSET_DIFFICULTY_LOG2,
    verdict: batchLayout.OFFSET_VERDICT,
    powTop: batchLayout.OFFSET_POW_TOP,
  });
});
