/**
 * What the engine expects of a Kaspa node, driven over real gRPC: the simulated node and kaspad itself pass the same suite.
 * Real proof of work is found and submitted, so give it a network on which a block costs a million hashes at most.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NodeStatus } from '../../src/chains/chain.ts';
import { encodeAddress, payToAddressScript, prefixOfNetwork } from '../../src/chains/kaspa/address.ts';
import { KaspaChain } from '../../src/chains/kaspa/kaspa-chain.ts';
import { NodeNetwork } from '../../src/chains/kaspa/network-facts.ts';
import { NodeLink } from '../../src/chains/kaspa/node-link.ts';
import { blockOfTemplate, readTemplate } from '../../src/chains/kaspa/template.ts';
import { decodeWireTransaction, encodeWireTransaction } from '../../src/chains/kaspa/wire.ts';
import type { Template } from '../../src/domain/job.ts';
import { targetOfBits } from '../../src/domain/target.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { grindBlock } from '../kit/block-grinder.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { startTcpProxy } from '../kit/tcp-proxy.ts';

export interface StartedNode {
  /** host:port */
  readonly address: string;
  readonly networkId: string;
  /** A fresh private chain counts as unsynced until its first blocks. */
  readonly allowUnsynced?: boolean;
  stop(): Promise<void>;
  /** Orders to a simulated node; kaspad takes none. */
  command?(name: string, ...args: unknown[]): unknown;
}

const UNKNOWN_HASH = 'ab'.repeat(32);
const TAG = 'sluice-suite';

