import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BoardRow, LiveBoard, newBoardRow, VERDICT_COLUMNS } from '../../../src/live/live-board.ts';

function row(fields: Partial<BoardRow> = {}): BoardRow {
  return { ...newBoardRow(), generation: 1, ...fields };
}

function changed(board: LiveBoard, tick: number): number[] {
  const slots: number[] = [];
  board.changedSince(tick, 0, (slot) => slots.push(slot) > 0);
  return slots;
}

describe('the board', () => {
  it('gives back what was written, whatever the numbers', () => {
    const numbers = fc.record({
      generation: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      portIndex: fc.nat(63),
      difficultyLog2: fc.integer({ min: -31, max: 62 }),
      connectedAtUnixMs: fc.double({ noNaN: true }),
      lastShareAtUnixMs: fc.double({ noNaN: true }),
      accepted: fc.nat(2 ** 32 - 1),
      creditedDifficulty: fc.double({ noNaN: true }),
      rejected: fc
        .array(fc.nat(2 ** 32 - 1), { minLength: VERDICT_COLUMNS, maxLength: VERDICT_COLUMNS })
        .map((counts) => Uint32Array.from(counts)),
    });
    const board = new LiveBoard(5);
    fc.assert(
      fc.property(fc.nat(4), numbers, (slot, written) => {
        board.write(slot, written);
        const read = newBoardRow();
        expect(board.read(slot, read)).toBe(true);
        expect(read).toEqual(written);
      }),
      { numRuns: 200 },
    );
  });

  it('tells each reader what has changed since it last looked, and nothing twice', () => {
    const board = new LiveBoard(10);
    board.beginPass();
    board.write(3, row());
    board.write(7, row());
    board.endPass();
    const seen = board.settledTick;
    expect(changed(board, 0)).toEqual([3, 7]);
    expect(changed(board, seen)).toEqual([]);
    board.beginPass();
    expect(board.write(3, row())).toBe(false);
    expect(board.write(7, row({ accepted: 1 }))).toBe(true);
    // In the middle of a pass: what is written now is seen now, and what comes after it as well.
    expect(changed(board, seen)).toEqual([7]);
    const within = board.settledTick;
    board.clear(3);
    board.endPass();
    expect(changed(board, within)).toEqual([3, 7]);
    expect(board.generationAt(3)).toBe(0);
  });

  it('is walked over in parts', () => {
    const board = new LiveBoard(10);
    board.beginPass();
    for (let slot = 0; slot < 10; slot++) board.write(slot, row());
    board.endPass();
    const met: number[] = [];
    let from = 0;
    while (from >= 0) {
      let left = 4;
      from = board.changedSince(0, from, (slot) => {
        met.push(slot);
        return --left > 0;
      });
    }
    expect(met).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('leaves out slots that it has no room for', () => {
    const board = new LiveBoard(2);
    expect(board.write(2, row())).toBe(false);
    expect(board.used).toBe(0);
  });

  it('shows no torn row to a reader on another thread', { timeout: 20_000 }, async () => {
    const board = new LiveBoard(64);
    const reader = new Worker(new URL('./board-reader.thread.js', import.meta.url), {
      workerData: { buffer: board.buffer, capacity: board.capacity },
    });
    const verdict = new Promise<{ rows: number; torn: number }>((resolve, reject) => {
      reader.once('message', resolve);
      reader.once('error', reject);
    });
    let isDone = false;
    void verdict.finally(() => {
      isDone = true;
    });
    const written = newBoardRow();
    for (let n = 1; !isDone; n++) {
      // All fields of a row say the same number: whatever mixture the reader met would show.
      written.generation = n;
      written.portIndex = n;
      written.difficultyLog2 = n;
      written.connectedAtUnixMs = n;
      written.lastShareAtUnixMs = n;
      written.accepted = n;
      written.creditedDifficulty = n;
      written.rejected.fill(n);
      board.write(n % 64, written);
      if (n % 20_000 === 0) await new Promise(setImmediate);
    }
    const { rows, torn } = await verdict;
    expect(rows).toBeGreaterThan(10_000);
    expect(torn).toBe(0);
  });
});
