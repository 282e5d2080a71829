import { describe, expect, it } from 'vitest';
import { type MergedFees, meanFees } from '../../../../src/chains/kaspa/network-facts.ts';

const SUBSIDY = 300_000_000n;
const chain = (feesPerBlock: readonly bigint[], merged = 4n): MergedFees[] =>
  feesPerBlock.map((fees) => ({ merged, feesSompi: fees * merged }));

describe('the mean fees of a block', () => {
  it('are those of all blocks together', () => {
    expect(meanFees(chain([100n, 200n, 300n, 200n]), SUBSIDY)).toBe(200n);
    expect(meanFees([...chain([100n], 1n), ...chain([400n], 2n)], SUBSIDY)).toBe(300n);
    expect(meanFees([], SUBSIDY)).toBe(0n);
    expect(meanFees([{ merged: 0n, feesSompi: 0n }], SUBSIDY)).toBe(0n);
  });

  it('hardly move for a finder who pays himself a fortune in a block of his own', () => {
    const honest = chain(Array(19).fill(20_000n));
    const fortune: MergedFees = { merged: 4n, feesSompi: 100_000_000_000_000n };
    const before = meanFees([...honest, ...chain([20_000n])], SUBSIDY);
    const after = meanFees([...honest, fortune], SUBSIDY);
    // A plain mean would be 12,500 KAS a block.
    expect(after - before).toBeLessThan(SUBSIDY / 1_000n);
  });

  it('follow when all blocks pay more', () => {
    expect(meanFees(chain(Array(20).fill(900_000_000n)), SUBSIDY)).toBe(900_000_000n);
  });
});
