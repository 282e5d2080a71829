import { describe, expect, it } from 'vitest';
import type { AccountKind } from '../../src/ledger/books.ts';
import type { PayoutStore } from '../../src/payout/payout-store.ts';
import type { Plan, PlanInput } from '../../src/payout/plan.ts';

/** A store with a ledger behind it. Whatever rejects may cost the store its lead: ask for a successor then. */
export interface StoreStage {
  readonly store: PayoutStore;
  account(address: string, balanceSompi: bigint, thresholdSompi?: bigint): Promise<bigint>;
  output(amountSompi: bigint): Promise<PlanInput>;
  poolFee(sompi: bigint): Promise<void>;
  /** Of one account, or of all of that kind. */
  balance(kind: AccountKind, accountId?: bigint): Promise<bigint>;
  /** Takes the lead; the store of before is refused from then on. */
  successor(): Promise<PayoutStore>;
  clearHalts(): Promise<void>;
  /** States that a payout went through. */
  states(id: bigint): Promise<string[]>;
  drop(): Promise<void>;
}

const KAS = 100_000_000n;
const FEE = 200_000n;
const BLOCK = 'b1'.repeat(32);
const SIGNED = { txid: '71'.repeat(32), bytes: Uint8Array.of(1, 2, 3) };

export function payment(
  inputs: readonly PlanInput[],
  payees: readonly (readonly [bigint, bigint])[],
  feeFrom: Plan['feeFrom'] = 'payees',
): Plan {
  const part = FEE / BigInt(payees.length);
  const feeSompi = part * BigInt(payees.length);
  const rows = payees.map(([accountId, reservedSompi]) => ({
    accountId,
    address: `kaspadev:account${accountId}`,
    reservedSompi,
    feeSompi: feeFrom === 'payees' ? part : 0n,
    outputSompi: feeFrom === 'payees' ? reservedSompi - part : reservedSompi,
  }));
  const given = inputs.reduce((sum, input) => sum + input.amountSompi, 0n);
  const paid = rows.reduce((sum, row) => sum + row.outputSompi, 0n);
  return {
    kind: payees.length > 0 ? 'payment' : 'consolidation',
    feeFrom,
    treasuryAddress: 'kaspadev:treasury',
    inputs,
    payees: rows,
    changeSompi: given - paid - feeSompi,
    feeSompi,
    massGrams: 2_000n,
  };
}

function consolidation(inputs: readonly PlanInput[]): Plan {
  const changeSompi = inputs.reduce((sum, input) => sum + input.amountSompi, 0n) - FEE;
  return {
    ...payment(inputs, [[1n, KAS]], 'pool'),
    kind: 'consolidation',
    payees: [],
    changeSompi,
    feeSompi: FEE,
  };
}

