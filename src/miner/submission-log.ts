/**
 * The client's own record of what it sent and what was answered `true`: the ground truth of the kill test.
 *
 * One NDJSON line per event, written with one synchronous `write` to a descriptor opened for appending, before anything
 * else happens with the event. So a line is in the file when the share's bytes leave, and an answer is in the file before it
 * is counted. No fdatasync: the log must survive the death of processes, not of the machine.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { EdgeError, messageOf } from '../kit/edge-error.ts';

export interface SubmissionEvent {
  readonly event: 'sent' | 'true';
  /** Wall clock, for reading; order is the file's order. */
  readonly atMs: number;
  /** Index of the connection in its process, and how often it had connected. */
  readonly connection: number;
  readonly session: number;
  readonly requestId: number;
  /** What was authorized: `address.worker`. */
  readonly login: string;
  readonly jobId: string;
  readonly prePowHash: string;
  readonly timestampMs: string;
  /** The whole nonce as 16 digits, extranonce included, whatever form went over the wire. */
  readonly nonce: string;
  readonly difficultyLog2: number;
}

export interface SubmissionLog {
  append(event: SubmissionEvent): void;
  close(): void;
}

export const noSubmissionLog: SubmissionLog = { append: () => {}, close: () => {} };

export function openSubmissionLog(path: string): SubmissionLog {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'a');
    if (endsTorn(path)) writeSync(descriptor, '\n');
  } catch (thrown) {
    throw new EdgeError(
      'SLUICE_MINER_LOG',
      `cannot open the submission log ${path}: ${messageOf(thrown)}`,
      'Name a file in a folder that exists and may be written.',
      thrown,
    );
  }
  return {
    append(event) {
      const bytes = Buffer.from(`${JSON.stringify(event)}\n`);
      const written = writeSync(descriptor, bytes);
      // A short write means a full disk: the log is then no ground truth any more, and saying so loudly is all that is left.
      if (written !== bytes.length) {
        throw new EdgeError('SLUICE_MINER_LOG', `short write to ${path}`, 'Free space on its disk.');
      }
    },
    close: () => closeSync(descriptor),
  };
}

/**
 * Reads a log back. A line torn by the death of its writer is left out: what it would have told of went no further. It is the
 * last one, or stands before the line break that the next writer began with.
 */
export function readSubmissionLog(path: string): SubmissionEvent[] {
  const events: SubmissionEvent[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '') continue;
    try {
      events.push(JSON.parse(line) as SubmissionEvent);
    } catch {
      // Torn.
    }
  }
  return events;
}

function endsTorn(path: string): boolean {
  const bytes = readFileSync(path);
  return bytes.length > 0 && bytes[bytes.length - 1] !== 0x0a;
}
