/** Blocks that pay to an address, found and submitted one after the other; for networks on which a block costs a million hashes at most. */
import { NodeLink } from '../../src/chains/kaspa/node-link.ts';
import { blockOfTemplate, readTemplate } from '../../src/chains/kaspa/template.ts';
import { decodeWireHeader } from '../../src/chains/kaspa/wire.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { grindBlock } from './block-grinder.ts';
import { pollUntil } from './poll-until.ts';

export interface FoundBlock {
  readonly hash: string;
  readonly daaScore: bigint;
  readonly bits: number;
}

export class TreasuryMiner {
  /** For questions to the node as well. */
  readonly link: NodeLink;
  #found = 0;

  private constructor(link: NodeLink) {
    this.link = link;
  }

  static async connect(address: string, networkId: string): Promise<TreasuryMiner> {
    const link = new NodeLink({ name: 'miner', address, networkId, log: silentLogger });
    link.start();
    await pollUntil('the node is connected', () => link.connected);
    return new TreasuryMiner(link);
  }

  /**
   * Gives the hashes of the blocks. A block that a newer one overtook is found again.
   * @param beforeSubmit as an engine, which notes a block before any node has it
   */
  async mine(
    payAddress: string,
    count: number,
    beforeSubmit?: (found: FoundBlock) => Promise<void>,
  ): Promise<string[]> {
    const hashes: string[] = [];
    while (hashes.length < count) {
      const { block: wire } = await this.link.getBlockTemplate(payAddress, `treasury-${++this.#found}`);
      const reading = readTemplate(wire, 'miner', this.#found);
      if (!reading.ok) throw new Error(reading.reason);
      const { block, hash } = blockOfTemplate(reading.template, await grindBlock(reading.template));
      const { daaScore, bits } = decodeWireHeader(block.header);
      const found = { hash: Buffer.from(hash).toString('hex'), daaScore: BigInt(daaScore), bits };
      await beforeSubmit?.(found);
      if ((await this.link.submitBlock(block)).ok) hashes.push(found.hash);
    }
    return hashes;
  }

  /** What lies at each address now, by address. */
  async balancesOf(addresses: readonly string[]): Promise<Map<string, bigint>> {
    const sums = new Map<string, bigint>();
    for (const utxo of await this.link.utxosOf(addresses)) {
      sums.set(utxo.address, (sums.get(utxo.address) ?? 0n) + utxo.amountSompi);
    }
    return sums;
  }

  close(): void {
    this.link.close();
  }
}
