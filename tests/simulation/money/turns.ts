/**
 * Who goes on next. Everything that the payers await in the simulation (a call to the chain, a statement, a pause) waits here, and
 * one waiter at a time is let go, drawn by the seed: the same seed gives the same interleaving of two payers, down to the statement.
 *
 *   payer A  --call-->  wait ... (drawn) --> done, answer --> next call
 *   payer B  --call-->  wait ........................ (drawn) --> done, answer
 *
 * A payer that is killed is never let go again: its promises stay open for ever and are collected as garbage, which is what becomes of
 * the memory of a process that got SIGKILL. One that is frozen (SIGSTOP, a suspended machine) is let go much later.
 */
import type { SeededRandom } from '../../../src/simnode/random.ts';

export class Actor {
  readonly name: string;
  alive = true;
  frozenUntilMs = 0;

  constructor(name: string) {
    this.name = name;
  }
}

interface Waiter {
  readonly actor: Actor;
  readonly notBeforeMs: number;
  readonly go: () => void;
}

export class Turns {
  nowMs = 0;
  readonly #random: SeededRandom;
  #waiting: Waiter[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Resolves at a turn of its own, `afterMs` from now or later. */
  wait(actor: Actor, afterMs = 0): Promise<void> {
    return new Promise((go) => {
      if (actor.alive) this.#waiting.push({ actor, notBeforeMs: this.nowMs + afterMs, go });
    });
  }

  kill(actor: Actor): void {
    actor.alive = false;
    this.#waiting = this.#waiting.filter((waiter) => waiter.actor !== actor);
  }

  /** Lets one waiter go until it waits again; false when nobody is ready. */
  async goOn(): Promise<boolean> {
    const ready = this.#waiting.filter((waiter) => this.#readyAtMs(waiter) <= this.nowMs);
    if (ready.length === 0) return false;
    const chosen = ready[this.#random.below(ready.length)]!;
    this.#waiting.splice(this.#waiting.indexOf(chosen), 1);
    chosen.go();
    // All promises that hang on this one have run when the event loop comes round.
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  /** When somebody will be ready; infinity when nobody waits. */
  nextAtMs(): number {
    return this.#waiting.reduce((next, waiter) => Math.min(next, this.#readyAtMs(waiter)), Infinity);
  }

  #readyAtMs(waiter: Waiter): number {
    return Math.max(waiter.notBeforeMs, waiter.actor.frozenUntilMs);
  }
}
