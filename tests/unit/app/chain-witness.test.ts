import { describe, expect, it } from 'vitest';
import { chainWitness } from '../../../src/app/chain-witness.ts';
import type { KaspaPayoutChain } from '../../../src/payout/kaspa-payout-chain.ts';

const chain = {
  virtualDaaScore: async () => 100_000n,
  treasuryOutputs: async () => [],
} as unknown as KaspaPayoutChain;

describe('the chain as a witness', () => {
  it('calls overdue what is mature for ten minutes and more', async () => {
    expect((await chainWitness(chain, [], 1_000).outputs()).bookedBelowDaa).toBe(93_000n);
  });

  it('calls nothing overdue that the payer waits for, and nothing at all before its first look', async () => {
    expect((await chainWitness(chain, [], 1_000, () => 40_000n).outputs()).bookedBelowDaa).toBe(40_000n);
    expect((await chainWitness(chain, [], 1_000, () => 99_000n).outputs()).bookedBelowDaa).toBe(93_000n);
    expect((await chainWitness(chain, [], 1_000, () => 0n).outputs()).bookedBelowDaa).toBe(0n);
  });
});
