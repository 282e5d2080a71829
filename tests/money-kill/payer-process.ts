/** The other end of `payer-child`: starts it, waits until it leads or stands at a point, kills it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { projectPath } from '../../src/kit/project-root.ts';
import type { CrashPoint } from '../../src/payout/crash-points.ts';
import { pollUntil } from '../kit/poll-until.ts';
import type { PayerOrder } from './payer-child.ts';

const LOG_TAIL_LINES = 12;
const STOP_LIMIT_MS = 30_000;

export class PayerProcess {
  readonly process: ChildProcess;
  readonly exited: Promise<number | string>;
  readonly #logFile: string;
  #leads = 0;
  #at: CrashPoint | undefined;
  #ended: number | string | undefined;

  /** @param armed where it shall stop; can be told later as well */
  constructor(configFile: string, logFile: string, armed?: CrashPoint) {
    this.#logFile = logFile;
    const log = openSync(logFile, 'a');
    const args = armed === undefined ? [configFile] : [configFile, armed];
    this.process = fork(projectPath('dist', 'tests', 'money-kill', 'payer-child.js'), args, {
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.exited = once(this.process, 'exit').then(([code, signal]) => (signal ?? code) as number | string);
    void this.exited.then((end) => {
      this.#ended = end;
    });
    this.process.on('message', (said: { kind: string; point?: CrashPoint }) => {
      if (said.kind === 'ready') this.#leads++;
      if (said.kind === 'at') this.#at = said.point;
    });
    // It may be gone when an order reaches its channel; `exited` tells.
    this.process.on('error', () => {});
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** How often it took the lead. */
  get leads(): number {
    return this.#leads;
  }

  arm(point: CrashPoint): void {
    this.#tell({ arm: point });
  }

  async leading(limitMs: number): Promise<void> {
    await pollUntil('the payer leads', () => this.#look(this.#leads > 0), limitMs);
  }

  /** Resolves when it stands there. */
  async stands(point: CrashPoint, limitMs: number): Promise<void> {
    await pollUntil(`the payer stands at ${point}`, () => this.#look(this.#at === point), limitMs);
  }

  goOn(): void {
    this.#at = undefined;
    this.#tell({ goOn: true });
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  /** In order. */
  async stop(): Promise<number | string> {
    this.process.kill('SIGTERM');
    const deadline = setTimeout(() => this.process.kill('SIGKILL'), STOP_LIMIT_MS);
    try {
      return await this.exited;
    } finally {
      clearTimeout(deadline);
    }
  }

  #look(found: boolean): boolean {
    if (this.#ended === undefined) return found;
    const tail = readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
    throw new Error(`the payer ended with ${this.#ended}:\n${tail}`);
  }

  #tell(order: PayerOrder): void {
    if (this.process.connected) this.process.send(order, undefined, undefined, () => {});
  }
}
