import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeAddress, payToAddressScript } from '../../src/chains/kaspa/address.ts';
import { NodeLink } from '../../src/chains/kaspa/node-link.ts';
import { blockOfTemplate, readTemplate } from '../../src/chains/kaspa/template.ts';
import { decodeWireTransaction, encodeWireTransaction } from '../../src/chains/kaspa/wire.ts';
import type { Template } from '../../src/domain/job.ts';
import { silentLogger } from '../../src/kit/log.ts';
import {
  ControlClient,
  runSimnode,
  type SimnodeHandle,
  type SimnodeOptions,
} from '../../src/simnode/simnode.ts';
import { nodeSuite } from '../conformance/node.suite.ts';
import { grindBlock } from '../kit/block-grinder.ts';
import { pollUntil } from '../kit/poll-until.ts';

/** 4096 hashes a block: real proof of work that costs nothing here. */
const QUIET: Partial<SimnodeOptions> = {
  listen: ['127.0.0.1:0'],
  controlPort: 0,
  difficultyLog2: -20,
  blocksPerSecond: 0,
  redRate: 0,
};

function nodeForSuite(overrides: Partial<SimnodeOptions>) {
  return async () => {
    const handle = await runSimnode({ ...QUIET, ...overrides });
    return {
      address: handle.address,
      networkId: 'devnet',
      stop: () => handle.close(),
      command: (name: string, value: unknown) => handle.command(name, { value: value as string }),
    };
  };
}

nodeSuite('simulated, as kaspad 2', nodeForSuite({}));
nodeSuite('simulated, with version-1 transactions', nodeForSuite({ blockVersion: 2 }));
nodeSuite(
  'simulated, as kaspad 1 without reward info',
  nodeForSuite({ serverVersion: '1.0.1', unknownCalls: ['getBlockRewardInfoRequest'] }),
);
nodeSuite(
  'simulated, as kaspad 0.14 without block colours',
  nodeForSuite({
    serverVersion: '0.14.1',
    unknownCalls: ['getBlockRewardInfoRequest', 'getCurrentBlockColorRequest'],
  }),
);

const PAY_TO = { prefix: 'kaspadev', version: 0, payload: new Uint8Array(32).fill(9) } as const;
const PAY_ADDRESS = encodeAddress(PAY_TO);
const PAY_SCRIPT = Buffer.from(payToAddressScript(PAY_TO)).toString('hex');

