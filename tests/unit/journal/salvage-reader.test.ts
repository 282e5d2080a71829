import { describe, expect, it } from 'vitest';
import type { JournalBlock } from '../../../src/journal/journal.ts';
import { SLOT_BYTES } from '../../../src/journal/record-layout.ts';
import { type SalvageReport, SegmentReader } from '../../../src/journal/salvage-reader.ts';
import { SegmentImage } from '../../kit/segment-image.ts';

const HASH = new Uint8Array(32).fill(0xab);
const AT_MS = 1_700_000_100_000;

/** Slot of share n in `sampleImage`; also its nonce, so that what is read can be told from what was written. */
function sampleImage(shares: number): { image: SegmentImage; slots: number[] } {
  const image = new SegmentImage(shares + 64, { sequence: 500 });
  image.worker(1, 'kaspa:qexample', 'rig-1');
  image.worker(2, 'kaspa:qother', 'a name of more than one part, far more than that');
  image.job(77, HASH, 1234n);
  const slots: number[] = [];
  for (let n = 0; n < shares; n++) {
    slots.push(
      image.share({
        nonceLo: n,
        nonceHi: ~n >>> 0,
        receivedAtUnixMs: AT_MS + n,
        workerRef: 1 + (n & 1),
        jobId: 77,
      }),
    );
  }
  return { image, slots };
}

interface Read {
  readonly report: SalvageReport;
  readonly nonces: number[];
  readonly names: (string | undefined)[];
  readonly blocks: JournalBlock[];
}

function read(bytes: Uint8Array, through?: number, pieceSlots = 7): Read {
  const nonces: number[] = [];
  const names: (string | undefined)[] = [];
  const blocks: JournalBlock[] = [];
  const reader = new SegmentReader(
    {
      share: (share, worker) => {
        // A share that was not written would show: its halves must be each other's complement.
        const written =
          share.nonceHi === ~share.nonceLo >>> 0 && share.receivedAtUnixMs === AT_MS + share.nonceLo;
        if (!written) throw new Error(`a share that nobody wrote: ${JSON.stringify(share)}`);
        nonces.push(share.nonceLo);
        names.push(worker?.workerName);
      },
      block: (block) => blocks.push(block),
    },
    through,
  );
  for (let slot = 0; slot * SLOT_BYTES < bytes.length; slot += pieceSlots) {
    reader.feed(bytes.subarray(slot * SLOT_BYTES, (slot + pieceSlots) * SLOT_BYTES), slot);
  }
  return { report: reader.finish(), nonces, names, blocks };
}

