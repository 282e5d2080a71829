/**
 * The server as a process: started, waited for, stopped, and found again when its supervisor was killed.
 *
 *   starting --"ready" in postmaster.pid--> running --SIGINT--> stopping --> gone
 *      |                                       |                    | 20 s: SIGQUIT, 5 s: SIGKILL
 *      +--exits: the log says why              +--killed: gone; the next start recovers from its write-ahead log
 *
 * It is a process group of its own, so that Ctrl-C on a terminal reaches us alone and the last batch is written before the
 * database stops; and it writes to a file, not to a pipe, so that our death does not take its voice.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EdgeError } from '../kit/edge-error.ts';
import type { Account } from './postgres-account.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';

/** A fast stop writes one checkpoint: 25-31 ms measured when idle, seconds on a slow disk with 128 MB of dirty pages. */
const FAST_STOP_MS = 20_000;
/** An immediate stop writes nothing; who does not do that in 5 s hangs in the kernel. */
const IMMEDIATE_STOP_MS = 5_000;
/** Recovery replays at most `max_wal_size`; two minutes is ten times what a slow disk took for it. */
const READY_MS = 120_000;
const POLL_MS = 15;

/** A short-lived tool of the server; its words are kept for the error message. */
export async function runTool(
  command: string,
  args: readonly string[],
  account: Account | undefined,
  input = '',
): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { ...identity(account), cwd: '/', env: environment(), stdio: 'pipe' });
  const words: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => words.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => words.push(chunk));
  // A tool that ends without reading its input breaks the pipe; its exit code tells the story.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, output: Buffer.concat(words).toString('utf8') };
}

function identity(account: Account | undefined): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

/** Little of ours is the server's business, and a PGDATA or PGPORT of the user's must not reach it. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #dataDir: string;
  readonly exited: Promise<ServerExit>;
  #exit: ServerExit | undefined;
  /** When node leaves without stopping us: only a signal can be sent from there, and a fast stop is what it asks for. */
  readonly #onProcessExit = () => this.#child.kill('SIGINT');

  private constructor(child: ChildProcess, dataDir: string) {
    this.#child = child;
    this.#dataDir = dataDir;
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#exit = { code, signal };
        process.off('exit', this.#onProcessExit);
        resolve(this.#exit);
      };
      child.once('exit', end);
      // The programs were run a moment ago; a failure to start now is the machine's (memory, process count).
      child.once('error', () => child.pid === undefined && end(null, null));
    });
    process.on('exit', this.#onProcessExit);
    // The engine decides how long node lives, not its database.
    child.unref();
  }

  static start(
    binaries: PostgresBinaries,
    dataDir: string,
    settings: Readonly<Record<string, string | number>>,
    account: Account | undefined,
    logDescriptor: number,
  ): ServerProcess {
    const words = [...binaries.leash, binaries.postgres, '-D', dataDir];
    for (const [name, value] of Object.entries(settings)) words.push('-c', `${name}=${value}`);
    const child = spawn(words[0]!, words.slice(1), {
      ...identity(account),
      cwd: '/',
      env: environment(),
      detached: true,
      stdio: ['ignore', logDescriptor, logDescriptor],
    });
    return new ServerProcess(child, dataDir);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** True once it takes connections; false when it ended instead. */
  async ready(): Promise<boolean> {
    const giveUpAt = performance.now() + READY_MS;
    while (this.running) {
      const lines = await postmasterLines(this.#dataDir);
      if (Number(lines[0]) === this.pid && lines[7]?.trim() === 'ready') return true;
      if (performance.now() > giveUpAt) {
        await this.stop();
        return false;
      }
      await Promise.race([delay(POLL_MS), this.exited]);
    }
    return false;
  }

  async stop(): Promise<void> {
    this.#child.ref();
    this.#child.kill('SIGINT');
    if (await this.#endsWithin(FAST_STOP_MS)) return;
    this.#child.kill('SIGQUIT');
    if (await this.#endsWithin(IMMEDIATE_STOP_MS)) return;
    await this.kill('SIGKILL');
  }

  /** Resolves when the process is gone, whatever the signal does to it. */
  async kill(signal: NodeJS.Signals): Promise<ServerExit> {
    this.#child.ref();
    this.#child.kill(signal);
    return this.exited;
  }

  async #endsWithin(waitMs: number): Promise<boolean> {
    const waiting = new AbortController();
    const late = delay(waitMs, false, { signal: waiting.signal }).catch(() => false);
    const ended = await Promise.race([this.exited.then(() => true), late]);
    waiting.abort();
    return ended;
  }
}

/** Line 1 is the process id, line 2 the data folder, line 4 the port, line 8 the state. Empty when there is no server. */
async function postmasterLines(dataDir: string): Promise<string[]> {
  return (await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
}

/**
 * Stops a server that outlived its supervisor. It could be adopted instead, but it would run with settings, a log and a
 * leash that are not ours; a fast stop and a fresh start cost a tenth of a second.
 *
 * Then waits for what a killed server left behind: its children end by themselves, but until the last one has, a second
 * server on the same files would destroy them. The server has an interlock of its own in postmaster.pid, which is lost
 * when that file has to be removed; so it is removed last, and only here.
 * @returns the process id of the orphan, or undefined when there was none
 */
export async function stopOrphan(dataDir: string): Promise<number | undefined> {
  const named = Number((await postmasterLines(dataDir))[0]);
  const pid = Number.isInteger(named) && named > 1 ? named : undefined;
  const orphan = pid !== undefined && serves(pid, dataDir) ? pid : undefined;
  if (orphan) await endProcess(orphan, dataDir);
  if (!(await comesTrue(() => childrenIn(dataDir).length === 0, FAST_STOP_MS)))
    throw stillServed(childrenIn(dataDir), dataDir);
  // Somebody else's number by now, or a zombie's: the server would take it for its predecessor and refuse to start.
  if (pid !== undefined && isAlive(pid)) await rm(join(dataDir, 'postmaster.pid'), { force: true });
  return orphan;
}

async function endProcess(pid: number, dataDir: string): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', IMMEDIATE_STOP_MS],
  ] as const) {
    sendSignal(pid, signal);
    if (await comesTrue(() => !serves(pid, dataDir), waitMs)) return;
  }
  throw stillServed([pid], dataDir);
}

