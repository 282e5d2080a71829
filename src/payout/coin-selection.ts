/**
 * Which outputs of the treasury may be spent now. Pure.
 *
 * In flows what the ledger holds for ours and what the chain shows; out flow the outputs that both agree on, largest first. It
 * must never give out one that is foreign (the ledger does not know it), immature, held by a live payout (the store leaves those
 * out), or of another amount than the books say.
 *
 * Payments take the largest: each input weighs 1118 grams whatever it holds, and the payees pay for it. Consolidation takes the
 * smallest, and the pool pays.
 */

import type { ChainOutput } from './payout-chain.ts';
import type { LedgerOutput } from './payout-store.ts';
import { outpointKey, type PlanInput } from './plan.ts';

export interface Coins {
  /** Largest first; of equal ones the older outpoint's name first, so that a plan can be made again. */
  readonly spendable: readonly PlanInput[];
  /** In the ledger and on the chain, not old enough. */
  readonly immature: number;
  /** The ledger believes that we have them, and the chain does not show them, or with another amount. */
  readonly missing: readonly LedgerOutput[];
}

export function chooseCoins(
  ledger: readonly LedgerOutput[],
  chain: readonly ChainOutput[],
  virtualDaaScore: bigint,
  maturityDaa: bigint,
): Coins {
  const shown = new Map(chain.map((output) => [outpointKey(output), output]));
  const spendable: PlanInput[] = [];
  const missing: LedgerOutput[] = [];
  let immature = 0;
  for (const output of ledger) {
    const onChain = shown.get(outpointKey(output));
    if (onChain?.amountSompi !== output.amountSompi) missing.push(output);
    else if (onChain.isCoinbase && onChain.daaScore + maturityDaa > virtualDaaScore) immature++;
    else spendable.push({ txid: output.txid, index: output.index, amountSompi: output.amountSompi });
  }
  return { spendable: spendable.sort(largestFirst), immature, missing };
}

function largestFirst(a: PlanInput, b: PlanInput): number {
  if (a.amountSompi !== b.amountSompi) return a.amountSompi > b.amountSompi ? -1 : 1;
  return outpointKey(a) < outpointKey(b) ? -1 : 1;
}
