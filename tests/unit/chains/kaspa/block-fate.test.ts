import { describe, expect, it } from 'vitest';
import type { BlockFate } from '../../../../src/chains/chain.ts';
import { type FateSource, findBlockFate, UNKNOWN_FATE } from '../../../../src/chains/kaspa/block-fate.ts';
import type { WireBlock } from '../../../../src/chains/kaspa/wire.ts';
import { coinbase } from '../../../kit/scripted-node.ts';

const OURS = '20aa';
const THEIRS = '20bb';

interface Drawn {
  readonly parent: string;
  readonly chain?: boolean;
  readonly blues?: readonly string[];
  readonly reds?: readonly string[];
  readonly outputs?: readonly { amount: number; script: string }[];
}

/**
 * S <- C1 <- C2 <- C3; B hangs on S and is merged blue by C2, R hangs on S and is merged red by C2. C1 is ours as well, and
 * had merged a red of its own.
 */
const DAG: Record<string, Drawn> = {
  S: { parent: '', chain: true },
  C1: {
    parent: 'S',
    chain: true,
    blues: ['S'],
    reds: ['X'],
    outputs: [
      { amount: 100, script: THEIRS },
      { amount: 40, script: OURS },
    ],
  },
  B: { parent: 'S', blues: ['S'] },
  R: { parent: 'S', blues: ['S'] },
  C2: {
    parent: 'C1',
    chain: true,
    blues: ['C1', 'B'],
    reds: ['R'],
    outputs: [
      { amount: 50, script: OURS },
      { amount: 51, script: OURS },
      { amount: 52, script: THEIRS },
    ],
  },
  C3: { parent: 'C2', chain: true, blues: ['C2'], outputs: [{ amount: 53, script: THEIRS }] },
  LOOSE: { parent: 'C3', blues: ['C3'] },
};
const CHAIN = ['S', 'C1', 'C2', 'C3'];

class DrawnNode implements FateSource {
  asked = 0;
  told: BlockFate | undefined;
  knowsColour = true;
  rewardInfo = async () => this.told;
  sinkBlueScore = async () => 103n;

  colour = async (hash: string) => {
    if (!this.knowsColour) return null;
    if (hash === 'R') return 'red' as const;
    return hash === 'LOOSE' || hash === 'C3' || !DAG[hash] ? ('unknown' as const) : ('blue' as const);
  };

  chainFrom = async (hash: string) => CHAIN.slice(CHAIN.indexOf(hash) + 1);

  block = async (hash: string): Promise<WireBlock | undefined> => {
    this.asked++;
    const drawn = DAG[hash];
    if (!drawn) return undefined;
    return {
      header: Buffer.alloc(0),
      transactions: [coinbase(drawn.outputs ?? [])],
      verboseData: {
        hash,
        difficulty: 1,
        selectedParentHash: drawn.parent,
        transactionIds: [],
        isHeaderOnly: false,
        blueScore: String(100 + CHAIN.indexOf(hash)),
        childrenHashes: [],
        mergeSetBluesHashes: [...(drawn.blues ?? [])],
        mergeSetRedsHashes: [...(drawn.reds ?? [])],
        isChainBlock: drawn.chain ?? false,
      },
    };
  };
}

for (const knowsColour of [true, false]) {
  describe(`the fate of a block, from a node that ${knowsColour ? 'knows colours' : 'knows only blocks'}`, () => {
    const node = (): DrawnNode => Object.assign(new DrawnNode(), { knowsColour });

    it('is blue with the output that the merging coinbase has for it', async () => {
      expect(await findBlockFate(node(), 'B', OURS)).toEqual({
        colour: 'blue',
        mergingBlockHash: 'C2',
        confirmations: 1,
        reward: 51n,
      });
    });

    it('includes what our own coinbase got for reds when our block is on the chain', async () => {
      expect(await findBlockFate(node(), 'C1', OURS)).toMatchObject({
        colour: 'blue',
        mergingBlockHash: 'C2',
        reward: 90n,
      });
    });

    it('is red without a reward', async () => {
      expect(await findBlockFate(node(), 'R', OURS)).toEqual({
        colour: 'red',
        mergingBlockHash: 'C2',
        confirmations: 1,
        reward: undefined,
      });
    });

    it('has no reward when the output does not pay us', async () => {
      expect((await findBlockFate(node(), 'B', THEIRS)).reward).toBeUndefined();
    });

    it('is unknown while nothing has merged it, and for a block that the node does not have', async () => {
      for (const hash of ['LOOSE', 'C3', 'nowhere'])
        expect(await findBlockFate(node(), hash, OURS)).toEqual(UNKNOWN_FATE);
    });
  });
}

describe('the fate of a block, from a node that knows rewards', () => {
  it('is taken as it is, without a walk', async () => {
    const node = new DrawnNode();
    node.told = { colour: 'blue', mergingBlockHash: 'M', confirmations: 9, reward: 7n };
    expect(await findBlockFate(node, 'B', OURS)).toEqual(node.told);
    expect(node.asked).toBe(0);
  });
});
