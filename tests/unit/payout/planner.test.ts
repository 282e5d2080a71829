import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAddress, encodeAddress } from '../../../src/chains/kaspa/address.ts';
import { computeMassGrams, relayGrams } from '../../../src/chains/kaspa/mass.ts';
import type { PayableBalance } from '../../../src/payout/payout-store.ts';
import type { PayoutTerms } from '../../../src/payout/payout-terms.ts';
import { faultOfPlan, type Plan, paidSompi, reservedSompi } from '../../../src/payout/plan.ts';
import { type PlanningInput, planRound, type Round } from '../../../src/payout/planner.ts';
import { storageMassOf } from '../../../src/simnode/transaction-rules.ts';

const KAS = 100_000_000n;
const REWARD = 194_454_365n;

function addressOf(number: number, prefix: 'kaspadev' | 'kaspa' = 'kaspadev', version = 0): string {
  const payload = new Uint8Array(version === 1 ? 33 : 32).fill(2);
  new DataView(payload.buffer).setUint32(4, number);
  return encodeAddress({ prefix, version, payload });
}

const TERMS: PayoutTerms = {
  networkId: 'devnet',
  treasuryAddress: addressOf(1_000_000),
  minimumSompi: 10n * KAS,
  leastSompi: 1n * KAS,
  intervalMs: 60_000,
  feeFrom: 'payees',
  feerateMax: 1_000,
  feeMaxSompi: 1n * KAS,
  transactionMaxSompi: 100_000n * KAS,
  dayMaxSompi: 10_000_000n * KAS,
  accountDayMaxSompi: 1_000_000n * KAS,
  massMaxGrams: 95_000n,
  maturityDaa: 1_000n,
  confirmDaa: 1_000n,
  consolidateAbove: 200,
  resendMs: 30_000,
};

function balance(number: number, sompi: bigint, more: Partial<PayableBalance> = {}): PayableBalance {
  return {
    accountId: BigInt(number),
    address: addressOf(number),
    balanceSompi: sompi,
    thresholdSompi: undefined,
    lastPaidAtMs: 0,
    ...more,
  };
}

function outputs(amounts: readonly bigint[], isCoinbase = true) {
  return amounts.map((amountSompi, place) => ({
    txid: place.toString(16).padStart(64, '0'),
    index: 0,
    amountSompi,
    daaScore: 5n,
    isCoinbase,
  }));
}

function plan(
  balances: readonly PayableBalance[],
  amounts: readonly bigint[],
  more: Partial<PlanningInput> & { terms?: PayoutTerms } = {},
): Round {
  const coins = outputs(amounts);
  const round = planRound({
    terms: TERMS,
    balances,
    paid: { sompi: 0n, byAccount: new Map() },
    ledgerOutputs: coins,
    chainOutputs: coins,
    virtualDaaScore: 1_000_000n,
    feerate: 100,
    poolFundsSompi: 100n * KAS,
    ...more,
  });
  const terms = more.terms ?? TERMS;
  const spent = new Set<string>();
  for (const one of round.plans) {
    expect(faultOfPlan(one)).toBe('');
    checkMasses(one, terms);
    for (const { txid } of one.inputs) {
      expect(spent.has(txid)).toBe(false);
      spent.add(txid);
    }
  }
  const paid = round.plans.flatMap((one) => one.payees.map(({ accountId }) => accountId));
  expect(new Set(paid).size).toBe(paid.length);
  return round;
}

/** Against the node's own rule, not the planner's. */
function checkMasses(one: Plan, terms: PayoutTerms): void {
  const out = [
    ...one.payees.map(({ outputSompi }) => outputSompi),
    ...(one.changeSompi > 0n ? [one.changeSompi] : []),
  ];
  const scripts = out.map((_, place) => {
    const payee = one.payees[place];
    return payee && decodeAddress(payee.address)!.version !== 0 ? 35n : 34n;
  });
  const storage = storageMassOf(
    one.inputs.map(({ amountSompi }) => amountSompi),
    out,
  );
  const compute = computeMassGrams(BigInt(one.inputs.length), scripts);
  expect(compute <= terms.massMaxGrams && storage <= terms.massMaxGrams).toBe(true);
  expect(one.massGrams).toBe(compute > storage ? compute : storage);
  expect(one.feeSompi >= relayGrams(BigInt(one.inputs.length), scripts) * 100n).toBe(true);
  expect(one.feeSompi <= terms.feeMaxSompi).toBe(true);
  if (one.changeSompi > 0n) expect(one.changeSompi >= KAS / 5n).toBe(true);
}

