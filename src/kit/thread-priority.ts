/** Where cores are short, miners come first: threads whose work can wait step back. */
import { setPriority } from 'node:os';

/** Weighs a tenth of a thread that has not stepped back. With a core to spare it makes no difference. */
const NICENESS = 10;

/** Of the calling thread alone: on Linux a priority is a thread's own; elsewhere it would be the whole process's, and nothing is done. */
export function stepBehindMiners(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, NICENESS);
  } catch {
    // Nothing but fairness is lost.
  }
}