export function payoutStoreSuite(name: string, open: () => Promise<StoreStage>): void {
  const on = (title: string, work: (stage: StoreStage) => Promise<void>): void =>
    it(title, async () => {
      const stage = await open();
      try {
        await work(stage);
      } finally {
        await stage.drop();
      }
    });
  const confirm = async (store: PayoutStore, plan: Plan): Promise<bigint> => {
    const id = await store.createPlan(plan);
    await store.signed(id, SIGNED);
    await store.broadcast(id, BLOCK);
    await store.accepted(id, BLOCK, 77n);
    await store.confirmed(id);
    return id;
  };

  describe(`${name}: a payment`, () => {
    on('reserves when it is planned, and pays when it is confirmed', async (stage) => {
      const { store } = stage;
      const anna = await stage.account('kaspadev:anna', 12n * KAS);
      const ben = await stage.account('kaspadev:ben', 8n * KAS);
      const input = await stage.output(30n * KAS);
      const plan = payment(
        [input],
        [
          [anna, 12n * KAS],
          [ben, 5n * KAS],
        ],
      );
      const before = await stage.balance('treasury');
      const id = await store.createPlan(plan);
      expect(await stage.balance('miner', anna)).toBe(0n);
      expect(await stage.balance('miner', ben)).toBe(3n * KAS);
      expect(await stage.balance('in_flight')).toBe(17n * KAS);
      expect(
        (await store.balances()).map(({ accountId, balanceSompi }) => [accountId, balanceSompi]),
      ).toEqual([[ben, 3n * KAS]]);
      await store.signed(id, SIGNED);
      await store.broadcast(id, BLOCK);
      await store.accepted(id, BLOCK, 77n);
      const [live] = await store.live();
      expect(live).toMatchObject({
        id,
        state: 'ACCEPTED',
        plan,
        chainFrom: BLOCK,
        accepted: { block: BLOCK, daaScore: 77n },
      });
      expect(Buffer.from(live!.signed!.bytes).toString('hex')).toBe('010203');
      await store.confirmed(id);
      expect(await store.live()).toEqual([]);
      expect(await stage.balance('in_flight')).toBe(0n);
      expect(await stage.balance('treasury')).toBe(before + 17n * KAS);
      expect(await stage.balance('network_fees')).toBe(0n);
      expect(await stage.states(id)).toEqual(['PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED', 'CONFIRMED']);
    });

    on('costs the pool its fee when the pool pays it', async (stage) => {
      const { store } = stage;
      const anna = await stage.account('kaspadev:anna', 12n * KAS);
      await stage.poolFee(1n * KAS);
      const plan = payment([await stage.output(30n * KAS)], [[anna, 12n * KAS]], 'pool');
      const before = await stage.balance('treasury');
      const id = await store.createPlan(plan);
      expect(await store.poolFundsSompi()).toBe(1n * KAS - FEE);
      await store.signed(id, SIGNED);
      await store.broadcast(id, BLOCK);
      await store.accepted(id, BLOCK, 77n);
      await store.confirmed(id);
      expect(await store.poolFundsSompi()).toBe(1n * KAS - FEE);
      expect(await stage.balance('network_fees')).toBe(-FEE);
      expect(await stage.balance('treasury')).toBe(before + 12n * KAS + FEE);
    });

    on('holds its inputs while it lives, and leaves its change when it is confirmed', async (stage) => {
      const { store } = stage;
      const anna = await stage.account('kaspadev:anna', 12n * KAS);
      const [first, second] = [await stage.output(30n * KAS), await stage.output(7n * KAS)];
      const names = async () => (await store.spendableOutputs()).map(({ amountSompi }) => amountSompi).sort();
      expect(await names()).toEqual([30n * KAS, 7n * KAS].sort());
      const plan = payment([first], [[anna, 12n * KAS]]);
      const id = await store.createPlan(plan);
      expect(await store.spendableOutputs()).toEqual([expect.objectContaining(second)]);
      await store.signed(id, SIGNED);
      await store.broadcast(id, BLOCK);
      await store.accepted(id, BLOCK, 77n);
      expect(await store.spendableOutputs()).toHaveLength(1);
      await store.confirmed(id);
      const change = {
        txid: SIGNED.txid,
        index: 1,
        amountSompi: 18n * KAS,
        daaScore: 77n,
        isCoinbase: false,
      };
      expect(await store.spendableOutputs()).toContainEqual(expect.objectContaining(change));
      expect(await store.spendableOutputs()).toHaveLength(2);
    });

    on('gives all back when it is cancelled or lost, and its inputs are free', async (stage) => {
      const { store } = stage;
      const anna = await stage.account('kaspadev:anna', 12n * KAS);
      const input = await stage.output(30n * KAS);
      const first = await store.createPlan(payment([input], [[anna, 12n * KAS]]));
      await store.signed(first, SIGNED);
      await store.cancel(first, 'a slip');
      expect(await stage.balance('miner', anna)).toBe(12n * KAS);
      const second = await store.createPlan(payment([input], [[anna, 12n * KAS]]));
      await store.signed(second, { ...SIGNED, txid: '72'.repeat(32) });
      await store.broadcast(second, BLOCK);
      await store.conflicted(second, '99'.repeat(32));
      expect(await stage.balance('miner', anna)).toBe(12n * KAS);
      expect(await stage.balance('in_flight')).toBe(0n);
      expect(await store.spendableOutputs()).toHaveLength(1);
      expect((await store.paidWithin(3_600_000)).sompi).toBe(0n);
      expect(await stage.states(second)).toEqual(['PLANNED', 'SIGNED', 'BROADCAST', 'CONFLICTED']);
    });

    on('goes back to BROADCAST after a reorganisation, and forward again', async (stage) => {
      const { store } = stage;
      const anna = await stage.account('kaspadev:anna', 12n * KAS);
      const id = await store.createPlan(payment([await stage.output(30n * KAS)], [[anna, 12n * KAS]]));
      await store.signed(id, SIGNED);
      await store.broadcast(id, BLOCK);
      await store.accepted(id, BLOCK, 77n);
      await store.reorganised(id, 'its block left');
      await store.accepted(id, 'b2'.repeat(32), 78n);
      await store.confirmed(id);
      expect(await stage.states(id)).toEqual([
        'PLANNED',
        'SIGNED',
        'BROADCAST',
        'ACCEPTED',
        'BROADCAST',
        'ACCEPTED',
        'CONFIRMED',
      ]);
    });
  });

  describe(`${name}: what it refuses`, () => {
    on('a plan of more than an account has', async (stage) => {
      const anna = await stage.account('kaspadev:anna', 5n * KAS);
      await stage.account('kaspadev:ben', 50n * KAS);
      const input = await stage.output(30n * KAS);
      await expect(stage.store.createPlan(payment([input], [[anna, 6n * KAS]]))).rejects.toThrow();
      const store = await stage.successor();
      expect(await store.live()).toEqual([]);
      expect(await stage.balance('miner', anna)).toBe(5n * KAS);
      expect(await store.spendableOutputs()).toHaveLength(1);
    });

    on('an input that another live payout holds, or that is no output of the ledger', async (stage) => {
      const anna = await stage.account('kaspadev:anna', 12n * KAS);
      const input = await stage.output(30n * KAS);
      await stage.store.createPlan(payment([input], [[anna, 4n * KAS]]));
      await expect(stage.store.createPlan(payment([input], [[anna, 4n * KAS]]))).rejects.toThrow();
      const store = await stage.successor();
      const foreign = { txid: 'ab'.repeat(32), index: 0, amountSompi: 30n * KAS };
      await expect(store.createPlan(payment([foreign], [[anna, 4n * KAS]]))).rejects.toThrow();
      const third = await stage.successor();
      expect(await third.live()).toHaveLength(1);
      expect(await stage.balance('miner', anna)).toBe(8n * KAS);
    });

    on('to cancel what was sent, and what is not there', async (stage) => {
      const { store } = stage;
      const anna = await stage.account('kaspadev:anna', 12n * KAS);
      const id = await store.createPlan(payment([await stage.output(30n * KAS)], [[anna, 12n * KAS]]));
      await store.signed(id, SIGNED);
      await store.broadcast(id, BLOCK);
      await expect(store.cancel(id, 'too late')).rejects.toMatchObject({ code: 'SLUICE_PAYOUT_SENT' });
      await expect(store.cancel(id + 1n, 'nobody')).rejects.toMatchObject({ code: 'SLUICE_PAYOUT_UNKNOWN' });
      expect((await store.live())[0]!.state).toBe('BROADCAST');
    });

    on('a step that does not begin where the payout is', async (stage) => {
      const anna = await stage.account('kaspadev:anna', 12n * KAS);
      const id = await stage.store.createPlan(payment([await stage.output(30n * KAS)], [[anna, 12n * KAS]]));
      await expect(stage.store.confirmed(id)).rejects.toThrow();
      const store = await stage.successor();
      await expect(store.broadcast(id, BLOCK)).rejects.toThrow();
      const third = await stage.successor();
      expect((await third.live())[0]!.state).toBe('PLANNED');
    });

    on('every step of a store whose epoch is over', async (stage) => {
      const anna = await stage.account('kaspadev:anna', 12n * KAS);
      const input = await stage.output(30n * KAS);
      const id = await stage.store.createPlan(payment([input], [[anna, 12n * KAS]]));
      const store = await stage.successor();
      await expect(stage.store.signed(id, SIGNED)).rejects.toThrow();
      expect((await store.live())[0]!.state).toBe('PLANNED');
      await store.signed(id, SIGNED);
    });

    on('to plan, sign or send while a halt is open; what is on the chain goes on', async (stage) => {
      const { store } = stage;
      const anna = await stage.account('kaspadev:anna', 12n * KAS);
      const id = await store.createPlan(payment([await stage.output(30n * KAS)], [[anna, 12n * KAS]]));
      await store.signed(id, SIGNED);
      await store.broadcast(id, BLOCK);
      await store.raiseHalt('TEST', 'to see', 'a test');
      await store.raiseHalt('TEST', 'once per code', 'a test');
      expect(await store.openHalts()).toEqual([
        expect.objectContaining({ code: 'TEST', reason: 'to see', raisedBy: 'a test' }),
      ]);
      await store.accepted(id, BLOCK, 77n);
      await store.reorganised(id, 'its block left');
      await store.accepted(id, BLOCK, 78n);
      await store.confirmed(id);
      const ben = await stage.account('kaspadev:ben', 5n * KAS);
      await expect(
        store.createPlan(payment([await stage.output(9n * KAS)], [[ben, 5n * KAS]])),
      ).rejects.toThrow(/halted/);
      await stage.clearHalts();
      const next = await stage.successor();
      expect(await next.openHalts()).toEqual([]);
    });
  });

  describe(`${name}: what it tells`, () => {
    on('sums of what was paid lately, by account, and when', async (stage) => {
      const { store } = stage;
      expect(await store.msSinceLastPlan()).toBeUndefined();
      const anna = await stage.account('kaspadev:anna', 12n * KAS, 2n * KAS);
      const ben = await stage.account('kaspadev:ben', 8n * KAS);
      await confirm(
        store,
        payment(
          [await stage.output(30n * KAS)],
          [
            [anna, 3n * KAS],
            [ben, 4n * KAS],
          ],
        ),
      );
      const paid = await store.paidWithin(3_600_000);
      expect(paid.sompi).toBe(7n * KAS);
      expect([...paid.byAccount].sort()).toEqual([
        [anna, 3n * KAS],
        [ben, 4n * KAS],
      ]);
      expect(Math.abs((await store.msSinceLastPlan())!)).toBeLessThan(60_000);
      const [row] = await store.balances();
      expect(row).toMatchObject({
        accountId: anna,
        address: 'kaspadev:anna',
        balanceSompi: 9n * KAS,
        thresholdSompi: 2n * KAS,
      });
      expect(row!.lastPaidAtMs).toBeGreaterThan(0);
    });

    on('a consolidation, which costs the pool its fee and nobody else anything', async (stage) => {
      const { store } = stage;
      await stage.poolFee(1n * KAS);
      const inputs = [await stage.output(2n * KAS), await stage.output(3n * KAS)];
      const before = await stage.balance('treasury');
      const id = await confirm(store, consolidation(inputs));
      expect(await stage.balance('treasury')).toBe(before + FEE);
      expect(await stage.balance('network_fees')).toBe(-FEE);
      expect(await stage.balance('in_flight')).toBe(0n);
      expect(await store.msSinceLastPlan()).toBeUndefined();
      expect(await store.spendableOutputs()).toContainEqual(
        expect.objectContaining({ txid: SIGNED.txid, index: 0, amountSompi: 5n * KAS - FEE }),
      );
      expect((await stage.states(id)).at(-1)).toBe('CONFIRMED');
    });
  });
}
