import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PACKED_BYTES, SPAN_MINUTES, WorkBoard } from '../../../src/ledger/views/work-board.ts';

interface Sum {
  readonly worker: number;
  readonly hashes: number;
  readonly shares: number;
}

function packed(sums: readonly Sum[]): Buffer {
  const bytes = Buffer.alloc(sums.length * PACKED_BYTES);
  for (const [index, { worker, hashes, shares }] of sums.entries()) {
    bytes.writeBigInt64BE(BigInt(worker), index * PACKED_BYTES);
    bytes.writeFloatBE(hashes, index * PACKED_BYTES + 8);
    bytes.writeInt32BE(shares, index * PACKED_BYTES + 12);
  }
  return bytes;
}

const breathe = async (): Promise<void> => {};

function boardOf(workers: number, max?: number): WorkBoard {
  const board = new WorkBoard(max);
  for (let id = 1; id <= workers; id++)
    board.add({ id, name: `rig${id}`, accountId: 1 + (id % 7), address: `a${id % 7}`, firstSeenAt: '' });
  return board;
}

/** Some noon, in minutes since 1970. */
const NOON = 29_500_000 - (29_500_000 % 1_440);

describe('the board of work', () => {
  it('has the sums of ten minutes, an hour and a day, whatever came in which order and how often', async () => {
    const minuteOfWork = fc.record({
      worker: fc.integer({ min: 1, max: 4 }),
      ago: fc.integer({ min: 1, max: 60 }),
      hashes: fc.integer({ min: 1, max: 1_000 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(minuteOfWork, { maxLength: 60 }),
        fc.integer({ min: 0, max: 59 }),
        async (all, into) => {
          const board = boardOf(4);
          const now = NOON + into;
          // As they are read: from the beginning of a span.
          const first = Math.floor((now - 60) / SPAN_MINUTES) * SPAN_MINUTES;
          const byMinute = new Map<number, Sum[]>();
          for (const { worker, ago, hashes } of all) {
            const sums = byMinute.get(now - ago) ?? [];
            // Twice in one minute: he was on two engines.
            sums.push({ worker, hashes, shares: 1 });
            byMinute.set(now - ago, sums);
          }
          // Half of each minute first, as when an engine is late; then all of it, twice.
          for (let minute = first; minute <= now; minute++)
            board.setMinute(minute, packed((byMinute.get(minute) ?? []).slice(1)));
          await board.settle(now, breathe);
          for (let turn = 0; turn < 2; turn++) {
            for (let minute = first; minute <= now; minute++) {
              const sums = byMinute.get(minute) ?? [];
              board.setMinute(minute, packed(sums.slice(0, turn)), packed(sums.slice(turn)));
            }
            await board.settle(now, breathe);
          }
          for (let worker = 1; worker <= 4; worker++) {
            const within = (minutes: number): number => {
              let sum = 0;
              for (const [minute, sums] of byMinute)
                if (minute >= now - minutes)
                  for (const one of sums) if (one.worker === worker) sum += one.hashes;
              return sum;
            };
            const windows = board.windowsOf(board.slotOf(worker)!);
            expect(windows.m10).toBe(within(10));
            expect(windows.h1).toBe(within(60));
            expect(windows.h24).toBe(within(1_440));
            expect(board.sharesOf(board.slotOf(worker)!).h1).toBe(
              all.filter((one) => one.worker === worker).length,
            );
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('forgets what is older than a day, to the part of a span', async () => {
    const board = boardOf(1);
    const span = NOON / SPAN_MINUTES;
    for (let back = 1; back <= 144; back++)
      board.setSpan(span - back, packed([{ worker: 1, hashes: 600, shares: 6 }]));
    await board.settle(NOON, breathe);
    expect(board.windowsOf(0).h24).toBe(144 * 600);
    expect(board.sharesOf(0).h24).toBe(144 * 6);
    // Four minutes later, in which nothing came: so much less.
    for (let minute = NOON; minute < NOON + 4; minute++) board.setMinute(minute, packed([]));
    await board.settle(NOON + 4, breathe);
    expect(board.windowsOf(0).h24).toBe(143 * 600 + 360);
    board.setSpan(span + 143, packed([]));
    await board.settle(NOON + 1_440, breathe);
    expect(board.windowsOf(0)).toEqual({ m10: 0, h1: 0, h24: 0 });
    expect(board.lastShareMs(0)).toBe(NOON * 60_000);
  });

  it('keeps everything when it grows, and has no place for more than its bound', async () => {
    const board = boardOf(1_000, 3_000);
    board.setMinute(NOON, packed([{ worker: 1_000, hashes: 8, shares: 2 }]));
    for (let id = 1_001; id <= 3_500; id++)
      board.add({ id, name: '', accountId: 1, address: 'a1', firstSeenAt: '' });
    await board.settle(NOON + 1, breathe);
    expect(board.windowsOf(board.slotOf(1_000)!)).toEqual({ m10: 8, h1: 8, h24: 8 });
    expect([board.workers, board.turnedAway]).toEqual([3_000, 500]);
    // Who was turned away is not asked for again and again.
    expect(board.strangersIn(packed([{ worker: 3_400, hashes: 1, shares: 1 }]))).toEqual([]);
    expect(board.strangersIn(packed([{ worker: 9_999, hashes: 1, shares: 1 }]))).toEqual([9_999]);
    board.setMinute(NOON, packed([{ worker: 3_400, hashes: 1, shares: 1 }]));
    await board.settle(NOON + 1, breathe);
    expect(board.windowsOf(board.slotOf(3_000)!).h1).toBe(0);
  });

  it('gives the row of a worker that did nothing for a day to one that comes', async () => {
    const board = boardOf(2, 2);
    board.setMinute(NOON, packed([{ worker: 1, hashes: 7, shares: 1 }]));
    board.add({ id: 3, name: 'late', accountId: 9, address: 'a9', firstSeenAt: '' });
    const later = NOON + 1_500;
    board.setMinute(later - 1, packed([{ worker: 2, hashes: 5, shares: 1 }]));
    await board.settle(later, breathe);
    expect(board.turnedAway).toBe(1);
    board.forgetIdle();
    expect([board.workers, board.turnedAway]).toEqual([1, 0]);
    expect(board.account('a1')).toBeUndefined();
    expect(board.slotOf(2)).toBe(1);
    const comes = packed([{ worker: 3, hashes: 4, shares: 1 }]);
    expect(board.strangersIn(comes)).toEqual([3]);
    board.add({ id: 3, name: 'late', accountId: 9, address: 'a9', firstSeenAt: '' });
    board.setMinute(later, comes);
    await board.settle(later + 1, breathe);
    expect(board.account('a9')!.slots).toEqual([0]);
    expect([board.nameOf(0), board.windowsOf(0)]).toEqual(['late', { m10: 4, h1: 4, h24: 4 }]);
    expect(board.windowsOf(1)).toEqual({ m10: 5, h1: 5, h24: 5 });
  });

  it('remembers for a week who has stopped, without work', async () => {
    const board = boardOf(1, 8);
    const former = { id: 7, name: 'sold', accountId: 7, address: 'a7', firstSeenAt: '' };
    expect(board.remember(former, NOON - 3 * 1_440)).toBe(true);
    await board.settle(NOON, breathe);
    board.forgetIdle();
    const slot = board.account('a7')!.slots[0]!;
    expect([board.nameOf(slot), board.windowsOf(slot).h24, board.lastShareMs(slot)]).toEqual([
      ...['sold', 0],
      (NOON - 3 * 1_440 + 1) * 60_000,
    ]);
    await board.settle(NOON + 4 * 1_440 + 1, breathe);
    board.forgetIdle();
    expect(board.account('a7')).toBeUndefined();
  });

  it('remembers nobody on the half of its rows that is for who may come', () => {
    const board = boardOf(2, 4);
    const former = { id: 7, name: '', accountId: 7, address: 'a7', firstSeenAt: '' };
    expect(board.remember(former, NOON - 1_441)).toBe(false);
    expect([board.workers, board.turnedAway]).toEqual([2, 0]);
  });

  it('shows what it does not know as unknown, not as nothing', () => {
    const board = boardOf(1);
    board.setMinute(NOON, packed([{ worker: 1, hashes: 5, shares: 1 }]));
    expect(board.minuteSeries([0], NOON - 1, 3)).toEqual([undefined, 5, undefined]);
  });
});
