import { describe, expect, it } from 'vitest';
import { PendingReplies } from '../../../src/validation/pending-replies.ts';

describe('answers that wait for the disk', () => {
  it('come out in the order of their sequences, each with its own fields, round the ring many times', () => {
    const pending = new PendingReplies(8);
    let pushed = 0;
    let popped = 0;
    for (let round = 0; round < 50; round++) {
      for (let n = 0; n < 5; n++) {
        pushed++;
        pending.push(
          pushed,
          pushed % 7,
          pushed % 3,
          0,
          pushed * 2,
          1,
          -5,
          pushed / 2,
          pushed + 1,
          pushed + 2,
          7,
          pushed * 3,
        );
      }
      while (pending.size > round % 3) {
        popped++;
        expect(pending.headSequence).toBe(popped);
        expect(pending.requestId[pending.head]).toBe(popped * 2);
        expect(pending.sessionSlot[pending.head]).toBe(popped % 7);
        expect(pending.difficulty[pending.head]).toBe(-5);
        expect(pending.jobId[pending.head]).toBe(popped + 1);
        expect(pending.appendedAtMs[pending.head]).toBe(popped * 3);
        expect(pending.nonceLow[pending.head]).toBe(popped + 2);
        pending.pop();
      }
    }
  });

  it('refuses to overwrite an answer that still waits', () => {
    const pending = new PendingReplies(4);
    for (let n = 1; n <= 4; n++) pending.push(n, 0, 0, 0, n, 1, 0, 0, 0, 0, 0, 0);
    expect(() => pending.push(5, 0, 0, 0, 5, 1, 0, 0, 0, 0, 0, 0)).toThrow(RangeError);
  });
});
