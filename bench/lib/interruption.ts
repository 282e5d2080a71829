/** Ctrl-C while something has to be put away first: a signal is heard instead of ending this process. */

/** As a shell counts what ended by Ctrl-C. */
export const INTERRUPTED = 130;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export class Interruption {
  asked = false;
  readonly #heard: () => void;

  /** @param stop called at every signal */
  constructor(stop: () => void) {
    this.#heard = () => {
      this.asked = true;
      stop();
    };
    for (const signal of SIGNALS) process.on(signal, this.#heard);
  }

  /** From here on signals do what they do. */
  end(): void {
    for (const signal of SIGNALS) process.off(signal, this.#heard);
  }
}
