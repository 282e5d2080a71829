/**
 * Nonces already seen on one job: an open-addressing table of u64 in two Uint32Arrays, so that a probe allocates nothing.
 * Probed and filled in one step, before hashing: two equal submissions in one batch must not both be paid. Pure.
 *
 * The key is the nonce's u64, never its text: case, leading zeros and 0x all name one nonce, and pools that compared strings
 * were robbed through exactly that.
 *
 * A nonce leaves the set when its share was refused for a fault of ours and may come again, and, once the set is half full, when
 * it was worth nothing: a flood of those cannot use up a job's memory, which nonces that were credited always find.
 */

export const DuplicateProbe = { New: 0, Seen: 1, Full: 2 } as const;
export type DuplicateProbe = (typeof DuplicateProbe)[keyof typeof DuplicateProbe];

/** 1,024 nonces before the first growth: a job of 250 ms at 2,000 shares/s stays in its first table. */
const INITIAL_SLOTS = 2048;

export class DuplicateSet {
  #low = new Uint32Array(INITIAL_SLOTS);
  #high = new Uint32Array(INITIAL_SLOTS);
  #mask = INITIAL_SLOTS - 1;
  #size = 0;
  /** Zero marks an empty slot, so the nonce zero is kept beside the table. */
  #hasZero = false;
  readonly #entriesMax: number;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#size + (this.#hasZero ? 1 : 0);
  }

  /** Half full: room is kept for nonces that are worth something. */
  get crowded(): boolean {
    return this.#size * 2 > this.#entriesMax;
  }

  /** Adds the nonce unless it is there. `Full`: not added, the job has had its share of memory. */
  add(nonceLow: number, nonceHigh: number): DuplicateProbe {
    const low = nonceLow >>> 0;
    const high = nonceHigh >>> 0;
    if (low === 0 && high === 0) {
      if (this.#hasZero) return DuplicateProbe.Seen;
      this.#hasZero = true;
      return DuplicateProbe.New;
    }
    let index = hash(low, high) & this.#mask;
    while (this.#low[index] !== 0 || this.#high[index] !== 0) {
      if (this.#low[index] === low && this.#high[index] === high) return DuplicateProbe.Seen;
      index = (index + 1) & this.#mask;
    }
    if (this.#size >= this.#entriesMax) return DuplicateProbe.Full;
    this.#low[index] = low;
    this.#high[index] = high;
    this.#size++;
    if (this.#size * 2 > this.#mask) this.#grow();
    return DuplicateProbe.New;
  }

  /**
   * Takes the nonce out again, if it is there. The entries behind it move up where a probe from their home would otherwise
   * stop at the hole; tombstones would let a flood of refused nonces fill the table after all.
   */
  remove(nonceLow: number, nonceHigh: number): void {
    const low = nonceLow >>> 0;
    const high = nonceHigh >>> 0;
    if (low === 0 && high === 0) {
      this.#hasZero = false;
      return;
    }
    let hole = hash(low, high) & this.#mask;
    while (this.#low[hole] !== low || this.#high[hole] !== high) {
      if (this.#low[hole] === 0 && this.#high[hole] === 0) return;
      hole = (hole + 1) & this.#mask;
    }
    let at = (hole + 1) & this.#mask;
    while (this.#low[at] !== 0 || this.#high[at] !== 0) {
      const home = hash(this.#low[at]!, this.#high[at]!) & this.#mask;
      if (((at - home) & this.#mask) >= ((at - hole) & this.#mask)) {
        this.#low[hole] = this.#low[at]!;
        this.#high[hole] = this.#high[at]!;
        hole = at;
      }
      at = (at + 1) & this.#mask;
    }
    this.#low[hole] = 0;
    this.#high[hole] = 0;
    this.#size--;
  }

  /** Ready for another job. A table that a flood blew up is given back. */
  reset(): void {
    this.#hasZero = false;
    if (this.#size === 0 && this.#mask + 1 === INITIAL_SLOTS) return;
    this.#size = 0;
    if (this.#mask + 1 > INITIAL_SLOTS * 8) this.#allocate(INITIAL_SLOTS);
    else {
      this.#low.fill(0);
      this.#high.fill(0);
    }
  }

  #allocate(slots: number): void {
    this.#low = new Uint32Array(slots);
    this.#high = new Uint32Array(slots);
    this.#mask = slots - 1;
  }

  #grow(): void {
    const low = this.#low;
    const high = this.#high;
    this.#allocate(low.length * 2);
    for (let from = 0; from < low.length; from++) {
      if (low[from] === 0 && high[from] === 0) continue;
      let index = hash(low[from]!, high[from]!) & this.#mask;
      while (this.#low[index] !== 0 || this.#high[index] !== 0) index = (index + 1) & this.#mask;
      this.#low[index] = low[from]!;
      this.#high[index] = high[from]!;
    }
  }
}

/**
 * Miners count nonces upwards, so the low word must be spread over the whole table. The constants are the 32-bit golden
 * ratio and a finaliser multiplier; an attacker who builds collisions pays with his own real submissions and meets entriesMax.
 */
function hash(low: number, high: number): number {
  let mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x9e3779b1);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
