/**
 * Payees who wait to be put into a transaction, by amount, taken from either end. Pure but for its two places.
 *
 *   500 500 400 ... 12 11 10 10
 *   ^ light              heavy ^      heavy = small amount, much storage mass
 *
 * What is taken last can be put back, so the rest is always one run of the list: a round of 100,000 payees costs as many steps,
 * where filtering the list after each of its 440 transactions took a minute.
 */
import { storageGramsOf } from '../chains/kaspa/mass.ts';
import type { Payee } from './draft.ts';
import { sumOf } from './plan.ts';

export type End = 'light' | 'heavy';

export class WaitingLine {
  readonly #payees: readonly Payee[];
  #first = 0;
  #last: number;
  #storageGrams: bigint;

  constructor(payees: readonly Payee[]) {
    this.#payees = payees.toSorted(largestFirst);
    this.#last = payees.length - 1;
    this.#storageGrams = sumOf(payees, (payee) => storageGramsOf(payee.reservedSompi));
  }

  get length(): number {
    return this.#last - this.#first + 1;
  }

  /** Mean storage mass of those who wait; 0 when nobody does. */
  meanStorageGrams(): bigint {
    return this.length === 0 ? 0n : this.#storageGrams / BigInt(this.length);
  }

  at(end: End): Payee | undefined {
    return this.length === 0 ? undefined : this.#payees[end === 'light' ? this.#first : this.#last];
  }

  take(end: End): void {
    this.#storageGrams -= storageGramsOf(this.at(end)!.reservedSompi);
    if (end === 'light') this.#first++;
    else this.#last--;
  }

  /** Undoes the last `take` of that end. */
  putBack(end: End): void {
    if (end === 'light') this.#first--;
    else this.#last++;
    this.#storageGrams += storageGramsOf(this.at(end)!.reservedSompi);
  }

  rest(): readonly Payee[] {
    return this.#payees.slice(this.#first, this.#last + 1);
  }
}

function largestFirst(a: Payee, b: Payee): number {
  if (a.reservedSompi !== b.reservedSompi) return a.reservedSompi > b.reservedSompi ? -1 : 1;
  return a.accountId < b.accountId ? -1 : 1;
}
