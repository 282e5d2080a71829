/** A role as a child process of the demo or of a test: started, awaited until it is ready, stopped in order. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { EdgeError } from '../kit/edge-error.ts';
import { projectPath } from '../kit/project-root.ts';
import type { RoleMessage } from './role-channel.ts';

export interface ChildRoleOptions {
  /** What people call it. */
  readonly name: string;
  /** Arguments of the `sluice` command. */
  readonly args: readonly string[];
  /** Its stdout and stderr go here. */
  readonly logFile: string;
  readonly readyTimeoutMs?: number;
  readonly onStatus?: (info: unknown) => void;
}

export interface ChildRole {
  readonly name: string;
  readonly process: ChildProcess;
  readonly info: Readonly<Record<string, unknown>>;
  /** Resolves with the exit code (128 + n for a signal), whenever it ends. */
  readonly exited: Promise<number>;
  /** What it said last before it ended in order. */
  final(): unknown;
  /** SIGTERM, and SIGKILL when that takes longer than `deadlineMs`. Resolves with the exit code. */
  stop(deadlineMs?: number): Promise<number>;
}

/** Loading modules takes a second on a busy machine, the first start of everything several. */
const READY_TIMEOUT_MS = 60_000;
const STOP_DEADLINE_MS = 30_000;
const LOG_TAIL_LINES = 8;

export async function startChildRole(options: ChildRoleOptions): Promise<ChildRole> {
  const log = openSync(options.logFile, 'a', 0o600);
  // In a group of its own: Ctrl-C on the terminal reaches the demo, which stops its roles in the right order.
  const child = fork(projectPath('dist', 'src', 'cli.js'), [...options.args], {
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
  });
  closeSync(log);
  let final: unknown;
  const exited = once(child, 'exit').then(([code, signal]) =>
    signal ? 128 + constants.signals[signal as NodeJS.Signals] : ((code as number | null) ?? 1),
  );
  const ready = new Promise<Readonly<Record<string, unknown>>>((resolve) => {
    child.on('message', (message) => {
      const said = message as RoleMessage;
      if (said.kind === 'ready') resolve(said.info);
      else if (said.kind === 'status') options.onStatus?.(said.info);
      else final = said.info;
    });
  });
  const timeout = new AbortController();
  const late = new Promise<'late'>((resolve) => {
    const timer = setTimeout(() => resolve('late'), options.readyTimeoutMs ?? READY_TIMEOUT_MS);
    timeout.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  const first = await Promise.race([ready, exited, late]);
  timeout.abort();
  if (typeof first !== 'object') {
    child.kill('SIGKILL');
    throw new EdgeError(
      'SLUICE_ROLE_NOT_READY',
      `the ${options.name} ${first === 'late' ? 'did not become ready' : `ended with code ${first}`}:\n${tailOf(options.logFile)}`,
      `its whole log is ${options.logFile}`,
    );
  }
  const stop = async (deadlineMs = STOP_DEADLINE_MS): Promise<number> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    const code = await exited;
    clearTimeout(timer);
    return code;
  };
  return { name: options.name, process: child, info: first, exited, final: () => final, stop };
}

function tailOf(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}