const payments = (round: Round): Plan[] => round.plans.filter(({ kind }) => kind === 'payment') as Plan[];
const reasons = (round: Round): string[] => round.skipped.map(({ reason }) => reason);

describe('one thousand payees', () => {
  const big = [50_000n, 40_000n, 30_000n, 20_000n, 10_000n, 9_000n, 8_000n, 7_000n, 6_000n, 5_000n].map(
    (kas) => kas * KAS,
  );
  const mixes: Record<string, (i: number) => bigint> = {
    'of 10 KAS each': () => 10n * KAS,
    'of 100 KAS each': () => 100n * KAS,
    'of 10 to 500 KAS, evenly': (i) => BigInt(10 + Math.floor((i * 490) / 999)) * KAS,
    'of 10 KAS and of 500 KAS, half and half': (i) => (i % 2 ? 10n : 500n) * KAS,
    'of few large and many small ones': (i) => 10n * KAS + (4_000n * KAS) / BigInt(i + 1),
  };
  for (const [name, amountOf] of Object.entries(mixes)) {
    it(`${name}, take no more transactions than the limits ask for, or one more`, () => {
      const balances = Array.from({ length: 1_000 }, (_, i) => balance(i + 1, amountOf(i)));
      const inputs = [...big, ...big.map((amount) => amount * 2n)];
      const round = plan(balances, inputs);
      const used = payments(round).length;
      expect(round.skipped).toEqual([]);
      expect(payments(round).flatMap(({ payees }) => payees)).toHaveLength(1_000);
      process.stdout.write(
        `1,000 payees ${name}: ${used} transactions, at least ${round.transactionsAtLeast}\n`,
      );
      expect(used).toBeLessThanOrEqual(round.transactionsAtLeast + 1);
    });
  }
});

