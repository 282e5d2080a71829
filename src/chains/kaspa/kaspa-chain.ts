/**
 * Kaspa: the room's entry, and its side of the seam `chains/chain.ts`.
 *
 * In flow found blocks, addresses that miners typed and questions about blocks and money; out flow templates, reports and
 * answers. It must never know of miners or shares, never alter a block but for its nonce, and never let one sick node stop
 * the others.
 *
 *   kaspad 1 <--> node-link --\                      /--> templates
 *   kaspad 2 <--> node-link ---+-- template-source -+--> status
 *   kaspad 3 <--> node-link --/ \-- block-submitter --> reports
 *                                \- treasury, block-fate --> answers
 */
import type { Template } from '../../domain/job.ts';
import { EdgeError } from '../../kit/edge-error.ts';
import { type Logger, ThrottledLog } from '../../kit/log.ts';
import type {
  AddressCheck,
  BlockFate,
  Candidate,
  Chain,
  ChainListener,
  NodeStatus,
  SubmitReport,
} from '../chain.ts';
import { checkAddress, decodeAddress, payToAddressScript, prefixOfNetwork } from './address.ts';
import { UNKNOWN_FATE } from './block-fate.ts';
import { BlockSubmitter } from './block-submitter.ts';
import type { ChoiceRules } from './node-choice.ts';
import { NodeLink, type NodeTimeouts } from './node-link.ts';
import { referencePow } from './reference-pow.ts';
import { blockOfTemplate } from './template.ts';
import { TemplateSource } from './template-source.ts';
import { type KaspaTreasury, NodeTreasury } from './treasury.ts';

export interface KaspaChainOptions {
  /** In order of preference. */
  readonly nodes: readonly { readonly name: string /** host:port, gRPC */; readonly address: string }[];
  readonly networkId: string;
  /** The treasury; every template pays to it. */
  readonly payAddress: string;
  /** The instance's tag: different tags give different work, so instances never share a nonce space. */
  readonly extraData: string;
  readonly log: Logger;
  /** Monotonic ms. */
  readonly clock: () => number;
  readonly random?: () => number;
  readonly timeouts?: Partial<NodeTimeouts>;
  readonly choice?: Partial<ChoiceRules>;
  readonly pollMs?: number;
  readonly infoMs?: number;
  /** How long a found block may wait for a node that is coming back. */
  readonly submitRetryWithinMs?: number;
  /** How long `open` waits for the first word of the nodes; afterwards the engine runs without them. */
  readonly openWaitMs?: number;
  /** Only for private networks: a fresh chain counts as unsynced until its first blocks. */
  readonly allowUnsynced?: boolean;
}

const TICK_MS = 100;
const OPEN_WAIT_MS = 3_000;
/** The payload of a coinbase holds 204 bytes, of which scores, script and version leave about 150: refuse what cannot fit. */
const EXTRA_DATA_MAX_BYTES = 128;

export class KaspaChain implements Chain {
  readonly name = 'kaspa';
  readonly networkId: string;
  readonly treasury: KaspaTreasury;
  readonly #options: KaspaChainOptions;
  readonly #links: NodeLink[];
  readonly #source: TemplateSource;
  readonly #submitter: BlockSubmitter;
  readonly #payScript: string;
  readonly #throttled = new ThrottledLog(10_000);
  #listener: ChainListener | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #statusSeen = '';

