import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EXTRANONCE_COUNT,
  ExtranoncePool,
  extranonceHex,
  extranonceMask,
  extranonceRange,
} from '../../../src/domain/extranonce.ts';

const REST_MS = 12_000;

/** A small generator: the property below needs 65,536 draws in an order of its own, and a seed to repeat it. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

describe('extranonces', () => {
  it('are printed as four lower-case hex digits', () => {
    expect(extranonceHex(1)).toBe('0001');
    expect(extranonceHex(0xabcd)).toBe('abcd');
  });

  it('are all of 0001 to ffff, and never 0000', () => {
    const pool = new ExtranoncePool(REST_MS, randomFrom(1));
    const lent = new Set<number>();
    for (let index = 0; index < EXTRANONCE_COUNT; index++) lent.add(pool.acquire(0));
    expect(lent.size).toBe(65_535);
    expect(lent.has(0)).toBe(false);
  });

  it('are refused, not repeated, when all are lent', () => {
    const pool = new ExtranoncePool(REST_MS, randomFrom(7));
    for (let index = 0; index < EXTRANONCE_COUNT; index++) pool.acquire(0);
    expect(pool.acquire(0)).toBe(0);
    pool.release(77, 1_000);
    expect(pool.acquire(1_000 + REST_MS - 1)).toBe(0);
    expect(pool.acquire(1_000 + REST_MS)).toBe(77);
  });

  it('cannot be given back twice, nor when nobody has them', () => {
    const pool = new ExtranoncePool(REST_MS, randomFrom(7));
    const value = pool.acquire(0);
    expect(pool.release(value, 0)).toBe(true);
    expect(pool.release(value, 0)).toBe(false);
    expect(pool.release(4_000, 0)).toBe(false);
    expect(pool.free).toBe(EXTRANONCE_COUNT);
  });

  it('cannot be foreseen by who saw all that came before', () => {
    const [one, other] = [1, 2].map((seed) => new ExtranoncePool(REST_MS, randomFrom(seed)));
    let equal = 0;
    for (let index = 0; index < 1_000; index++) if (one!.acquire(0) === other!.acquire(0)) equal++;
    expect(equal).toBeLessThan(10);
  });

  it('need no rest when nothing was credited under them, so logins alone cannot use them up', () => {
    const pool = new ExtranoncePool(REST_MS, randomFrom(3));
    for (let login = 0; login < 200_000; login++) {
      const value = pool.acquire(0);
      expect(value).not.toBe(0);
      pool.release(value, 0, false);
    }
    expect(pool.free).toBe(EXTRANONCE_COUNT);
  });

  it('never have two owners, and rest for a job life, over 65,536 connects and disconnects in random order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 0x7fffffff }),
        fc.integer({ min: 1, max: 65_535 }),
        (seed, crowd) => {
          const random = randomFrom(seed);
          const pool = new ExtranoncePool(REST_MS, random);
          const live: number[] = [];
          const lent = new Uint8Array(65_536);
          const releasedAt = new Float64Array(65_536).fill(Number.NEGATIVE_INFINITY);
          let nowMs = 0;
          for (let step = 0; step < 65_536; step++) {
            nowMs += random() * 2;
            if (live.length < crowd && random() < 0.6) {
              const value = pool.acquire(nowMs);
              if (value === 0) continue;
              if (lent[value] === 1) throw new Error(`${value} has two owners`);
              if (nowMs - releasedAt[value]! < REST_MS) throw new Error(`${value} did not rest`);
              lent[value] = 1;
              live.push(value);
            } else if (live.length > 0) {
              const index = Math.floor(random() * live.length);
              const value = live[index]!;
              live[index] = live[live.length - 1]!;
              live.pop();
              lent[value] = 0;
              releasedAt[value] = nowMs;
              if (!pool.release(value, nowMs)) throw new Error(`${value} was not taken back`);
            }
          }
          expect(pool.free).toBe(EXTRANONCE_COUNT - live.length);
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe('ports for large proxies', () => {
  it('lend one byte, and no nonce under it belongs to anybody else', () => {
    const wide = new ExtranoncePool(REST_MS, randomFrom(5), extranonceRange(1, true));
    const narrow = new ExtranoncePool(REST_MS, randomFrom(6), extranonceRange(2, true));
    const taken = new Set<number>();
    for (let value = wide.acquire(0); value !== 0; value = wide.acquire(0)) {
      expect(value & ~extranonceMask(1)).toBe(0);
      expect(extranonceHex(value, 1)).toMatch(/^[ef][0-9a-f]$/);
      for (let low = 0; low <= 0xff; low++) taken.add(value | low);
    }
    expect(taken.size).toBe(32 * 256);
    let others = 0;
    for (let value = narrow.acquire(0); value !== 0; value = narrow.acquire(0), others++)
      expect(taken.has(value)).toBe(false);
    expect(others).toBe(EXTRANONCE_COUNT - taken.size);
  });

  it('take back what they lent', () => {
    const wide = new ExtranoncePool(REST_MS, randomFrom(5), extranonceRange(1, true));
    const value = wide.acquire(0);
    expect(wide.free).toBe(31);
    expect([wide.release(value, 0), wide.release(value, 0), wide.free]).toEqual([true, false, 32]);
  });
});
