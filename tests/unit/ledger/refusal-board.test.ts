import { describe, expect, it } from 'vitest';
import { RefusalBoard } from '../../../src/ledger/views/refusal-board.ts';

/** As the database packs them: worker, verdict, count. */
function packed(...rows: readonly (readonly [number, number, number])[]): Buffer {
  return Buffer.concat(
    rows.map(([worker, verdict, count]) => {
      const row = Buffer.alloc(16);
      row.writeUInt32BE(worker, 4);
      row.writeInt32BE(verdict, 8);
      row.writeInt32BE(count, 12);
      return row;
    }),
  );
}

describe('refusals of a day', () => {
  const same = (id: number): number => id;
  const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0);

  it('are never fewer than those of the last hour, which is read more often', () => {
    const board = new RefusalBoard();
    board.replace('h24', packed([2, 1, 5]), same);
    board.replace('h1', packed([1, 1, 3], [2, 1, 4], [2, 2, 7]), same);
    expect(sum(board.of('h24', [1]))).toBe(3);
    expect(sum(board.of('h24', [2]))).toBe(12);
    expect(sum(board.of('h1', [2]))).toBe(11);
    expect(sum(board.of('h24', [1, 2]))).toBe(15);
    expect(board.of('h24', [3])).toEqual({});
  });
});
