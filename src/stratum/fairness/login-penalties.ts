/**
 * Rigs that were dropped for what they handed in: each must wait before it logs in again, a little longer every time. Keyed by address
 * of the connection and login together, so that a rig that hands in rubbish keeps waiting, and its neighbours behind the same NAT, or
 * the same account elsewhere, do not notice. Never a ban by address: low difficulty and staleness are no crime.
 */
import { BoundedTable } from '../../kit/bounded-table.ts';
import { Penalty, type PenaltyRules } from './penalty.ts';

export class LoginPenalties {
  readonly #rules: PenaltyRules;
  readonly #penalties: BoundedTable<Penalty>;

  /** @param rigsMax more are not kept waiting: they are dropped again instead */
  constructor(rules: PenaltyRules, rigsMax: number) {
    this.#rules = rules;
    this.#penalties = new BoundedTable(rigsMax, (penalty, nowMs) => penalty.isForgotten(rules, nowMs));
  }

  strike(source: string, login: string, nowMs: number): void {
    const key = keyOf(source, login);
    let penalty = this.#penalties.get(key);
    if (penalty === undefined) {
      penalty = new Penalty(nowMs);
      this.#penalties.set(key, penalty, nowMs);
    }
    penalty.strike(this.#rules, nowMs);
  }

  /** 0 = it may log in. */
  waitMs(source: string, login: string, nowMs: number): number {
    return this.#penalties.get(keyOf(source, login))?.waitMs(this.#rules, nowMs) ?? 0;
  }
}

function keyOf(source: string, login: string): string {
  return `${source} ${login}`;
}
