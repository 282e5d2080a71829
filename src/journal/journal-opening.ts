/** Everything between a directory and a journal that takes shares: the lock, what the boot before left, the first segment. */
import { mkdir, open, unlink } from 'node:fs/promises';
import { endianness } from 'node:os';
import { dirname, resolve } from 'node:path';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { DirectoryLock } from './directory-lock.ts';
import { INSTANCE_NAME_BYTES_MAX } from './record-layout.ts';
import { SegmentReader } from './salvage-reader.ts';
import type { SegmentPlace } from './segment-chain.ts';
import { isUnopened, listSegments, readSlots, type SegmentFile } from './segment-files.ts';
import { syncDirectory } from './segment-stock.ts';

export interface OpeningOptions {
  readonly directory: string;
  readonly instanceName: string;
  readonly bootUnixMs: number;
  /**
   * Highest segment that a reader knows of, from its own records. A journal folder that was emptied must not begin at 1 again:
   * the loader would take its segments for ones that it has.
   */
  readonly afterSegment?: number;
}

/** What the opener found on disk. */
export interface JournalStart {
  readonly lock: DirectoryLock;
  /** The last segment with records, through its last readable one; segment 0 = none. */
  readonly previous: SegmentPlace;
  /** Number of the highest segment file. */
  readonly newestSegment: number;
}

export async function takeDirectory(options: OpeningOptions): Promise<JournalStart> {
  const { directory, instanceName } = options;
  if (endianness() !== 'LE') {
    throw new EdgeError(
      'SLUICE_JOURNAL_HOST',
      'this host is big-endian',
      'Run the engine on x86-64 or arm64.',
    );
  }
  if (Buffer.byteLength(instanceName) > INSTANCE_NAME_BYTES_MAX) {
    throw new EdgeError(
      'SLUICE_JOURNAL_NAME',
      `instance name ${JSON.stringify(instanceName)} is longer than ${INSTANCE_NAME_BYTES_MAX} bytes`,
      'Choose a shorter `instance` in the configuration.',
    );
  }
  const lock = await lockDirectory(options);
  try {
    const files = await listSegments(directory);
    await dropUnopened(files);
    const previous = await lastPlace(files, options);
    return { lock, previous, newestSegment: Math.max(options.afterSegment ?? 0, files.at(-1)?.segment ?? 0) };
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

async function lockDirectory({ directory, bootUnixMs }: OpeningOptions): Promise<DirectoryLock> {
  try {
    const topMade = await mkdir(directory, { recursive: true, mode: 0o750 });
    if (topMade !== undefined) await syncPath(directory, topMade);
    return await DirectoryLock.acquire(directory, `${bootUnixMs}-${performance.now()}`);
  } catch (thrown) {
    if (thrown instanceof EdgeError) throw thrown;
    throw new EdgeError(
      'SLUICE_JOURNAL_DIRECTORY',
      `the journal directory ${directory} cannot be used: ${messageOf(thrown)}`,
      'Set journal.directory to a folder that this user may write.',
      thrown,
    );
  }
}

/** A new folder's name is as durable as its parent: without this a power loss could take the folder, segments and all. */
async function syncPath(directory: string, topMade: string): Promise<void> {
  const last = dirname(resolve(topMade));
  let folder = resolve(directory);
  do {
    folder = dirname(folder);
    await syncDirectory(folder).catch((thrown: NodeJS.ErrnoException) => {
      // A parent that we may pass through but not read cannot be opened, and so not be synced either.
      if (thrown.code !== 'EACCES' && thrown.code !== 'EPERM') throw thrown;
    });
  } while (folder !== last && folder !== dirname(folder));
}

/** Files made ahead of time by a boot that ended before it needed them. */
async function dropUnopened(files: SegmentFile[]): Promise<void> {
  for (let last = files.at(-1); last && (await isUnopened(last.path)); last = files.at(-1)) {
    await unlink(last.path);
    files.pop();
  }
}

/** Where the journal ends. What can be read there is made durable first: the new header says that it counts. */
async function lastPlace(
  files: readonly SegmentFile[],
  { directory, instanceName }: OpeningOptions,
): Promise<SegmentPlace> {
  const last = files.at(-1);
  if (!last) return { segment: 0, bootUnixMs: 0, through: 0 };
  const file = await open(last.path, 'r+');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
  const reader = new SegmentReader();
  await readSlots(last.path, (bytes, slot) => reader.feed(bytes, slot));
  const report = reader.finish();
  const writtenBy = report.header?.instanceName ?? '';
  if (writtenBy !== '' && writtenBy !== instanceName) {
    // The database keeps its mark by instance: under another name it would load, and credit, every kept segment again.
    throw new EdgeError(
      'SLUICE_JOURNAL_INSTANCE',
      `the journal in ${directory} is of instance ${writtenBy}, and this engine is ${instanceName}`,
      'Keep the instance name, or name an empty folder; the old one must have been loaded under its own name.',
    );
  }
  return {
    segment: last.segment,
    bootUnixMs: report.header?.bootUnixMs ?? 0,
    through: report.lastSequence,
  };
}
