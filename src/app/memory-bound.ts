/**
 * What the engine's parts can hold at most, from its bounds: the answer to "how much memory does it need, and what if everything goes
 * wrong at once". Buffers that are made once are exact; what a session takes is measured (`npm run bench -- idle-memory`). Pure.
 */
import { LIMITS } from '../../config/limits.ts';
import { TEMPLATE_BYTES } from '../domain/template-layout.ts';
import { SLOT_BYTES } from '../journal/record-layout.ts';
import { LOADER_ROWS_MAX } from '../ledger/loader.ts';
import { ROW_BYTES } from '../live/live-board.ts';
import { DIARY_BYTES } from '../stratum/session/diary.ts';
import { REFUSAL_COUNT_BYTES } from '../stratum/session/refusal-counts.ts';
import { RECORD_BYTES } from '../validation/batch-layout.ts';

export interface MemoryPart {
  readonly name: string;
  /** With that many miners who behave. */
  readonly usualBytes: number;
  /** With as many who all do their worst at the same time. */
  readonly worstBytes: number;
  readonly how: string;
}

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
/** Code, heaps of main thread and four others, V8's and libuv's own; measured after a minute with one miner. */
const PROCESS_BYTES = 200 * MEBIBYTE;
/** All state of a session, as measured; the kernel's part of a socket comes on top and is not the process's. */
const SESSION_BYTES = 8 * KIBIBYTE;
/** Fields of an answer that waits for the disk. */
const PENDING_BYTES = 47;
/** Two words a nonce, tables at most half full, and both tables while one grows. */
const DUPLICATE_BYTES = 8 * 2 * 1.5;
/** Above what one process carries on any machine of today. */
const SHARES_PER_SECOND_MAX = 250_000;
/** Two rows on their way from the journal to PostgreSQL: read, encoded, sent. */
const LOADER_ROW_BYTES = 500;
/** An address with its counts and its key in the table; a rig that waits; a worker whose difficulty is remembered. */
const REMEMBERED_BYTES = 300;
const REMEMBERING_TABLES = 3;
/** Names of a session as the board's writer and its reader keep them, in tables by slot, address and worker. */
const LIVE_NAMES_BYTES = 1_000;

/** @param connections that are open at most; @param jobsPerSecond to one miner */
export function memoryBound(connections: number, jobsPerSecond: number): MemoryPart[] {
  const ringSeconds = LIMITS.jobRingSlots / jobsPerSecond;
  const duplicates = (sharesPerSecond: number): number =>
    Math.min(LIMITS.jobRingSlots * LIMITS.duplicateEntriesMax, sharesPerSecond * ringSeconds) *
    DUPLICATE_BYTES;
  const fixed = (name: string, bytes: number, how: string): MemoryPart => ({
    ...{ name, how },
    usualBytes: bytes,
    worstBytes: bytes,
  });
  return [
    fixed('process', PROCESS_BYTES, 'code and heaps of all threads, measured'),
    fixed(
      'batches',
      LIMITS.batchSlots * LIMITS.batchRecordsMax * RECORD_BYTES,
      `${LIMITS.batchSlots} batches of ${LIMITS.batchRecordsMax} records of ${RECORD_BYTES} bytes`,
    ),
    fixed(
      'journal ring',
      LIMITS.journalRingSlots * (SLOT_BYTES + PENDING_BYTES),
      `${LIMITS.journalRingSlots} records of ${SLOT_BYTES} bytes, and the answers that wait for them`,
    ),
    fixed('templates', LIMITS.jobRingSlots * TEMPLATE_BYTES, `${LIMITS.jobRingSlots} jobs`),
    fixed('loader', LOADER_ROWS_MAX * LOADER_ROW_BYTES, 'rows of the two largest COPYs'),
    {
      name: 'duplicates',
      // A share a minute and miner is twice what pools ask for.
      usualBytes: duplicates(connections / 60),
      worstBytes: duplicates(SHARES_PER_SECOND_MAX),
      how: `nonces of the last ${ringSeconds.toFixed(0)} s; worst: ${SHARES_PER_SECOND_MAX} shares/s all that time`,
    },
    {
      name: 'diaries',
      usualBytes: connections * DIARY_BYTES,
      worstBytes: connections * DIARY_BYTES,
      how: `the last events of ${connections} connections`,
    },
    {
      name: 'live facts',
      usualBytes: connections * (ROW_BYTES + LIVE_NAMES_BYTES),
      worstBytes: connections * (ROW_BYTES + LIVE_NAMES_BYTES + REFUSAL_COUNT_BYTES),
      how: `numbers and names of ${connections} connections for pages; worst: all of them were refused something`,
    },
    {
      name: 'addresses',
      usualBytes: Math.min(connections, LIMITS.addressesMax) * REMEMBERED_BYTES,
      worstBytes: REMEMBERING_TABLES * LIMITS.addressesMax * REMEMBERED_BYTES,
      how: `for limits; worst: ${LIMITS.addressesMax} addresses, as many rigs that wait, as many remembered workers`,
    },
    {
      name: 'sessions',
      usualBytes: connections * SESSION_BYTES,
      worstBytes: connections * (SESSION_BYTES + LIMITS.lineBytesMax + LIMITS.socketBacklogCloseBytes),
      how: `${connections} connections; worst: each holds an unfinished line of ${LIMITS.lineBytesMax} bytes and is ${LIMITS.socketBacklogCloseBytes} bytes behind`,
    },
  ];
}

export function totalBytes(parts: readonly MemoryPart[], which: 'usualBytes' | 'worstBytes'): number {
  return parts.reduce((sum, part) => sum + part[which], 0);
}
