/**
 * A NOTIFY_SOCKET to be told things on, as systemd has it. Node has no datagrams on Unix sockets, so a few lines of Perl (on every
 * Debian) listen and write what came to a file, an assignment a line and an empty line after each datagram.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pollUntil } from './poll-until.ts';

const LISTENER = `use Socket; $| = 1;
socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die;
while (defined recv($s, my $text, 8192, 0)) { print "$text\\n\\n"; }`;

export function missingForNotify(): string {
  const missing = ['perl', 'systemd-notify'].filter((name) => spawnSync(name, ['--version']).status !== 0);
  return missing.length === 0 ? '' : ` (skipped: ${missing.join(' and ')} not installed)`;
}

export class NotifySocket {
  readonly path: string;
  readonly #record: string;
  readonly #listener: ChildProcess;

  private constructor(folder: string) {
    this.path = join(folder, 'notify.sock');
    this.#record = join(folder, 'told');
    writeFileSync(this.#record, '');
    const script = `perl -e '${LISTENER}' "$1" >> "$2" & echo $! ; wait`;
    this.#listener = spawn('/bin/sh', ['-c', script, 'sh', this.path, this.#record], {
      stdio: 'ignore',
      detached: true,
    });
  }

  static async open(): Promise<NotifySocket> {
    const socket = new NotifySocket(mkdtempSync(join(tmpdir(), 'sluice-notify-')));
    await pollUntil('the notify socket listens', () => existsSync(socket.path));
    return socket;
  }

  /** What was told, oldest first: the assignments of one datagram each. */
  datagrams(): string[][] {
    return (
      readFileSync(this.#record, 'utf8')
        .split('\n\n')
        .filter((one) => one !== '')
        .map((one) => one.split('\n').filter((line) => line !== ''))
        // systemd-notify's own way of waiting until its word was taken.
        .filter((one) => one[0] !== 'BARRIER=1')
    );
  }

  async told(assignment: string): Promise<void> {
    await pollUntil(`${assignment} was told`, () => this.datagrams().some((one) => one.includes(assignment)));
  }

  close(): void {
    // The group: the shell and the listener.
    if (this.#listener.pid !== undefined) process.kill(-this.#listener.pid, 'SIGKILL');
    rmSync(dirname(this.path), { recursive: true, force: true });
  }
}
