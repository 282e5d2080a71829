import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeStatus } from '../../../../src/chains/chain.ts';
import { encodeAddress } from '../../../../src/chains/kaspa/address.ts';
import { KaspaChain, type KaspaChainOptions } from '../../../../src/chains/kaspa/kaspa-chain.ts';
import { readTemplate } from '../../../../src/chains/kaspa/template.ts';
import type { Template } from '../../../../src/domain/job.ts';
import { silentLogger } from '../../../../src/kit/log.ts';
import { pollUntil } from '../../../kit/poll-until.ts';
import { ScriptedNode, templateBlock } from '../../../kit/scripted-node.ts';

const PAY_ADDRESS = encodeAddress({ prefix: 'kaspadev', version: 0, payload: new Uint8Array(32).fill(1) });

describe('the Kaspa chain over several nodes', () => {
  let nodes: ScriptedNode[];
  let chain: KaspaChain | undefined;
  let templates: Template[];
  let statuses: readonly NodeStatus[];

  beforeEach(async () => {
    nodes = [await new ScriptedNode().start(), await new ScriptedNode().start()];
    // Other work than the first one's: the same work from two nodes is one job.
    nodes[1]!.work = 2;
    templates = [];
    statuses = [];
  });

  afterEach(async () => {
    await chain?.close();
    for (const node of nodes) node.stop();
  });

  function makeChain(overrides: Partial<KaspaChainOptions> = {}): KaspaChain {
    chain = new KaspaChain({
      nodes: nodes.map((node, i) => ({ name: `n${i}`, address: node.address })),
      networkId: 'devnet',
      payAddress: PAY_ADDRESS,
      extraData: 'tag',
      log: silentLogger,
      clock: () => performance.now(),
      random: () => 0,
      timeouts: { templateMs: 100, submitMs: 100, queryMs: 100 },
      choice: { templateSilenceMs: 300, restAfterLossMs: 600 },
      pollMs: 60,
      infoMs: 60,
      submitRetryWithinMs: 200,
      ...overrides,
    });
    return chain;
  }

  async function opened(overrides: Partial<KaspaChainOptions> = {}): Promise<KaspaChain> {
    const made = makeChain(overrides);
    await made.open({
      onTemplate: (template) => templates.push(template),
      onStatus: (status) => {
        statuses = status;
      },
    });
    return made;
  }

  async function holder(): Promise<number> {
    const template = await pollUntil('a template has come', () => templates.at(-1));
    return Number(template.nodeName.slice(1));
  }

  it('repeats the same work as the same work, so that its job stays fresh, and gives the next at a notification', async () => {
    await opened({ nodes: [{ name: 'n0', address: nodes[0]!.address }] });
    await pollUntil('it was polled several times', () => nodes[0]!.count('getBlockTemplateRequest') > 4);
    expect(templates.length).toBeGreaterThan(1);
    expect(new Set(templates.map(({ prePowHash }) => Buffer.from(prePowHash).toString('hex'))).size).toBe(1);
    expect(templates[0]).toMatchObject({ nodeName: 'n0', daaScore: 1_000n, bits: 0x207fffff });
    nodes[0]!.work = 3;
    nodes[0]!.notify();
    await pollUntil(
      'the new work has come',
      () => Buffer.compare(templates.at(-1)!.prePowHash, templates[0]!.prePowHash) !== 0,
    );
  });

  it('never has two template requests open at one node', async () => {
    let open = 0;
    let most = 0;
    nodes[0]!.scripts.getBlockTemplateRequest = async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      return { isSynced: true, block: templateBlock(1_000, nodes[0]!.work++ % 250) };
    };
    await opened({ nodes: [{ name: 'n0', address: nodes[0]!.address }] });
    for (let i = 0; i < 50; i++) nodes[0]!.notify();
    await pollUntil('some have come', () => templates.length > 2);
    expect(most).toBe(1);
  });

  it('uses no template of a node that is not synced, and says so', async () => {
    for (const node of nodes) node.synced = false;
    const made = await opened();
    await pollUntil('both are connected', () => made.status().every((status) => status.connected));
    await pollUntil('they were asked again', () =>
      nodes.every((node) => node.count('getServerInfoRequest') > 3),
    );
    expect(templates).toEqual([]);
    expect(made.status().map((status) => status.fault)).toEqual(
      Array(2).fill('the node is not synced: its templates are not used'),
    );
    nodes[1]!.synced = true;
    expect(await holder()).toBe(1);
  });

  it('leaves a node whose templates stop, though it answers everything else', async () => {
    await opened();
    const first = await holder();
    nodes[first]!.scripts.getBlockTemplateRequest = () => ({ error: { message: 'no transactions today' } });
    await pollUntil('the other one gives them', () => templates.at(-1)?.nodeName === `n${1 - first}`);
    expect(statuses[first]!.connected).toBe(true);
    await pollUntil(
      'the status tells why',
      () => statuses[first]!.fault === 'no template: no transactions today',
    );
  });

  it('leaves a node that falls behind its peers', async () => {
    const made = await opened();
    const first = await holder();
    await pollUntil('both are connected', () => made.status().every((status) => status.connected));
    nodes[1 - first]!.daaScore += 31;
    await pollUntil('the other one gives them', () => templates.at(-1)?.nodeName === `n${1 - first}`);
  });

  it('skips a template that would make a miner disconnect', async () => {
    for (const node of nodes) {
      node.scripts.getBlockTemplateRequest = () => ({ isSynced: true, block: templateBlock(1_000, 1, 0) });
    }
    const made = await opened();
    await pollUntil('the status tells why', () =>
      made.status().some((status) => status.fault === 'no template: its timestamp is zero'),
    );
    expect(templates).toEqual([]);
  });

  it('skips a template whose scores no database could hold', () => {
    expect(readTemplate(templateBlock(2 ** 62, 1), 'n0', 0)).toMatchObject({ ok: true });
    expect(readTemplate(templateBlock(2 ** 63, 1), 'n0', 0)).toMatchObject({
      ok: false,
      reason: 'its scores are beyond 2^63',
    });
  });

  it('confirms a candidate by the reference, sends it to all nodes at once, and only once', async () => {
    const made = await opened();
    await holder();
    await pollUntil('both are connected', () => made.status().every((status) => status.connected));
    const template = templates[0]!;
    let nonce = 0n;
    while (!made.confirmCandidate(template, nonce)) nonce++;
    const candidate = made.confirmCandidate(template, nonce)!;
    nodes[1]!.scripts.submitBlockRequest = () => ({
      rejectReason: 'BLOCK_INVALID',
      error: { message: 'bad block' },
    });
    const reports = await made.submit(candidate);
    expect(reports.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['accepted', ''],
      ['refused', 'bad block'],
    ]);
    expect(await made.submit({ ...candidate })).toBe(reports);
    expect(nodes.map((node) => node.count('submitBlockRequest'))).toEqual([1, 1]);
  });

  it('tries a silent node twice, and a node that is gone until the time is over', async () => {
    const made = await opened();
    await holder();
    await pollUntil('both are connected', () => made.status().every((status) => status.connected));
    nodes[0]!.scripts.submitBlockRequest = () => undefined;
    nodes[1]!.stop();
    await pollUntil('the loss is noticed', () => made.status()[1]!.connected === false);
    let nonce = 0n;
    while (!made.confirmCandidate(templates[0]!, nonce)) nonce++;
    const reports = await made.submit(made.confirmCandidate(templates[0]!, nonce)!);
    expect(reports.map((report) => report.outcome)).toEqual(['unreachable', 'unreachable']);
    expect(nodes[0]!.count('submitBlockRequest')).toBe(2);
  });

  it('believes only synced nodes about the fate of a block, and says when none of them could be asked', async () => {
    const made = await opened();
    await pollUntil('both are connected', () => made.status().every((status) => status.connected));
    const hash = 'ab'.repeat(32);
    const merged = (blockColor: string) => () => ({ blockColor, confirmationCount: '7', rewardAmount: '5' });
    nodes[0]!.scripts.getBlockRewardInfoRequest = () => undefined;
    nodes[1]!.scripts.getBlockRewardInfoRequest = merged('BLUE');
    expect(await made.blockFate(hash)).toMatchObject({ colour: 'blue', confirmations: 7 });
    nodes[1]!.scripts.getBlockRewardInfoRequest = merged('UNKNOWN');
    expect(await made.blockFate(hash)).toMatchObject({ colour: 'unknown' });
    nodes[1]!.synced = false;
    await pollUntil('it is known to be unsynced', () => !made.status()[1]!.synced);
    await expect(made.blockFate(hash)).rejects.toMatchObject({ code: 'SLUICE_NO_NODE' });
  });

  it('offers a block again to a node that was too busy to look at it', async () => {
    const made = await opened();
    await holder();
    await pollUntil('both are connected', () => made.status().every((status) => status.connected));
    const busy = () => ({ rejectReason: 'NONE', error: { message: 'route is full' } });
    let asked = 0;
    nodes[0]!.scripts.submitBlockRequest = () => (++asked < 3 ? busy() : { rejectReason: 'NONE' });
    nodes[1]!.scripts.submitBlockRequest = busy;
    let nonce = 0n;
    while (!made.confirmCandidate(templates[0]!, nonce)) nonce++;
    const reports = await made.submit(made.confirmCandidate(templates[0]!, nonce)!);
    expect(reports.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['accepted', ''],
      ['refused', 'route is full'],
    ]);
  });

  it('refuses to open when every node is of another network', async () => {
    const made = makeChain({
      networkId: 'testnet-10',
      payAddress: encodeAddress({ prefix: 'kaspatest', version: 0, payload: new Uint8Array(32) }),
    });
    await expect(made.open({ onTemplate: () => {}, onStatus: () => {} })).rejects.toMatchObject({
      code: 'SLUICE_NODE_NETWORK',
    });
  });

  it('opens without any node, and works when one comes', async () => {
    for (const node of nodes) node.scripts.getServerInfoRequest = () => undefined;
    const made = await opened({ openWaitMs: 100, timeouts: { infoMs: 50 } });
    expect(made.status().map((status) => status.connected)).toEqual([false, false]);
    nodes[1]!.scripts.getServerInfoRequest = nodes[0]!.scripts.getServerInfoRequest = () => ({
      serverVersion: '2.0.1',
      networkId: 'devnet',
      isSynced: true,
      virtualDaaScore: '9',
    });
    await holder();
  });

  it('refuses a treasury address of another network, a long tag, and a list without nodes or with two of one name', () => {
    const foreign = encodeAddress({ prefix: 'kaspa', version: 0, payload: new Uint8Array(32) });
    expect(() => makeChain({ payAddress: foreign })).toThrow(
      expect.objectContaining({ code: 'SLUICE_PAY_ADDRESS' }),
    );
    expect(() => makeChain({ payAddress: 'nonsense' })).toThrow(
      expect.objectContaining({ code: 'SLUICE_PAY_ADDRESS' }),
    );
    expect(() => makeChain({ extraData: 'x'.repeat(129) })).toThrow(
      expect.objectContaining({ code: 'SLUICE_EXTRA_DATA' }),
    );
    expect(() => makeChain({ nodes: [] })).toThrow(expect.objectContaining({ code: 'SLUICE_NO_NODE' }));
    const twin = { name: 'n0', address: '127.0.0.1:1' };
    expect(() => makeChain({ nodes: [twin, { ...twin, address: '127.0.0.1:2' }] })).toThrow(
      expect.objectContaining({ code: 'SLUICE_NODE_NAME' }),
    );
  });

  it('asks the next node about money when one is silent, but takes a refusal for an answer', async () => {
    const made = await opened();
    await pollUntil('both are connected', () => made.status().every((status) => status.connected));
    nodes[0]!.scripts.getFeeEstimateRequest = () => undefined;
    nodes[1]!.scripts.getFeeEstimateRequest = () => ({ estimate: { priorityBucket: { feerate: 100 } } });
    expect(await made.treasury.feeEstimate()).toEqual({
      priorityFeerate: 100,
      normalFeerate: 100,
      lowFeerate: 100,
    });
    for (const node of nodes)
      node.scripts.getUtxosByAddressesRequest = () => ({ error: { message: 'no utxo index' } });
    await expect(made.treasury.utxos([PAY_ADDRESS])).rejects.toMatchObject({ code: 'SLUICE_NODE_REFUSED' });
  });
});
