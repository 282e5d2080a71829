/**
 * The simulated network's only source of chance. Everything that is drawn comes from the seed, so a run can
 * be repeated; only the clock is not ours.
 */

/** xoshiro128**: small state, passes the usual tests, and no bigint in the draw. */
export class SeededRandom {
  readonly #state = new Uint32Array(4);

  constructor(seed: number | string) {
    // An FNV-1a walk spreads a short seed over the four words; an all-zero state would stay zero for ever.
    let hash = 0x811c9dc5;
    const text = String(seed);
    for (let word = 0; word < 4; word++) {
      for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
      hash = Math.imul(hash ^ (word + 1), 0x85ebca6b);
      this.#state[word] = (hash ^ (hash >>> 15)) | 1;
    }
    for (let i = 0; i < 16; i++) this.u32();
  }

  u32(): number {
    const s = this.#state;
    const result = Math.imul(rotateLeft(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const carried = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= carried;
    s[3] = rotateLeft(s[3]!, 11);
    return result;
  }

  /** In [0, 1). */
  unit(): number {
    return this.u32() / 0x1_0000_0000;
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** Integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