  constructor(options: KaspaChainOptions) {
    this.#options = options;
    this.networkId = options.networkId;
    checkNodes(options);
    this.#payScript = payScriptOf(options);
    this.#source = new TemplateSource({
      ...options,
      onTemplate: (template) => this.#listener?.onTemplate(template),
    });
    this.#links = options.nodes.map(
      ({ name, address }) =>
        new NodeLink({
          ...options,
          name,
          address,
          onChange: () => this.#refresh(),
          onNewBlockTemplate: () => this.#source.notified(name),
        }),
    );
    for (const link of this.#links) this.#source.add(link);
    this.#submitter = new BlockSubmitter(this.#links, options.clock, options.submitRetryWithinMs);
    this.treasury = new NodeTreasury(() => this.#source.linksByPreference());
  }

  /**
   * Resolves when every node has answered or failed once, or after `openWaitMs`: nodes may be down at the start. Rejects when
   * all of them are of another network, which no waiting will cure.
   */
  async open(listener: ChainListener): Promise<void> {
    this.#listener = listener;
    for (const link of this.#links) link.start();
    this.#ticker = setInterval(() => this.#refresh(), TICK_MS);
    const { clock, openWaitMs = OPEN_WAIT_MS } = this.#options;
    const startedAtMs = clock();
    while (clock() - startedAtMs < openWaitMs && this.#links.some((link) => link.greetings === 0)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (!this.#links.every((link) => link.foreign)) return;
    await this.close();
    throw new EdgeError(
      'SLUICE_NODE_NETWORK',
      `no node is of the network ${this.networkId}: ${this.#links[0]?.fault}`,
      'Put the addresses of nodes of the right network into the configuration, or change its network.',
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#ticker);
    this.#listener = undefined;
    for (const link of this.#links) link.close();
  }

  status(): readonly NodeStatus[] {
    return this.#source.status();
  }

  confirmCandidate(template: Template, nonce: bigint): Candidate | undefined {
    const { meetsBits } = referencePow(template.prePowHash, template.timestampMs, template.bits, nonce);
    if (!meetsBits) return undefined;
    const { hash } = blockOfTemplate(template, nonce);
    return { template, nonce, blockHash: Buffer.from(hash).toString('hex') };
  }

  submit(candidate: Candidate): Promise<readonly SubmitReport[]> {
    return this.#submitter.submit(candidate);
  }

  /** The first synced node that can tell; `unknown` only when one of them said so, since that may end a block's story. */
  async blockFate(blockHash: string): Promise<BlockFate> {
    let heard = false;
    for (const link of this.#source.usableLinks()) {
      try {
        const fate = await link.blockFate(blockHash, this.#payScript);
        if (fate.colour !== 'unknown') return fate;
        heard = true;
      } catch (error) {
        this.#throttled.once(link.name, this.#options.clock(), (swallowed) =>
          this.#options.log.warn({ node: link.name, err: error, swallowed }, 'fate of a block not had'),
        );
      }
    }
    if (heard) return UNKNOWN_FATE;
    throw new EdgeError('SLUICE_NO_NODE', 'no synced node could be asked about a block');
  }

  checkAddress(text: string): AddressCheck {
    return checkAddress(text, this.networkId);
  }

  #refresh(): void {
    if (!this.#listener) return;
    this.#source.tick();
    const status = this.#source.status();
    // Scores and times change all the time; only what an operator would act on is news.
    const seen = JSON.stringify(status.map((s) => [s.name, s.connected, s.synced, s.serverVersion, s.fault]));
    if (seen === this.#statusSeen) return;
    this.#statusSeen = seen;
    this.#listener.onStatus(status);
  }
}

function checkNodes({ nodes }: KaspaChainOptions): void {
  if (nodes.length === 0)
    throw new EdgeError('SLUICE_NO_NODE', 'no Kaspa node is configured', 'Configure at least one node.');
  // The name says which node has the role of giving templates: of two with one name, one would never be asked.
  const twin = nodes.find(({ name }, index) => nodes.findIndex((other) => other.name === name) !== index);
  if (twin) throw new EdgeError('SLUICE_NODE_NAME', `two nodes are called ${twin.name}`, 'Name them apart.');
}

/** The script that our coinbase outputs must have, hex. Checked here, since a node would only refuse every template. */
function payScriptOf({ payAddress, networkId, extraData }: KaspaChainOptions): string {
  const prefix = prefixOfNetwork(networkId);
  const address = decodeAddress(payAddress);
  if (!prefix || address?.prefix !== prefix) {
    throw new EdgeError(
      'SLUICE_PAY_ADDRESS',
      `the treasury address ${payAddress} is not an address of ${networkId}`,
      `Use an address that begins with ${prefix ?? 'the prefix of the network'}: and has a right checksum.`,
    );
  }
  if (Buffer.byteLength(extraData) > EXTRA_DATA_MAX_BYTES) {
    throw new EdgeError(
      'SLUICE_EXTRA_DATA',
      `the instance's tag is longer than ${EXTRA_DATA_MAX_BYTES} bytes`,
      'Shorten it.',
    );
  }
  return Buffer.from(payToAddressScript(address)).toString('hex');
}
