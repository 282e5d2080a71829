/**
 * A reward divided among accounts by their work. Pure; integers of sompi throughout, so the parts add up to the reward to the last one.
 *
 *   reward = fee + parts;  fee = floor(reward x basis points / 10,000);  part = floor(rest x work / all work), and one sompi more for
 *   those whose remainder is largest, until nothing is left; equal remainders in the order of the accounts' ids
 *
 * The same window gives the same parts whatever order it is read in, and running it twice changes nothing.
 */

import { BASIS_POINTS } from '../../domain/money.ts';

export interface WorkShare {
  readonly accountId: bigint;
  /** Expected hashes, exact; never negative. */
  readonly work: bigint;
}

export interface Part {
  readonly accountId: bigint;
  readonly sompi: bigint;
}

export interface Split {
  readonly feeSompi: bigint;
  /** In the order of the ids. Accounts whose part is nothing are not in it. */
  readonly parts: readonly Part[];
  /** Without any work in the window nobody has a claim: kept apart, never given to the fee. */
  readonly unclaimedSompi: bigint;
}

/** @throws RangeError for a negative reward or work, a fee outside 0..10,000, an account that comes twice */
export function splitReward(
  rewardSompi: bigint,
  feeBasisPoints: bigint,
  window: readonly WorkShare[],
): Split {
  if (rewardSompi < 0n) throw new RangeError(`a reward cannot be ${rewardSompi}`);
  if (feeBasisPoints < 0n || feeBasisPoints > BASIS_POINTS)
    throw new RangeError(`a fee is 0 to ${BASIS_POINTS} basis points, not ${feeBasisPoints}`);
  const shares = window.toSorted(byAccount);
  const allWork = sumOf(shares);
  const feeSompi = (rewardSompi * feeBasisPoints) / BASIS_POINTS;
  const rest = rewardSompi - feeSompi;
  if (allWork === 0n) return { feeSompi, parts: [], unclaimedSompi: rest };
  const sompi = shares.map(({ work }) => (rest * work) / allWork);
  let left = rest - sompi.reduce((sum, one) => sum + one, 0n);
  // Fewer are left than there are accounts, so one each is enough.
  const order = shares
    .map(({ work }, index) => ({ index, remainder: (rest * work) % allWork }))
    .sort((a, b) => compare(b.remainder, a.remainder) || a.index - b.index);
  for (const { index } of order) {
    if (left === 0n) break;
    sompi[index]! += 1n;
    left -= 1n;
  }
  const parts = shares.map(({ accountId }, index) => ({ accountId, sompi: sompi[index]! }));
  return { feeSompi, parts: parts.filter((part) => part.sompi > 0n), unclaimedSompi: 0n };
}

function sumOf(shares: readonly WorkShare[]): bigint {
  let sum = 0n;
  for (const [index, { accountId, work }] of shares.entries()) {
    if (work < 0n) throw new RangeError(`account ${accountId} has negative work`);
    if (index > 0 && shares[index - 1]!.accountId === accountId)
      throw new RangeError(`account ${accountId} comes twice`);
    sum += work;
  }
  return sum;
}

function byAccount(a: WorkShare, b: WorkShare): number {
  return compare(a.accountId, b.accountId);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
