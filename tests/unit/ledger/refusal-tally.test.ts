import { describe, expect, it } from 'vitest';
import { RefusalTally } from '../../../src/ledger/refusal-tally.ts';

const T0 = Date.UTC(2026, 0, 5, 12, 7, 31);
const MINUTE_S = Date.UTC(2026, 0, 5, 12, 7) / 1_000;
const SPAN_S = Date.UTC(2026, 0, 5, 12, 0) / 1_000;
const rig = (worker: string, isProven = true) => ({ address: 'kaspa:a', worker, pot: 1, isProven });

describe('the tally of refusals', () => {
  it('sums up by minute and pot, and by ten minutes and worker', () => {
    const tally = new RefusalTally(1);
    tally.add(rig('one'), 5, 2, T0);
    tally.add(rig('one'), 5, 3, T0 + 60_000);
    tally.add({ ...rig(''), address: '', pot: 3 }, 7, 1, T0);
    const batch = tally.batch(T0 + 90_000);
    expect(batch).toMatchObject({ boot: 1, sequence: 1, throughUnixMs: T0 + 90_000 });
    expect(JSON.parse(batch.poolRows)).toEqual([
      [MINUTE_S, 1, 5, 2],
      [MINUTE_S + 60, 1, 5, 3],
      [MINUTE_S, 3, 7, 1],
    ]);
    expect(JSON.parse(batch.workerRows)).toEqual([[SPAN_S, 'kaspa:a', 'one', 5, 5]]);
  });

  it('gives the same batch until it is taken, and what came meanwhile in the next', () => {
    const tally = new RefusalTally(1);
    tally.add(rig('one'), 5, 2, T0);
    const first = tally.batch(T0);
    tally.add(rig('one'), 5, 1, T0);
    expect(tally.batch(T0 + 1)).toBe(first);
    tally.taken(7);
    expect(tally.batch(T0 + 1)).toBe(first);
    tally.taken(first.sequence);
    const second = tally.batch(T0 + 2);
    expect(second.sequence).toBe(2);
    expect(JSON.parse(second.workerRows)).toEqual([[SPAN_S, 'kaspa:a', 'one', 5, 1]]);
  });

  it('keeps room for workers that are known from those that anybody can invent, and counts all in the pool', () => {
    const tally = new RefusalTally(1);
    for (let n = 0; n < 60_000; n++) tally.add(rig(`x${n}`, false), 3, 1, T0);
    tally.add(rig('real'), 3, 4, T0);
    const batch = tally.batch(T0 + 1);
    expect(JSON.parse(batch.poolRows)).toEqual([[MINUTE_S, 1, 3, 60_004]]);
    const rows: unknown[][] = [];
    // In parts, of which only the last one says that everything of before is told.
    for (let part = batch; ; part = tally.batch(T0 + 1)) {
      rows.push(...(JSON.parse(part.workerRows) as unknown[][]));
      tally.taken(part.sequence);
      if (tally.waiting === 0) {
        expect(part.throughUnixMs).toBe(T0 + 1);
        break;
      }
      expect(part.throughUnixMs).toBe(1);
      expect(JSON.parse(part.workerRows)).toHaveLength(2_000);
    }
    expect(rows).toHaveLength(25_001);
    expect(rows.at(-1)).toEqual([SPAN_S, 'kaspa:a', 'real', 3, 4]);
  });

  it('goes by the hour when the database is away for very long', () => {
    const tally = new RefusalTally(1);
    for (let minute = 0; minute < 40_000; minute++)
      tally.add({ ...rig(''), address: '' }, 3, 1, T0 + minute * 60_000);
    expect(tally.waiting).toBeLessThan(32_000 + 8_000 / 60 + 2);
    const rows = JSON.parse(tally.batch(T0).poolRows) as number[][];
    expect(rows.reduce((sum, row) => sum + row[3]!, 0)).toBe(40_000);
  });
});
