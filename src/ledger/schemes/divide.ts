/**
 * What all schemes have in common: bonus for finders, then the claims, then fee and donation of each account. Pure.
 *
 *   bonus = floor(output x bonus points / 10,000) for each output's finder
 *   rest  = outputs + dust in - bonuses, divided by claim with the largest remainder (split.ts); nobody has a claim: dust out
 *   fee   = floor((gross + bonus) x fee points / 10,000);  donation = floor((gross + bonus - fee) x donation points / 10,000)
 *
 * Both floors are in favour of the account. The same amounts are made by SQL (`recompute_settlement`), in numeric and by another road.
 */
import { BASIS_POINTS } from '../../domain/money.ts';
import type { Divided, DividedPart, Division, DivisionAccount, Span } from './scheme.ts';
import { splitReward } from './split.ts';
import type { Terms } from './terms.ts';

const MS_PER_SECOND = 1_000;

/** Divides by work; `bonus` says whether finders get theirs first. */
export function divideByWork(division: Division): Divided {
  const { outputs, dustInSompi, accounts, terms } = division;
  const bonuses = perFinder(
    division,
    (amountSompi) => (amountSompi * terms.finderBonusBasisPoints) / BASIS_POINTS,
  );
  let rest = dustInSompi;
  for (const { amountSompi } of outputs) rest += amountSompi;
  for (const bonus of bonuses.values()) rest -= bonus;
  const split = splitReward(rest, 0n, accounts);
  const gross = new Map(split.parts.map(({ accountId, sompi }) => [accountId, sompi]));
  return assemble(division, gross, bonuses, split.unclaimedSompi);
}

/** Everything of an output to who found its block. */
export function divideByFinder(division: Division): Divided {
  // Nobody is without a finder, so dust can only be what another scheme left in this pot: it is carried on.
  return assemble(
    division,
    perFinder(division, (amountSompi) => amountSompi),
    new Map(),
    division.dustInSompi,
  );
}

/** By an account's own terms, else the highest tier that its mean hashrate in the window reaches, else the scheme's. */
export function feeBasisPointsOf(account: DivisionAccount, terms: Terms, window: Span): bigint {
  if (account.ownFeeBasisPoints !== undefined) return account.ownFeeBasisPoints;
  const seconds = BigInt((window.toMs - window.fromMs) / MS_PER_SECOND);
  const tier = terms.feeTiers.find((one) => account.work >= one.fromHashesPerSecond * seconds);
  return tier?.feeBasisPoints ?? terms.feeBasisPoints;
}

/** Fee and donation of an amount; what is left is the account's. */
export function deductionsOf(
  sompi: bigint,
  feeBasisPoints: bigint,
  donationBasisPoints: bigint,
): { feeSompi: bigint; donationSompi: bigint } {
  const feeSompi = (sompi * feeBasisPoints) / BASIS_POINTS;
  return { feeSompi, donationSompi: ((sompi - feeSompi) * donationBasisPoints) / BASIS_POINTS };
}

function perFinder({ outputs }: Division, amountOf: (amountSompi: bigint) => bigint): Map<bigint, bigint> {
  const amounts = new Map<bigint, bigint>();
  for (const { finderAccountId, amountSompi } of outputs)
    amounts.set(finderAccountId, (amounts.get(finderAccountId) ?? 0n) + amountOf(amountSompi));
  return amounts;
}

function assemble(
  { accounts, terms, window }: Division,
  gross: ReadonlyMap<bigint, bigint>,
  bonuses: ReadonlyMap<bigint, bigint>,
  dustOutSompi: bigint,
): Divided {
  const parts: DividedPart[] = [];
  const known = new Set<bigint>();
  let [windowWork, feeSum, donationSum] = [0n, 0n, 0n];
  for (const account of accounts) {
    const { accountId, work, donationBasisPoints } = account;
    known.add(accountId);
    windowWork += work;
    const grossSompi = gross.get(accountId) ?? 0n;
    const bonusSompi = bonuses.get(accountId) ?? 0n;
    // Who worked for less than a sompi stays in the list: without that work nobody could recompute the others.
    if (work === 0n && grossSompi + bonusSompi === 0n) continue;
    const feeBasisPoints = feeBasisPointsOf(account, terms, window);
    const { feeSompi, donationSompi } = deductionsOf(
      grossSompi + bonusSompi,
      feeBasisPoints,
      donationBasisPoints,
    );
    feeSum += feeSompi;
    donationSum += donationSompi;
    parts.push({
      accountId,
      work,
      grossSompi,
      bonusSompi,
      feeBasisPoints,
      feeSompi,
      donationBasisPoints,
      donationSompi,
    });
  }
  for (const finder of [...gross.keys(), ...bonuses.keys()])
    if (!known.has(finder)) throw new RangeError(`account ${finder} has a claim and is not in the list`);
  parts.sort((a, b) => (a.accountId < b.accountId ? -1 : 1));
  return {
    parts,
    windowWork,
    feeSompi: feeSum,
    donationSompi: donationSum,
    reserveSompi: 0n,
    dustOutSompi,
  };
}
