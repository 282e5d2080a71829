/**
 * Where an embedded server lives on disk, and who may use it:
 *
 *   pg18/               the data folder, 0700, owned by the account that runs the server
 *   pg18.access.json    port and password, 0600, so that the URL stays the same between runs
 *   pg18.owner.json     which process supervises it now; there only while one does
 *   pg18.log, .log.1    what the server says
 *   pg18.moved-to       instead of all these, when root's checkout is closed to the server's account: where they are
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, unlinkSync } from 'node:fs';
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { EdgeError } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import { type Account, borrowedAccount, canEnter } from './postgres-account.ts';

export interface PostgresHome {
  readonly dataDir: string;
  /** The user root lends to the server; undefined = the server runs as we do. */
  readonly account: Account | undefined;
  readonly logFile: string;
  readonly accessFile: string;
  readonly ownerFile: string;
  /** False before the first start. */
  readonly initialised: boolean;
}

/** Where root may put what its own folder hides from the server's account. Owned by root all the way, or sticky. */
const SHELTERS = ['/var/lib/sluice', '/var/tmp'] as const;

export async function chooseHome(wanted: string, log: Logger): Promise<PostgresHome> {
  const parent = dirname(resolve(wanted));
  await mkdir(parent, { recursive: true });
  // One spelling for one folder: an orphan is recognised by the path in its command line.
  const dataDir = join(await realpath(parent), basename(wanted));
  if (process.getuid?.() !== 0) return homeAt(dataDir, undefined);

  const owner = await ownerOf(dataDir);
  // An ordinary user started here before: go on as that user, so that both can keep using it.
  if (owner && owner.uid !== 0 && (await isInitialised(dataDir))) return homeAt(dataDir, owner);
  const account = borrowedAccount(await readFile('/etc/passwd', 'utf8').catch(() => ''));
  if (!account) {
    throw new EdgeError(
      'SLUICE_POSTGRES_NO_USER',
      'PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody',
      'Start as an ordinary user, or add one: useradd --system postgres. Or set database.url.',
    );
  }
  if (await canEnter(dirname(dataDir), account)) return homeAt(dataDir, account);
  return shelter(dataDir, account, log);
}

async function homeAt(dataDir: string, account: Account | undefined): Promise<PostgresHome> {
  return {
    dataDir,
    account,
    logFile: `${dataDir}.log`,
    accessFile: `${dataDir}.access.json`,
    ownerFile: `${dataDir}.owner.json`,
    initialised: await isInitialised(dataDir),
  };
}

/**
 * A home outside of a folder that only root can enter. The pointer is left in that folder: who deletes the folder to begin
 * anew gets a new database too, not the old one under a new journal.
 */
async function shelter(dataDir: string, account: Account, log: Logger): Promise<PostgresHome> {
  const pointer = `${dataDir}.moved-to`;
  const before = (await readFile(pointer, 'utf8').catch(() => '')).trim();
  if (before && (await isRootsOwn(dirname(before))) && (await isInitialised(before)))
    return homeAt(before, account);
  for (const base of SHELTERS) {
    try {
      const made = await mkdir(base, { recursive: true });
      if (made) await chmod(base, 0o755);
      if (!(await canEnter(base, account))) continue;
      const folder = await mkdtemp(join(base, 'embedded-'));
      await chown(folder, 0, account.gid);
      // Group may pass through; mkdtemp's 0700 would shut the account out.
      await chmod(folder, 0o710);
      const moved = join(folder, basename(dataDir));
      await writeFile(pointer, `${moved}\n`, { mode: 0o600 });
      log.warn(
        { folder: moved },
        `user ${account.name}, as whom the database runs, cannot enter ${dirname(dataDir)}: its data goes to ${moved}`,
      );
      return homeAt(moved, account);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
    }
  }
  throw new EdgeError(
    'SLUICE_POSTGRES_UNREACHABLE_DIR',
    `user ${account.name}, as whom the database must run, can enter neither ${dirname(dataDir)} nor ${SHELTERS.join(' nor ')}`,
    'Start as an ordinary user, or from a folder that others may enter (chmod o+x). Or set database.url.',
  );
}

