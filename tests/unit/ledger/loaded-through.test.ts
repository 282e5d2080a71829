import { describe, expect, it } from 'vitest';
import { AnsweredMark } from '../../../src/journal/answered-mark.ts';
import { LoadedThrough } from '../../../src/ledger/loaded-through.ts';

const at = (segment: number, slot: number) => ({ segment, slot });

describe('a time and the mark that was read after it', () => {
  it('hold once the loader is past that mark, and not a slot before', () => {
    const through = new LoadedThrough();
    through.aim(5000, at(2, 10));
    expect([at(1, 99), at(2, 9)].map((position) => through.reachedBy(position))).toEqual([0, 0]);
    expect([at(2, 10), at(3, 0)].map((position) => through.reachedBy(position))).toEqual([5000, 5000]);
  });

  it('stay what they are while the journal grows, so that a long backlog gets there', () => {
    const through = new LoadedThrough();
    through.aim(5000, at(2, 10));
    through.aim(9000, at(7, 0));
    expect(through.reachedBy(at(2, 10))).toBe(5000);
    through.clear();
    through.aim(9000, at(7, 0));
    expect(through.reachedBy(at(2, 10))).toBe(0);
  });

  it('say nothing while nobody has told a time', () => {
    const through = new LoadedThrough();
    through.aim(0, at(1, 1));
    expect(through.reachedBy(at(9, 9))).toBe(0);
  });
});

describe('the mark of what is answered', () => {
  it('stands a second before now while nothing is under way, and before the oldest share otherwise', () => {
    const mark = new AnsweredMark();
    expect(mark.read()).toBe(0);
    mark.set(100_000, 7_000, Number.POSITIVE_INFINITY);
    expect(mark.read()).toBe(99_000);
    mark.set(100_000, 7_000, 4_000.5);
    expect(new AnsweredMark(mark.buffer).read()).toBe(96_000);
  });

  it('goes back with a wall clock that was put back', () => {
    const mark = new AnsweredMark();
    mark.set(100_000, 1, Number.POSITIVE_INFINITY);
    mark.set(40_000, 2, Number.POSITIVE_INFINITY);
    expect(mark.read()).toBe(39_000);
  });
});
