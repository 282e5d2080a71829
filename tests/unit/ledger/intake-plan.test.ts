import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TreasuryUtxo } from '../../../src/chains/kaspa/treasury.ts';
import {
  type IntakeFacts,
  type KnownOrigin,
  outpointOf,
  planIntake,
} from '../../../src/ledger/rewards/intake-plan.ts';

const txid = (n: number) => n.toString(16).padStart(64, '0');
const utxo = (n: number, more: Partial<TreasuryUtxo> = {}): TreasuryUtxo => ({
  ...{ transactionId: txid(n), index: 0, address: 'kaspatest:t', amountSompi: 10n ** 8n, script: '20aa' },
  ...{ scriptVersion: 0, blockDaaScore: 100n, isCoinbase: true },
  ...more,
});
const origin = (block: number, more: Partial<KnownOrigin> = {}): KnownOrigin => ({
  ...{ blockId: BigInt(block), blockHash: txid(block), origin: 'blue', paidBefore: false },
  ...more,
});
const facts = (utxos: TreasuryUtxo[], more: Partial<IntakeFacts> = {}): IntakeFacts => ({
  ...{ utxos, virtualDaaScore: 1_100n, maturityDaa: 1_000n, bookingsMax: 100, holdDeposits: false },
  ...{ inBooks: () => false, originOf: () => origin(1), mayBeLate: () => false, payoutOf: () => undefined },
  ...more,
});
const origins = (given: IntakeFacts) => planIntake(given).bookings.map((booking) => booking.origin);

describe('the plan of an intake', () => {
  it('takes an output at its maturity and not a score before', () => {
    expect(origins(facts([utxo(1)]))).toEqual(['blue']);
    expect(planIntake(facts([utxo(1)], { virtualDaaScore: 1_099n }))).toMatchObject({
      bookings: [],
      immature: 1,
    });
  });

  it('never takes what is in the books', () => {
    expect(planIntake(facts([utxo(1)], { inBooks: () => true }))).toMatchObject({ bookings: [], known: 1 });
  });

  it('waits with a coinbase of no known block as long as its block may be late, then books it as nobody`s', () => {
    const unknown = { originOf: () => undefined };
    expect(planIntake(facts([utxo(1)], { ...unknown, mayBeLate: () => true }))).toMatchObject({
      bookings: [],
      waiting: [{ transactionId: txid(1) }],
    });
    expect(origins(facts([utxo(1)], unknown))).toEqual(['unattributed']);
  });

  it('pays no block twice: a second output of one origin is nobody`s', () => {
    expect(origins(facts([utxo(1), utxo(2)]))).toEqual(['blue', 'unattributed']);
    expect(origins(facts([utxo(1)], { originOf: () => origin(1, { paidBefore: true }) }))).toEqual([
      'unattributed',
    ]);
  });

  it('books the rewards of reds beside the reward of the block itself', () => {
    const of = (outpoint: string) => origin(1, { origin: outpoint.startsWith(txid(1)) ? 'blue' : 'reds' });
    expect(origins(facts([utxo(1), utxo(2)], { originOf: of }))).toEqual(['blue', 'reds']);
  });

  it('takes change only of a confirmed payout, whatever its age and size', () => {
    const change = utxo(1, { isCoinbase: false, amountSompi: 1n, blockDaaScore: 1_099n });
    expect(origins(facts([change], { payoutOf: () => 'CONFIRMED' }))).toEqual(['change']);
    for (const state of ['SIGNED', 'BROADCAST', 'ACCEPTED', 'CONFLICTED'])
      expect(planIntake(facts([change], { payoutOf: () => state }))).toMatchObject({ bookings: [], held: 1 });
  });

  it('takes a deposit, leaves dust alone, and holds deposits back while something of ours is missing', () => {
    const sent = utxo(1, { isCoinbase: false });
    const dust = utxo(2, { isCoinbase: false, amountSompi: 1n });
    expect(origins(facts([sent, dust]))).toEqual(['deposit']);
    expect(planIntake(facts([sent, dust], { holdDeposits: true }))).toMatchObject({ bookings: [], held: 1 });
  });

  it('takes rewards first, however many deposits there are, and says that there is more', () => {
    const sent = Array.from({ length: 20 }, (_, n) => utxo(n + 2, { isCoinbase: false, blockDaaScore: 1n }));
    const plan = planIntake(facts([...sent, utxo(1)], { bookingsMax: 5 }));
    expect(plan.bookings.map((booking) => booking.origin)).toEqual(['blue', ...Array(4).fill('deposit')]);
    expect(plan.more).toBe(true);
  });

  it('books each output at most once, in the same order however the node lists them', () => {
    const some = fc.uniqueArray(
      fc.record({ n: fc.nat(50), daa: fc.bigInt(0n, 200n), coinbase: fc.boolean() }),
      {
        selector: (one) => one.n,
      },
    );
    fc.assert(
      fc.property(some, (list) => {
        const utxos = list.map(({ n, daa, coinbase }) =>
          utxo(n, { blockDaaScore: daa, isCoinbase: coinbase }),
        );
        const of = (outpoint: string) => origin(Number.parseInt(outpoint.slice(0, 64), 16));
        const names = (given: TreasuryUtxo[]) =>
          planIntake(facts(given, { originOf: of })).bookings.map(({ utxo: one }) =>
            outpointOf(one.transactionId, one.index),
          );
        const forward = names(utxos);
        expect(new Set(forward).size).toBe(forward.length);
        expect(names(utxos.toReversed())).toEqual(forward);
      }),
    );
  });
});
