/** One timer for all audiences that are being told. In: audiences to which something was said. Out: calls of `publish`, in time. */
import type { Audience } from './audience.ts';

export class AudiencePacer {
  readonly #publish: (channel: string, text: string) => void;
  readonly #busy = new Set<Audience>();
  #timer: NodeJS.Timeout | undefined;

  constructor(publish: (channel: string, text: string) => void) {
    this.#publish = publish;
  }

  say(audience: Audience, text: string): void {
    audience.say(text, performance.now());
    if (audience.isSmall) audience.send(performance.now(), this.#publish);
    // In a later turn: what else is said in this one goes with it, as one write to each viewer.
    else if (!this.#busy.has(audience)) {
      this.#busy.add(audience);
      this.#timer ??= setTimeout(this.#turn, 1);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#busy.clear();
  }

  readonly #turn = (): void => {
    let soonest = Number.POSITIVE_INFINITY;
    for (const audience of this.#busy) {
      const waitMs = audience.send(performance.now(), this.#publish);
      if (waitMs === undefined) this.#busy.delete(audience);
      else soonest = Math.min(soonest, waitMs);
    }
    this.#timer = this.#busy.size === 0 ? undefined : setTimeout(this.#turn, soonest);
  };
}
