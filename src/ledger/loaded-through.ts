/**
 * When a backlog is long, the end of the journal moves on as fast as the loader follows. So a pair is kept: a time, and the durable
 * mark that was read after it. Once the loader is past that mark, every share of before that time is in the database. Pure.
 */
import type { JournalPosition } from '../journal/journal.ts';

export class LoadedThrough {
  #throughMs = 0;
  #mark: JournalPosition | undefined;

  /** Takes a pair unless one is waited for. The time must have been read before the mark. */
  aim(answeredMs: number, mark: JournalPosition): void {
    if (this.#mark || answeredMs === 0) return;
    this.#throughMs = answeredMs;
    this.#mark = mark;
  }

  /** The time that holds at this position; 0 = none yet. */
  reachedBy(at: JournalPosition): number {
    const mark = this.#mark;
    if (!mark) return 0;
    const reached = at.segment > mark.segment || (at.segment === mark.segment && at.slot >= mark.slot);
    return reached ? this.#throughMs : 0;
  }

  clear(): void {
    this.#mark = undefined;
  }
}
