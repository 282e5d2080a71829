/** `sluice serve` as a process that a test may kill at any instant, also before it is ready. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { RoleMessage } from '../../src/app/role-channel.ts';
import { projectPath } from '../../src/kit/project-root.ts';

export interface EngineInfo {
  readonly stratumPorts: readonly number[];
  readonly httpUrl: string;
  readonly bootUnixMs: number;
  /** Of `serve --edges`. */
  readonly edgePids?: readonly number[];
  readonly httpUrls?: readonly string[];
}

const LOG_TAIL_LINES = 12;
const STOP_DEADLINE_MS = 40_000;

export class EngineProcess {
  readonly process: ChildProcess;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  /** Rejects when the process ends first. */
  readonly ready: Promise<EngineInfo>;

  /** @param more arguments of `sluice serve` */
  constructor(configFile: string, logFile: string, more: readonly string[] = []) {
    const log = openSync(logFile, 'a');
    this.process = fork(projectPath('dist', 'src', 'cli.js'), ['serve', '--config', configFile, ...more], {
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.exited = once(this.process, 'exit').then(([code, signal]) => (signal ?? code) as number | string);
    const said = new Promise<EngineInfo>((resolve) => {
      this.process.on('message', (message) => {
        const { kind, info } = message as RoleMessage;
        if (kind === 'ready') resolve(info as unknown as EngineInfo);
      });
    });
    this.ready = Promise.race([
      said,
      this.exited.then((end): never => {
        const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
        throw new Error(`the engine ended with ${end} before it was ready:\n${tail}`);
      }),
    ]);
    // Who kills an engine on its way up does not wait for it.
    this.ready.catch(() => {});
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  /** In order; resolves with the exit code. */
  async stop(): Promise<number | string> {
    this.process.kill('SIGTERM');
    const deadline = setTimeout(() => this.process.kill('SIGKILL'), STOP_DEADLINE_MS);
    try {
      return await this.exited;
    } finally {
      clearTimeout(deadline);
    }
  }
}
