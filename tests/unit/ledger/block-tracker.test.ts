import { describe, expect, it } from 'vitest';
import type {
  BlockColour,
  BlockFate,
  Candidate,
  SubmitOutcome,
  SubmitReport,
} from '../../../src/chains/chain.ts';
import { silentLogger } from '../../../src/kit/log.ts';
import { createRegistry } from '../../../src/kit/metrics.ts';
import { BlockTracker, type BlockTrackerOptions } from '../../../src/ledger/block-tracker.ts';
import { registerBlockMetrics } from '../../../src/ledger/ledger-metrics.ts';
import { MemoryBlockStore } from '../../kit/memory-block-store.ts';
import { sampleTemplate } from '../../kit/sample-template.ts';

const UNKNOWN: BlockFate = { colour: 'unknown', mergingBlockHash: '', confirmations: 0, reward: undefined };
const hashOf = (n: number) => n.toString(16).padStart(64, '0');
const candidate = (n: number): Candidate => ({
  template: sampleTemplate(n),
  nonce: BigInt(n),
  blockHash: hashOf(n),
});
const report = (outcome: SubmitOutcome, nodeName = 'a'): SubmitReport => ({
  nodeName,
  outcome,
  reason: outcome === 'accepted' ? '' : 'no',
  elapsedMs: 3,
});
const merged = (colour: BlockColour, confirmations: number): BlockFate => ({
  colour,
  confirmations,
  mergingBlockHash: hashOf(999),
  reward: colour === 'blue' ? 5_000_000_000n : undefined,
});

/** A tracker over a chain whose answers the test sets, on a clock that it moves. */
function stage(options: Partial<BlockTrackerOptions> & { store?: MemoryBlockStore } = {}) {
  const fates = new Map<string, BlockFate>();
  const asked: string[] = [];
  const store = options.store ?? new MemoryBlockStore();
  const time = { nowMs: 1_000_000 };
  const tracker = new BlockTracker({
    store,
    fateOf: async (hash) => {
      asked.push(hash);
      return fates.get(hash) ?? UNKNOWN;
    },
    clock: () => time.nowMs,
    log: silentLogger,
    finalConfirmations: 100,
    pollIntervalMs: 1000,
    followForMs: 3_600_000,
    ...options,
  });
  const find = (n: number, outcome?: SubmitOutcome) => {
    tracker.found(candidate(n), {
      ...{ address: 'kaspatest:a', workerName: 'rig', pot: 1, foundAtUnixMs: time.nowMs },
      ...{ templateAgeMs: 1, queueMs: 1 },
    });
    if (outcome) tracker.submitted(hashOf(n), [report(outcome)]);
  };
  const round = async (ms = 60_000) => {
    time.nowMs += ms;
    await tracker.tick();
  };
  const stored = async (n: number) =>
    (await store.recent(1000)).find((block) => block.blockHash === hashOf(n));
  return { tracker, store, fates, asked, time, find, round, stored };
}

