/** What a run shows while it runs: a bar on a terminal, a line a step where it goes into a file. On stderr. */
import pc from 'picocolors';
import type { OnProgress } from './case-run.ts';

const WIDTH = 24;
const CLEAR_LINE = '\r\x1b[2K';

export interface ProgressBar {
  readonly step: OnProgress;
  /** Leaves the line clean. */
  end(): void;
}

export function progressBar(name: string, stream: NodeJS.WriteStream): ProgressBar {
  if (!stream.isTTY) {
    return {
      step: (done, total, text) => stream.write(`  ${name} ${Math.round((100 * done) / total)} %  ${text}\n`),
      end: () => {},
    };
  }
  const draw = (done: number, total: number, text: string): void => {
    const full = Math.round((WIDTH * done) / total);
    const bar = pc.cyan('█'.repeat(full)) + pc.dim('░'.repeat(WIDTH - full));
    const room = Math.max(0, (stream.columns ?? 80) - WIDTH - name.length - 5);
    stream.write(`${CLEAR_LINE}${name} ${bar} ${text.slice(0, room)}`);
  };
  draw(0, 1, 'starting');
  return { step: draw, end: () => stream.write(CLEAR_LINE) };
}