function stillServed(pids: readonly number[], dataDir: string): EdgeError {
  return new EdgeError(
    'SLUICE_POSTGRES_IN_USE',
    `${dataDir} is still served by process ${pids.join(', ')}, which does not stop`,
    'Stop it by hand, then start again.',
  );
}

async function comesTrue(condition: () => boolean, waitMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + waitMs;
  while (!condition()) {
    if (performance.now() > giveUpAt) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** Server processes that work in this data folder: every one of them has it as its working directory. */
function childrenIn(dataDir: string): number[] {
  const found: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (readlinkSync(`/proc/${name}/cwd`) !== dataDir) continue;
      // Not somebody's shell that stands there.
      if (readFileSync(`/proc/${name}/comm`, 'utf8').trim() === 'postgres') found.push(Number(name));
    } catch {
      // Ended meanwhile, a zombie, or another user's: the server's processes are all its account's.
    }
  }
  return found;
}

/** Never judge by the number alone: it may be anybody's by now. A zombie has an empty command line and serves nothing. */
function serves(pid: number, dataDir: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words[0]?.endsWith('postgres') === true && words[1] === '-D' && words[2] === dataDir;
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone between the look and the signal.
  }
}

/** A loopback port that is free now: the wanted one, else any. Somebody may still be faster; the caller tries again. */
export async function freePort(wanted: number | undefined): Promise<number> {
  for (const port of wanted === undefined ? [0] : [wanted, 0]) {
    const found = await new Promise<number>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(0));
      probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
        const address = probe.address();
        probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
    });
    if (found > 0) return found;
  }
  throw new EdgeError(
    'SLUICE_POSTGRES_PORT',
    'no port of 127.0.0.1 is free for the database',
    'Close other programs.',
  );
}
