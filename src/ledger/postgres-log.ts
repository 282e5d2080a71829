/**
 * The file an embedded server writes to, kept small, and what its last lines mean. The server appends to a descriptor that
 * it inherits, so the file can be emptied under it; at worst the lines of that moment are lost.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { copyFile, open, rename, rm, stat, statfs, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EdgeError, type EdgeErrorCode } from '../kit/edge-error.ts';
import type { Account } from './postgres-account.ts';
import { claim } from './postgres-home.ts';

/** Two files of this size at most. A quiet server writes some hundred bytes a day. */
const LOG_BYTES_MAX = 4 * 1024 * 1024;
const LOG_LOOK_MS = 30_000;
/** Enough for the reason of a failed start. */
const TAIL_BYTES = 16 * 1024;
/** The server needs one WAL segment (16 MB) and its control files to start at all. */
const DISK_BYTES_MIN = 32 * 1024 * 1024;

export class ServerLog {
  readonly path: string;
  readonly descriptor: number;
  readonly #timer: NodeJS.Timeout;
  /** Where the present start began to write. */
  #startedAt: number;

  private constructor(path: string, descriptor: number, startedAt: number) {
    this.path = path;
    this.descriptor = descriptor;
    this.#startedAt = startedAt;
    this.#timer = setInterval(() => void this.#trim(), LOG_LOOK_MS).unref();
  }

  static async open(path: string, account: Account | undefined): Promise<ServerLog> {
    let size = await sizeOf(path);
    if (size > LOG_BYTES_MAX) {
      await rename(path, `${path}.1`);
      size = 0;
    }
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
    const descriptor = openSync(path, flags, 0o600);
    try {
      await claim(path, account);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    return new ServerLog(path, descriptor, size);
  }

  async markStart(): Promise<void> {
    this.#startedAt = await sizeOf(this.path);
  }

  /** What the server said since the last mark, its end. */
  async tail(): Promise<string> {
    const file = await open(this.path, 'r');
    try {
      const { size } = await file.stat();
      const from = Math.max(this.#startedAt, size - TAIL_BYTES, 0);
      const bytes = Buffer.alloc(Math.max(0, size - from));
      await file.read(bytes, 0, bytes.length, from);
      return bytes.toString('utf8');
    } finally {
      await file.close();
    }
  }

  close(): void {
    clearInterval(this.#timer);
    closeSync(this.descriptor);
  }

  async #trim(): Promise<void> {
    if ((await sizeOf(this.path)) <= LOG_BYTES_MAX) return;
    try {
      await rm(`${this.path}.1`, { force: true });
      await copyFile(this.path, `${this.path}.1`);
      await truncate(this.path, 0);
      this.#startedAt = 0;
    } catch {
      // A full disk: emptying the file helps more than keeping it.
      await truncate(this.path, 0).catch(() => {});
    }
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (status) => status.size,
    () => 0,
  );
}

/** Why a start failed: `retry` is worth another attempt, with another port when `port` is said. */
export type StartFault =
  | { readonly retry: 'port' | 'leftover' }
  | { readonly retry: 'no'; readonly error: EdgeError };

/** Reads the server's own words. They are English, since it is started in the C locale. */
export function faultOf(words: string, dataDir: string, freeBytes: number): StartFault {
  if (/could not bind|Address already in use|could not create any TCP\/IP sockets/.test(words))
    return { retry: 'port' };
  // Its predecessor was killed, and the children that it left are still ending.
  if (/pre-existing shared memory block|lock file "postmaster\.pid" already exists/.test(words)) {
    return { retry: 'leftover' };
  }
  if (/No space left on device|Disk quota exceeded/.test(words) || freeBytes < DISK_BYTES_MIN) {
    return no(
      'SLUICE_POSTGRES_DISK_FULL',
      `the disk of ${dataDir} is full`,
      'Free some space and start again.',
    );
  }
  if (
    /could not create shared memory|Cannot allocate memory|could not map anonymous shared memory/.test(words)
  ) {
    return no('SLUICE_POSTGRES_MEMORY', 'too little memory for the database', 'It needs about 200 MB.');
  }
  if (/Permission denied|has wrong ownership|has invalid permissions|Read-only file system/.test(words)) {
    return no(
      'SLUICE_POSTGRES_DIR_OWNER',
      `the database may not use ${dataDir}: ${lastWords(words)}`,
      'Start as the user who owns that folder, or move it away to begin anew.',
    );
  }
  return no(
    'SLUICE_POSTGRES_START_FAILED',
    `the embedded PostgreSQL did not start: ${lastWords(words) || 'it said nothing'}`,
    `Its log is ${dataDir}.log. To begin with an empty database, move ${dataDir} away.`,
  );
}

function no(code: EdgeErrorCode, message: string, remedy: string): StartFault {
  return { retry: 'no', error: new EdgeError(code, message, remedy) };
}

/** The last complaint, without its time stamp; else the last line. */
function lastWords(words: string): string {
  const lines = words.split('\n').filter((line) => line.trim() !== '');
  const line = lines.findLast((text) => /(FATAL|PANIC|ERROR|error):/.test(text)) ?? lines.at(-1) ?? '';
  return line.replace(/^.*?(?=(FATAL|PANIC|ERROR|error):)/, '').trim();
}

export async function freeBytesAt(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(dirname(path));
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
