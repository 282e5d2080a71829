import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FrameOutcome, LineFate, LineFramer } from '../../../src/stratum/socket/line-framer.ts';
import { submitLines } from '../../../wasm/submit-lines.ts';

const CAP = 40;

interface Read {
  readonly lines: string[];
  readonly tooLong: boolean;
}

/** What the framer should do, without any care for cost: cut at newlines, drop NULs, trim, leave out nothing. */
function reference(bytes: Buffer, cap: number): Read {
  const lines: string[] = [];
  const parts = bytes.toString('latin1').split('\n');
  const rest = parts.pop()!;
  for (const part of parts) {
    if (part.length > cap) return { lines, tooLong: true };
    const line = part.replaceAll('\0', '').replace(/^[ \t\r]+|[ \t\r]+$/g, '');
    if (line !== '') lines.push(line);
  }
  return { lines, tooLong: rest.length > cap };
}

function readAll(framer: LineFramer, chunks: Iterable<Buffer>): Read {
  const lines: string[] = [];
  const sink = {
    onLine: (buffer: Buffer, start: number, end: number): LineFate => {
      lines.push(buffer.toString('latin1', start, end));
      return LineFate.Next;
    },
  };
  for (const chunk of chunks) if (framer.push(chunk, sink) === 'too-long') return { lines, tooLong: true };
  return { lines, tooLong: false };
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((place, index) => Buffer.from(bytes.subarray(places[index], place)));
}

const streams = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.string({ maxLength: 30 }) },
      { weight: 1, arbitrary: fc.string({ minLength: CAP - 2, maxLength: CAP + 3 }) },
      { weight: 6, arbitrary: fc.constantFrom('\n', '\r\n', '\n\n', '\0', ' ', '\t', '\r', '{"id":1}') },
    ),
    { maxLength: 20 },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

/** Each chunk as a raw socket gives it, over what the last one has left there. */
function* readThere(chunks: readonly Buffer[]): Generator<Buffer> {
  for (const chunk of chunks) {
    const lines = submitLines();
    chunk.copy(lines.input);
    yield lines.read(chunk.length);
  }
}

describe('the line framer', () => {
  it('looks for NULs once in a chunk without any, however many lines it has', () => {
    const chunk = Buffer.from('x\n'.repeat(1_000) + '\n'.repeat(1_000));
    let looks = 0;
    const indexOf = chunk.indexOf.bind(chunk);
    chunk.indexOf = (value: unknown, ...rest: unknown[]) => {
      if (value === 0) looks++;
      return (indexOf as (...args: unknown[]) => number)(value, ...rest);
    };
    expect(readAll(new LineFramer(CAP), [chunk]).lines).toHaveLength(1_000);
    expect(looks).toBe(1);
  });

  it('reads what the slow reference reads, wherever the stream is cut', () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
        const read = reference(bytes, CAP);
        expect(readAll(new LineFramer(CAP), cut(bytes, cuts))).toEqual(read);
        expect(readAll(new LineFramer(CAP), readThere(cut(bytes, cuts)))).toEqual(read);
      }),
      { numRuns: 3_000 },
    );
  });

  it('reads a line that comes byte by byte, once it is whole', () => {
    const bytes = Buffer.from('{"id":1}\r\n{"id":2}\n');
    const single = Array.from(bytes, (byte) => Buffer.of(byte));
    expect(readAll(new LineFramer(CAP), single).lines).toEqual(['{"id":1}', '{"id":2}']);
  });

  it('takes a line of exactly the cap and refuses one byte more, before its newline comes', () => {
    expect(readAll(new LineFramer(CAP), [Buffer.from(`${'x'.repeat(CAP)}\n`)]).lines).toHaveLength(1);
    expect(readAll(new LineFramer(CAP), [Buffer.alloc(CAP, 0x78)]).tooLong).toBe(false);
    expect(readAll(new LineFramer(CAP), [Buffer.alloc(CAP + 1, 0x78)]).tooLong).toBe(true);
  });

  it('hands out a line where it lies, without a copy, when the chunk holds all of it', () => {
    const chunk = Buffer.from('{"id":1}\n{"id":2}\n');
    const seen: Buffer[] = [];
    new LineFramer(CAP).push(chunk, {
      onLine: (buffer) => {
        seen.push(buffer);
        return LineFate.Next;
      },
    });
    expect(seen.every((buffer) => buffer === chunk)).toBe(true);
  });

  it('drops what follows once the sink says stop', () => {
    const lines: string[] = [];
    const outcome = new LineFramer(CAP).push(Buffer.from('a\nb\nc\n'), {
      onLine: (buffer, start, end) => {
        lines.push(buffer.toString('latin1', start, end));
        return lines.length === 2 ? LineFate.Stop : LineFate.Next;
      },
    });
    expect(outcome).toBe('stopped');
    expect(lines).toEqual(['a', 'b']);
  });

  it('loses and repeats nothing when lines are held and resumed at random', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 12 }), { maxLength: 15 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
        (texts, cuts, holds) => {
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''), 'latin1');
          const lines: string[] = [];
          let turn = 0;
          const sink = {
            onLine: (buffer: Buffer, start: number, end: number): LineFate => {
              // Never twice in a row, or a stream of `true` would never end.
              if (holds[turn++ % holds.length] && turn % 2 === 0) return LineFate.Hold;
              lines.push(buffer.toString('latin1', start, end));
              return LineFate.Next;
            },
          };
          const framer = new LineFramer(CAP);
          let outcome: FrameOutcome = 'read';
          for (const chunk of cut(bytes, cuts)) outcome = framer.push(chunk, sink);
          while (outcome === 'held') outcome = framer.resume(sink);
          expect(lines).toEqual(reference(bytes, CAP).lines);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
