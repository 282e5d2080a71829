/** A clock that tests move by hand, with one-shot timers that fire in order as it moves. */
export class ManualTime {
  nowMs = 0;
  #timers: { atMs: number; callback: () => void }[] = [];

  readonly schedule = (callback: () => void, delayMs: number): (() => void) => {
    const timer = { atMs: this.nowMs + Math.max(0, delayMs), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  };

  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.nowMs = due.atMs;
      due.callback();
    }
    this.nowMs = untilMs;
  }
}
