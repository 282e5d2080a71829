/** Jobs as they stand on the wire: both forms, read from the text, since JSON.parse rounds what is beyond 2^53. Pure. */
import { demand, shown } from './finding.ts';

export interface Job {
  readonly id: string;
  readonly form: 'array' | 'hex';
  readonly prePowHash: Uint8Array;
  readonly timestampMs: bigint;
  /** Both, 80 hex digits: what the job is, whatever its id. */
  readonly work: string;
  readonly line: string;
}

const ARRAY =
  /"params":\s*\[\s*"([^"]*)"\s*,\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]\s*,\s*(\d+)\s*\]/;
const HEX = /"params":\s*\[\s*"([^"]*)"\s*,\s*"([0-9a-f]{80})"\s*\]/;
const WORD_END = 1n << 64n;

export function readJob(line: string): Job {
  const array = ARRAY.exec(line);
  if (array) return arrayJob(line, array[1]!, array.slice(2));
  const hex = HEX.exec(line);
  demand(hex !== null, 'a job as [id, [four integers], timestamp] or [id, 80 hex digits]', () => shown(line));
  return jobOf(line, hex[1]!, 'hex', Buffer.from(hex[2]!, 'hex'));
}

function arrayJob(line: string, id: string, digits: readonly string[]): Job {
  const bytes = Buffer.alloc(40);
  for (const [index, text] of digits.entries()) {
    const word = BigInt(text);
    demand(word < WORD_END, 'integers below 2^64', shown(line));
    bytes.writeBigUInt64LE(word, index * 8);
  }
  return jobOf(line, id, 'array', bytes);
}

function jobOf(line: string, id: string, form: Job['form'], bytes: Buffer): Job {
  return {
    ...{ id, form, line },
    prePowHash: bytes.subarray(0, 32),
    timestampMs: bytes.readBigUInt64LE(32),
    work: bytes.toString('hex'),
  };
}

/** The four words of the hash, as the array form has them. */
export function wordsOf(job: Job): bigint[] {
  const bytes = Buffer.from(job.prePowHash);
  return [0, 8, 16, 24].map((at) => bytes.readBigUInt64LE(at));
}
