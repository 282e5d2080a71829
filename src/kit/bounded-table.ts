/**
 * A table that strangers write into: it never grows beyond its capacity, and what must not be forgotten stays. Pure.
 *
 * An ordinary cache forgets the oldest, so whoever wants to be forgotten makes noise under other names until he is. Here an entry
 * goes only when it says that it is at rest, by its own clock; a newcomer that finds none such gets no place, and its caller decides.
 */

/** Entries that one newcomer has looked at: bounded work, and all are looked at in turn, like the hours by the hand of a clock. */
const LOOKS = 8;

export class BoundedTable<Value> {
  readonly #capacity: number;
  readonly #isAtRest: (value: Value, nowMs: number) => boolean;
  readonly #entries = new Map<string, Value>();
  /** Kept, and not begun anew: a map that lost many entries is slow to find its first. */
  #hand = this.#entries.entries();

  constructor(capacity: number, isAtRest: (value: Value, nowMs: number) => boolean) {
    this.#capacity = capacity;
    this.#isAtRest = isAtRest;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  /** False: the table is full of entries that may not go. An entry that is there already is replaced. */
  set(key: string, value: Value, nowMs: number): boolean {
    if (!this.#entries.has(key) && this.#entries.size >= this.#capacity && !this.#makeRoom(nowMs))
      return false;
    this.#entries.set(key, value);
    return true;
  }

  #makeRoom(nowMs: number): boolean {
    for (let look = 0; look < LOOKS; look++) {
      let next = this.#hand.next();
      if (next.done) {
        this.#hand = this.#entries.entries();
        next = this.#hand.next();
      }
      if (next.done) break;
      const [key, value] = next.value;
      if (this.#isAtRest(value, nowMs)) this.#entries.delete(key);
    }
    return this.#entries.size < this.#capacity;
  }
}
