/**
 * Refused submissions of every session by verdict: since its connection began, and how much of that was told on. One slab of plain
 * numbers, in pages that are made when something on them is refused first; an accepted share never comes here.
 */
import { VERDICTS } from '../../domain/share.ts';

const PAGE_SLOTS = 256;
const VERDICT_COUNT = VERDICTS.length;
/** Bytes of one session. */
export const REFUSAL_COUNT_BYTES = 4 * (2 * VERDICT_COUNT + 1);

interface Page {
  readonly counts: Uint32Array;
  readonly told: Uint32Array;
  /** By slot: refusals that were not told on. */
  readonly untold: Uint32Array;
}

export class RefusalCounts {
  readonly #pages: (Page | undefined)[] = [];

  /** A new connection has the slot. */
  begin(slot: number): void {
    const page = this.#pages[Math.floor(slot / PAGE_SLOTS)];
    if (page === undefined) return;
    const place = slot % PAGE_SLOTS;
    const from = place * VERDICT_COUNT;
    page.counts.fill(0, from, from + VERDICT_COUNT);
    page.told.fill(0, from, from + VERDICT_COUNT);
    page.untold[place] = 0;
  }

  count(slot: number, verdict: number): void {
    const number = Math.floor(slot / PAGE_SLOTS);
    const page = (this.#pages[number] ??= newPage());
    const place = slot % PAGE_SLOTS;
    page.counts[place * VERDICT_COUNT + verdict]!++;
    page.untold[place]!++;
  }

  /** Copies what the connection came to into `into`, by verdict. */
  read(slot: number, into: Uint32Array): void {
    const page = this.#pages[Math.floor(slot / PAGE_SLOTS)];
    const from = (slot % PAGE_SLOTS) * VERDICT_COUNT;
    for (let verdict = 0; verdict < VERDICT_COUNT; verdict++)
      into[verdict] = page === undefined ? 0 : page.counts[from + verdict]!;
  }

  /** Tells what was not told before. */
  tell(slot: number, visit: (verdict: number, count: number) => void): void {
    const page = this.#pages[Math.floor(slot / PAGE_SLOTS)];
    const place = slot % PAGE_SLOTS;
    if (page === undefined || page.untold[place] === 0) return;
    page.untold[place] = 0;
    const from = place * VERDICT_COUNT;
    for (let verdict = 0; verdict < VERDICT_COUNT; verdict++) {
      const at = from + verdict;
      // A count may have passed 2^32: the difference is still right.
      const count = (page.counts[at]! - page.told[at]!) >>> 0;
      if (count === 0) continue;
      page.told[at] = page.counts[at]!;
      visit(verdict, count);
    }
  }

  /** Calls back with those of so many slots that have something to tell; returns where to go on, 0 at the end. */
  visitUntold(from: number, slots: number, visit: (slot: number) => void): number {
    const end = Math.min(from + slots, this.#pages.length * PAGE_SLOTS);
    for (let slot = from; slot < end; slot++) {
      const page = this.#pages[Math.floor(slot / PAGE_SLOTS)];
      if (page !== undefined && page.untold[slot % PAGE_SLOTS] !== 0) visit(slot);
    }
    return end < this.#pages.length * PAGE_SLOTS ? end : 0;
  }
}

function newPage(): Page {
  return {
    counts: new Uint32Array(PAGE_SLOTS * VERDICT_COUNT),
    told: new Uint32Array(PAGE_SLOTS * VERDICT_COUNT),
    untold: new Uint32Array(PAGE_SLOTS),
  };
}
