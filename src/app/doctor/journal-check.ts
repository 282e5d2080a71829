/**
 * The journal's folder and its disk. The disk is measured as the writer uses it: a preallocated file, small writes one after the
 * other, an `fdatasync` after each, for two seconds; the file is taken away again.
 */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../../../config/schema.ts';
import { messageOf } from '../../kit/edge-error.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const GIBIBYTE = 2 ** 30;
/** 64 bytes a share: 10,000 shares a second for a day are 55 GB. */
const FREE_WARN_BYTES = 20 * GIBIBYTE;
const FREE_FAIL_BYTES = GIBIBYTE;
const OTHERS = 0o007;

const TRIAL_FILE_BYTES = 4 << 20;
/** Sixteen shares: what gathers while a good disk works. */
const TRIAL_WRITE_BYTES = 1_024;
/** Every answer waits for one of these. */
const SYNC_WARN_P99_MS = 10;
const SYNC_FAIL_P50_MS = 50;
/** No disk writes in so short a time: something says "done" that is not. Drives with power-loss protection take 0.02 to 0.1 ms. */
const SYNC_TOO_GOOD_MS = 0.01;

/** statfs(2) magic numbers of file systems that a journal should not lie on, and why. */
const UNFIT = new Map<number, { name: string; state: 'warn' | 'fail'; why: string }>([
  [0x01021994, { name: 'tmpfs', state: 'fail', why: 'it is memory: a power loss takes every share' }],
  [0x858458f6, { name: 'ramfs', state: 'fail', why: 'it is memory: a power loss takes every share' }],
  [0x6969, { name: 'NFS', state: 'warn', why: 'a network that hangs is a disk that hangs' }],
  [0xff534d42, { name: 'CIFS', state: 'warn', why: 'a network that hangs is a disk that hangs' }],
  [0x794c7630, { name: 'overlay', state: 'warn', why: 'it is the layer of a container, and goes with it' }],
  [0x65735546, { name: 'FUSE', state: 'warn', why: 'what its fdatasync means is up to its program' }],
  [
    0x9123683e,
    { name: 'btrfs', state: 'warn', why: 'it copies what is written over; chattr +C on the folder' },
  ],
]);

export async function lookAtJournal({ journal }: Config, trialMs: number): Promise<Finding[]> {
  const directory = resolve(journal.directory);
  const folder = nearestFolder(directory);
  const findings = [rightsOf(directory, folder), ...spaceOf(folder)];
  if (journal.durability === 'none') {
    findings.push(
      warn('journal', 'durability', {
        found: 'none',
        expected: 'fsync: without it shares answered just before a power loss may be lost',
        change: 'journal.durability: fsync',
      }),
    );
  }
  findings.push(await syncTrial(folder, trialMs));
  return findings;
}

function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

function rightsOf(directory: string, folder: string): Finding {
  if (folder !== directory) {
    return warn('journal', 'folder', {
      found: `${directory} is not there yet`,
      expected: 'a folder that the engine may write: it makes one where it may',
      change: `install -d -o sluice -g sluice -m 700 ${directory} (StateDirectory= of the unit makes /var/lib/sluice)`,
    });
  }
  const { mode } = statSync(directory);
  const shown = `${directory}, mode ${(mode & 0o777).toString(8)}`;
  if (!mayWrite(directory)) {
    return fail('journal', 'folder', {
      found: shown,
      expected: 'the right to write in it',
      change: `chown sluice: ${directory}, and run this as that user`,
    });
  }
  if ((mode & OTHERS) === 0) return ok('journal', 'folder', shown);
  return warn('journal', 'folder', {
    found: shown,
    expected: 'no rights for others: it holds every address and every rig',
    change: `chmod o= ${directory}`,
  });
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function spaceOf(folder: string): Finding[] {
  const { type, bavail, bsize } = statfsSync(folder);
  const unfit = UNFIT.get(type);
  const system = unfit
    ? { fail, warn }[unfit.state]('journal', 'file system', {
        found: unfit.name,
        expected: `ext4 or xfs on a disk of its own: ${unfit.why}`,
        change: 'journal.directory: a folder on such a disk',
      })
    : ok('journal', 'file system', `type 0x${type.toString(16)}`);
  const free = bavail * bsize;
  const found = `${(free / GIBIBYTE).toFixed(1)} GiB`;
  if (free >= FREE_WARN_BYTES) return [system, ok('journal', 'free space', found)];
  const wrong = {
    found,
    expected: '20 GiB or more: 64 bytes a share for journal.retainHours; a full disk refuses shares',
    change: 'a larger disk, or fewer journal.retainHours',
  };
  return [
    system,
    free < FREE_FAIL_BYTES ? fail('journal', 'free space', wrong) : warn('journal', 'free space', wrong),
  ];
}

async function syncTrial(folder: string, trialMs: number): Promise<Finding> {
  const path = join(folder, `.sluice-doctor-${process.pid}`);
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'wx', 0o600);
    return judgeSyncs(await timesOfSyncs(file, trialMs));
  } catch (error) {
    return fail('journal', 'fdatasync', {
      found: messageOf(error),
      expected: 'a disk that can be written',
      change: `look at ${folder} and at \`dmesg\`; run this as the user of the engine`,
    });
  } finally {
    await file?.close();
    if (file) await unlink(path);
  }
}

/** Ascending, ms. */
async function timesOfSyncs(file: FileHandle, trialMs: number): Promise<readonly number[]> {
  await file.write(Buffer.alloc(TRIAL_FILE_BYTES), 0, TRIAL_FILE_BYTES, 0);
  await file.sync();
  const record = Buffer.alloc(TRIAL_WRITE_BYTES, 0x5a);
  const times: number[] = [];
  const endMs = performance.now() + trialMs;
  for (let at = 0; performance.now() < endMs; at = (at + TRIAL_WRITE_BYTES) % TRIAL_FILE_BYTES) {
    await file.write(record, 0, TRIAL_WRITE_BYTES, at);
    const startedMs = performance.now();
    await file.datasync();
    times.push(performance.now() - startedMs);
  }
  return times.sort((a, b) => a - b);
}

export function judgeSyncs(ascending: readonly number[]): Finding {
  const at = (part: number): number => ascending[Math.floor(part * (ascending.length - 1))] ?? 0;
  const [p50, p99, max] = [at(0.5), at(0.99), at(1)];
  const found = `p50 ${p50.toFixed(2)}, p99 ${p99.toFixed(2)}, max ${max.toFixed(1)} ms of ${ascending.length}`;
  const change = 'journal.directory on an SSD of its own with power-loss protection';
  if (p50 < SYNC_TOO_GOOD_MS) {
    const expected = 'some time: a disk that answers at once has written nothing';
    return warn('journal', 'fdatasync', { found, expected, change });
  }
  if (p50 > SYNC_FAIL_P50_MS) {
    const expected = `half below ${SYNC_FAIL_P50_MS} ms: every answer to a miner waits for it`;
    return fail('journal', 'fdatasync', { found, expected, change });
  }
  if (p99 <= SYNC_WARN_P99_MS) return ok('journal', 'fdatasync', found);
  const expected = `99 of 100 below ${SYNC_WARN_P99_MS} ms: every answer to a miner waits for it`;
  return warn('journal', 'fdatasync', { found, expected, change });
}
