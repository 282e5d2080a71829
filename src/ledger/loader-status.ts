/** What the loader says of itself, and the messages between its thread and the main thread. */
import type { JournalPosition } from '../journal/journal.ts';
import type { RefusalBatch } from './refusal-tally.ts';

/**
 * starting > running; `database unreachable` and `failing` (the database answers, and says no) are tried again for ever;
 * `gap` waits for a person: records that must be loaded next are not on the disk. Nothing is lost in any of them.
 */
export const LOADER_STATES = [
  'starting',
  'running',
  'database unreachable',
  'failing',
  'gap',
  'stopped',
] as const;
export type LoaderState = (typeof LOADER_STATES)[number];

export interface LoaderStatus {
  readonly state: LoaderState;
  /** One sentence for the operator; '' while running. */
  readonly fault: string;
  /** Share records of this instance in the database, since its first start. */
  readonly loadedRecords: number;
  /** Records that are durable in the journal and not yet in the database, and how old the oldest share of them is. */
  readonly lagRecords: number;
  readonly lagSeconds: number;
  /** The database's mark. */
  readonly position: JournalPosition;
  /** Of this thread, since it started. */
  readonly batches: number;
  readonly rowsPerSecond: number;
  /** Slots that carried something and failed their check: torn writes of a crash, or a disk that forgets. */
  readonly damagedRecords: number;
  /** Sequence numbers that never came. */
  readonly missingRecords: number;
  /** Shares whose worker or job definition was lost; kept under a name of their own. */
  readonly unattributedRecords: number;
}

export const INITIAL_STATUS: LoaderStatus = {
  state: 'starting',
  fault: '',
  loadedRecords: 0,
  lagRecords: 0,
  lagSeconds: 0,
  position: { segment: 0, slot: 0 },
  batches: 0,
  rowsPerSecond: 0,
  damagedRecords: 0,
  missingRecords: 0,
  unattributedRecords: 0,
};

export interface LoaderThreadData {
  readonly journalDirectory: string;
  readonly instanceName: string;
  readonly databaseUrl: string;
  readonly durableMark: SharedArrayBuffer;
  readonly answeredMark: SharedArrayBuffer | undefined;
  /** Memory of a LatencyRecord: how old shares are when their rows are committed. */
  readonly commitTimes: SharedArrayBuffer | undefined;
  readonly retainMs: number;
  readonly rowsMax: number;
  readonly intervalMs: number;
}

export type LoaderRequest =
  | { readonly type: 'drain'; readonly id: number; readonly deadlineMs: number }
  | { readonly type: 'status' }
  | { readonly type: 'refusals'; readonly batch: RefusalBatch }
  | { readonly type: 'close' };

export type LoaderLogLevel = 'info' | 'warn' | 'error';
export type LoaderLog = (level: LoaderLogLevel, fields: Record<string, unknown>, message: string) => void;

export type LoaderReply =
  | { readonly type: 'status'; readonly status: LoaderStatus }
  | { readonly type: 'drained'; readonly id: number; readonly done: boolean }
  /** `done`: the database has the batch. */
  | { readonly type: 'noted'; readonly sequence: number; readonly done: boolean }
  | {
      readonly type: 'log';
      readonly level: LoaderLogLevel;
      readonly fields: Record<string, unknown>;
      readonly message: string;
    };
