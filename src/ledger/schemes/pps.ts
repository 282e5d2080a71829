/**
 * PPS and FPPS: work is bought by the minute at what it is worth on the mean, and blocks fill the reserve that it is bought from. In
 * flow the work of a minute and what a block was worth then, out flow credits, each rounded down. Pure; whether the reserve can bear
 * them is asked by the caller.
 *
 *   gross = floor(work x value / hashes of a block);  value = subsidy (PPS), subsidy + mean transaction fees (FPPS)
 */
import { deductionsOf, feeBasisPointsOf } from './divide.ts';
import { type DividedPart, type DivisionAccount, minuteUnit, type Scheme, type Span } from './scheme.ts';
import type { Terms } from './terms.ts';

const reserveScheme = (name: 'pps' | 'fpps'): Scheme => ({
  name,
  readsWork: false,
  waitsForEarlierBlocks: false,
  unitOf: minuteUnit,
  reachMs: () => 0,
  windowOf: ({ unit }) => unit,
  divide: ({ outputs, dustInSompi }) => ({
    parts: [],
    windowWork: 0n,
    feeSompi: 0n,
    donationSompi: 0n,
    reserveSompi: outputs.reduce((sum, { amountSompi }) => sum + amountSompi, 0n),
    dustOutSompi: dustInSompi,
  }),
});

export const pps: Scheme = reserveScheme('pps');
export const fpps: Scheme = reserveScheme('fpps');

export interface MinuteCredit {
  readonly parts: readonly DividedPart[];
  /** What leaves the reserve. */
  readonly grossSompi: bigint;
  readonly feeSompi: bigint;
  readonly donationSompi: bigint;
  readonly work: bigint;
}

/** `minute`: the span that fee tiers take the hashrate over. */
export function creditMinute(
  accounts: readonly DivisionAccount[],
  terms: Terms,
  minute: Span,
  blockValueSompi: bigint,
  networkWork: bigint,
): MinuteCredit {
  if (networkWork <= 0n) throw new RangeError('a block cannot cost nothing');
  let [gross, fee, donation, work] = [0n, 0n, 0n, 0n];
  const parts = accounts.map((account): DividedPart => {
    const grossSompi = (account.work * blockValueSompi) / networkWork;
    const feeBasisPoints = feeBasisPointsOf(account, terms, minute);
    const deductions = deductionsOf(grossSompi, feeBasisPoints, account.donationBasisPoints);
    gross += grossSompi;
    fee += deductions.feeSompi;
    donation += deductions.donationSompi;
    work += account.work;
    return {
      accountId: account.accountId,
      work: account.work,
      grossSompi,
      bonusSompi: 0n,
      feeBasisPoints,
      donationBasisPoints: account.donationBasisPoints,
      ...deductions,
    };
  });
  return { parts, grossSompi: gross, feeSompi: fee, donationSompi: donation, work };
}
