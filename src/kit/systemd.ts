/**
 * What a process tells systemd (`sd_notify(3)`): that its doors are open, how it is, that it reads its configuration again, that it
 * leaves, and, twice in each watchdog interval, that its main loop still turns. Where no NOTIFY_SOCKET is set all of it is silence.
 *
 *   main loop --a line into a pipe--> one shell --a process each--> systemd-notify --datagram--> systemd
 *
 * Node cannot send a datagram to a Unix socket, and starting a child stops the main loop of a large process for tens of milliseconds
 * (58 ms at 600 MB, on two busy cores). So one shell is started at the beginning and starts `systemd-notify` for each line: a ping costs
 * the main loop a write (0.3 ms there), the machine 5 to 20 ms of CPU elsewhere. A loop that is stuck writes nothing: nobody feeds
 * the watchdog in its place.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

export interface Systemd {
  /** Doors are open. `status` is asked for one line each time that it is told, and must be cheap. */
  ready(status: () => string): void;
  /** Between this and the next `ready` the unit counts as reloading. */
  reloading(): void;
  stopping(): void;
  /** Ends the pings and the shell, once it has passed on what was told. */
  close(): void;
}

type Environment = Record<string, string | undefined>;
type Shell = ChildProcessByStdio<Writable, null, null>;

/** A tab parts the assignments of a line: none of ours holds one. Signals for the whole group, as Ctrl-C, are not meant for it. */
const SHELL_LOOP = `trap '' INT HUP TERM; set -f; IFS='\t'; while read -r line; do systemd-notify $line; done`;
const TAB = '\t';
/** systemd shows one line; what is longer than this is not read by anybody. */
const STATUS_CHARACTERS_MAX = 200;
/** A shell that is so far behind is stuck with systemd; more words would only wait. */
const UNREAD_BYTES_MAX = 4_096;
const US_PER_MS = 1_000;
const NS_PER_US = 1_000n;

const SILENT: Systemd = { ready() {}, reloading() {}, stopping() {}, close() {} };

/**
 * @param env NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are taken out of it: children of this process must not speak for it
 */
export function connectSystemd(env: Environment, pid: number): Systemd {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usecText, WATCHDOG_PID: pidText } = env;
  const shellEnv = { PATH: env.PATH, NOTIFY_SOCKET: socket };
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (socket === undefined || socket === '') return SILENT;
  const isOurs = pidText === undefined || Number(pidText) === pid;
  const watchdogMs = isOurs ? Number(usecText ?? 0) / US_PER_MS : 0;
  return new SystemdNotifier(shellEnv, Number.isFinite(watchdogMs) ? watchdogMs : 0);
}

class SystemdNotifier implements Systemd {
  readonly #env: Environment;
  readonly #pings: NodeJS.Timeout | undefined;
  #shell: Shell | undefined;
  #status: (() => string) | undefined;

  constructor(env: Environment, watchdogMs: number) {
    this.#env = env;
    if (watchdogMs <= 0) return;
    this.#pings = setInterval(() => this.#tell(['WATCHDOG=1']), watchdogMs / 2);
    this.#pings.unref();
  }

  ready(status: () => string): void {
    this.#status = status;
    this.#tell(['READY=1']);
  }

  reloading(): void {
    // Type=notify-reload wants to know that this is not an answer to an earlier signal; Linux: the clock of hrtime is CLOCK_MONOTONIC.
    this.#tell(['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / NS_PER_US}`]);
  }

  stopping(): void {
    this.#status = undefined;
    this.#tell(['STOPPING=1', 'STATUS=stopping']);
  }

  close(): void {
    clearInterval(this.#pings);
    this.#shell?.stdin.end();
  }

  #tell(assignments: readonly string[]): void {
    const status = this.#status?.();
    const line = status === undefined ? assignments : [...assignments, `STATUS=${oneLine(status)}`];
    this.#shell ??= this.#startShell();
    if (this.#shell.stdin.writableLength > UNREAD_BYTES_MAX) return;
    this.#shell.stdin.write(`${line.join(TAB)}\n`);
  }

  #startShell(): Shell {
    const shell = spawn('/bin/sh', ['-c', SHELL_LOOP], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: this.#env,
      detached: true,
    });
    const forget = (): void => {
      if (this.#shell === shell) this.#shell = undefined;
    };
    // One that died is replaced at the next word. Systemd missing pings is the alarm that there is; we go on working.
    shell.on('error', forget);
    shell.on('exit', forget);
    shell.stdin.on('error', forget);
    shell.unref();
    (shell.stdin as Writable & { unref?(): void }).unref?.();
    return shell;
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, STATUS_CHARACTERS_MAX);
}