/** A generator with a seed that a failing run prints. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('salvage reader', () => {
  it('reads bytes wherever they lie, whole words or not, in arrays as in Buffers', () => {
    const { image, slots } = sampleImage(20);
    const room = Buffer.alloc(image.bytes.length + 3);
    for (const ahead of [1, 2, 3]) {
      room.set(image.bytes, ahead);
      const asBuffer = room.subarray(ahead, ahead + image.bytes.length);
      expect(read(asBuffer).nonces).toHaveLength(slots.length);
      expect(
        read(new Uint8Array(room.buffer, room.byteOffset + ahead, image.bytes.length)).nonces,
      ).toHaveLength(slots.length);
    }
  });

  it('reads back all that was written, with the names of its workers', () => {
    const { image } = sampleImage(50);
    image.cleanEnd(AT_MS + 60);
    const { report, nonces, names } = read(image.bytes);
    expect(nonces).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(names[0]).toBe('rig-1');
    expect(names[1]).toBe('a name of more than one part, far more than that');
    expect(report).toMatchObject({
      ...{ shares: 50, bad: 0, torn: 0, holes: 0, undefinedNames: 0, cleanEnd: true, workerDefinitions: 2 },
      ...{ jobDefinitions: 1, firstSequence: 500, lastSequence: 499 + image.slot },
      ...{ firstShareUnixMs: AT_MS, lastShareUnixMs: AT_MS + 49 },
    });
    expect(report.header).toEqual(image.header);
  });

  it('brings back a block of two slots, and reports one of which half is lost', () => {
    const { image } = sampleImage(1);
    const block: JournalBlock = {
      ...{ blockHash: HASH, nonce: 2n ** 63n + 1n, foundAtUnixMs: AT_MS, workerRef: 1, jobId: 77 },
      ...{ difficultyLog2: -3, daaScore: 2n ** 40n, blueScore: 7n, bits: 0x1d00ffff, pot: 2 },
    };
    image.block(block);
    image.block(block);
    image.slotBytes(image.slot - 1).fill(0x55);
    image.cleanEnd(AT_MS);
    const { report, blocks } = read(image.bytes);
    expect(blocks).toEqual([block]);
    expect(report).toMatchObject({ blocks: 1, brokenBlocks: 1, bad: 1 });
  });

  it('loses no more than the slots that were hit, over 10,000 random flips and cuts, and invents nothing', () => {
    const seed = 20_240_607;
    const random = seeded(seed);
    const { image, slots } = sampleImage(40);
    const written = image.slot;
    for (let round = 0; round < 10_000; round++) {
      const bytes = image.bytes.slice(
        0,
        random() < 0.2 ? Math.floor(random() * written * SLOT_BYTES) : undefined,
      );
      const hit = new Set<number>();
      for (let flips = Math.floor(random() * 6); flips > 0 && bytes.length > 0; flips--) {
        const at = Math.floor(random() * Math.min(bytes.length, written * SLOT_BYTES));
        const before = bytes[at]!;
        bytes[at] = random() < 0.3 ? Math.floor(random() * 256) : before ^ (1 << Math.floor(random() * 8));
        hit.add(Math.floor(at / SLOT_BYTES));
      }
      const whole = Math.floor(bytes.length / SLOT_BYTES);
      const { nonces } = read(bytes, undefined, 64);
      const unhurt = slots.flatMap((slot, n) => (slot < whole && !hit.has(slot) ? [n] : []));
      const missing = unhurt.filter((n) => !nonces.includes(n));
      if (missing.length > 0 || new Set(nonces).size !== nonces.length) {
        expect.fail(`seed ${seed}, round ${round}: lost ${missing}, read ${nonces}`);
      }
    }
  });

  it('takes damage behind the last good slot for a torn tail and damage before it for bad slots', () => {
    const { image, slots } = sampleImage(20);
    image.slotBytes(slots[4]!)[33]! ^= 4;
    image.slotBytes(slots[18]!).fill(0xee, 10);
    image.slotBytes(slots[19]!).fill(0, 30);
    const { report, nonces } = read(image.bytes);
    expect(report).toMatchObject({ shares: 17, bad: 1, torn: 2, holes: 0, damagedSlots: [slots[4]] });
    expect(nonces).not.toContain(4);
  });

  it('goes on behind a zeroed slot and says that there is a hole', () => {
    const { image, slots } = sampleImage(20);
    image.slotBytes(slots[7]!).fill(0);
    const { report, nonces } = read(image.bytes);
    expect(report).toMatchObject({ shares: 19, holes: 1, bad: 0, torn: 0 });
    expect(nonces).toContain(8);
  });

  it('takes no whole slot of another boot or from another place', () => {
    const { image, slots } = sampleImage(6);
    const other = new SegmentImage(64, { sequence: 500, bootUnixMs: 1_600_000_000_000 });
    other.slot = slots[1]!;
    other.share({ nonceLo: 1, nonceHi: ~1 >>> 0, receivedAtUnixMs: AT_MS + 1, workerRef: 1, jobId: 77 });
    image.slotBytes(slots[1]!).set(other.slotBytes(slots[1]!));
    image.slotBytes(slots[2]!).set(image.slotBytes(slots[4]!));
    const { report, nonces } = read(image.bytes);
    expect(nonces).toEqual([0, 3, 4, 5]);
    expect(report).toMatchObject({ shares: 4, bad: 2 });
  });

  it('reads a segment whose header is lost', () => {
    const { image } = sampleImage(9);
    image.slotBytes(0).fill(0x11);
    const { report, nonces } = read(image.bytes);
    expect(report).toMatchObject({ shares: 9, header: undefined, bad: 1 });
    expect(nonces).toHaveLength(9);
  });

  it('names nobody when a part of the definition is lost, and still gives the share', () => {
    const { image } = sampleImage(4);
    // Slots: 0-1 header, 2 first worker, 3-4 second worker.
    image.slotBytes(4)[50]! ^= 1;
    const { report, names } = read(image.bytes);
    expect(names).toEqual(['rig-1', undefined, 'rig-1', undefined]);
    expect(report).toMatchObject({
      shares: 4,
      undefinedNames: 2,
      brokenDefinitions: 1,
      workerDefinitions: 1,
    });
  });

  it('does not credit the former holder of a reference while its new definition is damaged', () => {
    const image = new SegmentImage(64);
    image.worker(1, 'kaspa:qfirst', 'first');
    image.job(77, HASH, 1n);
    image.worker(1, 'kaspa:qsecond', 'second, with a name that takes two parts');
    image.slotBytes(image.slot - 1)[30]! ^= 1;
    image.share({ nonceLo: 0, nonceHi: 0xffff_ffff, receivedAtUnixMs: AT_MS, workerRef: 1, jobId: 77 });
    expect(read(image.bytes).names).toEqual([undefined]);
  });

  it('stops counting at the sequence that the next segment names', () => {
    const { image, slots } = sampleImage(10);
    const { report, nonces } = read(image.bytes, 500 + slots[6]!);
    expect(nonces).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(report).toMatchObject({ shares: 7, abandoned: 3, lastSequence: 500 + slots[6]! });
  });

  it('finds nothing in an empty file, in zeros and in noise', () => {
    const random = seeded(7);
    const noise = Uint8Array.from({ length: 6400 }, () => Math.floor(random() * 256));
    expect(read(new Uint8Array(0)).report).toMatchObject({ good: 0, shares: 0, torn: 0 });
    expect(read(new Uint8Array(6400)).report).toMatchObject({ good: 0, shares: 0, torn: 0, holes: 0 });
    expect(read(noise).report).toMatchObject({ good: 0, shares: 0, torn: 100 });
  });
});
