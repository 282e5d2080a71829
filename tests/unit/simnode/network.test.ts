import { describe, expect, it } from 'vitest';
import { decodeWireHeader, decodeWireTransaction } from '../../../src/chains/kaspa/wire.ts';
import { headerBytes } from '../../../src/simnode/template-maker.ts';
import { outpointKey } from '../../../src/simnode/transaction.ts';
import type { UtxoDiff } from '../../../src/simnode/utxo-set.ts';
import { MINER_SCRIPT, mineOwn, NOW_MS, sampleNetwork, submitDraft } from './sample-network.ts';

const SUBSIDY = 194_454_365n;

describe('templates of the simulated network', () => {
  it('are the same bytes within a second while nothing changes, and others for another tag', () => {
    const network = sampleNetwork();
    const first = network.template(MINER_SCRIPT, 'a', NOW_MS)!;
    expect(network.template(MINER_SCRIPT, 'a', NOW_MS + 900)).toBe(first);
    expect(network.template(MINER_SCRIPT, 'b', NOW_MS)!.prePowHash).not.toEqual(first.prePowHash);
    const later = network.template(MINER_SCRIPT, 'a', NOW_MS + 1000)!;
    expect(later.header.timestampMs).toBe(BigInt(NOW_MS + 1000));
    expect(later.prePowHash).toEqual(first.prePowHash);
  });

  it('change with every block of the others', () => {
    const network = sampleNetwork();
    const first = network.template(MINER_SCRIPT, '', NOW_MS)!;
    network.arriveForeign(NOW_MS);
    expect(network.template(MINER_SCRIPT, '', NOW_MS)!.prePowHash).not.toEqual(first.prePowHash);
  });

  it('carry a header with all its levels, ending in genesis, and no nonce on the wire', () => {
    const network = sampleNetwork({ parentLevels: 30 });
    const draft = network.template(MINER_SCRIPT, '', NOW_MS)!;
    const wire = decodeWireHeader(headerBytes(draft.header));
    expect(wire.parents.length).toBe(30);
    expect(wire.parents[0]!.parentHashes).toEqual(network.dag.tips);
    expect(wire.parents.at(-1)!.parentHashes).toEqual([network.block.genesisHash]);
    expect(headerBytes(draft.header).includes(Buffer.of(0x40, 0x00))).toBe(false);
    expect(wire.nonce).toBe('0');
  });

  it('say in the coinbase who mines, for how much, with which text', () => {
    const network = sampleNetwork();
    const draft = network.template(MINER_SCRIPT, 'tag', NOW_MS)!;
    const payload = Buffer.from(decodeWireTransaction(draft.bodies[0]!).payload, 'hex');
    expect(payload.readBigUInt64LE(0)).toBe(draft.header.blueScore);
    expect(payload.readBigUInt64LE(8)).toBe(SUBSIDY);
    expect(payload.readUInt16LE(16)).toBe(0);
    expect(payload.subarray(19, 19 + payload[18]!).toString('hex')).toBe(MINER_SCRIPT);
    expect(payload.subarray(19 + payload[18]!).toString()).toBe('simnode/2.0.1/tag');
  });

  it('are refused for a text that does not fit', () => {
    expect(sampleNetwork().template(MINER_SCRIPT, 'x'.repeat(160), NOW_MS)).toBeUndefined();
  });

  it('hold version-1 transactions with fields of the future when the block version is 2', () => {
    const draft = sampleNetwork({ blockVersion: 2 }).template(MINER_SCRIPT, '', NOW_MS)!;
    const filler = decodeWireTransaction(draft.bodies[1]!);
    expect(filler.version).toBe(1);
    expect(filler.inputs[0]).toMatchObject({ computeBudget: 12, sequence: '18446744073709551615' });
    expect(filler.outputs[0]!.covenant?.covenant_id).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('a submitted block', () => {
  it('is refused for each thing that is wrong with it, by name', () => {
    const network = sampleNetwork();
    const draft = network.template(MINER_SCRIPT, '', NOW_MS)!;
    const refusal = (header: object, bodies = draft.bodies) => {
      const verdict = network.submitBlock(
        headerBytes({ ...draft.header, nonce: 1n, ...header }),
        bodies,
        NOW_MS,
      );
      return verdict.ok ? 'accepted' : verdict.reason;
    };
    expect(refusal({ nonce: 2n })).toBe('proof-of-work');
    expect(refusal({ bits: draft.header.bits + 1 })).toBe('unknown-template');
    expect(refusal({ daaScore: draft.header.daaScore + 1n })).toBe('unknown-template');
    expect(refusal({ timestampMs: BigInt(NOW_MS) + 133_000n })).toBe('timestamp');
    expect(refusal({}, draft.bodies.slice(1))).toBe('merkle-root');
    expect(refusal({}, [draft.bodies[0]!, ...draft.bodies.slice(1).reverse()])).toBe('merkle-root');
    expect(refusal({}, [Buffer.of(1, 2, 3)])).toBe('malformed');
    expect(network.submitBlock(Buffer.alloc(0), [], NOW_MS)).toEqual({ ok: false, reason: 'malformed' });
    expect(refusal({})).toBe('accepted');
  });

  it('is taken with another timestamp, which is no part of the pre-PoW hash', () => {
    const network = sampleNetwork();
    const draft = network.template(MINER_SCRIPT, '', NOW_MS)!;
    const header = headerBytes({ ...draft.header, nonce: 1n, timestampMs: draft.header.timestampMs + 5n });
    expect(network.submitBlock(header, draft.bodies, NOW_MS).ok).toBe(true);
  });

  it('is a success again when it is submitted again, and counts once', () => {
    const network = sampleNetwork();
    const draft = network.template(MINER_SCRIPT, '', NOW_MS)!;
    expect(submitDraft(network, draft, 1n)).toMatchObject({ ok: true, repeated: false });
    expect(submitDraft(network, draft, 1n)).toMatchObject({ ok: true, repeated: true });
    expect(network.own.counts()).toEqual({ blue: 0, red: 0, waiting: 1 });
  });

  it('is merged blue though its template is seconds old, and red when it is too old', () => {
    const network = sampleNetwork();
    const old = network.template(MINER_SCRIPT, '', NOW_MS)!;
    network.mine(100, NOW_MS);
    const late = submitDraft(network, old, 1n);
    network.mine(50, NOW_MS);
    const tooLate = submitDraft(network, old, 3n);
    network.mine(1, NOW_MS);
    expect(network.own.fate((late as { hash: string }).hash)?.colour).toBe('blue');
    expect(network.own.fate((tooLate as { hash: string }).hash)?.colour).toBe('red');
  });

  it('gets the same fate from every question when the share of red ones is drawn by the seed', () => {
    const run = (seed: string) => {
      const network = sampleNetwork({ redRate: 0.3, seed, forkRate: 0.3 });
      for (let i = 0; i < 50; i++) {
        mineOwn(network);
        network.arriveForeign(NOW_MS);
        network.arriveForeign(NOW_MS);
      }
      return { ...network.own.counts(), sink: network.dag.sink.hash };
    };
    expect(run('1')).toEqual(run('1'));
    expect(run('1').sink).not.toBe(run('2').sink);
    expect(run('1').red).toBeGreaterThan(3);
    expect(run('1').blue + run('1').red).toBe(50);
  });
});

describe('the money of the simulated network', () => {
  it('comes with the coinbase of the merging block, one chain block after it', () => {
    const network = sampleNetwork();
    const diffs: UtxoDiff[] = [];
    network.listen({ onVirtualChange: () => {}, onUtxosChanged: (diff) => diffs.push(diff) });
    const hash = mineOwn(network);
    network.mine(1, NOW_MS);
    const merger = network.dag.sink;
    expect(network.utxos.ofScript(MINER_SCRIPT)).toEqual([]);
    network.mine(1, NOW_MS);
    const [utxo] = network.utxos.ofScript(MINER_SCRIPT);
    const fate = network.own.fate(hash)!;
    expect(fate).toMatchObject({ colour: 'blue', mergingBlock: merger.hash });
    expect(utxo).toMatchObject({
      transactionId: merger.coinbase!.id,
      valueSompi: fate.rewardSompi,
      blockDaaScore: network.dag.sink.daaScore,
      isCoinbase: true,
    });
    expect(fate.rewardSompi).toBe(SUBSIDY + 750_000n);
    expect(diffs.flatMap((diff) => diff.added)).toEqual([utxo]);
  });

  it('pays several blues of one merge set in one coinbase, the selected parent first', () => {
    const network = sampleNetwork();
    const draft = network.template(MINER_SCRIPT, '', NOW_MS)!;
    for (const nonce of [1n, 3n, 5n]) submitDraft(network, draft, nonce);
    network.mine(1, NOW_MS);
    const merger = network.dag.sink;
    expect(merger.blues).toHaveLength(3);
    expect(merger.blues[0]).toBe(merger.selectedParent);
    expect(merger.coinbase!.outputs.map((output) => output.script)).toEqual(Array(3).fill(MINER_SCRIPT));
  });

  it('gives the reward of a red block to the miner who merges it', () => {
    const network = sampleNetwork();
    network.declareRed(1);
    const red = mineOwn(network);
    const merger = mineOwn(network, `20${'55'.repeat(32)}ac`);
    expect(network.dag.get(merger)!.reds).toEqual([red]);
    expect(network.dag.get(merger)!.coinbase!.outputs.at(-1)).toMatchObject({
      script: `20${'55'.repeat(32)}ac`,
      valueSompi: SUBSIDY + 750_000n,
    });
    network.mine(2, NOW_MS);
    expect(network.own.fate(red)).toMatchObject({ colour: 'red', rewardSompi: undefined });
    expect(network.own.fate(merger)!.rewardSompi).toBe(2n * (SUBSIDY + 750_000n));
    expect(network.utxos.ofScript(MINER_SCRIPT)).toEqual([]);
    const paid = network.utxos.ofScript(`20${'55'.repeat(32)}ac`).map((utxo) => utxo.valueSompi);
    expect(paid.reduce((a, b) => a + b, 0n)).toBe(network.own.fate(merger)!.rewardSompi);
  });

  it('pays by outputs exactly the sum of the fates, through forks, reds and reorganisations', () => {
    const network = sampleNetwork({ redRate: 0.2, forkRate: 0.4, seed: 'sum' });
    const own: string[] = [];
    for (let i = 0; i < 120; i++) {
      own.push(mineOwn(network, MINER_SCRIPT, BigInt(2 * i + 1)));
      for (let j = i % 4; j > 0; j--) network.arriveForeign(NOW_MS);
      if (i % 25 === 24) network.reorganise(1 + (i % 7), i % 2 === 0, NOW_MS);
    }
    network.mine(5, NOW_MS);
    const fates = own.map((hash) => network.own.fate(hash)!);
    expect(fates.some((fate) => fate.colour === 'red')).toBe(true);
    expect(fates.every((fate) => fate.colour !== 'unknown')).toBe(true);
    const said = fates.reduce((total, fate) => total + (fate.rewardSompi ?? 0n), 0n);
    const paid = network.utxos.ofScript(MINER_SCRIPT).reduce((total, utxo) => total + utxo.valueSompi, 0n);
    expect(paid).toBe(said);
  });

  it('is taken back by a reorganisation, and the change is told', () => {
    const network = sampleNetwork();
    mineOwn(network);
    network.mine(2, NOW_MS);
    const [utxo] = network.utxos.ofScript(MINER_SCRIPT);
    let told: UtxoDiff | undefined;
    network.listen({
      onVirtualChange: () => {},
      onUtxosChanged: (diff) => {
        told = diff;
      },
    });
    expect(network.reorganise(3, true, NOW_MS)).toBe(3);
    expect(told).toEqual({ added: [], removed: [utxo] });
    expect(network.utxos.get(outpointKey(utxo!.transactionId, utxo!.index))).toBeUndefined();
    network.mine(3, NOW_MS);
    expect(network.own.counts()).toEqual({ blue: 0, red: 1, waiting: 0 });
  });
});

describe('the memory of the simulated network', () => {
  it('holds no more blocks than it was told to, and still knows the fate of ours', () => {
    const network = sampleNetwork({ keepBlocks: 500 });
    const hash = mineOwn(network);
    network.mine(2, NOW_MS);
    const before = network.own.fate(hash)!;
    network.mine(1500, NOW_MS);
    expect(network.dag.size).toBe(500);
    expect(network.dag.get(hash)).toBeUndefined();
    const after = network.own.fate(hash)!;
    expect(after).toMatchObject({
      colour: 'blue',
      rewardSompi: before.rewardSompi,
      mergingBlock: before.mergingBlock,
    });
    expect(after.confirmations).toBe(before.confirmations + 1500);
    expect(network.own.counts()).toEqual({ blue: 1, red: 0, waiting: 0 });
    expect(network.utxos.ofScript(MINER_SCRIPT)).toHaveLength(1);
  });

  it('forgets the oldest outputs when nobody spends, and counts them', () => {
    const network = sampleNetwork({ keepUtxos: 5 });
    for (let i = 0; i < 10; i++) mineOwn(network);
    network.mine(2, NOW_MS);
    expect(network.utxos.size).toBe(5);
    expect(network.utxos.forgotten).toBe(5);
  });
});
