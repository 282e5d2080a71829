/**
 * A job as lines: 40 bytes (pre-PoW hash and timestamp) in the two forms that clients read, built once per job and then shared
 * by every socket of the process. Pure.
 *
 * The words of the array form exceed 2^53, where Number rounds silently and every hash of every miner would be wrong: BigInt.
 */
import { JOB_ID_MAX } from '../../domain/job.ts';
import type { JobForm } from './dialects.ts';

/** What the templates room announces. Ids are decimal, never 0, and grow by one per job of the process. */
export interface JobAnnouncement {
  readonly jobId: number;
  /** 32 bytes. */
  readonly prePowHash: Uint8Array;
  readonly timestampMs: bigint;
}

/** One line, as bytes for the fan-out and as text where it is joined to a reply. */
export interface JobLine {
  readonly bytes: Buffer;
  readonly text: string;
}

export type JobLines = { readonly jobId: number } & Readonly<Record<JobForm, JobLine>>;

const PRE_POW_BYTES = 32;
const WORDS = 4;

function hashView(job: JobAnnouncement): DataView {
  return new DataView(job.prePowHash.buffer, job.prePowHash.byteOffset, PRE_POW_BYTES);
}

/**
 * GodMiner refuses a job with a zero word, a zero timestamp or an id it cannot print. Such a template comes once in 2^62: it is
 * skipped, not mended.
 */
export function isSendable(job: JobAnnouncement): boolean {
  if (job.prePowHash.length !== PRE_POW_BYTES || job.timestampMs <= 0n) return false;
  if (!Number.isInteger(job.jobId) || job.jobId < 1 || job.jobId > JOB_ID_MAX) return false;
  const view = hashView(job);
  for (let word = 0; word < WORDS; word++) if (view.getBigUint64(word * 8, true) === 0n) return false;
  return true;
}

function line(params: string): JobLine {
  const text = `{"id":null,"jsonrpc":"2.0","method":"mining.notify","params":[${params}]}\n`;
  return { text, bytes: Buffer.from(text, 'latin1') };
}

export function buildJobLines(job: JobAnnouncement): JobLines {
  const view = hashView(job);
  const words: string[] = [];
  for (let word = 0; word < WORDS; word++) words.push(view.getBigUint64(word * 8, true).toString());
  const timestamp = Buffer.alloc(8);
  timestamp.writeBigUInt64LE(job.timestampMs);
  const hex = Buffer.from(job.prePowHash).toString('hex') + timestamp.toString('hex');
  return {
    jobId: job.jobId,
    array: line(`"${job.jobId}",[${words.join(',')}],${job.timestampMs}`),
    big: line(`"${job.jobId}","${hex}"`),
  };
}
