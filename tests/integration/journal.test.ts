import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workIdentity } from '../../src/domain/job.ts';
import { DurableMark } from '../../src/journal/durable-mark.ts';
import { formatInspection, inspectJournal, shareLines } from '../../src/journal/inspect.ts';
import type { JournalBlock } from '../../src/journal/journal.ts';
import { SLOT_BYTES, segmentFileName } from '../../src/journal/record-layout.ts';
import { recentWork } from '../../src/journal/replay.ts';
import { formatVerification, verifyJournal } from '../../src/journal/verify.ts';
import { createRegistry } from '../../src/kit/metrics.ts';
import {
  ADDRESS,
  HeardJournal,
  JOB_TIMESTAMP_MS,
  PRE_POW_HASH,
  storedShares,
  temporaryFolder,
} from '../kit/open-journal.ts';
import { pollUntil } from '../kit/poll-until.ts';

let folder: ReturnType<typeof temporaryFolder>;
let opened: HeardJournal[];

beforeEach(() => {
  folder = temporaryFolder();
  opened = [];
});

afterEach(async () => {
  await Promise.all(opened.map(({ journal }) => journal.close()));
  folder.remove();
});

async function openJournal(options: Parameters<typeof HeardJournal.open>[1] = {}): Promise<HeardJournal> {
  const heard = await HeardJournal.open(folder.directory, options);
  opened.push(heard);
  return heard;
}

function worker(heard: HeardJournal, name = 'rig-1'): number {
  heard.journal.registerJob(7, PRE_POW_HASH, JOB_TIMESTAMP_MS);
  return heard.journal.acquireWorker(ADDRESS, name);
}

const segmentNames = (): string[] =>
  readdirSync(folder.directory)
    .filter((name) => name.endsWith('.slj'))
    .sort();