describe('a round', () => {
  it("pays whoever has reached a threshold, their own or the pool's, and never below the least", () => {
    const round = plan(
      [
        balance(1, 10n * KAS),
        balance(2, 9n * KAS),
        balance(3, 2n * KAS, { thresholdSompi: 2n * KAS }),
        balance(4, 50n * KAS, { thresholdSompi: 60n * KAS }),
        balance(5, KAS / 2n, { thresholdSompi: KAS / 10n }),
      ],
      [1_000n * KAS],
    );
    expect(
      payments(round)
        .flatMap(({ payees }) => payees.map(({ accountId }) => accountId))
        .sort(),
    ).toEqual([1n, 3n]);
    expect(round.belowThreshold).toBe(3);
  });

  it('divides the fee by amount to the sompi, and takes it from the pool when the pool pays', () => {
    const balances = [balance(1, 10n * KAS + 1n), balance(2, 20n * KAS), balance(3, 70n * KAS + 7n)];
    const [paid] = payments(plan(balances, [1_000n * KAS]));
    expect(paid!.payees.reduce((sum, { feeSompi }) => sum + feeSompi, 0n)).toBe(paid!.feeSompi);
    expect(reservedSompi(paid!)).toBe(100n * KAS + 8n);
    for (const { feeSompi, reservedSompi: reserved } of paid!.payees) {
      const exact = (paid!.feeSompi * reserved) / (100n * KAS + 8n);
      expect(feeSompi - exact <= 1n && feeSompi >= exact).toBe(true);
    }
    const terms = { ...TERMS, feeFrom: 'pool' as const };
    const [byPool] = payments(plan(balances, [1_000n * KAS], { terms }));
    expect(paidSompi(byPool!)).toBe(100n * KAS + 8n);
    const poor = plan(balances, [1_000n * KAS], { terms, poolFundsSompi: 1_000n });
    expect(poor.plans).toEqual([]);
    expect(reasons(poor)).toEqual(Array(3).fill('pool-fees-short'));
  });

  it('leaves out one bad address without holding up the others', () => {
    const round = plan(
      [
        balance(1, 20n * KAS, { address: 'kaspadev:qqnonsense' }),
        balance(2, 20n * KAS, { address: addressOf(2, 'kaspa') }),
        balance(3, 20n * KAS, { address: TERMS.treasuryAddress }),
        balance(4, 20n * KAS),
        balance(5, 20n * KAS, { address: addressOf(5, 'kaspadev', 8) }),
      ],
      [1_000n * KAS],
    );
    expect(reasons(round)).toEqual(['address-invalid', 'address-network', 'address-treasury']);
    expect(
      payments(round)[0]!
        .payees.map(({ accountId }) => accountId)
        .sort(),
    ).toEqual([4n, 5n]);
  });

  it('leaves out dust, and amounts that the fee would take', () => {
    const terms = { ...TERMS, leastSompi: 1_000n, minimumSompi: 1_000n };
    const round = plan([balance(1, 5_000n), balance(2, 10_000_000n), balance(3, 50n * KAS)], [1_000n * KAS], {
      terms,
    });
    expect(reasons(round)).toEqual(['dust', 'dust']);
    expect(payments(round)[0]!.payees).toHaveLength(1);
    const dear = plan([balance(1, 20n * KAS)], [100n * KAS], { terms: { ...TERMS, feeMaxSompi: 1_000n } });
    expect(reasons(dear)).toEqual(['fee-above-cap']);
  });

  it('keeps to the caps of the day, of an account and of a transaction, and pays the rest later', () => {
    const paid = { sompi: 90n * KAS, byAccount: new Map([[1n, 30n * KAS]]) };
    const terms = {
      ...TERMS,
      accountDayMaxSompi: 40n * KAS,
      dayMaxSompi: 120n * KAS,
      transactionMaxSompi: 25n * KAS,
    };
    const round = plan(
      [balance(1, 50n * KAS), balance(2, 39n * KAS), balance(3, 50n * KAS)],
      [200n * KAS, 100n * KAS],
      {
        terms,
        paid,
      },
    );
    const amounts = payments(round).map((one) => reservedSompi(one));
    // 10 of the first (its day), 20 of the second (the pool's day); nothing is left for the third.
    expect(amounts.reduce((sum, amount) => sum + amount, 0n)).toBe(30n * KAS);
    expect(amounts.every((amount) => amount <= 25n * KAS)).toBe(true);
    expect(reasons(round)).toEqual(['day-cap']);
  });

  it('pays those who waited longest first when the day ends', () => {
    const terms = { ...TERMS, dayMaxSompi: 20n * KAS };
    const balances = [
      balance(1, 20n * KAS, { lastPaidAtMs: 300 }),
      balance(2, 20n * KAS, { lastPaidAtMs: 100 }),
    ];
    const round = plan(balances, [500n * KAS], { terms });
    expect(payments(round)[0]!.payees.map(({ accountId }) => accountId)).toEqual([2n]);
  });

  it("offers the node's feerate between the floor and the cap", () => {
    const feeAt = (feerate: number) =>
      payments(plan([balance(1, 20n * KAS)], [100n * KAS], { feerate }))[0]!.feeSompi;
    const grams = computeMassGrams(1n, [34n, 34n]);
    expect(feeAt(1)).toBe(grams * 100n);
    expect(feeAt(Number.NaN)).toBe(grams * 100n);
    expect(feeAt(250)).toBe(grams * 250n);
    expect(feeAt(1e9)).toBe(grams * 1_000n);
  });

  it('spends nothing that is immature, foreign, missing on the chain or of another amount', () => {
    const ledger = outputs([100n * KAS, 90n * KAS, 80n * KAS, 70n * KAS]);
    const chain = [
      { ...ledger[0]!, daaScore: 999_001n },
      { ...ledger[1]!, amountSompi: 91n * KAS },
      ledger[3]!,
      { ...ledger[3]!, txid: 'ff'.repeat(32), amountSompi: 5_000n * KAS },
    ];
    const round = plan([balance(1, 20n * KAS), balance(2, 60n * KAS)], [], {
      ledgerOutputs: ledger,
      chainOutputs: chain,
    });
    expect(payments(round)[0]!.inputs).toEqual([{ txid: ledger[3]!.txid, index: 0, amountSompi: 70n * KAS }]);
    expect(round.coins).toMatchObject({ immature: 1 });
    expect(round.coins.missing.map(({ amountSompi }) => amountSompi)).toEqual([90n * KAS, 80n * KAS]);
    expect(reasons(round)).toEqual(['treasury-short']);
  });

  it('pays as many as the treasury holds, and says so of the others', () => {
    const round = plan([balance(1, 40n * KAS), balance(2, 30n * KAS), balance(3, 25n * KAS)], [60n * KAS]);
    expect(payments(round)).toHaveLength(1);
    expect(reasons(round).every((reason) => reason === 'treasury-short')).toBe(true);
    expect(round.skipped.length).toBeGreaterThan(0);
    expect(plan([balance(1, 40n * KAS)], []).skipped[0]!.reason).toBe('treasury-short');
  });

  it('leaves no change that is not worth its storage mass', () => {
    const round = plan([balance(1, 20n * KAS)], [20n * KAS + 5n, 30n * KAS]);
    expect(payments(round)[0]!.changeSompi === 0n || payments(round)[0]!.changeSompi >= KAS / 5n).toBe(true);
    const exact = plan([balance(1, 20n * KAS)], [20n * KAS]);
    expect(payments(exact)[0]).toMatchObject({ changeSompi: 0n });
  });

  it('pays a part when a balance needs more coinbase outputs than a transaction holds', () => {
    const round = plan([balance(1, 500n * KAS)], Array(300).fill(REWARD), {
      terms: { ...TERMS, consolidateAbove: 0 },
    });
    const [part] = payments(round);
    expect(payments(round)).toHaveLength(1);
    expect(part!.inputs.length).toBeGreaterThan(80);
    expect(reservedSompi(part!)).toBe(REWARD * BigInt(part!.inputs.length));
  });

  it('joins the smallest outputs when there are too many, while the pool can pay for it', () => {
    const amounts = [...Array(400).fill(REWARD), 900n * KAS];
    const round = plan([balance(1, 50n * KAS)], amounts);
    const joins = round.plans.filter(({ kind }) => kind === 'consolidation');
    expect(payments(round)[0]!.inputs).toHaveLength(1);
    expect(joins.map(({ inputs }) => inputs.length)).toEqual([84, 84, 84]);
    const poor = plan([balance(1, 50n * KAS)], amounts, { poolFundsSompi: 10n });
    expect(poor.plans).toHaveLength(1);
    expect(poor.consolidationWaits).toMatch(/joining costs \d+ sompi/);
    expect(plan([], Array(200).fill(REWARD)).plans).toEqual([]);
  });

  it('keeps every rule for whatever balances and outputs there are', () => {
    const amounts = fc.array(fc.bigInt(KAS / 2n, 3_000n * KAS), { minLength: 0, maxLength: 120 });
    fc.assert(
      fc.property(amounts, amounts, fc.constantFrom('payees', 'pool'), (owed, lying, feeFrom) => {
        const round = plan(
          owed.map((sompi, i) => balance(i + 1, sompi)),
          lying,
          { terms: { ...TERMS, feeFrom: feeFrom as 'payees' | 'pool', consolidateAbove: 20 } },
        );
        const paid = payments(round).flatMap(({ payees }) => payees.map(({ accountId }) => accountId));
        for (const { accountId } of round.skipped) expect(paid).not.toContain(accountId);
        expect(paid.length + round.skipped.length + round.belowThreshold).toBe(owed.length);
      }),
      { numRuns: 150 },
    );
  });
});
