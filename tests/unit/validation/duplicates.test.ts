import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DuplicateProbe, DuplicateSet } from '../../../src/validation/duplicates.ts';

const low = (nonce: bigint) => Number(nonce & 0xffff_ffffn);
const high = (nonce: bigint) => Number(nonce >> 32n);

describe('the duplicate set', () => {
  it('agrees with a Set of bigints on any sequence of nonces', () => {
    const nonce = fc.oneof(fc.bigInt({ min: 0n, max: 40n }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }));
    fc.assert(
      fc.property(fc.array(nonce, { maxLength: 400 }), (nonces) => {
        const set = new DuplicateSet(1 << 20);
        const reference = new Set<bigint>();
        for (const one of nonces) {
          const expected = reference.has(one) ? DuplicateProbe.Seen : DuplicateProbe.New;
          reference.add(one);
          expect(set.add(low(one), high(one))).toBe(expected);
        }
        expect(set.size).toBe(reference.size);
      }),
    );
  });

  it('agrees with a Set of bigints when nonces are taken out again', () => {
    // Few values and a step of the table's size: chains that grow, break and close.
    const nonce = fc.oneof(
      fc.bigInt({ min: 0n, max: 12n }),
      fc.nat(30).map((index) => BigInt(index) << 32n),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(nonce, fc.boolean()), { maxLength: 600 }), (steps) => {
        const set = new DuplicateSet(1 << 20);
        const reference = new Set<bigint>();
        for (const [one, goes] of steps) {
          if (goes) {
            set.remove(low(one), high(one));
            reference.delete(one);
          } else {
            const expected = reference.has(one) ? DuplicateProbe.Seen : DuplicateProbe.New;
            expect(set.add(low(one), high(one))).toBe(expected);
            reference.add(one);
          }
          expect(set.size).toBe(reference.size);
        }
      }),
    );
  });

  it('keeps every nonce of a nearly full table while a flood goes in and out', () => {
    const set = new DuplicateSet(1 << 20);
    for (let nonce = 1; nonce <= 1_000; nonce++) set.add(nonce, 3);
    for (let nonce = 1; nonce <= 200_000; nonce++) {
      set.add(nonce, 9);
      set.remove(nonce, 9);
    }
    expect(set.size).toBe(1_000);
    for (let nonce = 1; nonce <= 1_000; nonce++) expect(set.add(nonce, 3)).toBe(DuplicateProbe.Seen);
  });

  it('knows zero, and nonces that differ only in the upper or the lower half', () => {
    const set = new DuplicateSet(100);
    expect(set.add(0, 0)).toBe(DuplicateProbe.New);
    expect(set.add(0, 0)).toBe(DuplicateProbe.Seen);
    expect(set.add(0, 1)).toBe(DuplicateProbe.New);
    expect(set.add(1, 0)).toBe(DuplicateProbe.New);
    expect(set.add(0, 1)).toBe(DuplicateProbe.Seen);
  });

  it('takes signed words for the u32 that they are', () => {
    const set = new DuplicateSet(100);
    expect(set.add(-1, -1)).toBe(DuplicateProbe.New);
    expect(set.add(0xffff_ffff, 0xffff_ffff)).toBe(DuplicateProbe.Seen);
  });

  it('grows past its first table and keeps every nonce', () => {
    const set = new DuplicateSet(1 << 20);
    for (let nonce = 0; nonce < 50_000; nonce++) expect(set.add(nonce, 7)).toBe(DuplicateProbe.New);
    for (let nonce = 0; nonce < 50_000; nonce++) expect(set.add(nonce, 7)).toBe(DuplicateProbe.Seen);
  });

  it('says full at its bound instead of growing or probing for ever', () => {
    const set = new DuplicateSet(3000);
    let full = 0;
    for (let nonce = 1; nonce <= 5000; nonce++) if (set.add(nonce, 0) === DuplicateProbe.Full) full++;
    expect(full).toBe(2000);
    expect(set.add(1, 0)).toBe(DuplicateProbe.Seen);
  });

  it('is empty after a reset, also when it had grown', () => {
    const set = new DuplicateSet(1 << 20);
    for (let nonce = 0; nonce < 30_000; nonce++) set.add(nonce, nonce);
    set.reset();
    expect(set.size).toBe(0);
    expect(set.add(5, 5)).toBe(DuplicateProbe.New);
    expect(set.add(0, 0)).toBe(DuplicateProbe.New);
  });
});
