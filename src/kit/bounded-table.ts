/**
 * A table that strangers write into: it never grows beyond its capacity, and what must not be forgotten stays. Pure.
 *
 * An ordinary cache forgets the oldest, so whoever wants to be forgotten makes noise under other names until he is. Here an entry
 * goes only when it says that it is at rest, by its own clock; a newcomer that finds none such gets no place, and its caller decides.
 */

/** Oldest entries that one newcomer has looked at: bounded work, and all are looked at in turn. */
const LOOKS = 8;

export class BoundedTable<Value> {
  readonly #capacity: number;
  readonly #isAtRest: (value: Value, nowMs: number) => boolean;
  /** In the order in which they came or were last looked at. */
  readonly #entries = new Map<string, Value>();

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
      const oldest = this.#entries.entries().next().value;
      if (oldest === undefined) break;
      const [key, value] = oldest;
      this.#entries.delete(key);
      if (!this.#isAtRest(value, nowMs)) this.#entries.set(key, value);
    }
    return this.#entries.size < this.#capacity;
  }
}
