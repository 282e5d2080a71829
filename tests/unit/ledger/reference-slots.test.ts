import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReferenceSlots } from '../../../src/ledger/reference-slots.ts';

/** Small ones as the journal gives them, both sides of the bound, and the largest that a record can hold. */
const reference = fc.oneof(
  fc.integer({ min: 0, max: 3000 }),
  fc.integer({ min: 262_140, max: 262_150 }),
  fc.constant(2 ** 32 - 1),
);
const step = fc.tuple(fc.constantFrom('set', 'set', 'set', 'delete', 'clear'), reference);

describe('the slots of references', () => {
  it('answer as a Map does, whatever was set, deleted and cleared', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(reference), (steps, asked) => {
        const slots = new ReferenceSlots<number>();
        const map = new Map<number, number>();
        for (const [index, [verb, ref]] of steps.entries()) {
          if (verb === 'set') {
            slots.set(ref, index);
            map.set(ref, index);
          } else if (verb === 'delete') {
            slots.delete(ref);
            map.delete(ref);
          } else {
            slots.clear();
            map.clear();
          }
          // Asked in between, too: an answer must not outlive what it was made from.
          expect(slots.get(ref)).toBe(map.get(ref));
        }
        for (const ref of [...asked, ...steps.map(([, used]) => used)])
          expect(slots.get(ref)).toBe(map.get(ref));
      }),
      { numRuns: 50 },
    );
  });
});
