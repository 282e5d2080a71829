import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c, crc32cWords } from '../../../src/journal/crc32c.ts';

describe('crc32c', () => {
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  it.each([
    ['the nine digits', Buffer.from('123456789'), 0xe3069283],
    ['32 zero bytes', Buffer.alloc(32), 0x8a9136aa],
    ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['32 rising bytes', Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
    ['32 falling bytes', Buffer.from(Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113fdb5c],
    ['nothing', Buffer.alloc(0), 0],
  ])('gives the published value for %s', (_name, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it('gives the same by words as by bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (bytes) => {
        const words = new Uint32Array(bytes.slice().buffer);
        expect(crc32cWords(words, 1, 15)).toBe(crc32c(bytes, 4, 64));
      }),
    );
  });

  it('can be continued where an earlier call ended', () => {
    const bytes = Buffer.from('a journal of shares');
    expect(crc32c(bytes, 7, bytes.length, crc32c(bytes, 0, 7))).toBe(crc32c(bytes));
  });

  it('differs after any flip of up to three bits of a slot', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 60, maxLength: 60 }),
        fc.uniqueArray(fc.nat(479), { minLength: 1, maxLength: 3 }),
        (bytes, bits) => {
          const flipped = bytes.slice();
          for (const bit of bits) flipped[bit >> 3]! ^= 1 << (bit & 7);
          expect(crc32c(flipped)).not.toBe(crc32c(bytes));
        },
      ),
    );
  });
});
