import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeLink } from '../../../../src/chains/kaspa/node-link.ts';
import { silentLogger } from '../../../../src/kit/log.ts';
import { pollUntil } from '../../../kit/poll-until.ts';
import { ScriptedNode, templateBlock } from '../../../kit/scripted-node.ts';

const BLOCK = templateBlock(1, 1);
const HASH = 'ab'.repeat(32);

describe('a link to one node', () => {
  let node: ScriptedNode;
  let link: NodeLink;
  let notifications: number;

  beforeEach(async () => {
    node = await new ScriptedNode().start();
    notifications = 0;
    link = new NodeLink({
      name: 'n',
      address: node.address,
      networkId: 'devnet',
      log: silentLogger,
      random: () => 0,
      timeouts: { infoMs: 300, templateMs: 60, submitMs: 60, queryMs: 60 },
      onNewBlockTemplate: () => notifications++,
    });
  });

  afterEach(() => {
    link.close();
    node.stop();
  });

  async function up(): Promise<void> {
    link.start();
    await pollUntil('the link is up', () => link.connected);
  }

  it('is up only when the node has told its network and taken the subscription', async () => {
    await up();
    expect(node.requests).toEqual(['getServerInfoRequest', 'notifyNewBlockTemplateRequest']);
    expect(link.info).toMatchObject({ serverVersion: '2.0.1', synced: true, virtualDaaScore: 1_000n });
    expect(link.fault).toBe('');
    node.notify();
    await pollUntil('the notification has come', () => notifications === 1);
  });

  it('takes "reject reason NONE" with an error for a refusal', async () => {
    await up();
    node.scripts.submitBlockRequest = () => ({ rejectReason: 'NONE', error: { message: 'route is full' } });
    expect(await link.submitBlock(BLOCK)).toEqual({ ok: false, reason: 'route is full', busy: true });
    node.scripts.submitBlockRequest = () => ({ rejectReason: 'IS_IN_IBD' });
    expect(await link.submitBlock(BLOCK)).toEqual({ ok: false, reason: 'IS_IN_IBD' });
    node.scripts.submitBlockRequest = () => ({ rejectReason: 'NONE' });
    expect(await link.submitBlock(BLOCK)).toEqual({ ok: true, reason: '' });
  });

  it('sends a block as the node gave it, and asks for the blocks of the last hours only', async () => {
    await up();
    let got: unknown;
    node.scripts.submitBlockRequest = (message) => {
      got = message;
      return { rejectReason: 'NONE' };
    };
    await link.submitBlock(BLOCK);
    expect(got).toMatchObject({
      block: { header: BLOCK.header, transactions: BLOCK.transactions },
      allowNonDAABlocks: false,
    });
  });

  it('matches answers to calls by id, in whatever order they come', async () => {
    await up();
    const waiting: ((message: object) => void)[] = [];
    node.scripts.getBlockRequest = () => new Promise<object>((resolve) => waiting.push(resolve));
    const calls = [link.block('aa', false), link.block('bb', false)];
    await pollUntil('both have arrived', () => waiting.length === 2);
    waiting[1]!({ block: { header: Buffer.from([2]) } });
    waiting[0]!({ block: { header: Buffer.from([1]) } });
    expect((await Promise.all(calls)).map((block) => block?.header[0])).toEqual([1, 2]);
  });

  it('matches answers in order of their calls, kind by kind, when the node gives no ids back', async () => {
    node.echoIds = false;
    await up();
    let n = 0;
    node.scripts.getBlockRequest = () => ({ block: { header: Buffer.from([++n]) } });
    node.scripts.getSinkBlueScoreRequest = () => ({ blueScore: '77' });
    const [one, score, two] = await Promise.all([
      link.block('aa', false),
      link.sinkBlueScore(),
      link.block('bb', false),
    ]);
    expect([one?.header[0], score, two?.header[0]]).toEqual([1, 77n, 2]);
  });

  it('ends a call by time-out when the node says nothing, and takes another stream after the second', async () => {
    await up();
    node.scripts.getBlockTemplateRequest = () => undefined;
    await expect(link.getBlockTemplate('a', 'b')).rejects.toMatchObject({ code: 'SLUICE_NODE_TIMEOUT' });
    expect(link.connected).toBe(true);
    await expect(link.getBlockTemplate('a', 'b')).rejects.toMatchObject({ code: 'SLUICE_NODE_TIMEOUT' });
    expect(link.connected).toBe(false);
    await pollUntil('it is back', () => link.connected);
    expect(node.count('notifyNewBlockTemplateRequest')).toBe(2);
  });

  it('rejects what is waiting at once when the stream ends', async () => {
    await up();
    node.scripts.submitBlockRequest = (_message, stream) => void stream.end();
    await expect(link.submitBlock(BLOCK)).rejects.toMatchObject({ code: 'SLUICE_NODE_UNREACHABLE' });
  });

  it('rejects calls at once while it is down', async () => {
    await expect(link.submitBlock(BLOCK)).rejects.toMatchObject({ code: 'SLUICE_NODE_UNREACHABLE' });
    await expect(link.feeEstimate()).rejects.toMatchObject({ code: 'SLUICE_NODE_UNREACHABLE' });
  });

  it('does not ask an old node what would make it close the stream', async () => {
    node.version = '0.15.0';
    node.scripts.getCurrentBlockColorRequest = () => ({ error: { message: 'no merger' } });
    await up();
    expect(await link.blockFate(HASH, '20aa')).toMatchObject({ colour: 'unknown' });
    expect(node.requests).not.toContain('getBlockRewardInfoRequest');
    expect(link.connected).toBe(true);
  });

  it('learns from a node of unreadable version what it does not know, and then does without', async () => {
    node.version = 'custom build';
    node.scripts.getBlockRequest = () => ({ error: { message: 'cannot find header' } });
    await up();
    for (let i = 0; i < 4; i++) {
      await pollUntil('the link is up', () => link.connected);
      await link.blockFate(HASH, '20aa').catch(() => {});
    }
    expect(node.count('getBlockRewardInfoRequest')).toBe(2);
    expect(node.count('getCurrentBlockColorRequest')).toBe(2);
    await pollUntil('the link is up', () => link.connected);
    expect(await link.blockFate(HASH, '20aa')).toMatchObject({ colour: 'unknown' });
    expect(link.connected).toBe(true);
  });

  it('reads the reward info of a new node', async () => {
    await up();
    node.scripts.getBlockRewardInfoRequest = () => ({
      blockColor: 'BLUE',
      confirmationCount: '12',
      mergingChainBlockHash: HASH,
      rewardAmount: '194454365',
    });
    expect(await link.blockFate(HASH, '')).toEqual({
      colour: 'blue',
      mergingBlockHash: HASH,
      confirmations: 12,
      reward: 194_454_365n,
    });
    node.scripts.getBlockRewardInfoRequest = () => ({ blockColor: 'UNKNOWN' });
    expect(await link.blockFate(HASH, '')).toMatchObject({ colour: 'unknown', reward: undefined });
  });

  it('greets a node that has no server info by the older calls', async () => {
    delete node.scripts.getServerInfoRequest;
    node.scripts.getInfoRequest = () => ({ serverVersion: '0.12.9', isSynced: true, isUtxoIndexed: false });
    node.scripts.getBlockDagInfoRequest = () => ({ networkName: 'kaspa-devnet', virtualDaaScore: '5' });
    await up();
    expect(link.info).toEqual({
      serverVersion: '0.12.9',
      networkId: 'devnet',
      synced: true,
      utxoIndexed: false,
      virtualDaaScore: 5n,
    });
  });
});
