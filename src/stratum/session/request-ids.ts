/**
 * The table of odd request ids. A record carries its request's id as a number; ids that are none (strings, null, fractions) wait
 * here as JSON text and the record carries their index. Bounded by the submissions that are pending at once.
 */
export class RequestIds {
  readonly #texts: string[] = [];
  readonly #free: number[] = [];

  put(idText: string): number {
    const index = this.#free.pop() ?? this.#texts.length;
    this.#texts[index] = idText;
    return index;
  }

  /** Reads and forgets. */
  take(index: number): string {
    const text = this.#texts[index] ?? 'null';
    this.#texts[index] = '';
    this.#free.push(index);
    return text;
  }

  get size(): number {
    return this.#texts.length - this.#free.length;
  }
}
