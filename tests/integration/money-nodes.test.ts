/** Which of several nodes is believed about money: one that is connected may stand still, or be years behind. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeNetwork } from '../../src/chains/kaspa/network-facts.ts';
import { NodeLink } from '../../src/chains/kaspa/node-link.ts';
import { goodFirst } from '../../src/chains/kaspa/node-order.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { runSimnode, type SimnodeHandle } from '../../src/simnode/simnode.ts';
import { pollUntil } from '../kit/poll-until.ts';

let simnode: SimnodeHandle;
let links: NodeLink[];

beforeEach(async () => {
  const options = { controlPort: -1, difficultyLog2: -20, blocksPerSecond: 0, redRate: 0, forkRate: 0 };
  simnode = await runSimnode({ listen: ['127.0.0.1:0', '127.0.0.1:0'], ...options });
  links = simnode.addresses.map(
    (address, place) =>
      new NodeLink({ name: `node ${place}`, address, networkId: 'devnet', log: silentLogger }),
  );
  for (const link of links) link.start();
  await pollUntil('the links are up', () => links.every((link) => link.connected));
  await simnode.command('mine', { value: '3' });
});
afterEach(async () => {
  for (const link of links) link.close();
  await simnode.close();
});

const names = () => goodFirst(links).map(({ name }) => name);
const lookAtAll = () => Promise.all(links.map((link) => link.refreshInfo()));

describe('of two nodes', () => {
  it('the first of the configuration is asked while it is synced, else the other', async () => {
    await lookAtAll();
    expect(names()).toEqual(['node 0', 'node 1']);
    await simnode.command('unsynced', { value: 'on', node: '0' });
    await lookAtAll();
    expect(names()).toEqual(['node 1', 'node 0']);
  });

  it('one that catches up is not asked what a block is worth, and when both do nothing is noted', async () => {
    await simnode.command('unsynced', { value: 'on', node: '0' });
    const network = new NodeNetwork(() => links);
    expect((await network.networkFacts()).subsidySompi).toBeGreaterThan(0n);
    await simnode.command('unsynced', { value: 'on', node: '1' });
    await expect(network.networkFacts()).rejects.toMatchObject({ code: 'SLUICE_NO_NODE' });
    expect((await new NodeNetwork(() => links, true).networkFacts()).subsidySompi).toBeGreaterThan(0n);
  });
});