/** Nobody but root can have put things there. */
async function isRootsOwn(folder: string): Promise<boolean> {
  const status = await lstat(folder).catch(() => undefined);
  return !!status?.isDirectory() && status.uid === 0 && (status.mode & 0o022) === 0;
}

async function ownerOf(path: string): Promise<Account | undefined> {
  const status = await stat(path).catch(() => undefined);
  return status && { name: `uid ${status.uid}`, uid: status.uid, gid: status.gid };
}

async function isInitialised(dataDir: string): Promise<boolean> {
  return stat(join(dataDir, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
}

/** Gives a file to the server's account, so that it stays usable whoever starts next. */
export async function claim(path: string, account: Account | undefined): Promise<void> {
  if (account) await chown(path, account.uid, account.gid);
}

export interface Access {
  /** The port of the last run, taken again when it is free. */
  readonly port: number | undefined;
  readonly password: string;
  /** False when it was made up just now: the server does not know it yet. */
  readonly known: boolean;
}

export async function readAccess(home: PostgresHome): Promise<Access> {
  try {
    const kept = JSON.parse(await readFile(home.accessFile, 'utf8')) as {
      port?: unknown;
      password?: unknown;
    };
    if (typeof kept.password === 'string' && /^[0-9a-f]{32,}$/.test(kept.password)) {
      const port =
        typeof kept.port === 'number' && kept.port > 0 && kept.port < 65_536 ? kept.port : undefined;
      return { port, password: kept.password, known: true };
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EPERM') throw error;
    // Deleted or damaged: a new password costs one single-user start, a lost database would cost everything.
  }
  return { port: undefined, password: randomBytes(24).toString('hex'), known: false };
}

export async function writeAccess(home: PostgresHome, port: number, password: string): Promise<void> {
  const unfinished = `${home.accessFile}.partial`;
  await writeFile(unfinished, `${JSON.stringify({ port, password })}\n`, { mode: 0o600 });
  await claim(unfinished, home.account);
  await rename(unfinished, home.accessFile);
}

interface Owner {
  readonly pid: number;
  /** Kernel ticks from boot to the process's start: tells a process from a later one with the same number. */
  readonly startTicks: string;
}

/** Marks the home as supervised by this process. Refuses while another living process holds it. */
export async function takeOwnership(home: PostgresHome): Promise<() => void> {
  const mine: Owner = { pid: process.pid, startTicks: startTicksOf(process.pid) ?? '' };
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await placeOwner(home, mine)) return () => releaseOwnership(home.ownerFile, mine);
    const other = readOwner(home.ownerFile);
    if (other && startTicksOf(other.pid) === other.startTicks) {
      throw new EdgeError(
        'SLUICE_POSTGRES_IN_USE',
        `the database in ${home.dataDir} is in use by process ${other.pid}`,
        'Stop that one first, or give this one another data folder.',
      );
    }
    // Left behind by a process that was killed.
    removeQuietly(home.ownerFile);
  }
  throw new EdgeError(
    'SLUICE_POSTGRES_IN_USE',
    `the database in ${home.dataDir} is being started by others`,
    'Try again.',
  );
}

/** Links a finished file into place, so that nobody reads half of it and takes it for an abandoned one. */
async function placeOwner(home: PostgresHome, mine: Owner): Promise<boolean> {
  const draft = `${home.ownerFile}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, JSON.stringify(mine), { flag: 'wx', mode: 0o600 });
  try {
    await claim(draft, home.account);
    await link(draft, home.ownerFile);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

function releaseOwnership(ownerFile: string, mine: Owner): void {
  const now = readOwner(ownerFile);
  if (now?.pid === mine.pid && now.startTicks === mine.startTicks) removeQuietly(ownerFile);
}

function readOwner(ownerFile: string): Owner | undefined {
  try {
    const kept = JSON.parse(readFileSync(ownerFile, 'utf8')) as Partial<Owner>;
    if (typeof kept.pid === 'number' && typeof kept.startTicks === 'string') return kept as Owner;
  } catch {
    // Gone, or cut short by the death of its writer: nobody's.
  }
  return undefined;
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Already gone.
  }
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold blanks and brackets, so count from its last bracket. */
function startTicksOf(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
