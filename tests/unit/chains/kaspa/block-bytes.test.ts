import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withNonce } from '../../../../src/chains/kaspa/block-bytes.ts';
import { decodeWireHeader, encodeWireHeader, type WireHeader } from '../../../../src/chains/kaspa/wire.ts';

const U64_MAX = 0xffff_ffff_ffff_ffffn;
const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const u64 = fc.bigInt({ min: 0n, max: U64_MAX });

const wireHeader: fc.Arbitrary<WireHeader> = fc.record({
  version: fc.integer({ min: 0, max: 2 }),
  parents: fc.array(fc.record({ parentHashes: fc.array(hash, { maxLength: 4 }) }), { maxLength: 5 }),
  hashMerkleRoot: hash,
  acceptedIdMerkleRoot: hash,
  utxoCommitment: hash,
  timestamp: fc.bigInt({ min: 0n, max: 2n ** 62n }).map(String),
  bits: fc.integer({ min: 0, max: 0xffffffff }),
  nonce: u64.map(String),
  daaScore: u64.map(String),
  blueWork: fc.integer({ min: 0 }).map((work) => work.toString(16)),
  blueScore: u64.map(String),
  pruningPoint: hash,
});

/** A field that no version of the protocol that we know has: number 16 and up, any wire type. */
const unknownField = fc
  .tuple(
    fc.integer({ min: 16, max: 2_000 }),
    fc.constantFrom(0, 1, 2, 5),
    fc.uint8Array({ minLength: 8, maxLength: 40 }),
  )
  .map(([number, wireType, bytes]) => {
    const key = varint(BigInt(number * 8 + wireType));
    if (wireType === 0) return Buffer.concat([key, varint(BigInt(bytes[0]!) << 40n)]);
    if (wireType === 1) return Buffer.concat([key, bytes.subarray(0, 8)]);
    if (wireType === 5) return Buffer.concat([key, bytes.subarray(0, 4)]);
    return Buffer.concat([key, varint(BigInt(bytes.length)), bytes]);
  });

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

describe('a nonce put into header bytes', () => {
  it('is what a decoder reads, and every other field is as it was', () => {
    fc.assert(
      fc.property(wireHeader, u64, (header, nonce) => {
        const bytes = withNonce(encodeWireHeader(header), nonce);
        expect(decodeWireHeader(bytes)).toEqual({
          ...decodeWireHeader(encodeWireHeader(header)),
          nonce: String(nonce),
        });
      }),
    );
  });

  it('leaves fields that nobody here knows byte for byte where they are', () => {
    fc.assert(
      fc.property(
        wireHeader,
        fc.array(unknownField, { minLength: 1, maxLength: 4 }),
        u64,
        (header, unknown, nonce) => {
          const front = Buffer.concat(unknown);
          const known = encodeWireHeader({ ...header, nonce: '0' });
          const bytes = withNonce(Buffer.concat([front, known, front]), nonce);
          expect(bytes.subarray(0, front.length)).toEqual(front);
          expect(bytes.includes(Buffer.concat([known, front])) || bytes.lastIndexOf(front) > 0).toBe(true);
          expect(decodeWireHeader(bytes).nonce).toBe(String(nonce));
        },
      ),
    );
  });

  it('may be set again and again: only the last one is there', () => {
    fc.assert(
      fc.property(wireHeader, u64, u64, (header, first, second) => {
        const bytes = encodeWireHeader(header);
        expect(withNonce(withNonce(bytes, first), second)).toEqual(withNonce(bytes, second));
      }),
    );
  });

  it('is put in when the node left it out because it was zero', () => {
    const header = encodeWireHeader({ ...fc.sample(wireHeader, 1)[0]!, nonce: '0' });
    const without = withoutNonceField(header);
    expect(decodeWireHeader(withNonce(without, U64_MAX)).nonce).toBe(String(U64_MAX));
  });

  it('replaces all of several, since the last one would count', () => {
    const twice = Buffer.concat([varint(64n), varint(5n), Buffer.from([0x08, 1]), varint(64n), varint(7n)]);
    expect(withNonce(twice, 9n)).toEqual(Buffer.from([64, 9, 0x08, 1]));
  });

  it('is refused when it is no u64', () => {
    expect(() => withNonce(new Uint8Array(), -1n)).toThrow(RangeError);
    expect(() => withNonce(new Uint8Array(), U64_MAX + 1n)).toThrow(RangeError);
  });

  it('is refused into bytes that are cut off or are no message', () => {
    const good = encodeWireHeader(fc.sample(wireHeader, 1)[0]!);
    for (const bad of [
      good.subarray(0, good.length - 1),
      Buffer.from([0x0b]),
      Buffer.alloc(11, 0xff),
      Buffer.from([0x0a, 5, 1]),
    ]) {
      expect(() => withNonce(bad, 1n)).toThrow(expect.objectContaining({ code: 'SLUICE_BLOCK_BYTES' }));
    }
  });
});

function withoutNonceField(header: Buffer): Buffer {
  // An encoder that writes defaults puts `40 00`; only the first such pair that decodes to the same fields is the nonce.
  for (
    let at = header.indexOf(Buffer.from([64, 0]));
    at >= 0;
    at = header.indexOf(Buffer.from([64, 0]), at + 1)
  ) {
    const without = Buffer.concat([header.subarray(0, at), header.subarray(at + 2)]);
    try {
      if (JSON.stringify(decodeWireHeader(without)) === JSON.stringify(decodeWireHeader(header)))
        return without;
    } catch {
      // Cut in the middle of another field.
    }
  }
  return header;
}
