/**
 * What the references of one segment stand for, by number. Pure. Workers get numbers that are free again before new ones, and
 * jobs count up from one: nearly all are small, so they lie in an array, where a Map costs 15 ns a look-up, two for every share.
 */

/** Above it a Map: a number that was never given out must not cost memory by its size. 2 MB at most. */
const NEAR_MAX = 262_144;
const NEAR_FIRST = 1024;

export class ReferenceSlots<Entry> {
  #near: (Entry | undefined)[] = emptySlots(NEAR_FIRST);
  readonly #far = new Map<number, Entry>();
  /** The last one asked for beyond the array: after hours of jobs theirs are, and shares of one job come together. */
  #farRef = -1;
  #farEntry: Entry | undefined;

  /** @param ref an unsigned 32-bit number, as below */
  get(ref: number): Entry | undefined {
    if (ref < this.#near.length) return this.#near[ref];
    if (ref !== this.#farRef) {
      this.#farEntry = this.#far.get(ref);
      this.#farRef = ref;
    }
    return this.#farEntry;
  }

  set(ref: number, entry: Entry): void {
    this.#farRef = -1;
    if (ref >= NEAR_MAX) this.#far.set(ref, entry);
    else {
      if (ref >= this.#near.length) this.#grow(ref);
      this.#near[ref] = entry;
    }
  }

  delete(ref: number): void {
    this.#farRef = -1;
    if (ref < this.#near.length) this.#near[ref] = undefined;
    else this.#far.delete(ref);
  }

  clear(): void {
    this.#farRef = -1;
    this.#near.fill(undefined);
    this.#far.clear();
  }

  #grow(ref: number): void {
    let slots = this.#near.length;
    while (slots <= ref) slots *= 2;
    this.#near = [...this.#near, ...emptySlots(slots - this.#near.length)];
  }
}

function emptySlots(count: number): undefined[] {
  return new Array<undefined>(count).fill(undefined);
}
