/**
 * The database as one payer has it: each call may fail before it did anything, or do all of it and lose the answer. In flows a sound
 * store, out flows one that is as bad as the weather. It must never do half of a call: that is PostgreSQL's promise, and it is tested there.
 */
import type { PayoutStore } from '../../../src/payout/payout-store.ts';
import type { SeededRandom } from '../../../src/simnode/random.ts';
import type { Actor, Turns } from './turns.ts';
import type { Weather } from './weather.ts';

export interface StormStoreParts {
  readonly actor: Actor;
  readonly turns: Turns;
  readonly random: SeededRandom;
  readonly weather: () => Weather;
  /** The process stands still before this call. */
  readonly onFreeze: () => void;
  readonly onFault: (what: string) => void;
  /** Before and after a call that was let through to the store. */
  readonly onCall: (name: string, args: readonly unknown[]) => void;
  readonly onDone: (name: string, args: readonly unknown[], answer: unknown) => void;
}

type Call = (...args: unknown[]) => Promise<unknown>;

export function storeInStorm(inner: PayoutStore, parts: StormStoreParts): PayoutStore {
  const { actor, turns, random } = parts;
  const wrapped = (name: string, call: Call): Call => {
    return async (...args) => {
      const weather = parts.weather();
      if (random.chance(weather.freeze)) parts.onFreeze();
      await turns.wait(actor);
      if (random.chance(weather.statementFails)) {
        parts.onFault(`${name} failed`);
        throw new Error(`the database failed before ${name}`);
      }
      parts.onCall(name, args);
      const answer = await call(...args);
      parts.onDone(name, args, answer);
      if (random.chance(weather.commitUnknown)) {
        parts.onFault(`${name}: answer lost`);
        throw new Error(`the database failed after ${name}`);
      }
      // A process can be killed, or another one can be quicker, between the commit and its answer.
      await turns.wait(actor);
      return answer;
    };
  };
  return new Proxy(inner, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? wrapped(String(name), (member as Call).bind(target)) : member;
    },
  });
}
