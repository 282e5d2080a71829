import { describe, expect, it } from 'vitest';
import { SegmentChain } from '../../../src/journal/segment-chain.ts';
import { deletableSegments } from '../../../src/journal/segment-files.ts';
import { countedSlots } from '../../../src/journal/segment-frame.ts';
import type { SegmentHeader } from '../../../src/journal/slot-codec.ts';

const BEFORE = { segment: 4, bootUnixMs: 100, through: 77 };
const BOOT_MS = 200;

describe('segment chain', () => {
  it('names the boot before in the first header and the slot before it in the next', () => {
    const chain = new SegmentChain(BEFORE, 4);
    expect(chain.open(1, BOOT_MS)).toEqual(BEFORE);
    expect(chain.current.segment).toBe(5);
    expect(chain.open(65, BOOT_MS)).toEqual({ segment: 5, bootUnixMs: BOOT_MS, through: 64 });
    expect(chain.next).toBe(7);
  });

  it('cuts a failed segment off at the last durable sequence', () => {
    const chain = new SegmentChain(BEFORE, 4);
    chain.open(1, BOOT_MS);
    chain.durableThrough(40);
    chain.failed(5);
    expect(chain.next).toBe(6);
    expect(chain.touchedFrom).toBe(Number.POSITIVE_INFINITY);
    expect(chain.open(60, BOOT_MS)).toEqual({ segment: 5, bootUnixMs: BOOT_MS, through: 40 });
  });

  it('uses the number of a segment again whose header never became durable, and has its file made anew', () => {
    const chain = new SegmentChain(BEFORE, 4);
    chain.open(1, BOOT_MS);
    chain.durableThrough(40);
    chain.open(65, BOOT_MS);
    chain.open(129, BOOT_MS);
    chain.durableThrough(64);
    chain.failed(6);
    expect(chain.next).toBe(6);
    expect(chain.touchedFrom).toBe(6);
    expect(chain.open(200, BOOT_MS)).toEqual({ segment: 5, bootUnixMs: BOOT_MS, through: 64 });
    chain.failed(6);
    expect(chain.open(202, BOOT_MS)).toEqual({ segment: 5, bootUnixMs: BOOT_MS, through: 64 });
    expect(chain.current.segment).toBe(6);
  });

  it('does not make files anew that the failure has not touched', () => {
    const chain = new SegmentChain(BEFORE, 4);
    chain.open(1, BOOT_MS);
    chain.durableThrough(2);
    chain.failed(0);
    expect(chain.touchedFrom).toBe(Number.POSITIVE_INFINITY);
    expect(chain.unopenedFrom).toBe(6);
  });
});

describe('what counts of a segment', () => {
  const header = { segment: 5, sequence: 100, bootUnixMs: 9 } as SegmentHeader;
  const next = (fields: Partial<SegmentHeader>): SegmentHeader =>
    ({ previousSegment: 5, previousBootUnixMs: 9, previousThrough: 120, ...fields }) as SegmentHeader;

  it('is what the next header says, if it means this segment', () => {
    expect(countedSlots(header, next({}))).toBe(21);
    expect(countedSlots(header, next({ previousThrough: 0 }))).toBe(0);
    expect(countedSlots(header, next({ previousSegment: 4 }))).toBeUndefined();
    expect(countedSlots(header, next({ previousBootUnixMs: 8 }))).toBeUndefined();
    expect(countedSlots(header, undefined)).toBeUndefined();
  });
});

describe('retention', () => {
  const files = [1, 2, 3, 4].map((segment) => ({
    segment,
    path: `${segment}`,
    sizeBytes: 1,
    modifiedUnixMs: segment * 1000,
  }));
  const numbers = (deletable: { segment: number }[]): number[] => deletable.map(({ segment }) => segment);

  it('lets a segment go only when every reader has left it and it is old enough', () => {
    const readers = [
      { segment: 4, slot: 0 },
      { segment: 3, slot: 9 },
    ];
    expect(numbers(deletableSegments(files, readers, 0, 10_000))).toEqual([1, 2]);
    expect(numbers(deletableSegments(files, readers, 8_500, 10_000))).toEqual([1]);
    expect(numbers(deletableSegments(files, [], 0, 10_000))).toEqual([]);
  });

  it('never lets the newest go, since its number is where the next start goes on', () => {
    expect(numbers(deletableSegments(files, [{ segment: 9, slot: 0 }], 0, 10_000))).toEqual([1, 2, 3]);
  });
});
