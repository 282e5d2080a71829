/**
 * The load generator as a bench uses it: a process of its own (`load-process`), commanded and asked for its counts.
 *
 *   open ---> start ---> mark, mark, ... ---> halt ---> close ---> open ...
 *
 * Every report counts from the one before.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { projectPath } from '../../src/kit/project-root.ts';
import type {
  LoadAnswer,
  LoadCommand,
  LoadCounts,
  LoadPlan,
  LoadReport,
  LoadTarget,
} from './load-messages.ts';

export interface Percentiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** Part of the schedule that may be late or missing before a run says more about the generator than about the server. */
const BEHIND_MAX = 0.05;

export class LoadGenerator {
  readonly #process: ChildProcess;
  #waiting: { resolve: (report: LoadReport) => void; reject: (error: Error) => void } | undefined;

  constructor() {
    // Without our own flags: a profile of the bench is not one of the generator.
    this.#process = fork(projectPath('dist', 'bench', 'lib', 'load-process.js'), { execArgv: [] });
    this.#process.on('message', (message) => {
      const said = message as LoadAnswer;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (said.kind === 'done') waiting?.resolve(said.report);
      else waiting?.reject(new Error(`load generator: ${said.reason}`));
    });
    this.#process.on('exit', (code, signal) => {
      this.#waiting?.reject(new Error(`the load generator ended with ${signal ?? code}`));
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  open(target: LoadTarget): Promise<LoadReport> {
    return this.#command({ kind: 'open', target });
  }

  start(plan: LoadPlan): Promise<LoadReport> {
    return this.#command({ kind: 'start', plan });
  }

  mark(): Promise<LoadReport> {
    return this.#command({ kind: 'mark' });
  }

  /** Stops sending and waits for the answers that are owed. */
  halt(): Promise<LoadReport> {
    return this.#command({ kind: 'halt' });
  }

  close(): Promise<LoadReport> {
    return this.#command({ kind: 'close' });
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGTERM');
    await gone;
  }

  #command(command: LoadCommand): Promise<LoadReport> {
    return new Promise((resolve, reject) => {
      if (this.#process.exitCode !== null) {
        reject(new Error('the load generator is gone'));
        return;
      }
      this.#waiting = { resolve, reject };
      this.#process.send(command);
    });
  }
}

export function histogramOf(encoded: string): Histogram {
  return decodeFromCompressedBase64(encoded);
}

export function percentilesOf(histogram: Histogram): Percentiles {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1_000;
  return {
    count: histogram.totalCount,
    p50Ms: at(50),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: histogram.totalCount === 0 ? 0 : histogram.maxValue / 1_000,
  };
}

/** Part of an open loop's schedule that was late or never left. */
export function behindOf(report: LoadCounts): number {
  return report.scheduled === 0 ? 0 : (report.late + report.shed) / report.scheduled;
}

export function keptSchedule(report: LoadCounts): boolean {
  return behindOf(report) <= BEHIND_MAX;
}
