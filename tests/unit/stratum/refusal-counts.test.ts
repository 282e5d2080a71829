import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VERDICTS } from '../../../src/domain/share.ts';
import { RefusalCounts } from '../../../src/stratum/session/refusal-counts.ts';

describe('the counts of refusals', () => {
  it('are told once each, whatever the order, and start anew with the next connection', () => {
    const verdict = fc.nat(VERDICTS.length - 1);
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ slot: fc.nat(600), verdict }) },
      { weight: 1, arbitrary: fc.record({ tell: fc.nat(600) }) },
      { weight: 1, arbitrary: fc.record({ begin: fc.nat(600) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const counts = new RefusalCounts();
        let counted = 0;
        let told = 0;
        const tell = (slot: number) => counts.tell(slot, (_, count) => (told += count));
        for (const one of steps) {
          if ('tell' in one) tell(one.tell);
          else if ('begin' in one) {
            tell(one.begin);
            counts.begin(one.begin);
            const into = new Uint32Array(16);
            counts.read(one.begin, into);
            expect(into.every((count) => count === 0)).toBe(true);
          } else {
            counts.count(one.slot, one.verdict);
            counted++;
          }
        }
        for (let at = counts.visitUntold(0, 100, tell); at > 0; ) at = counts.visitUntold(at, 100, tell);
        expect(told).toBe(counted);
        expect(counts.visitUntold(0, 1_000, () => expect.unreachable())).toBe(0);
      }),
    );
  });
});