describe('the block tracker', () => {
  it('follows a block from candidate to blue and deep, and then leaves it alone', async () => {
    const { tracker, fates, asked, find, round, stored } = stage();
    find(1);
    await round(0);
    expect(await stored(1)).toMatchObject({ state: 'candidate', workerName: 'rig' });
    tracker.submitted(hashOf(1), [report('accepted')]);
    await round();
    expect(await stored(1)).toMatchObject({ state: 'accepted', colour: 'unknown' });
    fates.set(hashOf(1), merged('blue', 3));
    await round();
    expect(await stored(1)).toMatchObject({ state: 'blue', colour: 'blue', rewardSompi: 5_000_000_000n });
    fates.set(hashOf(1), merged('blue', 100));
    await round();
    expect(await stored(1)).toMatchObject({ state: 'blue', deep: true, mergingBlockHash: hashOf(999) });
    const before = asked.length;
    await round();
    expect(asked).toHaveLength(before);
    expect(tracker.following).toBe(0);
    expect(tracker.tally).toMatchObject({ found: 1, accepted: 1, refused: 0, blue: 1, red: 0, matured: 1 });
  });

  it('counts a red block only when it is deep, and follows a reorg that turns it blue', async () => {
    const { tracker, fates, find, round, stored } = stage();
    find(1, 'accepted');
    fates.set(hashOf(1), merged('red', 5));
    await round();
    expect(await stored(1)).toMatchObject({ state: 'accepted', colour: 'red', rewardSompi: 0n });
    expect(tracker.tally).toMatchObject({ blue: 0, red: 1 });
    fates.set(hashOf(1), merged('blue', 5));
    await round();
    expect(await stored(1)).toMatchObject({ state: 'blue', colour: 'blue' });
    expect(tracker.tally).toMatchObject({ blue: 1, red: 0 });
    fates.set(hashOf(1), UNKNOWN);
    await round();
    expect(await stored(1)).toMatchObject({ state: 'accepted', colour: 'unknown' });
    fates.set(hashOf(1), merged('red', 200));
    await round();
    expect(await stored(1)).toMatchObject({ state: 'red', colour: 'red' });
    expect(tracker.following).toBe(0);
  });

  it('calls a block refused only when every node refused it', async () => {
    const { tracker, find, round, stored } = stage();
    find(1, 'refused');
    find(2);
    tracker.submitted(hashOf(2), [report('refused', 'a'), report('unreachable', 'b')]);
    find(3);
    tracker.submitted(hashOf(3), [report('refused', 'a'), report('accepted', 'b')]);
    await round();
    expect(await stored(1)).toMatchObject({ state: 'refused' });
    expect(await stored(2)).toMatchObject({ state: 'submitted' });
    expect(await stored(3)).toMatchObject({ state: 'accepted' });
    expect((await stored(3))?.reports).toHaveLength(2);
    expect(tracker.tally).toMatchObject({ found: 3, accepted: 1, refused: 1 });
  });

  it('takes a repeated hash for the block that it has', async () => {
    const { tracker, find, round, store } = stage();
    find(1, 'accepted');
    find(1);
    await round();
    find(1);
    await round();
    expect(tracker.tally.found).toBe(1);
    expect(await store.recent(10)).toHaveLength(1);
  });

  it('goes on after a restart with what the store holds, and with what the loader put there', async () => {
    const first = stage();
    first.find(1, 'accepted');
    await first.tracker.close();
    const second = stage({ store: first.store });
    second.fates.set(hashOf(1), merged('blue', 100));
    second.fates.set(hashOf(2), merged('red', 100));
    await second.store.insert({
      blockHash: hashOf(2),
      address: 'kaspatest:b',
      workerName: '',
      nonce: 1n,
      prePowHash: new Uint8Array(32),
      templateTimestampMs: 1n,
      daaScore: 1n,
      blueScore: 1n,
      bits: 1,
      pot: 1,
      foundAtUnixMs: second.time.nowMs,
      templateAgeMs: 1,
      queueMs: 1,
    });
    await second.round();
    expect(await second.stored(1)).toMatchObject({
      state: 'blue',
      deep: true,
      reports: [report('accepted')],
    });
    expect(await second.stored(2)).toMatchObject({ state: 'red' });
  });

  it('keeps blocks in memory while the database is away, and writes them when it is back', async () => {
    const { tracker, store, fates, find, round, stored } = stage();
    store.away = true;
    for (let n = 1; n <= 5; n++) find(n, 'accepted');
    fates.set(hashOf(3), merged('blue', 500));
    await round();
    expect(tracker.storeFault).not.toBe('');
    expect(tracker.unsaved).toBe(5);
    expect(tracker.recent().map((block) => block.blockHash)).toEqual([5, 4, 3, 2, 1].map(hashOf));
    store.away = false;
    await round();
    expect(tracker.storeFault).toBe('');
    expect(tracker.unsaved).toBe(0);
    expect(await stored(3)).toMatchObject({ state: 'blue', deep: true });
    expect(await stored(5)).toMatchObject({ state: 'accepted' });
  });

  it('is bounded in what it keeps', async () => {
    const { tracker, store, find } = stage({ trackedMax: 10 });
    store.away = true;
    for (let n = 1; n <= 50; n++) find(n, 'accepted');
    await tracker.tick();
    expect(tracker.following).toBe(10);
    expect(tracker.recent()).toHaveLength(50);
  });

  it('gives up on a block that nobody merges in time', async () => {
    const { tracker, find, round, stored } = stage({ followForMs: 10_000 });
    find(1, 'accepted');
    await round(5000);
    expect(await stored(1)).toMatchObject({ state: 'accepted' });
    await round(6000);
    expect(await stored(1)).toMatchObject({ state: 'orphaned' });
    expect(tracker.tally.orphaned).toBe(1);
  });

  it('gives up on no block before the chain was heard, however long the nodes are away', async () => {
    let away = true;
    const { find, round, stored } = stage({
      followForMs: 10_000,
      fateOf: async (hash) => {
        if (away) throw new Error('node away');
        return hash === hashOf(40) ? UNKNOWN : merged('blue', 100);
      },
    });
    // More than a round asks for.
    for (let n = 1; n <= 40; n++) find(n, 'accepted');
    await round(60_000);
    await round();
    expect(await stored(1)).toMatchObject({ state: 'accepted' });
    away = false;
    for (let n = 0; n < 3; n++) await round();
    for (let n = 1; n < 40; n++) expect(await stored(n)).toMatchObject({ state: 'blue', deep: true });
    expect(await stored(40)).toMatchObject({ state: 'orphaned' });
  });

  it('takes the last word for the end when the chain has forgotten an old block', async () => {
    const { tracker, fates, find, round, stored } = stage({ followForMs: 100_000 });
    for (const [n, colour] of [[1, 'blue'] as const, [2, 'red'] as const]) {
      find(n, 'accepted');
      fates.set(hashOf(n), merged(colour, 5));
    }
    await round();
    fates.clear();
    await round(200_000);
    expect(await stored(1)).toMatchObject({
      state: 'blue',
      deep: true,
      colour: 'blue',
      rewardSompi: 5_000_000_000n,
    });
    expect(await stored(2)).toMatchObject({ state: 'red', colour: 'red' });
    expect(tracker.tally).toMatchObject({ blue: 1, red: 1, orphaned: 0 });
  });

  it('writes the other blocks when the store will not have one of them', async () => {
    const { tracker, store, find, round, stored } = stage();
    const insert = store.insert.bind(store);
    store.insert = async (block) => {
      if (block.blockHash === hashOf(1)) throw new Error('no such row for me');
      return insert(block);
    };
    for (let n = 1; n <= 3; n++) find(n, 'accepted');
    await round();
    await round();
    expect(await stored(2)).toMatchObject({ state: 'accepted' });
    expect(await stored(3)).toMatchObject({ state: 'accepted' });
    expect(tracker.unsaved).toBe(1);
    expect(tracker.storeFault).toBe('no such row for me');
  });

  it('asks again when the node cannot say', async () => {
    let calls = 0;
    const { find, round, stored } = stage({
      fateOf: async () => {
        if (++calls === 1) throw new Error('node away');
        return merged('blue', 100);
      },
    });
    find(1, 'accepted');
    await round();
    expect(await stored(1)).toMatchObject({ state: 'accepted' });
    await round();
    expect(await stored(1)).toMatchObject({ state: 'blue', deep: true });
  });

  it('writes a change that came while the store was writing', async () => {
    const { tracker, store, find, round, stored } = stage();
    find(1);
    const update = store.update.bind(store);
    store.update = async (hash, progress) => {
      store.update = update;
      tracker.submitted(hash, [report('accepted')]);
      return update(hash, progress);
    };
    await round(0);
    expect(tracker.unsaved).toBe(1);
    await round();
    expect(await stored(1)).toMatchObject({ state: 'accepted' });
  });

  it('shows its counts as metrics', async () => {
    const { tracker, find } = stage();
    const registry = createRegistry();
    registerBlockMetrics(registry, tracker);
    find(1, 'accepted');
    find(2, 'refused');
    const text = await registry.metrics();
    expect(text).toContain('sluice_ledger_blocks{outcome="found"} 2');
    expect(text).toContain('sluice_ledger_blocks{outcome="refused"} 1');
    expect(text).toContain('sluice_ledger_blocks_unsaved 2');
  });
});
