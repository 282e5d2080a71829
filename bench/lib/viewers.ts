/** Viewers of the pool topic as a bench uses them: a process of its own (`viewers-process`), commanded and asked what has arrived. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { projectPath } from '../../src/kit/project-root.ts';

export type ViewersCommand =
  | { readonly kind: 'open'; readonly url: string; readonly viewers: number }
  | { readonly kind: 'watch' }
  | { readonly kind: 'look away' };

export interface ViewersAnswer {
  readonly open: number;
  /** Since each was opened, over all that were not closed by command. */
  readonly messages: number;
  /** Of all times between two messages of the same viewer since the answer before: as long as this or shorter are 99 of 100, in ms. */
  readonly gapP99Ms: number;
}

export class Viewers {
  readonly #process: ChildProcess;

  constructor() {
    this.#process = fork(projectPath('dist', 'bench', 'lib', 'viewers-process.js'), { execArgv: [] });
  }

  /** Resolves when all are open, or refused. They watch nothing yet. */
  open(url: string, viewers: number): Promise<ViewersAnswer> {
    return this.#ask({ kind: 'open', url, viewers });
  }

  /** Resolves when each has heard of the pool, or has gone. */
  watch(): Promise<ViewersAnswer> {
    return this.#ask({ kind: 'watch' });
  }

  /** They stay, and are told nothing any more: all that is left of them is memory. */
  lookAway(): Promise<ViewersAnswer> {
    return this.#ask({ kind: 'look away' });
  }

  end(): void {
    this.#process.kill();
  }

  async #ask(command: ViewersCommand): Promise<ViewersAnswer> {
    this.#process.send(command);
    const [answer] = (await once(this.#process, 'message')) as [ViewersAnswer];
    return answer;
  }
}
