/**
 * Faults that are built in on purpose, to see that the simulation finds them: each takes one safeguard away. Nothing but its own test
 * asks for one.
 */
import type { PayoutChain } from '../../../src/payout/payout-chain.ts';
import type { LedgerOutput, PayoutStore } from '../../../src/payout/payout-store.ts';
import { outpointKey, type Plan } from '../../../src/payout/plan.ts';
import type { Signer } from '../../../src/payout/signer.ts';
import { type MemoryBooks, MemoryPayoutStore } from '../../kit/memory-payout-store.ts';

export const SABOTAGES = {
  'rebuilds on resume': 'a payout that is live is signed again, and the new bytes are sent',
  'reserves nothing': 'what is planned stays in the balance until it is confirmed',
  'holds no inputs': 'an output of a live payout may be planned again',
  'forgets the change': 'the change of a confirmed payout is not booked as an output',
  'ignores the epoch': 'a payer whose lead is over goes on writing',
  'confirms at once': 'the first sight of a payout on the chain counts as deep enough',
  'gives back on timeout':
    'a payout that no node answered for counts as lost, and its payees get their balances back',
  'sends once': 'what was sent before is never sent again',
  'pays the first payee twice': 'the signed transaction is not the one that was planned',
  'calls it lost while unknown': 'a payout that no node knows counts as in conflict',
} as const;
export type Sabotage = keyof typeof SABOTAGES;

/** The books as a payer with a new epoch has them. */
export function takeLeadUnder(books: MemoryBooks, sabotage: Sabotage | undefined): PayoutStore {
  const store = books.takeLead();
  const { epoch } = books;
  if (sabotage === 'reserves nothing') return new WithoutReserves(books, epoch);
  if (sabotage === 'holds no inputs') return new WithoutHolds(books, epoch);
  if (sabotage === 'forgets the change') return new WithoutChange(books, epoch);
  if (sabotage === 'ignores the epoch') return eachTime(() => new MemoryPayoutStore(books, books.epoch));
  return store;
}

class WithoutReserves extends MemoryPayoutStore {
  readonly #books: MemoryBooks;

  constructor(books: MemoryBooks, epoch: bigint) {
    super(books, epoch);
    this.#books = books;
  }

  override async createPlan(plan: Plan): Promise<bigint> {
    const id = await super.createPlan(plan);
    this.#books.post(
      `sabotage:${id}`,
      plan.payees.flatMap((payee) => [
        ['in_flight', -payee.reservedSompi, payee.accountId] as const,
        ['miner', payee.reservedSompi, payee.accountId] as const,
      ]),
    );
    return id;
  }
}

class WithoutHolds extends MemoryPayoutStore {
  readonly #books: MemoryBooks;

  constructor(books: MemoryBooks, epoch: bigint) {
    super(books, epoch);
    this.#books = books;
  }

  override async spendableOutputs(): Promise<readonly LedgerOutput[]> {
    return [...this.#books.outputs.values()].filter(({ spentBy }) => spentBy === undefined);
  }
}

class WithoutChange extends MemoryPayoutStore {
  readonly #books: MemoryBooks;

  constructor(books: MemoryBooks, epoch: bigint) {
    super(books, epoch);
    this.#books = books;
  }

  override async confirmed(id: bigint): Promise<void> {
    await super.confirmed(id);
    const { signed, plan } = this.#books.payouts.find((one) => one.id === id)!;
    this.#books.outputs.delete(outpointKey({ txid: signed!.txid, index: plan.payees.length }));
  }
}

function eachTime(store: () => PayoutStore): PayoutStore {
  const bound =
    (name: PropertyKey) =>
    (...args: unknown[]) => {
      const now = store();
      return (Reflect.get(now, name) as (...args: unknown[]) => unknown).apply(now, args);
    };
  return new Proxy({} as PayoutStore, { get: (_, name) => bound(name) });
}

/** Far below any depth that a configuration asks for. */
const DEEP_DAA = 1_000_000n;

export function chainUnder(
  chain: PayoutChain,
  store: PayoutStore,
  sabotage: Sabotage | undefined,
): PayoutChain {
  const sent = new Set<string>();
  const changed = (part: Partial<PayoutChain>): PayoutChain => ({
    virtualDaaScore: () => chain.virtualDaaScore(),
    sinkHash: () => chain.sinkHash(),
    oldestBlock: () => chain.oldestBlock(),
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
        const live = (await store.live()).find(
          (one) => one.signed && Buffer.from(one.signed.bytes).equals(bytes),
        );
        if (answer.outcome === 'unreachable' && live?.state === 'BROADCAST')
          await store.conflicted(live.id, 'nobody');
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
    return Promise.all(
      all.map(async (one) => ({ ...one, signed: one.signed && (await signer.sign(one.plan)) })),
    );
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
      return signer.sign({
        ...plan,
        payees: [...plan.payees, first],
        changeSompi: plan.changeSompi - first.outputSompi,
      });
    },
  };
}
