/**
 * Runs a case in a process of its own, so that what one compiled or left on its heap is not in the next one's figures.
 *
 * It is in a group of its own, too: Ctrl-C reaches us alone, and the case stops its servers in order when we pass it on or are gone.
 */
import { fork } from 'node:child_process';
import type { CaseResult } from './bench-case.ts';
import { optionOf } from './case-values.ts';
import { INTERRUPTED, Interruption } from './interruption.ts';

/** What a case process says to its parent. Histograms travel as compressed base64. */
export type CaseMessage =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly text: string }
  | {
      readonly kind: 'result';
      readonly values: Readonly<Record<string, number>>;
      readonly result: SentResult;
    };

export type SentResult = Omit<CaseResult, 'distributions'> & {
  readonly distributions: readonly { readonly name: string; readonly histogram: string }[];
};

export interface CaseArguments {
  /** Only what differs from the case's own values. */
  readonly values: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly smoke: boolean;
  readonly filter: string | undefined;
}

export interface CaseRun {
  /** All parameters as they were in force. */
  readonly values: Readonly<Record<string, number>>;
  readonly result: SentResult;
}

export type OnProgress = (done: number, total: number, text: string) => void;

/** The case ended without a result. Its reason was said on stderr. */
export class CaseFailed extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, reason: string) {
    super(reason);
    this.exitCode = exitCode;
  }
}

export function argumentsOf({ values, seed, smoke, filter }: CaseArguments): string[] {
  return [
    ...(smoke ? ['--smoke'] : []),
    ...['--seed', String(seed)],
    ...(filter === undefined ? [] : ['--filter', filter]),
    ...Object.entries(values).flatMap(([name, value]) => [`--${optionOf(name)}`, String(value)]),
  ];
}

/**
 * @param processFile the case-process of the build that `caseFile` belongs to
 * @throws CaseFailed when there is no result; with `INTERRUPTED` when SIGINT or SIGTERM came meanwhile
 */
export async function runCase(
  processFile: string,
  caseFile: string,
  given: CaseArguments,
  onProgress: OnProgress,
): Promise<CaseRun> {
  const child = fork(processFile, [caseFile, ...argumentsOf(given)], {
    execArgv: [],
    silent: true,
    detached: true,
  });
  // The second time, the case ends where it stands.
  const interruption = new Interruption(() => child.kill('SIGTERM'));
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdout!.pipe(process.stderr);
  let run: CaseRun | undefined;
  child.on('message', (message: CaseMessage) => {
    if (message.kind === 'progress') onProgress(message.done, message.total, message.text);
    else run = { values: message.values, result: message.result };
  });
  const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? 1)));
  interruption.end();
  if (interruption.asked) throw new CaseFailed(INTERRUPTED, 'interrupted');
  if (run === undefined || code !== 0)
    throw new CaseFailed(code || 1, said.trim() || `the case ended with ${code}`);
  return run;
}
