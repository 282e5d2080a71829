import { describe, expect, it } from 'vitest';
import { JobTable, WorkerTable } from '../../../src/journal/reference-table.ts';

const LONG_AFTER_MS = 31_000;

function tableWithClock(): { table: WorkerTable; advance: (ms: number) => void } {
  let nowMs = 0;
  return {
    table: new WorkerTable(() => nowMs),
    advance: (ms) => {
      nowMs += ms;
    },
  };
}

describe('worker references', () => {
  it('gives one reference to one pair of address and name', () => {
    const { table } = tableWithClock();
    const ref = table.acquire('kaspa:qa', 'rig', 1);
    expect(table.acquire('kaspa:qa', 'rig', 1)).toBe(ref);
    expect(table.acquire('kaspa:qa', 'rig2', 1)).not.toBe(ref);
    expect(table.acquire('kaspa:qarig', '', 1)).not.toBe(ref);
  });

  it('does not grow under a flood of names that never send a share', () => {
    const { table, advance } = tableWithClock();
    let highest = 0;
    for (let n = 0; n < 100_000; n++) {
      const ref = table.acquire('kaspa:qa', `flood-${n}`, 1);
      highest = Math.max(highest, ref);
      table.release(ref);
      advance(100);
    }
    expect(table.size).toBeLessThan(400);
    expect(highest).toBeLessThan(400);
  });

  it.each([1_000, LONG_AFTER_MS])(
    'keeps nothing of sessions that come and go under one name, every %i ms',
    (pauseMs) => {
      const { table, advance } = tableWithClock();
      table.acquire('kaspa:qa', 'stays', 1);
      for (let n = 0; n < 10_000; n++) {
        const ref = table.acquire('kaspa:qa', 'rig', 1);
        table.markDefined(ref, 1);
        table.release(ref);
        advance(pauseMs);
      }
      expect(table.departures).toBeLessThan(40);
    },
  );

  it('keeps a reference for its holder as long as a share of a closed session may come', () => {
    const { table, advance } = tableWithClock();
    const ref = table.acquire('kaspa:qa', 'rig', 1);
    table.release(ref);
    advance(5_000);
    expect(table.acquire('kaspa:qb', 'other', 1)).not.toBe(ref);
    expect(table.isKnown(ref)).toBe(true);
    expect(table.acquire('kaspa:qa', 'rig', 1)).toBe(ref);
    advance(LONG_AFTER_MS);
    expect(table.acquire('kaspa:qc', 'third', 1)).not.toBe(ref);
  });

  it('gives a reference to nobody else within the segment that defines it', () => {
    const { table, advance } = tableWithClock();
    const ref = table.acquire('kaspa:qa', 'rig', 1);
    table.markDefined(ref, 1);
    table.release(ref);
    advance(LONG_AFTER_MS);
    expect(table.acquire('kaspa:qb', 'b', 1)).not.toBe(ref);
    table.segmentOpened();
    expect(table.acquire('kaspa:qc', 'c', 2)).toBe(ref);
    expect(table.isDefinedIn(ref, 2)).toBe(false);
  });

  it('survives a release too many', () => {
    const { table } = tableWithClock();
    const ref = table.acquire('kaspa:qa', 'rig', 1);
    table.release(ref);
    table.release(ref);
    table.release(999);
    expect(table.acquire('kaspa:qa', 'rig', 1)).toBe(ref);
  });

  it('refuses a name that no definition can hold', () => {
    const { table } = tableWithClock();
    expect(() => table.acquire('kaspa:qa', 'x'.repeat(300), 1)).toThrow(/do not fit/);
    expect(() => table.acquire('kaspa:\0qa', 'x', 1)).toThrow(/do not fit/);
  });
});

describe('job references', () => {
  const hash = new Uint8Array(32).fill(5);

  it('knows a job for a while after it was retired, and not for ever', () => {
    const table = new JobTable();
    for (let id = 1; id <= 100; id++) {
      table.register(id, hash, BigInt(id));
      table.retire(id);
    }
    expect(table.find(1)).toBeUndefined();
    expect(table.find(100)?.jobId).toBe(100);
  });

  it('keeps the definition of a job that is registered again, and drops it when other work takes its id', () => {
    const table = new JobTable();
    table.register(1, hash, 9n);
    table.find(1)!.definedIn = 3;
    table.register(1, hash, 9n);
    expect(table.find(1)!.definedIn).toBe(3);
    table.register(1, hash, 10n);
    expect(table.find(1)!.definedIn).not.toBe(3);
  });
});
