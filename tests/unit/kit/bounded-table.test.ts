import { describe, expect, it } from 'vitest';
import { BoundedTable } from '../../../src/kit/bounded-table.ts';

/** At rest from this time on. */
type RestsFrom = number;

const tableOf = (capacity: number) =>
  new BoundedTable<RestsFrom>(capacity, (restsFrom, nowMs) => nowMs >= restsFrom);

describe('a bounded table', () => {
  it('never grows beyond its capacity, whoever writes into it', () => {
    const table = tableOf(100);
    for (let index = 0; index < 10_000; index++) table.set(`name ${index}`, index % 3, 0);
    expect(table.size).toBe(100);
  });

  it('does not forget who is not at rest, however many strangers come', () => {
    const table = tableOf(100);
    table.set('flooder', 1_000, 0);
    for (let index = 0; index < 100_000; index++) table.set(`stranger ${index}`, 0, 1);
    expect(table.get('flooder')).toBe(1_000);
    // Once it is at rest its place is somebody else's, when there are no others.
    for (let index = 0; index < 1_000; index++) table.set(`later ${index}`, 2_000, 1_001);
    expect(table.get('flooder')).toBeUndefined();
  });

  it('has no place for newcomers while all others must stay, and has again afterwards', () => {
    const table = tableOf(50);
    for (let index = 0; index < 50; index++) expect(table.set(`name ${index}`, 100, 0)).toBe(true);
    expect(table.set('one more', 0, 0)).toBe(false);
    expect(table.get('one more')).toBeUndefined();
    expect(table.set('one more', 0, 100)).toBe(true);
    expect(table.size).toBeLessThanOrEqual(50);
  });

  it('replaces what is there already, also when it is full', () => {
    const table = tableOf(2);
    table.set('one', 100, 0);
    table.set('two', 100, 0);
    expect(table.set('one', 200, 0)).toBe(true);
    expect(table.get('one')).toBe(200);
  });
});
