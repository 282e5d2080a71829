/**
 * Refusals of all workers, by verdict, in the last hour and the last 24 hours. Pure. In: packed sums of the whole window, which replace
 * what was there. Out: counts by verdict. Rows are those of the work board; only workers that were refused anything cost memory.
 */
import { VERDICTS } from '../../domain/share.ts';
import { REFUSAL_BYTES } from './packed-work.ts';

const VERDICT_AT = 8;
const COUNT_AT = 12;
const HIGH = 2 ** 32;

/** Verdict code -> count. */
type Counts = Map<number, number>;

export type RefusalWindow = 'h1' | 'h24';

export class RefusalBoard {
  #windows: Record<RefusalWindow, ReadonlyMap<number, Counts>> = { h1: new Map(), h24: new Map() };

  replace(window: RefusalWindow, packed: Buffer, slotOf: (workerId: number) => number | undefined): void {
    const bySlot = new Map<number, Counts>();
    for (let at = 0; at + REFUSAL_BYTES <= packed.length; at += REFUSAL_BYTES) {
      const slot = slotOf(packed.readInt32BE(at) * HIGH + packed.readUInt32BE(at + 4));
      if (slot === undefined) continue;
      let counts = bySlot.get(slot);
      if (!counts) bySlot.set(slot, (counts = new Map()));
      counts.set(packed.readInt32BE(at + VERDICT_AT), packed.readInt32BE(at + COUNT_AT));
    }
    this.#windows = { ...this.#windows, [window]: bySlot };
  }

  /** By verdict label, of all these workers together. The day is read seldom: it is never less than its last hour. */
  of(window: RefusalWindow, slots: readonly number[]): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const slot of slots) {
      for (const [code, count] of this.#countsOf(window, slot)) {
        const label = VERDICTS[code]?.metricLabel ?? String(code);
        sums[label] = (sums[label] ?? 0) + count;
      }
    }
    return sums;
  }

  #countsOf(window: RefusalWindow, slot: number): Iterable<[number, number]> {
    const hour = this.#windows.h1.get(slot);
    const day = this.#windows.h24.get(slot);
    if (window === 'h1' || !day) return hour ?? [];
    const counts = new Map(day);
    for (const [code, count] of hour ?? []) counts.set(code, Math.max(count, day.get(code) ?? 0));
    return counts;
  }
}
