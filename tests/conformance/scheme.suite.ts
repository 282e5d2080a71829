/**
 * What every reward scheme must do, whatever it divides by. One suite over all of them: who adds a scheme adds a line in
 * scheme.test.ts and has the exactness of all others.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { POTS } from '../../src/domain/pot.ts';
import type { Divided, Division, Scheme } from '../../src/ledger/schemes/scheme.ts';
import { readTerms, type Terms } from '../../src/ledger/schemes/terms.ts';
import { creditOf } from '../../src/ledger/settlement/settlement-document.ts';

/** Who has a claim on a reward. */
export type Claim = 'work' | 'finder' | 'reserve';

export interface SuiteOptions {
  readonly claim: Claim;
  readonly terms?: Record<string, unknown>;
}

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 5, 1, 12);
const HUGE = 1n << 62n;

const accountId = fc.bigInt({ min: 1n, max: 200n });
/** From nothing through one hash to more than any window can hold. */
const work = fc.oneof(
  fc.bigInt({ min: 0n, max: 3n }),
  fc.bigInt({ min: 0n, max: 1n << 60n }),
  fc.bigInt({ min: 0n, max: 1n << 110n }),
);
const points = fc.oneof(fc.constantFrom(0n, 10_000n), fc.bigInt({ min: 0n, max: 10_000n }));
const account = fc.record({
  accountId,
  work,
  ownFeeBasisPoints: fc.option(points, { nil: undefined }),
  donationBasisPoints: points,
});
const amount = fc.oneof(
  fc.bigInt({ min: 1n, max: 3n }),
  fc.bigInt({ min: 1n, max: 10n ** 12n }),
  fc.bigInt({ min: 1n, max: HUGE }),
);
const everyone = fc.uniqueArray(account, { selector: (one) => one.accountId, minLength: 1, maxLength: 30 });
const given = everyone.chain((accounts) =>
  fc.record({
    accounts: fc.constant(accounts),
    outputs: fc.array(
      fc.record({
        amountSompi: amount,
        finderAccountId: fc.constantFrom(...accounts.map((one) => one.accountId)),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    dustInSompi: fc.oneof(fc.constant(0n), amount),
    windowMinutes: fc.integer({ min: 1, max: 10_080 }),
    bonus: points,
    fee: points,
    tierFrom: fc.bigInt({ min: 0n, max: 1n << 60n }),
    tierFee: points,
  }),
);

export function schemeSuite(scheme: Scheme, { claim, terms: more = {} }: SuiteOptions): void {
  const terms = (own: Record<string, unknown> = {}): Terms =>
    readTerms({ scheme: scheme.name, feeBasisPoints: 100, ...more, ...own });
  const miner = (id: bigint, hashes: bigint, others: object = {}) => ({
    accountId: id,
    work: hashes,
    ownFeeBasisPoints: undefined,
    donationBasisPoints: 0n,
    ...others,
  });
  const divide = (division: Partial<Division>): Divided => {
    const whole: Division = {
      outputs: [{ amountSompi: 1_000n, finderAccountId: 1n }],
      dustInSompi: 0n,
      window: { fromMs: NOON, toMs: NOON + MINUTE },
      terms: terms(),
      accounts: [],
      ...division,
    };
    const divided = scheme.divide(whole);
    assertExact(whole, divided);
    return divided;
  };
  const credits = ({ parts }: Divided) => new Map(parts.map((part) => [part.accountId, creditOf(part)]));

  describe(`the scheme ${scheme.name}`, () => {
    it('gives out to the last sompi what came in, whatever is divided among whom', () => {
      fc.assert(
        fc.property(given, (one) => {
          divide(divisionOf(one, terms));
        }),
        { numRuns: 300 },
      );
    });

    it('does not depend on the order in which anything is read', () => {
      fc.assert(
        fc.property(given, (one) => {
          const division = divisionOf(one, terms);
          expect(
            divide({
              ...division,
              outputs: division.outputs.toReversed(),
              accounts: division.accounts.toReversed(),
            }),
          ).toEqual(divide(division));
        }),
      );
    });

    it('loses nothing when nobody has worked in the window', () => {
      const divided = divide({ accounts: [miner(1n, 0n)], dustInSompi: claim === 'finder' ? 0n : 7n });
      if (claim === 'work') expect([divided.dustOutSompi, divided.parts]).toEqual([1_007n, []]);
      if (claim === 'finder') expect(credits(divided)).toEqual(new Map([[1n, 990n]]));
      if (claim === 'reserve') expect([divided.reserveSompi, divided.dustOutSompi]).toEqual([1_000n, 7n]);
    });

    it('gives everything but the fee to a miner who is alone', () => {
      const divided = divide({ accounts: [miner(1n, 5n)] });
      if (claim === 'reserve') return expect(divided.reserveSompi).toBe(1_000n);
      expect(credits(divided)).toEqual(new Map([[1n, 990n]]));
      expect(divided.feeSompi).toBe(10n);
    });

    it('gives a single sompi to one account and not to the fee', () => {
      const divided = divide({
        outputs: [{ amountSompi: 1n, finderAccountId: 1n }],
        accounts: [miner(1n, 3n), miner(2n, 2n)],
      });
      if (claim !== 'reserve') expect(credits(divided).get(1n)).toBe(1n);
      expect(divided.feeSompi).toBe(0n);
    });

    it('divides numbers beyond 2^62 without rounding', () => {
      const divided = divide({
        outputs: [{ amountSompi: HUGE, finderAccountId: 1n }],
        accounts: [miner(1n, (1n << 100n) + 1n), miner(2n, 1n << 100n)],
        terms: terms({ feeBasisPoints: 0 }),
      });
      if (claim === 'work')
        expect([...credits(divided).values()].reduce((sum, one) => sum + one, 0n)).toBe(HUGE);
      if (claim === 'finder') expect(credits(divided)).toEqual(new Map([[1n, HUGE]]));
      if (claim === 'reserve') expect(divided.reserveSompi).toBe(HUGE);
    });

    it('takes no fee at 0 % and leaves nothing at 100 %', () => {
      const accounts = [miner(1n, 1n), miner(2n, 1n)];
      const free = divide({ accounts, terms: terms({ feeBasisPoints: 0 }) });
      const all = divide({ accounts, terms: terms({ feeBasisPoints: 10_000 }) });
      expect(free.feeSompi).toBe(0n);
      if (claim === 'reserve') return;
      expect([...credits(free).values()].reduce((sum, one) => sum + one, 0n)).toBe(1_000n);
      expect(all.feeSompi).toBe(1_000n);
      expect([...credits(all).values()].every((one) => one === 0n)).toBe(true);
    });

    it('divides two blocks of one minute together', () => {
      const divided = divide({
        outputs: [
          { amountSompi: 600n, finderAccountId: 1n },
          { amountSompi: 400n, finderAccountId: 2n },
        ],
        accounts: [miner(1n, 1n), miner(2n, 1n)],
        terms: terms({ feeBasisPoints: 0 }),
      });
      if (claim === 'work')
        expect(credits(divided)).toEqual(
          new Map([
            [1n, 500n],
            [2n, 500n],
          ]),
        );
      if (claim === 'finder')
        expect(credits(divided)).toEqual(
          new Map([
            [1n, 600n],
            [2n, 400n],
          ]),
        );
      if (claim === 'reserve') expect(divided.reserveSompi).toBe(1_000n);
    });

    it('lets an account keep a fee of its own, and gives its donation from what is left to it', () => {
      if (claim === 'reserve') return;
      const divided = divide({
        accounts: [miner(1n, 1n, { ownFeeBasisPoints: 500n, donationBasisPoints: 1_000n })],
      });
      expect([divided.feeSompi, divided.donationSompi, credits(divided).get(1n)]).toEqual([50n, 95n, 855n]);
    });

    it('gives a larger account the fee of its tier', () => {
      if (claim === 'reserve') return;
      const tiers = { feeTiers: [{ fromHashesPerSecond: '10', feeBasisPoints: 0 }] };
      const feeAt = (hashes: bigint) =>
        divide({ accounts: [miner(1n, hashes)], terms: terms(tiers) }).feeSompi;
      expect([feeAt(599n), feeAt(600n)]).toEqual([10n, 0n]);
    });

    it('has a place for a finder without work in the window', () => {
      const divided = divide({
        accounts: [miner(1n, 0n), miner(2n, 5n)],
        terms: terms({ feeBasisPoints: 0, finderBonusBasisPoints: claim === 'work' ? 500 : 0 }),
      });
      if (claim === 'work')
        expect(credits(divided)).toEqual(
          new Map([
            [1n, 50n],
            [2n, 950n],
          ]),
        );
      if (claim === 'finder') expect(credits(divided)).toEqual(new Map([[1n, 1_000n]]));
    });

    it('settles a minute of blocks in a whole number of minutes that holds the block', () => {
      const policy = {
        id: 1n,
        terms: terms(),
        fromMs: Number.NEGATIVE_INFINITY,
        toMs: Number.POSITIVE_INFINITY,
      };
      const unit = scheme.unitOf(NOON, policy);
      const window = scheme.windowOf({
        unit,
        terms: terms(),
        minutes: [{ minuteMs: NOON, work: 1n }],
        networkWork: 1n << 40n,
        previousToMs: undefined,
      });
      for (const ms of [unit.fromMs, unit.toMs, window.fromMs, window.toMs]) expect(ms % MINUTE).toBe(0);
      expect(unit.fromMs <= NOON && NOON < unit.toMs).toBe(true);
      expect(window.fromMs <= NOON && window.toMs === unit.toMs).toBe(true);
    });

    it('has a pot', () => {
      expect(POTS[scheme.name]).toBeGreaterThan(0);
    });
  });
}

function assertExact({ outputs, dustInSompi }: Division, divided: Divided): void {
  const sum = (of: (part: Divided['parts'][number]) => bigint) =>
    divided.parts.reduce((total, part) => total + of(part), 0n);
  const came = outputs.reduce((total, { amountSompi }) => total + amountSompi, dustInSompi);
  expect(
    sum(creditOf) + divided.feeSompi + divided.donationSompi + divided.reserveSompi + divided.dustOutSompi,
  ).toBe(came);
  expect(sum((part) => part.feeSompi)).toBe(divided.feeSompi);
  expect(sum((part) => part.donationSompi)).toBe(divided.donationSompi);
  for (const part of divided.parts) {
    for (const one of [part.grossSompi, part.bonusSompi, part.feeSompi, part.donationSompi, creditOf(part)])
      expect(one >= 0n).toBe(true);
  }
}

function divisionOf(
  given: {
    accounts: Division['accounts'];
    outputs: Division['outputs'];
    dustInSompi: bigint;
    windowMinutes: number;
    bonus: bigint;
    fee: bigint;
    tierFrom: bigint;
    tierFee: bigint;
  },
  terms: (own: Record<string, unknown>) => Terms,
): Division {
  return {
    accounts: given.accounts,
    outputs: given.outputs,
    dustInSompi: given.dustInSompi,
    window: { fromMs: NOON, toMs: NOON + given.windowMinutes * MINUTE },
    terms: terms({
      feeBasisPoints: Number(given.fee),
      finderBonusBasisPoints: Number(given.bonus),
      feeTiers: [{ fromHashesPerSecond: String(given.tierFrom), feeBasisPoints: Number(given.tierFee) }],
    }),
  };
}
