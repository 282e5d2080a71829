import { describe, expect, it } from 'vitest';
import { Dag, type DagBlock, type Ghostdag } from '../../../src/simnode/dag.ts';

const WORK = 10n;

function genesis(): DagBlock {
  const none: Ghostdag = {
    parents: [],
    selectedParent: '',
    blues: [],
    reds: [],
    blueScore: 0,
    daaScore: 0,
    blueWork: 0n,
  };
  return { ...none, hash: 'g', children: [], red: false };
}

function newDag(k = 124): Dag<DagBlock> {
  return new Dag(genesis(), WORK, k);
}

function add(dag: Dag<DagBlock>, hash: string, parents: string[], red = false) {
  return dag.add({ ...dag.colour(parents), hash, children: [], red });
}

describe('the simulated DAG', () => {
  it('merges a block beside the chain as blue, with its score and its work', () => {
    const dag = newDag();
    add(dag, 'a', ['g']);
    add(dag, 'b', ['a']);
    add(dag, 'c', ['a']);
    add(dag, 'd', ['b', 'c']);
    const d = dag.get('d')!;
    expect(d.selectedParent).toBe('c');
    expect(d).toMatchObject({ blues: ['c', 'b'], reds: [], blueScore: 4, daaScore: 4, blueWork: 40n });
    expect(dag.mergerOf('b')?.hash).toBe('d');
    expect(dag.isChainBlock('b')).toBe(false);
  });

  it('counts every block of the past exactly once in the DAA score', () => {
    const dag = newDag();
    add(dag, 'a', ['g']);
    add(dag, 'b', ['a']);
    add(dag, 'c', ['a']);
    add(dag, 'd', ['b', 'c']);
    add(dag, 'e', ['a']);
    add(dag, 'f', ['d', 'e']);
    expect(dag.get('f')?.daaScore).toBe(6);
    expect(dag.get('f')?.blues).toEqual(['d', 'e']);
  });

  it('merges a declared red block as red, and never selects it while another tip exists', () => {
    const dag = newDag();
    add(dag, 'a', ['g']);
    add(dag, 'z', ['a'], true);
    add(dag, 'b', ['a']);
    expect(dag.virtual()).toMatchObject({ selectedParent: 'b', reds: ['z'], blues: ['b'] });
    add(dag, 'c', ['b', 'z']);
    expect(dag.get('c')).toMatchObject({ blueScore: 3, daaScore: 4 });
  });

  it('merges a block red that is more than K blue blocks behind', () => {
    const dag = newDag(3);
    for (let i = 0; i < 8; i++) add(dag, `c${i}`, [i === 0 ? 'g' : `c${i - 1}`]);
    add(dag, 'late', ['c1']);
    expect(dag.virtual()).toMatchObject({ selectedParent: 'c7', reds: ['late'] });
    expect(dag.virtual().daaScore).toBe(10);
  });

  it('has no merger for a tip: the virtual block does not count', () => {
    const dag = newDag();
    add(dag, 'a', ['g']);
    expect(dag.mergerOf('a')).toBeUndefined();
  });

  it('tells which chain blocks a heavier chain replaces', () => {
    const dag = newDag();
    add(dag, 'a', ['g']);
    add(dag, 'b', ['a']);
    add(dag, 'x', ['a']);
    const change = add(dag, 'y', ['x']);
    expect(dag.sink.hash).toBe('y');
    // x is heavier than b by its hash alone, so the chain moved to it already.
    expect(change.added.map((block) => block.hash)).toEqual(['y']);
    const back = [add(dag, 'c', ['b']), add(dag, 'd', ['c'])].at(-1)!;
    expect(back.removed.map((block) => block.hash)).toEqual(['y', 'x']);
    expect(back.added.map((block) => block.hash)).toEqual(['b', 'c', 'd']);
    expect(dag.mergerOf('a')?.hash).toBe('b');
  });

  it('answers the virtual chain from a block that is off the chain', () => {
    const dag = newDag();
    add(dag, 'a', ['g']);
    add(dag, 'b', ['a']);
    add(dag, 'c', ['a']);
    add(dag, 'd', ['b', 'c']);
    const change = dag.chainFrom('b', 10)!;
    expect(change.removed.map((block) => block.hash)).toEqual(['b']);
    expect(change.added.map((block) => block.hash)).toEqual(['c', 'd']);
    expect(dag.chainFrom('nobody', 10)).toBeUndefined();
  });

  it('forgets the oldest blocks, tells their mergers, and stays consistent', () => {
    const dag = newDag();
    const dropped: string[] = [];
    for (let i = 0; i < 200; i++) {
      add(dag, `c${i}`, [i === 0 ? 'g' : `c${i - 1}`]);
      dag.prune(20, (block, mergedBy) => dropped.push(`${block.hash}<${mergedBy?.hash}`));
    }
    expect(dag.size).toBe(20);
    expect(dropped.slice(0, 2)).toEqual(['g<c0', 'c0<c1']);
    expect(
      dag
        .chainFrom('c190', 100)
        ?.added.map((block) => block.hash)
        .at(-1),
    ).toBe('c199');
    expect(dag.chainBlockBelowSink(5).hash).toBe('c194');
    expect(dag.get('c100')).toBeUndefined();
  });
});
