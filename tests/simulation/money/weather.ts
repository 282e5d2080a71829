/** How bad a run is: chances of each fault, drawn per seed, so that some runs are all reorganisations and others all crashes. */
import type { SeededRandom } from '../../../src/simnode/random.ts';
import { CALM_NETWORK, type NetworkWeather } from './model-network.ts';

export interface Weather {
  readonly network: NetworkWeather;
  /** Per question to the chain: nobody answers. */
  readonly silence: number;
  /** Per node and sending: it arrives, and the answer does not. */
  readonly answerLost: number;
  /** Per node and sending: it never arrives. */
  readonly sendLost: number;
  /** Per node and sending: the node will not have it, with no good reason. */
  readonly refuse: number;
  /** Per node and sending: the node says it has it, and has not. */
  readonly lie: number;
  /** Per question: the node says of a transaction that it knows that it does not. */
  readonly amnesia: number;
  /** Per statement: it fails, and nothing was done. */
  readonly statementFails: number;
  /** Per statement: it is done, and the answer is lost. */
  readonly commitUnknown: number;
  /** Per named point: the process is killed there. */
  readonly crash: number;
  /** Per call: the process stands still, perhaps for longer than another one needs to take the lead. */
  readonly freeze: number;
  /** Per second: somebody halts payouts; a person clears it some minutes later. */
  readonly halt: number;
  /** Per second: somebody with the same key, in another wallet, spends an output of the treasury. */
  readonly otherWallet: number;
}

export const CALM: Weather = {
  network: CALM_NETWORK,
  silence: 0,
  answerLost: 0,
  sendLost: 0,
  refuse: 0,
  lie: 0,
  amnesia: 0,
  statementFails: 0,
  commitUnknown: 0,
  crash: 0,
  freeze: 0,
  halt: 0,
  otherWallet: 0,
};

/** Each chance is somewhere between none and the worst that still lets something happen. */
export function stormOf(random: SeededRandom): Weather {
  const upTo = (worst: number): number => (random.chance(0.25) ? 0 : worst * random.unit() ** 2);
  return {
    network: {
      reorg: upTo(0.03),
      forget: upTo(0.05),
      mine: 0.01 + 0.7 * random.unit() ** 2,
      relay: random.unit(),
      follow: 0.2 + 0.8 * random.unit(),
      returnAfterReorg: random.unit(),
    },
    silence: upTo(0.2),
    answerLost: upTo(0.8),
    sendLost: upTo(0.5),
    refuse: upTo(0.4),
    lie: upTo(0.4),
    amnesia: upTo(0.3),
    statementFails: upTo(0.08),
    commitUnknown: upTo(0.08),
    crash: upTo(0.12),
    freeze: upTo(0.01),
    halt: upTo(0.001),
    otherWallet: random.chance(0.75) ? 0 : 0.004 * random.unit(),
  };
}