export function nodeSuite(name: string, startNode: () => Promise<StartedNode>): void {
  describe(`a Kaspa node (${name})`, () => {
    let node: StartedNode;
    let link: NodeLink;
    let payAddress: string;
    let payScript: string;
    let notifications = 0;

    beforeAll(async () => {
      node = await startNode();
      const payTo = {
        prefix: prefixOfNetwork(node.networkId)!,
        version: 0,
        payload: crypto.getRandomValues(new Uint8Array(32)),
      };
      payAddress = encodeAddress(payTo);
      payScript = Buffer.from(payToAddressScript(payTo)).toString('hex');
      link = linkTo(node.address);
      link.start();
      await pollUntil('the node is connected', () => link.connected);
    });

    afterAll(async () => {
      link?.close();
      await node?.stop();
    });

    function linkTo(address: string, networkId = node.networkId): NodeLink {
      return new NodeLink({
        name: 'node',
        address,
        networkId,
        log: silentLogger,
        random: () => 0,
        onNewBlockTemplate: () => notifications++,
      });
    }

    async function templateNow(extraData = TAG): Promise<Template> {
      const { block } = await link.getBlockTemplate(payAddress, extraData);
      const reading = readTemplate(block, 'node', 1);
      if (!reading.ok) throw new Error(reading.reason);
      return reading.template;
    }

    async function mine(template?: Template, from = 0n): Promise<string> {
      const work = template ?? (await templateNow());
      const { block, hash } = blockOfTemplate(work, await grindBlock(work, from));
      expect(await link.submitBlock(block)).toEqual({ ok: true, reason: '' });
      return Buffer.from(hash).toString('hex');
    }

    function chainOver(addresses: readonly string[], overrides: object = {}): KaspaChain {
      return new KaspaChain({
        nodes: addresses.map((address, i) => ({ name: `node-${i}`, address })),
        networkId: node.networkId,
        payAddress,
        extraData: TAG,
        log: silentLogger,
        clock: () => performance.now(),
        random: () => 0,
        allowUnsynced: node.allowUnsynced ?? false,
        ...overrides,
      });
    }

    it('tells its version, its network and its score', async () => {
      const info = await link.refreshInfo();
      expect(info.networkId).toBe(node.networkId);
      expect(info.serverVersion).toMatch(/^v?\d+\.\d+/);
      expect(info.utxoIndexed).toBe(true);
      expect(info.virtualDaaScore).toBeGreaterThanOrEqual(0n);
    });

    it('gives a template that pays to our address and carries our tag', async () => {
      const { block } = await link.getBlockTemplate(payAddress, TAG);
      const payload = decodeWireTransaction(block!.transactions[0]!).payload;
      expect(payload).toContain(payScript);
      expect(Buffer.from(payload, 'hex').toString('latin1')).toMatch(new RegExp(`/${TAG}$`));
    });

    it('gives other work for another tag', async () => {
      const [one, other] = [await templateNow('one'), await templateNow('other')];
      expect(Buffer.from(one.prePowHash).equals(other.prePowHash)).toBe(false);
    });

    it('tells what a block is worth and how hard it is', async () => {
      await mine();
      const facts = await new NodeNetwork(() => [link], true).networkFacts();
      expect(targetOfBits(facts.networkBits)).toBeGreaterThan(0n);
      expect(facts.subsidySompi).toBeGreaterThan(0n);
      expect(facts.feesSompi).toBeLessThan(facts.subsidySompi);
    });

    it('refuses a template for an address of another network, with its own words', async () => {
      const foreign = encodeAddress({ prefix: 'kaspa', version: 0, payload: new Uint8Array(32).fill(7) });
      await expect(link.getBlockTemplate(foreign, TAG)).rejects.toMatchObject({
        code: 'SLUICE_NODE_REFUSED',
      });
      expect(link.connected).toBe(true);
    });

    it('refuses an extra data that does not fit into a coinbase, with its own words', async () => {
      await expect(link.getBlockTemplate(payAddress, 'x'.repeat(200))).rejects.toMatchObject({
        code: 'SLUICE_NODE_REFUSED',
      });
    });

    it('accepts a block that we ground, and has it under the hash that we computed', async () => {
      const hash = await mine();
      const block = await link.block(hash, false);
      expect(block?.verboseData?.hash).toBe(hash);
    });

    it('refuses a block whose nonce misses the target', async () => {
      const template = await templateNow();
      const good = await grindBlock(template);
      const { block } = blockOfTemplate(template, good + 1n);
      const answer = await link.submitBlock(block);
      expect(answer.ok).toBe(false);
      expect(answer.reason).not.toBe('');
    });

    it('refuses a block that it cannot read, though the reject reason stays NONE', async () => {
      const answer = await link.submitBlock({ header: Buffer.alloc(0), transactions: [] });
      expect(answer.ok).toBe(false);
      expect(answer.reason).not.toBe('');
      expect(link.connected).toBe(true);
    });

    it('answers success to a block that it already has', async () => {
      const template = await templateNow();
      const { block } = blockOfTemplate(template, await grindBlock(template));
      expect(await link.submitBlock(block)).toEqual({ ok: true, reason: '' });
      expect(await link.submitBlock(block)).toEqual({ ok: true, reason: '' });
    });

    it('notifies of a new template after a block', async () => {
      const before = notifications;
      await mine();
      await pollUntil('a notification has come', () => notifications > before);
    });

    it('says that the fate of a block is unknown while nothing merged it, and of an unknown block', async () => {
      const hash = await mine();
      expect((await link.blockFate(hash, payScript)).colour).toBe('unknown');
      expect((await link.blockFate(UNKNOWN_HASH, payScript)).colour).toBe('unknown');
    });

    it('turns a block blue when a later one merges it, and tells the merger, the reward and the confirmations', async () => {
      const hash = await mine();
      const merger = await mine();
      await mine();
      const fate = await pollUntil('the block is blue', async () => {
        const now = await link.blockFate(hash, payScript);
        return now.colour === 'blue' && now;
      });
      expect(fate.mergingBlockHash).toBe(merger);
      expect(fate.reward).toBeGreaterThan(0n);
      const confirmed = fate.confirmations;
      await mine();
      expect((await link.blockFate(hash, payScript)).confirmations).toBeGreaterThan(confirmed);
    });

    it('merges two blocks of one template blue, and each has a reward of its own', async () => {
      const template = await templateNow();
      const first = await grindBlock(template);
      const second = await grindBlock(template, first + 1n);
      const hashes = [await mine(template, first), await mine(template, second)];
      const merger = await mine();
      for (const hash of hashes) {
        const fate = await link.blockFate(hash, payScript);
        expect(fate).toMatchObject({ colour: 'blue', mergingBlockHash: merger });
        expect(fate.reward).toBeGreaterThan(0n);
      }
    });

    it('pays into the treasury what the fate said, as coinbase outputs', async () => {
      const hash = await mine();
      await mine();
      await mine();
      const { reward } = await link.blockFate(hash, payScript);
      const utxos = await pollUntil('the treasury has an output', async () => {
        const found = await link.utxosOf([payAddress]);
        return found.length > 0 && found;
      });
      for (const utxo of utxos)
        expect(utxo).toMatchObject({ address: payAddress, isCoinbase: true, script: payScript });
      expect(utxos.map((utxo) => utxo.amountSompi)).toContain(reward);
    });

    it('gives fee rates in falling order of urgency, unless it is too old to estimate any', async () => {
      if (/^v?0\.1[0-4]\b/.test((await link.refreshInfo()).serverVersion)) {
        await expect(link.feeEstimate()).rejects.toMatchObject({ code: 'SLUICE_NODE_REFUSED' });
        return;
      }
      const { priorityFeerate, normalFeerate, lowFeerate } = await link.feeEstimate();
      expect(lowFeerate).toBeGreaterThan(0);
      expect(normalFeerate).toBeGreaterThanOrEqual(lowFeerate);
      expect(priorityFeerate).toBeGreaterThanOrEqual(normalFeerate);
    });

    it('refuses a transaction without inputs, and bytes that are none do not cost us the stream', async () => {
      const empty = encodeWireTransaction({
        version: 0,
        inputs: [],
        outputs: [],
        lockTime: '0',
        subnetworkId: '00'.repeat(20),
        gas: '0',
        payload: '',
        mass: '0',
      });
      await expect(link.submitTransaction(empty)).rejects.toMatchObject({ code: 'SLUICE_NODE_REFUSED' });
      await expect(link.submitTransaction(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({
        code: 'SLUICE_TRANSACTION_BYTES',
      });
      expect(link.connected).toBe(true);
    });

    it('is subscribed to again after the connection was cut', async () => {
      const proxy = await startTcpProxy(node.address);
      let heard = 0;
      const own = new NodeLink({
        name: 'cut',
        address: proxy.address,
        networkId: node.networkId,
        log: silentLogger,
        random: () => 0,
        onNewBlockTemplate: () => heard++,
      });
      try {
        own.start();
        await pollUntil('the link is up', () => own.connected);
        proxy.cut();
        await pollUntil('the loss is noticed', () => !own.connected);
        await pollUntil('the link is up again', () => own.connected);
        const before = heard;
        await mine();
        await pollUntil('a notification comes over the new stream', () => heard > before);
      } finally {
        own.close();
        await proxy.close();
      }
    });

    it('is not used when it serves another network', async () => {
      const other = linkTo(node.address, 'testnet-99');
      try {
        other.start();
        await pollUntil('the node has answered', () => other.foreign);
        expect(other.connected).toBe(false);
        expect(other.fault).toContain(node.networkId);
        await expect(other.submitBlock({ header: Buffer.alloc(1), transactions: [] })).rejects.toMatchObject({
          code: 'SLUICE_NODE_UNREACHABLE',
        });
      } finally {
        other.close();
      }
    });

    it('feeds a chain: templates come, a candidate is confirmed and accepted once, a miss is not confirmed', async () => {
      const chain = chainOver([node.address]);
      const templates: Template[] = [];
      try {
        await chain.open({ onTemplate: (template) => templates.push(template), onStatus: () => {} });
        const template = await pollUntil('a template has come', () => templates.at(-1));
        const nonce = await grindBlock(template);
        const candidate = chain.confirmCandidate(template, nonce);
        expect(candidate?.blockHash).toMatch(/^[0-9a-f]{64}$/);
        expect(chain.confirmCandidate(template, nonce + 1n)).toBeUndefined();
        const seen = templates.length;
        const reports = await chain.submit(candidate!);
        expect(reports).toMatchObject([{ nodeName: 'node-0', outcome: 'accepted', reason: '' }]);
        expect(await chain.submit(candidate!)).toBe(reports);
        await pollUntil('the block brings a new template', () => templates.length > seen);
        expect(await chain.treasury.virtualDaaScore()).toBeGreaterThan(0n);
        expect(chain.status()).toMatchObject([
          { name: 'node-0', connected: true, networkId: node.networkId },
        ]);
      } finally {
        await chain.close();
      }
    });

    it('sends a found block to every node, and takes templates from the next when the first is gone', async () => {
      const proxies = [await startTcpProxy(node.address), await startTcpProxy(node.address)];
      const chain = chainOver(proxies.map((proxy) => proxy.address));
      const templates: Template[] = [];
      let statuses: readonly NodeStatus[] = [];
      try {
        await chain.open({
          onTemplate: (template) => templates.push(template),
          onStatus: (status) => {
            statuses = status;
          },
        });
        const template = await pollUntil('a template has come', () => templates.at(-1));
        const holder = ['node-0', 'node-1'].indexOf(template.nodeName);
        const other = 1 - holder;
        // Its peers must be up as well before one block can reach them all.
        await pollUntil('both are connected', () => chain.status().every((status) => status.connected));
        const first = chain.confirmCandidate(template, await grindBlock(template))!;
        expect((await chain.submit(first)).map((report) => report.outcome)).toEqual(['accepted', 'accepted']);

        proxies[holder]!.refuse();
        const later = await pollUntil('the other node gives the templates', () => {
          const newest = templates.at(-1);
          return newest?.nodeName === `node-${other}` && newest;
        });
        await pollUntil(
          'the loss is reported',
          () => statuses[holder]?.connected === false && statuses[holder].fault !== '',
        );
        const second = chain.confirmCandidate(later, await grindBlock(later))!;
        const outcomes = (await chain.submit(second)).map((report) => report.outcome);
        expect([outcomes[holder], outcomes[other]]).toEqual(['unreachable', 'accepted']);
      } finally {
        await chain.close();
        for (const proxy of proxies) await proxy.close();
      }
    });
  });
}
