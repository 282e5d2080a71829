/** Readers of pages as a bench uses them: a process of its own (`page-load-process`), given one plan, and its report. */
import { fork } from 'node:child_process';
import { projectPath } from '../../src/kit/project-root.ts';

export interface PageLoadPlan {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Requests a second, by the clock. */
  readonly rate: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Taken by chance. */
  readonly paths: readonly string[];
  readonly seed: number;
}

export interface PageLoadReport {
  readonly scheduled: number;
  readonly answered: number;
  /** Connections that were closed under it. */
  readonly failed: number;
  /** Came to their turn so much too late that the generator is to blame. */
  readonly late: number;
  readonly bytes: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Of all that were answered, us, compressed. */
  readonly latency: string;
}

export const PAGE_LATE_MS = 10;

export class PageReaders {
  readonly #process = fork(projectPath('dist', 'bench', 'lib', 'page-load-process.js'), { execArgv: [] });

  get pid(): number {
    return this.#process.pid!;
  }

  run(plan: PageLoadPlan): Promise<PageLoadReport> {
    return new Promise((resolve, reject) => {
      this.#process.once('message', (said: { report?: PageLoadReport; fault?: string }) => {
        if (said.report) resolve(said.report);
        else reject(new Error(`readers: ${said.fault}`));
      });
      this.#process.once('exit', (code, signal) =>
        reject(new Error(`the readers ended with ${signal ?? code}`)),
      );
      this.#process.send(plan);
    });
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGTERM');
    await gone;
  }
}
