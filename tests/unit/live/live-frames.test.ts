import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BoardRow, newBoardRow, VERDICT_COLUMNS } from '../../../src/live/live-board.ts';
import {
  FrameCutter,
  FrameFault,
  FrameKind,
  jsonFrame,
  LIVE_MAGIC,
  LIVE_VERSION,
  readArrivals,
  readHello,
  readRows,
  rowsFrame,
} from '../../../src/live/live-frames.ts';

const KINDS = Object.values(FrameKind);
const BYTES_MAX = 4_096;

function cut(chunks: readonly Uint8Array[]): { kind: number; payload: string }[] {
  const frames: { kind: number; payload: string }[] = [];
  const cutter = new FrameCutter(BYTES_MAX, (kind, payload) =>
    frames.push({ kind, payload: payload.toString('latin1') }),
  );
  for (const chunk of chunks) cutter.push(Buffer.from(chunk));
  return frames;
}

describe('frames', () => {
  it('are found again however the stream is cut', () => {
    const frame = fc.record({ kind: fc.constantFrom(...KINDS), value: fc.json({ maxDepth: 2 }) });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(200)), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(({ kind, value }) => jsonFrame(kind, value)));
        const chunks: Buffer[] = [];
        let at = 0;
        for (const length of cuts) {
          chunks.push(stream.subarray(at, at + length));
          at += length;
        }
        chunks.push(stream.subarray(at));
        expect(cut(chunks).map(({ kind }) => kind)).toEqual(frames.map(({ kind }) => kind));
      }),
    );
  });

  it('make nothing of junk but a fault, and keep no more of it than one frame', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (chunks) => {
        try {
          for (const { kind } of cut(chunks)) expect(KINDS).toContain(kind);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameFault);
        }
      }),
    );
  });

  it('longer than the bound are refused at their header', () => {
    const header = Buffer.alloc(5);
    header.writeUInt32LE(BYTES_MAX + 1, 0);
    header.writeUInt8(FrameKind.Report, 4);
    expect(() => cut([header])).toThrow(FrameFault);
  });

  it('carry rows to the last bit', () => {
    const row = fc.record({
      generation: fc.nat(2 ** 32 - 1),
      portIndex: fc.integer({ min: -1, max: 63 }),
      difficultyLog2: fc.integer({ min: -31, max: 62 }),
      connectedAtUnixMs: fc.double(),
      lastShareAtUnixMs: fc.double(),
      accepted: fc.nat(2 ** 32 - 1),
      creditedDifficulty: fc.double(),
      rejected: fc
        .array(fc.nat(2 ** 32 - 1), { minLength: VERDICT_COLUMNS, maxLength: VERDICT_COLUMNS })
        .map((counts) => Uint32Array.from(counts)),
    });
    fc.assert(
      fc.property(fc.array(fc.record({ slot: fc.nat(999), row }), { maxLength: 20 }), (rows) => {
        const read: { slot: number; row: BoardRow }[] = [];
        readRows(rowsFrame(rows).subarray(5), 1_000, (slot, found) =>
          read.push({ slot, row: { ...found, rejected: found.rejected.slice() } }),
        );
        expect(read).toEqual(rows);
      }),
    );
  });

  it('with rows of no slot, or of half a row, are faults', () => {
    const frame = rowsFrame([{ slot: 10, row: newBoardRow() }]).subarray(5);
    const visit = () => {};
    expect(() => readRows(frame, 10, visit)).toThrow(FrameFault);
    expect(() => readRows(frame.subarray(1), 11, visit)).toThrow(FrameFault);
  });

  it('with arrivals or a hello of anything else are faults, never something half believed', () => {
    const text = (value: unknown) => Buffer.from(JSON.stringify(value));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => readHello(text(value))).toThrow(FrameFault);
        if (Array.isArray(value) && value.length === 0) return;
        expect(() => readArrivals(text(value), 10)).toThrow(FrameFault);
      }),
    );
    const arrival = {
      slot: 1,
      generation: 1,
      address: 'kaspa:a',
      worker: '',
      agent: '<b>',
      dialect: 'default',
    };
    expect(readArrivals(text([{ ...arrival, more: 1 }]), 10)).toEqual([arrival]);
    for (const wrong of [
      { slot: 10 },
      { slot: -1 },
      { slot: 0.5 },
      { agent: 7 },
      { worker: 'x'.repeat(513) },
    ])
      expect(() => readArrivals(text([{ ...arrival, ...wrong }]), 10)).toThrow(FrameFault);
    expect(() => readArrivals(Buffer.from('{'), 10)).toThrow(FrameFault);
  });

  it('of another version are refused with both versions', () => {
    const hello = (version: unknown) => Buffer.from(JSON.stringify({ magic: LIVE_MAGIC, version }));
    expect(readHello(hello(LIVE_VERSION))).toMatchObject({ version: LIVE_VERSION });
    expect(() => readHello(hello(99))).toThrow('it speaks version 99 and we 1');
  });
});