describe('a simulated node under orders', () => {
  let simnode: SimnodeHandle;
  let control: ControlClient;
  let link: NodeLink;
  let notifications = 0;

  beforeAll(async () => {
    simnode = await runSimnode({ ...QUIET, listen: ['127.0.0.1:0', '127.0.0.1:0'], maturityDaa: 50 });
    control = await ControlClient.connect(simnode.controlAddress);
  });
  beforeEach(async () => {
    link = linkTo(simnode.address);
    link.start();
    await pollUntil('the link is up', () => link.connected);
    notifications = 0;
  });
  afterEach(async () => {
    link.close();
    await control.send('clear');
  });
  afterAll(async () => {
    control?.close();
    await simnode?.close();
  });

  function linkTo(address: string): NodeLink {
    return new NodeLink({
      name: 'simulated',
      address,
      networkId: 'devnet',
      log: silentLogger,
      random: () => 0,
      timeouts: { infoMs: 200, templateMs: 200, submitMs: 200, queryMs: 200 },
      onNewBlockTemplate: () => notifications++,
    });
  }

  async function template(from = link): Promise<Template> {
    const { block } = await from.getBlockTemplate(PAY_ADDRESS, 'orders');
    const reading = readTemplate(block, 'simulated', 0);
    if (!reading.ok) throw new Error(reading.reason);
    return reading.template;
  }

  async function mine(): Promise<string> {
    const work = await template();
    const { block, hash } = blockOfTemplate(work, await grindBlock(work));
    expect(await link.submitBlock(block)).toEqual({ ok: true, reason: '' });
    return Buffer.from(hash).toString('hex');
  }

  async function answerToBlock(): Promise<string> {
    const work = await template();
    return (await link.submitBlock(blockOfTemplate(work, await grindBlock(work)).block)).reason;
  }

  it('answers nothing while it is stalled, and works again afterwards', async () => {
    await control.send('stall', { value: true });
    await expect(link.getBlockTemplate(PAY_ADDRESS, '')).rejects.toMatchObject({
      code: 'SLUICE_NODE_TIMEOUT',
    });
    await control.send('stall', { value: false });
    expect((await link.getBlockTemplate(PAY_ADDRESS, '')).synced).toBe(true);
  });

  it('drops its streams on order, and takes new ones', async () => {
    expect(await control.send('disconnect')).toMatchObject({ dropped: 1 });
    await pollUntil('the loss is noticed', () => !link.connected);
    await pollUntil('the link is up again', () => link.connected);
  });

  it('lets nobody in while it is offline', async () => {
    await control.send('offline', { value: 'on', node: 0 });
    await pollUntil('the loss is noticed', () => !link.connected);
    const greetings = link.greetings;
    await pollUntil('a new attempt has failed', () => link.greetings > greetings);
    expect(link.connected).toBe(false);
    await control.send('offline', { value: 'off' });
    await pollUntil('the link is up again', () => link.connected);
  });

  it('refuses blocks with the reason it was ordered to give, as often as ordered', async () => {
    await control.send('refuse', { value: 'BLOCK_INVALID', count: 1 });
    expect(await answerToBlock()).toBe('Block was not submitted: block is invalid');
    await control.send('refuse', { value: 'ROUTE_IS_FULL', count: 1 });
    expect(await answerToBlock()).toBe('Block was not submitted: route is full');
    expect(await answerToBlock()).toBe('');
  });

  it('says that it is not synced, and takes no blocks then', async () => {
    await control.send('unsynced', { value: 'on' });
    expect((await link.refreshInfo()).synced).toBe(false);
    expect(await answerToBlock()).toBe('Block was not submitted: node is not synced');
  });

  it('is late on order', async () => {
    await control.send('delay', { value: 500 });
    await expect(link.getBlockTemplate(PAY_ADDRESS, '')).rejects.toMatchObject({
      code: 'SLUICE_NODE_TIMEOUT',
    });
  });

  it('notifies once for a mine, and once for each block of a burst', async () => {
    await control.send('mine', { value: 30 });
    await control.send('burst', { value: 7 });
    await pollUntil('all have come', () => notifications >= 8);
    await template();
    expect(notifications).toBe(8);
  });

  it('turns a block red on order, and pays nothing for it', async () => {
    await control.send('red', { value: 1 });
    const hash = await mine();
    await control.send('mine', { value: 3 });
    expect(await link.blockFate(hash, PAY_SCRIPT)).toMatchObject({ colour: 'red', reward: undefined });
  });

  it('takes a reward back when the chain that paid it is replaced', async () => {
    const hash = await mine();
    await control.send('mine', { value: 3 });
    expect((await link.blockFate(hash, PAY_SCRIPT)).colour).toBe('blue');
    const paid = (await link.utxosOf([PAY_ADDRESS])).length;
    await control.send('reorg', { value: 4 });
    expect((await link.blockFate(hash, PAY_SCRIPT)).colour).toBe('unknown');
    expect((await link.utxosOf([PAY_ADDRESS])).length).toBe(paid - 1);
    await control.send('mine', { value: 3 });
    expect((await link.blockFate(hash, PAY_SCRIPT)).colour).toBe('red');
  });

  it('gives the reward by another coinbase when a reorganisation leaves the block blue', async () => {
    const hash = await mine();
    await control.send('mine', { value: 3 });
    const before = await link.blockFate(hash, PAY_SCRIPT);
    await control.send('reorg', { value: 4, red: false });
    await control.send('mine', { value: 3 });
    const after = await link.blockFate(hash, PAY_SCRIPT);
    expect(after).toMatchObject({ colour: 'blue', reward: before.reward });
    expect(after.mergingBlockHash).not.toBe(before.mergingBlockHash);
  });

  it('shows one network through both of its nodes, and faults through one alone', async () => {
    const second = linkTo(simnode.addresses[1]!);
    second.start();
    try {
      await pollUntil('the second link is up', () => second.connected);
      await control.send('unsynced', { value: 'on', node: 1 });
      expect((await link.refreshInfo()).synced).toBe(true);
      expect((await second.refreshInfo()).synced).toBe(false);
      await control.send('clear');
      const work = await template(link);
      const { block, hash } = blockOfTemplate(work, await grindBlock(work));
      expect((await second.submitBlock(block)).ok).toBe(true);
      expect(await link.block(Buffer.from(hash).toString('hex'), false)).toBeDefined();
    } finally {
      second.close();
    }
  });

  it('counts what it was given', async () => {
    const before = await control.status();
    await mine();
    const work = await template();
    await link.submitBlock(blockOfTemplate(work, 1n).block);
    const after = await control.status();
    expect(after.blocksSubmitted - before.blocksSubmitted).toBe(2);
    expect(after.blocksAccepted - before.blocksAccepted).toBe(1);
    expect(after.blocksRefusedBy['proof-of-work']).toBe((before.blocksRefusedBy['proof-of-work'] ?? 0) + 1);
    expect(after.blue + after.red + after.waiting).toBe(after.blocksAccepted);
  });

  it('refuses a block whose transactions lost a field that only a newer node knows', async () => {
    const newer = await runSimnode({ ...QUIET, blockVersion: 2 });
    const own = linkTo(newer.address);
    own.start();
    try {
      await pollUntil('the link is up', () => own.connected);
      const work = await template(own);
      const { block } = blockOfTemplate(work, await grindBlock(work));
      const stripped = block.transactions.map((bytes) => encodeWireTransaction(decodeWireTransaction(bytes)));
      expect((await own.submitBlock({ ...block, transactions: stripped })).ok).toBe(false);
      expect(newer.status().blocksRefusedBy).toEqual({ 'merkle-root': 1 });
      expect((await own.submitBlock(block)).ok).toBe(true);
    } finally {
      own.close();
      await newer.close();
    }
  });

  it('answers a wrong command with a sentence, and stays', async () => {
    await expect(control.send('explode')).rejects.toThrow('there is no command "explode"');
    await expect(control.send('mine', { value: -1 })).rejects.toThrow('usage: mine N');
    await expect(control.send('refuse', { value: 'NO_MOOD' })).rejects.toThrow('BLOCK_INVALID');
    expect((await control.status()).networkId).toBe('devnet');
  });

  it('says which address it could not listen on', async () => {
    await expect(runSimnode({ ...QUIET, listen: [simnode.address] })).rejects.toMatchObject({
      code: 'SLUICE_SIMNODE_LISTEN',
    });
  });

  it('listens on no address that another machine can reach', async () => {
    await expect(runSimnode({ ...QUIET, listen: ['0.0.0.0:0'] })).rejects.toMatchObject({
      code: 'SLUICE_SIMNODE_OPTION',
    });
  });
});

describe('a simulated node on its own', () => {
  it('changes its virtual state at the ordered pace until it is frozen', async () => {
    const simnode = await runSimnode({ ...QUIET, blocksPerSecond: 100 });
    const other = await runSimnode({ ...QUIET, blocksPerSecond: 100 });
    const scoreOf = (handle: SimnodeHandle): number => handle.status().virtualDaaScore;
    try {
      const start = scoreOf(simnode);
      await pollUntil('blocks arrive', () => scoreOf(simnode) > start + 20);
      simnode.command('freeze', { value: true });
      const [frozen, running] = [scoreOf(simnode), scoreOf(other)];
      await pollUntil('a network that is not frozen goes on', () => scoreOf(other) > running + 20);
      expect(scoreOf(simnode)).toBe(frozen);
    } finally {
      await simnode.close();
      await other.close();
    }
  });
});
