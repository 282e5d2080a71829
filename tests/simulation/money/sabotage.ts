/**
 * Faults that are built in on purpose, to see that the simulation finds them: each takes one safeguard away. Nothing but its own test
 * asks for one.
 */
import type { PayoutChain } from '../../../src/payout/payout-chain.ts';
import type { PayoutStore } from '../../../src/payout/payout-store.ts';
import type { Signer } from '../../../src/payout/signer.ts';
import { type BooksRules, SOUND_RULES } from './model-books.ts';

export const SABOTAGES = {
  'rebuilds on resume': 'a payout that is live is signed again, and the new bytes are sent',
  'reserves nothing': 'what is planned stays in the balance until it is confirmed',
  'holds no inputs': 'an output of a live payout may be planned again',
  'forgets the change': 'the change of a confirmed payout is not booked as an output',
  'ignores the epoch': 'a payer whose lead is over goes on writing',
  'confirms at once': 'the first sight of a payout on the chain counts as deep enough',
  'gives back on timeout': 'a payout that no node answered for counts as lost, and its payees get their balances back',
  'sends once': 'what was sent before is never sent again',
  'pays the first payee twice': 'the signed transaction is not the one that was planned',
  'calls it lost while unknown': 'a payout that no node knows counts as in conflict',
} as const;
export type Sabotage = keyof typeof SABOTAGES;

export function rulesUnder(sabotage: Sabotage | undefined): BooksRules {
  return {
    ...SOUND_RULES,
    fences: sabotage !== 'ignores the epoch',
    reserves: sabotage !== 'reserves nothing',
    holdsInputs: sabotage !== 'holds no inputs',
    keepsChange: sabotage !== 'forgets the change',
  };
}

/** Far below any depth that a configuration asks for. */
const DEEP_DAA = 1_000_000n;

export function chainUnder(chain: PayoutChain, store: PayoutStore, sabotage: Sabotage | undefined): PayoutChain {
  const sent = new Set<string>();
  const changed = (part: Partial<PayoutChain>): PayoutChain => ({
    virtualDaaScore: () => chain.virtualDaaScore(),
    sinkHash: () => chain.sinkHash(),
    treasuryOutputs: () => chain.treasuryOutputs(),
    feerate: () => chain.feerate(),
    send: (bytes) => chain.send(bytes),
    fateOf: (txid, chainFrom, inputs) => chain.fateOf(txid, chainFrom, inputs),
    ...part,
  });
  if (sabotage === 'confirms at once') {
    return changed({
      fateOf: async (...question) => {
        const fate = await chain.fateOf(...question);
        return fate.kind === 'accepted' ? { ...fate, depthDaa: fate.depthDaa + DEEP_DAA } : fate;
      },
    });
  }
  if (sabotage === 'calls it lost while unknown') {
    return changed({
      fateOf: async (...question) => {
        const fate = await chain.fateOf(...question);
        const isOurs = fate.kind === 'unknown' && sent.has(question[0]);
        sent.add(question[0]);
        return isOurs ? { kind: 'conflicted', by: 'nobody', depthDaa: DEEP_DAA } : fate;
      },
    });
  }
  if (sabotage === 'gives back on timeout') {
    return changed({
      send: async (bytes) => {
        const answer = await chain.send(bytes);
        const live = (await store.live()).find((one) => one.signed && Buffer.from(one.signed.bytes).equals(bytes));
        if (answer.outcome === 'unreachable' && live?.state === 'BROADCAST') await store.conflicted(live.id, 'nobody');
        return answer;
      },
    });
  }
  if (sabotage === 'sends once') {
    return changed({
      send: async (bytes) => {
        const words = Buffer.from(bytes).toString();
        if (sent.has(words)) return { outcome: 'known', reason: 'sent before' };
        sent.add(words);
        return chain.send(bytes);
      },
    });
  }
  return chain;
}

export function storeUnder(store: PayoutStore, signer: Signer, sabotage: Sabotage | undefined): PayoutStore {
  if (sabotage !== 'rebuilds on resume') return store;
  const live = async (): ReturnType<PayoutStore['live']> => {
    const all = await store.live();
    return Promise.all(all.map(async (one) => ({ ...one, signed: one.signed && (await signer.sign(one.plan)) })));
  };
  return new Proxy(store, {
    get: (target, name) => (name === 'live' ? live : (Reflect.get(target, name) as unknown)),
  });
}

export function signerUnder(signer: Signer, sabotage: Sabotage | undefined): Signer {
  if (sabotage !== 'pays the first payee twice') return signer;
  return {
    address: signer.address,
    sign: (plan) => {
      const [first] = plan.payees;
      if (!first || plan.changeSompi <= first.outputSompi) return signer.sign(plan);
      return signer.sign({ ...plan, payees: [...plan.payees, first], changeSompi: plan.changeSompi - first.outputSompi });
    },
  };
}