describe('the journal', () => {
  it('reports 200,000 shares durable in order and gives back every one of them', async () => {
    const heard = await openJournal();
    const rig = worker(heard);
    const last = await heard.shares(rig, 7, 200_000);
    await heard.until(() => (heard.durable.at(-1) ?? 0) >= last);
    expect(heard.durable).toEqual([...heard.durable].sort((a, b) => a - b));
    expect(heard.journal.durableSequence).toBe(last);
    expect(heard.journal.fill).toBe(0);
    await heard.journal.close();
    const stored = await storedShares(folder.directory);
    expect(stored.length).toBe(200_000);
    const wrong = stored.findIndex((share, n) => share.nonceLo !== n || share.workerName !== 'rig-1');
    expect(wrong).toBe(-1);
    expect(stored[4711]).toMatchObject({
      ...{
        verdict: 1,
        difficultyLog2: 5,
        nonceLo: 4711,
        nonceHi: 0x4000_0000,
        receivedAtUnixMs: 1_700_000_004_711,
      },
      ...{ extranonce: 0x4000, portIndex: 2, address: ADDRESS, timestampMs: JOB_TIMESTAMP_MS },
    });
  });

  it('is on disk when it says so: what onDurable covers can be read back at once', async () => {
    const heard = await openJournal();
    const rig = worker(heard);
    const last = heard.share(rig, 7, 1);
    heard.journal.flush();
    await heard.until(() => heard.durable.includes(last));
    expect(await storedShares(folder.directory)).toHaveLength(1);
  });

  it('says nothing is durable before flush, and hands out no sequence twice', async () => {
    const heard = await openJournal();
    const rig = worker(heard);
    const sequences = [heard.share(rig, 7, 1), heard.share(rig, 7, 2), heard.share(rig, 7, 3)];
    expect(new Set(sequences).size).toBe(3);
    expect(heard.journal.durableSequence).toBeLessThan(sequences[0]!);
    expect(heard.journal.appendedSequence).toBe(sequences[2]);
  });

  it('opens segment after segment, each of which defines all the names it uses', async () => {
    const heard = await openJournal({ limits: { slotsPerSegment: 64, ringSlots: 256 } });
    const rigs = [
      worker(heard, 'a'),
      worker(heard, 'b with a name that takes another part'),
      worker(heard, 'c'),
    ];
    heard.journal.registerJob(8, PRE_POW_HASH, 99n);
    for (let n = 0; n < 1000; n++) await heard.shares(rigs[n % 3]!, n % 2 ? 7 : 8, 1, n, 20);
    await heard.journal.close();
    expect(segmentNames().length).toBeGreaterThan(15);
    const stored = await storedShares(folder.directory);
    expect(stored.map(({ nonceLo }) => nonceLo)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    expect(
      stored.every(
        (share) =>
          share.workerName === ['a', 'b with a name that takes another part', 'c'][share.nonceLo % 3],
      ),
    ).toBe(true);
    expect(stored.every((share) => share.timestampMs === (share.nonceLo % 2 ? JOB_TIMESTAMP_MS : 99n))).toBe(
      true,
    );
    expect(await verifyJournal(folder.directory)).toMatchObject({ ok: true, faults: [], shares: 1000 });
  });

  it('writes a found block beside its share', async () => {
    const heard = await openJournal();
    const rig = worker(heard);
    const block: JournalBlock = {
      ...{
        blockHash: new Uint8Array(32).fill(1),
        nonce: 2n ** 63n,
        foundAtUnixMs: 1_700_000_000_000,
        workerRef: rig,
      },
      ...{ jobId: 7, difficultyLog2: 5, daaScore: 10n, blueScore: 11n, bits: 0x1d00ffff, pot: 2 },
    };
    const sequence = heard.journal.appendBlock(block);
    heard.share(rig, 7, 5);
    heard.journal.flush();
    await heard.until(() => (heard.durable.at(-1) ?? 0) > sequence);
    expect(await inspectJournal(folder.directory)).toMatchObject({ blocks: 1, shares: 1 });
  });

  it('starts a new segment at every start and leaves no unused file behind', async () => {
    for (let start = 0; start < 3; start++) {
      const heard = await openJournal({ bootUnixMs: 1_700_000_000_000 + start });
      await heard.shares(worker(heard), 7, 10, start * 10);
      await heard.journal.close();
    }
    expect(segmentNames()).toEqual([1, 2, 3].map(segmentFileName));
    const { boots, segments } = await inspectJournal(folder.directory);
    expect(boots.map(({ shares }) => shares)).toEqual([10, 10, 10]);
    expect(segments.map((one) => [one.previousSegment, one.cleanEnd])).toEqual([
      [0, true],
      [1, true],
      [2, true],
    ]);
    expect(segments[1]!.previousThrough).toBe(segments[0]!.lastSequence);
  });

  it('begins above a number that a reader remembers when its folder was emptied', async () => {
    const heard = await openJournal({ afterSegment: 41 });
    expect(heard.journal.segment).toBe(42);
  });

  it('shows other threads how far they may read', async () => {
    const heard = await openJournal();
    const mark = new DurableMark(heard.journal.durableMark);
    expect(mark.read()).toEqual({ segment: 1, slot: 2 });
    const last = await heard.shares(worker(heard), 7, 5);
    await heard.until(() => (heard.durable.at(-1) ?? 0) >= last);
    expect(mark.read()).toEqual({ segment: 1, slot: last });
    expect(heard.journal.durablePosition()).toEqual(mark.read());
  });

  it('refuses when its ring is full instead of writing over what is not on disk yet', async () => {
    const heard = await openJournal({ limits: { ringSlots: 64 } });
    const rig = worker(heard);
    let taken = 0;
    while (heard.share(rig, 7, taken) > 0) taken++;
    expect(taken).toBeGreaterThan(50);
    expect(heard.journal.fill).toBeGreaterThan(0.9);
    heard.journal.flush();
    await heard.until(() => heard.journal.fill === 0);
    expect(heard.share(rig, 7, taken)).toBeGreaterThan(0);
    expect((await storedShares(folder.directory)).length).toBe(taken);
  });

  it('refuses a share of a worker or a job that nobody registered', async () => {
    const heard = await openJournal();
    const rig = worker(heard);
    expect(heard.share(rig, 99, 1)).toBe(0);
    expect(heard.share(rig + 5, 7, 1)).toBe(0);
  });

  it('closes with all that was appended, takes nothing afterwards, and may be closed twice', async () => {
    const heard = await openJournal();
    const rig = worker(heard);
    for (let n = 0; n < 100; n++) heard.share(rig, 7, n);
    const closing = heard.journal.close();
    expect(heard.share(rig, 7, 100)).toBe(0);
    await Promise.all([closing, heard.journal.close()]);
    expect(heard.journal.available).toBe(false);
    expect(await storedShares(folder.directory)).toHaveLength(100);
  });

  it('lets only one engine into a folder, and the next one when the first is gone', async () => {
    const first = await openJournal();
    await expect(HeardJournal.open(folder.directory)).rejects.toMatchObject({
      code: 'SLUICE_JOURNAL_LOCKED',
    });
    await first.journal.close();
    await openJournal();
  });

  it('refuses the journal of another instance, whose shares would be loaded and credited once more', async () => {
    const first = await openJournal();
    await first.journal.close();
    await expect(HeardJournal.open(folder.directory, { instanceName: 'renamed' })).rejects.toMatchObject({
      code: 'SLUICE_JOURNAL_INSTANCE',
    });
    expect((await openJournal()).journal.available).toBe(true);
  });

  it('makes the folders that lead to it', async () => {
    const directory = join(folder.directory, 'not', 'there', 'yet');
    opened.push(await HeardJournal.open(directory));
    expect(readdirSync(directory)).toContain(segmentFileName(1));
  });

  it('takes over the lock of a process that is not there any more, even when its number was given to another', async () => {
    const stale = { machineBoot: 'gone', pidNamespace: 'gone', pid: process.pid, startTick: '1', token: 'x' };
    const first = await openJournal();
    const lockFile = join(folder.directory, 'journal.lock');
    const { readFileSync } = await import('node:fs');
    const own = JSON.parse(readFileSync(lockFile, 'utf8'));
    await first.journal.close();
    writeFileSync(
      lockFile,
      JSON.stringify({ ...stale, machineBoot: own.machineBoot, pidNamespace: own.pidNamespace }),
    );
    await openJournal();
    await opened.at(-1)!.journal.close();
    writeFileSync(lockFile, 'not a lock');
    await openJournal();
  });

  it('says in plain words when its folder cannot be used', async () => {
    const file = join(folder.directory, 'file');
    writeFileSync(file, '');
    await expect(HeardJournal.open(join(file, 'journal'))).rejects.toMatchObject({
      code: 'SLUICE_JOURNAL_DIRECTORY',
    });
    await expect(inspectJournal(join(folder.directory, 'nowhere'))).rejects.toMatchObject({
      code: 'SLUICE_JOURNAL_UNREADABLE',
    });
  });

  it('puts its numbers into the registry', async () => {
    const registry = createRegistry();
    const heard = await openJournal({ registry });
    const last = await heard.shares(worker(heard), 7, 50);
    await heard.until(() => (heard.durable.at(-1) ?? 0) >= last);
    const text = await registry.metrics();
    expect(text).toContain(`sluice_journal_records_total ${last}`);
    expect(text).toContain(`sluice_journal_bytes_total ${last * SLOT_BYTES}`);
    expect(text).toMatch(/sluice_journal_fdatasync_seconds_count [1-9]/);
    expect(text).toContain('sluice_journal_available 1');
  });
});

describe('what a journal tells afterwards', () => {
  it('gives the nonces of late shares by identity of work, over segments and starts', async () => {
    const sinceMs = 1_700_000_000_900;
    for (const [start, firstNonce] of [500, 1000].entries()) {
      const heard = await openJournal({ bootUnixMs: start + 5, limits: { slotsPerSegment: 128 } });
      await heard.shares(worker(heard), 7, 500, firstNonce);
      await heard.journal.close();
    }
    const work = await recentWork(folder.directory, sinceMs);
    const nonces = work.get(workIdentity(PRE_POW_HASH, JOB_TIMESTAMP_MS))!;
    const late = Array.from({ length: 600 }, (_, n) => (0x4000_0000n << 32n) | BigInt(900 + n));
    expect(late.filter((nonce) => !nonces.includes(nonce))).toEqual([]);
    expect(new Set(nonces).size).toBe(nonces.length);
    expect(work.size).toBe(1);
    // Old segments are not read: the newest tells that the rest is older still.
    const newestOnly = await recentWork(folder.directory, sinceMs + 10_000);
    expect([...newestOnly.values()].reduce((sum, list) => sum + list.length, 0)).toBeLessThan(128);
    expect((await recentWork(join(folder.directory, 'not-there'), 0)).size).toBe(0);
  });

  it('is inspected beside the running engine', async () => {
    const heard = await openJournal();
    const last = await heard.shares(worker(heard), 7, 20);
    await heard.until(() => (heard.durable.at(-1) ?? 0) >= last);
    // The next segment is made ahead of time.
    await pollUntil('the next segment is prepared', () => segmentNames().length === 2);
    const inspection = await inspectJournal(folder.directory);
    expect(inspection.segments.map(({ opened: isOpened }) => isOpened)).toEqual([true, false]);
    expect(inspection).toMatchObject({
      shares: 20,
      firstShareUnixMs: 1_700_000_000_000,
      lastShareUnixMs: 1_700_000_000_019,
    });
    expect(formatInspection(inspection)).toContain('20 shares');
    const lines: string[] = [];
    for await (const line of shareLines(folder.directory)) lines.push(line);
    expect(lines).toHaveLength(20);
    expect(JSON.parse(lines[3]!)).toMatchObject({
      address: ADDRESS,
      worker: 'rig-1',
      nonce: '4000000000000003',
      verdict: 'share',
    });
    expect(await verifyJournal(folder.directory)).toMatchObject({ ok: true, shares: 20 });
  });

  it('is found damaged by a single bit, and by a missing segment', async () => {
    const heard = await openJournal({ limits: { slotsPerSegment: 64 } });
    await heard.shares(worker(heard), 7, 300);
    await heard.journal.close();
    const file = await open(join(folder.directory, segmentFileName(2)), 'r+');
    await file.write(new Uint8Array([0xff]), 0, 1, 30 * SLOT_BYTES + 20);
    await file.close();
    rmSync(join(folder.directory, segmentFileName(4)));
    const verification = await verifyJournal(folder.directory);
    expect(verification.ok).toBe(false);
    expect(verification.faults).toEqual([
      'segment 2: 1 slots fail their check, the first: 30',
      'segment 4 is missing',
    ]);
    expect(formatVerification(verification)).toMatch(/^DAMAGED/);
  });

  it('is found cut short when its last acknowledged records are gone', async () => {
    for (const bootUnixMs of [1, 2]) {
      const heard = await openJournal({ bootUnixMs });
      await heard.shares(worker(heard), 7, 30);
      await heard.journal.close();
    }
    const file = await open(join(folder.directory, segmentFileName(1)), 'r+');
    await file.truncate(20 * SLOT_BYTES + 13);
    await file.close();
    const { ok, faults } = await verifyJournal(folder.directory);
    expect(ok).toBe(false);
    expect(faults[0]).toMatch(/segment 1: sequences 21 to \d+ are missing at its end/);
  });
});
