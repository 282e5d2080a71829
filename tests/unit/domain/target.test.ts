import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bitsOfTarget,
  DIFFICULTY_LOG2_MAX,
  DIFFICULTY_LOG2_MIN,
  difficultyLog2Of,
  difficultyNumber,
  difficultyOfTarget,
  leBytesToInteger,
  shareTarget,
  targetOfBits,
  targetToLeBytes,
  workOfShare,
  workOfTarget,
} from '../../../src/domain/target.ts';

describe('targets', () => {
  it('puts difficulty 1 at 2^224, 4096 at 2^212 and one eighth at 2^227', () => {
    expect(shareTarget(0)).toBe(1n << 224n);
    expect(shareTarget(12)).toBe(1n << 212n);
    expect(shareTarget(-3)).toBe(1n << 227n);
  });

  it('reads compact bits as consensus does', () => {
    expect(targetOfBits(0x1b0531b1)).toBe(0x531b1n << 192n);
    expect(targetOfBits(0x1d00ffff)).toBe(0xffffn << 208n);
    expect(targetOfBits(0x03123456)).toBe(0x123456n);
    expect(targetOfBits(0x02123456)).toBe(0x1234n);
    expect(targetOfBits(0x04923456)).toBe(0n);
    expect(targetOfBits(0x1e7fffff)).toBe(0x7fffffn << 216n);
  });

  it('never reads a target above 2^255 - 1', () => {
    expect(targetOfBits(0xff7fffff)).toBe((1n << 255n) - 1n);
  });

  it('writes bits back that mean the same target', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 31 }),
        fc.integer({ min: 0x8000, max: 0x7fffff }),
        (size, mantissa) => {
          const bits = ((size << 24) | mantissa) >>> 0;
          expect(targetOfBits(bitsOfTarget(targetOfBits(bits)))).toBe(targetOfBits(bits));
        },
      ),
    );
  });

  it('rounds a difficulty down to a power of two and refuses nonsense', () => {
    expect(difficultyLog2Of(1)).toBe(0);
    expect(difficultyLog2Of(85)).toBe(6);
    expect(difficultyLog2Of(4096)).toBe(12);
    expect(difficultyLog2Of(0.125)).toBe(-3);
    expect(difficultyLog2Of(1e300)).toBe(DIFFICULTY_LOG2_MAX);
    expect(difficultyLog2Of(1e-300)).toBe(DIFFICULTY_LOG2_MIN);
    for (const nonsense of [0, -1, Number.NaN, Number.NEGATIVE_INFINITY]) {
      expect(difficultyLog2Of(nonsense)).toBeUndefined();
    }
  });

  it('counts work exactly: a share of difficulty d is d x 2^32 hashes', () => {
    expect(workOfShare(0)).toBe(1n << 32n);
    expect(workOfShare(-16)).toBe(65_536n);
    expect(workOfShare(DIFFICULTY_LOG2_MIN)).toBe(2n);
    expect(workOfShare(40)).toBe(1n << 72n);
    expect(workOfTarget(shareTarget(10))).toBe((1n << 42n) - 1n);
  });

  it('tells the difficulty of a target in share units', () => {
    for (const log2 of [-20, -1, 0, 7, 40])
      expect(difficultyOfTarget(shareTarget(log2))).toBe(difficultyNumber(log2));
    expect(difficultyOfTarget(0n)).toBe(Number.POSITIVE_INFINITY);
  });

  it('keeps every bit of a target in its little-endian bytes', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }), (target) => {
        expect(leBytesToInteger(targetToLeBytes(target))).toBe(target);
      }),
    );
  });
});
