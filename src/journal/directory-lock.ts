/**
 * One engine to a journal directory. Node has no flock, so the lock is a file that names its holder exactly: machine boot, pid
 * namespace, pid and the process's start tick, which together no second process ever has. A holder that was killed is therefore
 * known dead at once. Where the holder cannot be looked up (another container or host on the same volume) its heartbeat decides.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { link, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError } from '../kit/edge-error.ts';

const LOCK_NAME = 'journal.lock';
/** The holder touches its file this often; a foreign lock untouched for `HEARTBEATS_MISSED` of them has no holder. */
const HEARTBEAT_MS = 1_000;
const HEARTBEATS_MISSED = 4;

interface Holder {
  readonly machineBoot: string;
  readonly pidNamespace: string;
  readonly pid: number;
  /** Clock ticks since the machine's boot, field 22 of /proc/PID/stat; '' where there is no /proc. */
  readonly startTick: string;
  /** Tells two locks of one process apart. */
  readonly token: string;
}

export class DirectoryLock {
  readonly #path: string;
  readonly #token: string;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(path: string, token: string) {
    this.#path = path;
    this.#token = token;
    this.#heartbeat = setInterval(() => {
      const now = new Date();
      utimes(path, now, now).catch(() => undefined);
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  static async acquire(directory: string, token: string): Promise<DirectoryLock> {
    const path = join(directory, LOCK_NAME);
    const mine: Holder = { ...here(), token };
    const draft = `${path}.${process.pid}.${token}`;
    await writeFile(draft, JSON.stringify(mine), { mode: 0o640 });
    try {
      for (;;) {
        // link() puts a complete file under the name or fails: nobody ever reads half a lock.
        const taken = await link(draft, path).then(
          () => true,
          (thrown: NodeJS.ErrnoException) => {
            if (thrown.code === 'EEXIST') return false;
            throw thrown;
          },
        );
        if (taken) return new DirectoryLock(path, token);
        await clearIfDead(path, `${draft}.stale`, mine);
      }
    } finally {
      await unlink(draft).catch(() => undefined);
    }
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    if ((await readHolder(this.#path))?.token === this.#token)
      await unlink(this.#path).catch(() => undefined);
  }
}

/** Returns when the lock is gone, throws when its holder lives. */
async function clearIfDead(path: string, aside: string, mine: Holder): Promise<void> {
  const holder = await readHolder(path);
  if (holder && (await isAlive(path, holder, mine))) {
    throw new EdgeError(
      'SLUICE_JOURNAL_LOCKED',
      `the journal is in use by process ${holder.pid} (${path})`,
      'Stop that engine first, or give this one a journal directory and an instance name of its own.',
    );
  }
  try {
    await rename(path, aside);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw thrown;
  }
  const moved = await readHolder(aside);
  // Between the look and the rename somebody else took over, and this was their lock: back it goes.
  if (moved && moved.token !== holder?.token) await link(aside, path).catch(() => undefined);
  await unlink(aside).catch(() => undefined);
}

async function isAlive(path: string, holder: Holder, mine: Holder): Promise<boolean> {
  if (holder.machineBoot !== mine.machineBoot || holder.pidNamespace !== mine.pidNamespace) {
    return hasHeartbeat(path, holder);
  }
  if (mine.startTick !== '') return startTickOf(holder.pid) === holder.startTick;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Watches for a change of the file's time rather than comparing it with a clock: two hosts' clocks differ. */
async function hasHeartbeat(path: string, holder: Holder): Promise<boolean> {
  const first = await modifiedMs(path);
  for (let beat = 0; beat < HEARTBEATS_MISSED; beat++) {
    await new Promise((resolve) => setTimeout(resolve, HEARTBEAT_MS));
    if ((await readHolder(path))?.token !== holder.token) return false;
    if ((await modifiedMs(path)) !== first) return true;
  }
  return false;
}

async function modifiedMs(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

function here(): Omit<Holder, 'token'> {
  return {
    machineBoot: attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: attempt(() => readlinkSync('/proc/self/ns/pid')),
    pid: process.pid,
    startTick: startTickOf(process.pid),
  };
}

/** '' for a process that is not there. The command in field 2 may hold spaces and brackets, so count from its end. */
function startTickOf(pid: number): string {
  return attempt(() => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // A zombie has been killed and holds nothing any more.
    return fields[0] === 'Z' || fields[0] === 'X' ? '' : fields[19]!;
  });
}

function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
