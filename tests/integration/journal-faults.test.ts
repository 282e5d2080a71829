import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalFault } from '../../src/journal/fault-plan.ts';
import { inspectJournal } from '../../src/journal/inspect.ts';
import { verifyJournal } from '../../src/journal/verify.ts';
import {
  ADDRESS,
  HeardJournal,
  JOB_TIMESTAMP_MS,
  PRE_POW_HASH,
  storedShares,
  temporaryFolder,
} from '../kit/open-journal.ts';

let folder: ReturnType<typeof temporaryFolder>;
let heard: HeardJournal | undefined;

beforeEach(() => {
  folder = temporaryFolder();
  heard = undefined;
});

afterEach(async () => {
  await heard?.journal.close();
  folder.remove();
});

async function openFaulty(
  faults: JournalFault[],
  limits = {},
): Promise<{ heard: HeardJournal; rig: number }> {
  heard = await HeardJournal.open(folder.directory, { faults, limits: { retryMs: 5, ...limits } });
  heard.journal.registerJob(7, PRE_POW_HASH, JOB_TIMESTAMP_MS);
  return { heard, rig: heard.journal.acquireWorker(ADDRESS, 'rig-1') };
}

/** Appends one share a commit and returns the nonces that were acknowledged, as an engine would. */
async function acknowledge(
  heardJournal: HeardJournal,
  rig: number,
  nonces: readonly number[],
): Promise<number[]> {
  const acknowledged: number[] = [];
  for (const nonce of nonces) {
    const failures = heardJournal.failures.length;
    const sequence = heardJournal.share(rig, 7, nonce);
    if (sequence === 0) continue;
    heardJournal.journal.flush();
    await heardJournal.until(
      () => heardJournal.failures.length > failures || (heardJournal.durable.at(-1) ?? 0) >= sequence,
    );
    if (heardJournal.failures.length === failures) acknowledged.push(nonce);
  }
  return acknowledged;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

/** The header is the first write and the first sync. */
const CASES: [string, JournalFault][] = [
  ['a full disk', { at: 'write', nth: 5, code: 'ENOSPC' }],
  ['a write that comes back short', { at: 'write', nth: 5, code: 'SHORT' }],
  ['an I/O error of a write', { at: 'write', nth: 5, code: 'EIO' }],
  ['an I/O error of fdatasync, its bytes being in the file', { at: 'sync', nth: 5, code: 'EIO' }],
  ['the death of the writer thread', { at: 'write', nth: 5, code: 'CRASH' }],
];

describe('a journal whose disk fails', () => {
  it.each(CASES)(
    'refuses what it could not store and goes on in a fresh segment, after %s',
    async (_name, fault) => {
      const { heard: open, rig } = await openFaulty([fault]);
      const before = await acknowledge(open, rig, range(0, 10));
      await open.until(() => open.recoveries === 1);
      const after = await acknowledge(open, rig, range(100, 110));
      expect(before).toEqual(range(0, 3));
      expect(after).toEqual(range(100, 110));
      expect(open.failures).toHaveLength(1);
      // Header two slots, definitions five, three shares.
      expect(open.failures[0]!.sequence).toBe(2 + 5 + 3);
      expect(open.journal.segment).toBe(2);
      await open.journal.close();
      const stored = await storedShares(folder.directory);
      expect(stored.map(({ nonceLo }) => nonceLo)).toEqual([...before, ...after]);
      expect(stored.every(({ workerName }) => workerName === 'rig-1')).toBe(true);
      expect(await verifyJournal(folder.directory)).toMatchObject({ ok: true, faults: [] });
    },
  );

  it('does not count a refused share whose bytes reached the file', async () => {
    const { heard: open, rig } = await openFaulty([{ at: 'sync', nth: 3, code: 'EIO' }]);
    await acknowledge(open, rig, range(0, 5));
    await open.until(() => open.recoveries === 1);
    await open.journal.close();
    const { segments } = await inspectJournal(folder.directory);
    expect(segments[0]).toMatchObject({ segment: 1, shares: 1, abandoned: 1 });
    const { ok, notes } = await verifyJournal(folder.directory);
    expect(ok).toBe(true);
    expect(notes.join()).toContain('refused to their miners');
  });

  it('says that it is down, why, and takes nothing until it is back', async () => {
    const { heard: open, rig } = await openFaulty([{ at: 'write', nth: 2, times: 4, code: 'ENOSPC' }]);
    await acknowledge(open, rig, [1]);
    expect(open.journal.available).toBe(false);
    expect(open.journal.fault).toContain('ENOSPC');
    expect(open.share(rig, 7, 2)).toBe(0);
    expect(open.journal.durableSequence).toBe(2);
    await open.until(() => open.recoveries === 1);
    expect(open.journal.available).toBe(true);
    expect(open.journal.fault).toBe('');
    expect(open.failures).toHaveLength(1);
    expect(await acknowledge(open, rig, [3])).toEqual([3]);
    await open.journal.close();
    expect((await storedShares(folder.directory)).map(({ nonceLo }) => nonceLo)).toEqual([3]);
    // Four attempts failed, and no number was used up by those that never held a record.
    expect((await inspectJournal(folder.directory)).segments.map(({ segment }) => segment)).toEqual([1, 2]);
  });

  it('fails when the next segment cannot be made in time, and comes back when it can', async () => {
    const { heard: open, rig } = await openFaulty([{ at: 'prepare', nth: 2, times: 3, code: 'ENOSPC' }], {
      slotsPerSegment: 64,
      retryMs: 200,
    });
    const acknowledged = await acknowledge(open, rig, range(0, 80));
    await open.until(() => open.recoveries === 1);
    acknowledged.push(...(await acknowledge(open, rig, range(100, 110))));
    expect(open.failures[0]!.reason).toContain('ENOSPC');
    await open.journal.close();
    expect((await storedShares(folder.directory)).map(({ nonceLo }) => nonceLo)).toEqual(acknowledged);
    expect(acknowledged).toContain(109);
    expect(await verifyJournal(folder.directory)).toMatchObject({ ok: true });
  });

  it('does not open at all on a disk that takes nothing', async () => {
    const faults: JournalFault[] = [{ at: 'prepare', nth: 1, times: 9, code: 'ENOSPC' }];
    await expect(openFaulty(faults)).rejects.toMatchObject({ code: 'SLUICE_JOURNAL_UNAVAILABLE' });
    await expect(openFaulty([{ at: 'sync', nth: 1, code: 'EIO' }])).rejects.toMatchObject({
      code: 'SLUICE_JOURNAL_UNAVAILABLE',
    });
    const { heard: open, rig } = await openFaulty([]);
    expect(await acknowledge(open, rig, [1])).toEqual([1]);
    expect(open.journal.segment).toBe(1);
  });

  it('can be closed while it is down', async () => {
    const { heard: open, rig } = await openFaulty([{ at: 'write', nth: 2, times: 1e6, code: 'EIO' }], {
      retryMs: 60_000,
    });
    await acknowledge(open, rig, [1]);
    await open.journal.close();
    expect(open.journal.available).toBe(false);
    expect(open.recoveries).toBe(0);
  });

  it('keeps its promise through 25 faults at random points under load', async () => {
    const faults: JournalFault[] = [];
    const codes = ['ENOSPC', 'EIO', 'SHORT'] as const;
    for (let n = 0; n < 30; n++) {
      const at = n % 3 === 0 ? 'sync' : 'write';
      faults.push({ at, nth: 3 + n * 7, code: at === 'sync' ? 'EIO' : codes[n % 3]! });
    }
    const { heard: open, rig } = await openFaulty(faults, { slotsPerSegment: 256, ringSlots: 1024 });
    const pending: { sequence: number; nonce: number }[] = [];
    const acknowledged: number[] = [];
    let seenDurable = 0;
    let seenFailures = 0;
    const settle = (): void => {
      // As the owner does: what is durable is acknowledged, and at a failure the rest is refused.
      for (; seenFailures < open.failures.length; seenFailures++) {
        const { sequence } = open.failures[seenFailures]!;
        for (const share of pending.splice(0)) if (share.sequence <= sequence) acknowledged.push(share.nonce);
      }
      const durable = open.durable.at(-1) ?? 0;
      if (durable === seenDurable) return;
      seenDurable = durable;
      while (pending.length > 0 && pending[0]!.sequence <= durable) acknowledged.push(pending.shift()!.nonce);
    };
    for (let nonce = 0; open.failures.length < 25; nonce++) {
      const sequence = open.share(rig, 7, nonce);
      if (!open.journal.available) await open.until(() => open.journal.available);
      if (sequence > 0) pending.push({ sequence, nonce });
      if (nonce % 40 !== 0 && sequence > 0) continue;
      open.journal.flush();
      await new Promise((resolve) => setImmediate(resolve));
      settle();
    }
    await open.until(() => open.journal.available && open.recoveries === open.failures.length);
    await open.journal.close();
    settle();
    const stored = (await storedShares(folder.directory)).map(({ nonceLo }) => nonceLo);
    expect(stored).toEqual(acknowledged);
    expect(acknowledged.length).toBeGreaterThan(1000);
    expect(await verifyJournal(folder.directory)).toMatchObject({ ok: true });
  });
});
