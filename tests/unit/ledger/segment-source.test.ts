import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalPosition } from '../../../src/journal/journal.ts';
import { segmentFileName } from '../../../src/journal/record-layout.ts';
import { ShareCopyBuffer } from '../../../src/ledger/binary-copy.ts';
import { SegmentSource } from '../../../src/ledger/segment-source.ts';
import { ShareSums } from '../../../src/ledger/share-sums.ts';
import { fixtureWork, JournalFixture } from '../../kit/journal-fixture.ts';

const AT = Date.UTC(2025, 5, 1, 12);

interface ReadShare {
  segment: bigint;
  slot: number;
  nonce: bigint;
  address: string;
  job: string;
}

describe('the segment source', () => {
  let directory: string;
  let journal: JournalFixture;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-source-'));
    journal = new JournalFixture(directory, 256);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const write = (count: number, worker = 'kaspa:a') => {
    for (let n = 0; n < count; n++) {
      const nonce = BigInt(journal.shares.length);
      journal.share({
        address: `${worker}${n % 3}`,
        name: 'rig',
        job: n % 5,
        nonce,
        difficultyLog2: n % 10,
        receivedAtMs: AT + n,
      });
    }
  };

  /** Reads to the end, with ids that name the entries, and gives the rows that would be copied. */
  const drain = (source: SegmentSource, mark: JournalPosition): ReadShare[] => {
    const rows: ReadShare[] = [];
    const copy = new ShareCopyBuffer(4096);
    for (;;) {
      const outcome = source.read(mark);
      if (outcome === 'gap') throw new Error(source.gap);
      if (outcome === 'end') return rows;
      const { batch } = source;
      const workers = [...batch.workers];
      const jobs = [...batch.jobs];
      for (const [index, entry] of workers.entries()) entry.id = index;
      for (const [index, entry] of jobs.entries()) entry.id = index;
      copy.clear();
      batch.encode(1, copy, new ShareSums(), 0, batch.shares);
      const bytes = copy.finish();
      for (let row = 0; row < copy.rows; row++) {
        const at = 19 + row * 116;
        rows.push({
          segment: bytes.readBigInt64BE(at + 54),
          slot: bytes.readInt32BE(at + 66),
          nonce: bytes.readBigUInt64BE(at + 42),
          address: workers[Number(bytes.readBigInt64BE(at + 18))]!.address,
          job: jobs[Number(bytes.readBigInt64BE(at + 30))]!.prePowHash,
        });
      }
    }
  };

  const expected = (): ReadShare[] =>
    journal.shares.map((share) => ({
      segment: BigInt(share.segment),
      slot: share.slot,
      nonce: share.nonce,
      address: share.address,
      job: Buffer.from(fixtureWork(share.job).prePowHash).toString('hex'),
    }));

  const start = (slotsMax = 50) => {
    const source = new SegmentSource(directory, slotsMax);
    expect(source.seek({ segment: 1, slot: 0 }, undefined)).toBe('');
    return source;
  };

  it('gives every share once, across segments and boots, with its own worker and job', () => {
    write(400);
    journal.reboot();
    write(300, 'kaspa:b');
    journal.save();
    expect(journal.segment).toBeGreaterThan(3);
    expect(drain(start(), journal.mark)).toEqual(expected());
  });

  it('never reads past the durable mark of the live segment', () => {
    write(100);
    journal.save();
    const mark = { segment: 1, slot: journal.shares[60]!.slot };
    const source = start();
    expect(drain(source, mark)).toEqual(expected().slice(0, 60));
    expect(drain(source, journal.mark)).toEqual(expected().slice(60));
  });

  it('goes on from any slot as if it had read all before', () => {
    write(60);
    journal.block(
      { address: 'kaspa:a0', name: 'rig', job: 1, nonce: 5n, difficultyLog2: 1, receivedAtMs: AT },
      'ab'.repeat(32),
    );
    journal.save();
    for (let slot = 0; slot <= journal.mark.slot; slot++) {
      const source = new SegmentSource(directory, 16);
      expect(source.seek({ segment: 1, slot }, undefined)).toBe('');
      const blocks: string[] = [];
      const rows: number[] = [];
      while (source.read(journal.mark) !== 'end') {
        blocks.push(...source.batch.blocks.map((block) => block.blockHash));
        rows.push(source.batch.shares);
        expect([...source.batch.workers].some((worker) => worker.lost)).toBe(false);
      }
      expect(rows.reduce((sum, count) => sum + count, 0)).toBe(
        journal.shares.filter((share) => share.slot >= slot).length,
      );
      // A block belongs to the batch with its second half.
      expect(blocks).toHaveLength(slot < journal.mark.slot ? 1 : 0);
      source.close();
    }
  });

  it('takes from a closed segment only what the next header lets count', () => {
    write(40);
    journal.open(7);
    write(20);
    journal.save();
    expect(expected()).toHaveLength(53);
    expect(drain(start(), journal.mark)).toEqual(expected());
  });

  it('steps over a torn slot and reads on behind it', () => {
    write(40);
    journal.tear(journal.shares[20]!.slot);
    journal.open();
    write(5);
    journal.save();
    const all = expected();
    const rows = drain(start(), journal.mark);
    expect(rows).toEqual([...all.slice(0, 20), ...all.slice(21)]);
  });

  it('counts what it steps over', () => {
    write(10);
    journal.tear(journal.shares[2]!.slot);
    const hole = journal.shares[4]!.slot * 16;
    journal.words.fill(0, hole, hole + 16);
    journal.save();
    const source = start(200);
    expect(source.read(journal.mark)).toBe('some');
    expect(source.batch).toMatchObject({ shares: 8, damaged: 1, missing: 1 });
  });

  it('keeps a share whose worker definition is lost, under a name that says so', () => {
    write(4);
    journal.tear(2);
    journal.save();
    const source = start(200);
    expect(source.read(journal.mark)).toBe('some');
    expect(source.batch).toMatchObject({ shares: 4, damaged: 1, unattributed: 2 });
    expect([...source.batch.workers].filter((worker) => worker.lost).map((worker) => worker.address)).toEqual(
      ['unattributed'],
    );
  });

  it('reads a segment whose header is lost', () => {
    write(20);
    journal.words.fill(0xdead_beef, 0, 32);
    journal.open();
    write(5);
    journal.save();
    expect(drain(start(), journal.mark)).toEqual(expected());
  });

  it('reads a segment whose successor has lost its header', () => {
    write(20);
    journal.open();
    journal.words.fill(1, 0, 16);
    write(5);
    journal.save();
    expect(drain(start(), journal.mark)).toEqual(expected());
  });

  it('stops at a segment that is not there, and goes on when it is put back', () => {
    write(20);
    journal.open();
    write(20);
    journal.open();
    write(20);
    journal.save();
    const second = join(directory, segmentFileName(2));
    renameSync(second, `${second}.away`);
    const source = start(200);
    // Not even the rest of segment 1: only the missing header says how much of it counts.
    expect(source.read(journal.mark)).toBe('gap');
    expect(source.gap).toContain('no segment on disk follows segment 1');
    renameSync(`${second}.away`, second);
    source.seek({ segment: 1, slot: 0 }, undefined);
    expect(drain(source, journal.mark)).toEqual(expected());
  });

  it('steps over a number that no boot ever opened', () => {
    write(20);
    journal.skipNumber();
    journal.reboot();
    write(10);
    journal.save();
    expect(journal.segment).toBe(3);
    expect(drain(start(), journal.mark)).toEqual(expected());
  });

  it('stops when the database is further than the journal', () => {
    write(5);
    journal.save();
    const source = new SegmentSource(directory, 50);
    source.seek({ segment: 4, slot: 10 }, undefined);
    expect(source.read(journal.mark)).toBe('gap');
    expect(source.gap).toContain('the journal ends at segment 1');
  });

  it('refuses a like-numbered segment of another boot', () => {
    write(5);
    journal.save();
    const source = new SegmentSource(directory, 50);
    expect(source.seek({ segment: 1, slot: 4 }, 99)).toContain('the journal folder was replaced');
  });

  it('says how much lies before the mark and how old it is', () => {
    write(300);
    journal.save();
    const source = start(50);
    const first = source.lag({ segment: 1, slot: 0 }, journal.mark);
    expect(first.oldestAtMs).toBe(AT);
    expect(first.records).toBeGreaterThan(300);
    drain(source, journal.mark);
    expect(source.lag(journal.mark, journal.mark)).toEqual({ records: 0, oldestAtMs: 0 });
  });
});
