import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workOfShare } from '../../../src/domain/target.ts';
import { ShareSums } from '../../../src/ledger/share-sums.ts';

const parse = (literal: string) => (literal === '{}' ? [] : literal.slice(1, -1).split(',').map(BigInt));

describe('the sums of a batch', () => {
  it('equal the sum of the shares, exactly, for every difficulty and any order', () => {
    const share = fc.record({
      at: fc.integer({ min: 0, max: 300_000 }),
      worker: fc.integer({ min: 1, max: 4 }),
      pot: fc.integer({ min: 1, max: 3 }),
      difficulty: fc.integer({ min: -31, max: 62 }),
    });
    fc.assert(
      fc.property(fc.array(share, { maxLength: 60 }), (shares) => {
        const sums = new ShareSums();
        const expected = new Map<string, { shares: bigint; work: bigint }>();
        for (const { at, worker, pot, difficulty } of shares) {
          sums.add(at, worker, pot, difficulty);
          const key = `${Math.floor(at / 60_000)}/${worker}/${pot}`;
          const sum = expected.get(key) ?? { shares: 0n, work: 0n };
          expected.set(key, { shares: sum.shares + 1n, work: sum.work + workOfShare(difficulty) });
        }
        const columns = sums.columns();
        const [minutes, workers, pots, counts, work] = [
          columns.minutes,
          columns.workerIds,
          columns.pots,
          columns.shares,
          columns.work,
        ].map(parse);
        const got = new Map(
          minutes!.map((minute, row) => [
            `${minute}/${workers![row]}/${pots![row]}`,
            { shares: counts![row]!, work: work![row]! },
          ]),
        );
        expect(columns.rows).toBe(expected.size);
        expect(got).toEqual(expected);
      }),
    );
  });

  it('come in the order of their key', () => {
    const sums = new ShareSums();
    for (const [at, worker, pot] of [
      [120_000, 1, 1],
      [0, 9, 1],
      [0, 2, 6],
      [0, 2, 3],
      [60_000, 5, 1],
    ] as const)
      sums.add(at, worker, pot, 0);
    expect(sums.columns()).toMatchObject({
      minutes: '{0,0,0,1,2}',
      workerIds: '{2,2,9,5,1}',
      pots: '{3,6,1,1,1}',
    });
  });

  it('are empty again after clear', () => {
    const sums = new ShareSums();
    sums.add(0, 1, 1, 0);
    sums.clear();
    sums.add(0, 2, 1, 3);
    expect(sums.columns()).toMatchObject({ rows: 1, workerIds: '{2}', work: `{${2n ** 35n}}` });
  });
});
