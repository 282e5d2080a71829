/** A chunk as a socket gives it: whole lines, and the beginning of the next, whose end comes with the next chunk. */
import { LineFate, LineFramer } from '../../../src/stratum/socket/line-framer.ts';
import { submitLines } from '../../../wasm/submit-lines.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { MICRO_PARAMETERS, playRounds } from '../../lib/micro-rounds.ts';
import { submitLine } from '../../lib/submit-lines.ts';

const LINE_BYTES_MAX = 8_192;
const CHUNKS = 64;

/** The lines, cut anew every so many bytes. */
function cut(bytes: Buffer, pieces: number): Buffer[] {
  const size = Math.ceil(bytes.length / pieces);
  return Array.from({ length: pieces }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

function framed(
  chunks: readonly Buffer[],
  take: (chunk: Buffer, framer: LineFramer, sink: Parameters<LineFramer['push']>[1]) => void,
): number {
  const framer = new LineFramer(LINE_BYTES_MAX);
  let sum = 0;
  const sink = {
    onLine: (_: Buffer, start: number, end: number) => {
      sum += end - start;
      return LineFate.Next;
    },
  };
  for (const chunk of chunks) take(chunk, framer, sink);
  return sum;
}

const framedElsewhere = (chunks: readonly Buffer[]): number =>
  framed(chunks, (chunk, framer, sink) => framer.push(chunk, sink));

/** As they come from sockets, all into one buffer; the copying counts. */
function framedThere(chunks: readonly Buffer[]): number {
  const lines = submitLines();
  return framed(chunks, (chunk, framer, sink) => {
    chunk.copy(lines.input);
    framer.push(lines.read(chunk.length), sink);
  });
}

function split(chunks: readonly Buffer[]): number {
  let rest = '';
  let sum = 0;
  for (const chunk of chunks) {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop()!;
    for (const line of lines) sum += line.trim().length;
  }
  return sum;
}

export default defineCase({
  kind: 'micro',
  title: 'bytes into lines, against decoding and splitting, by lines in a chunk',
  parameters: MICRO_PARAMETERS,
  run: (context) => {
    const subjects = [1, 8].flatMap((perChunk) => {
      const lines = Array.from({ length: CHUNKS * perChunk }, (_, i) => submitLine(i));
      const whole = Buffer.from(lines.join(''), 'latin1');
      const chunks = Array.from({ length: CHUNKS }, (_, i) =>
        Buffer.from(lines.slice(i * perChunk, (i + 1) * perChunk).join(''), 'latin1'),
      );
      const torn = cut(whole, CHUNKS);
      const operations = lines.length;
      return [
        { name: `engine_${perChunk}`, operations, agrees: `${perChunk}`, run: () => framedElsewhere(chunks) },
        { name: `there_${perChunk}`, operations, agrees: `${perChunk}`, run: () => framedThere(chunks) },
        { name: `split_${perChunk}`, operations, agrees: `${perChunk}`, run: () => split(chunks) },
        {
          name: `engine_${perChunk}_torn`,
          operations,
          agrees: `${perChunk}`,
          run: () => framedElsewhere(torn),
        },
        { name: `split_${perChunk}_torn`, operations, agrees: `${perChunk}`, run: () => split(torn) },
      ];
    });
    return playRounds(context, subjects, [
      { name: 'there_1', above: 'engine_1', below: 'there_1' },
      { name: 'there_8', above: 'engine_8', below: 'there_8' },
      { name: 'lines_1', above: 'split_1', below: 'engine_1' },
      { name: 'lines_8', above: 'split_8', below: 'engine_8' },
      { name: 'lines_1_torn', above: 'split_1_torn', below: 'engine_1_torn' },
      { name: 'lines_8_torn', above: 'split_8_torn', below: 'engine_8_torn' },
    ]);
  },
});
