/**
 * Figures that belong to no single room: nodes against each other, templates, whether the database answers, the journal's disk,
 * certificates, and what this process is. Read when somebody asks; labels are names from the configuration.
 */
import { createHash } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import type { Config } from '../../config/schema.ts';
import type { Chain, NodeStatus } from '../chains/chain.ts';
import { difficultyOfTarget } from '../domain/target.ts';
import { Gauge, GaugeFamily, ReadCounterFamily, type Registry } from '../kit/metrics.ts';
import { PROJECT_VERSION } from '../kit/project-root.ts';
import type { PortOptions } from '../stratum/stratum-server.ts';
import type { JobFeed } from '../templates/job-feed.ts';
import type { Ledger } from './ledger-desk.ts';

export interface EngineGaugesOptions {
  readonly config: Config;
  readonly chain: Pick<Chain, 'status'>;
  readonly feed: Pick<JobFeed, 'templateAgeMs' | 'received' | 'newest'>;
  readonly ledger: Pick<Ledger, 'loader' | 'fault'>;
  readonly ports: readonly Pick<PortOptions, 'label' | 'tls'>[];
  /** Which HTTP engine serves; '' = none does. */
  readonly httpEngine: () => string;
  readonly registry: Registry;
  /** Monotonic ms. */
  readonly clock: () => number;
}

/** A disk does not fill in less, and a look at it is asked of a thread. */
const DISK_EVERY_MS = 10_000;
/** As many bits as a double holds for sure. */
const HASH_DIGITS = 12;
const MS_PER_SECOND = 1_000;

export class EngineGauges {
  readonly #options: EngineGaugesOptions;
  #diskFreeBytes = Number.NaN;
  #diskBytes = Number.NaN;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: EngineGaugesOptions) {
    this.#options = options;
    this.#registerNodes();
    this.#registerTemplates();
    this.#registerStores();
    this.#registerProcess();
  }

  start(): void {
    void this.#lookAtDisk();
    this.#timer = setInterval(() => void this.#lookAtDisk(), DISK_EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge(this.#options.registry, { name: `sluice_${name}`, help }, read);
  }

  #registerNodes(): void {
    const { chain, registry, clock } = this.#options;
    const ofNodes = (name: string, help: string, read: (node: NodeStatus, best: bigint) => number): void => {
      new GaugeFamily(registry, { name: `sluice_chains_node_${name}`, help }, () => {
        const nodes = chain.status();
        const best = nodes.reduce((most, node) => bigger(most, node.virtualDaaScore), 0n);
        return nodes.map((node) => ({ labels: { node: node.name }, value: read(node, best) }));
      });
    };
    ofNodes('connected', '1 while the node is connected.', ({ connected }) => Number(connected));
    ofNodes('synced', '1 while the node is connected and says that it is synced.', (node) =>
      Number(node.connected && node.synced),
    );
    ofNodes('lag_daa', 'How far the node is behind the furthest of ours, in DAA score.', (node, best) =>
      Number(best - node.virtualDaaScore),
    );
    ofNodes(
      'template_age_seconds',
      'Since the last template that was taken from it; +Inf = never.',
      ({ lastTemplateAtMs }) =>
        lastTemplateAtMs === 0 ? Number.POSITIVE_INFINITY : (clock() - lastTemplateAtMs) / MS_PER_SECOND,
    );
  }

  #registerTemplates(): void {
    const { feed, registry, clock } = this.#options;
    this.#gauge(
      'templates_age_seconds',
      'Since the newest template of any node; +Inf = there was none.',
      () => feed.templateAgeMs(clock()) / MS_PER_SECOND,
    );
    new ReadCounterFamily(
      registry,
      { name: 'sluice_templates_received_total', help: 'Templates taken from nodes.' },
      () => [{ labels: {}, value: feed.received }],
    );
    this.#gauge(
      'templates_network_difficulty',
      'Difficulty of the network by the newest template, in the units of the shares; NaN = no template.',
      () => (feed.newest === undefined ? Number.NaN : Number(difficultyOfTarget(feed.newest.networkTarget))),
    );
  }

  #registerStores(): void {
    const { ledger, ports, registry } = this.#options;
    this.#gauge(
      'ledger_database_up',
      '1 while the database has its schema and the loader writes to it.',
      () => Number(ledger.fault === '' && ledger.loader?.status().state === 'running'),
    );
    this.#gauge('journal_disk_free_bytes', "Free space of the journal's disk.", () => this.#diskFreeBytes);
    this.#gauge('journal_disk_bytes', "Size of the journal's disk.", () => this.#diskBytes);
    const secure = ports.filter(({ tls }) => tls !== undefined);
    if (secure.length === 0) return;
    new GaugeFamily(
      registry,
      {
        name: 'sluice_stratum_certificate_expiry_timestamp_seconds',
        help: 'When the certificate of a port that speaks TLS ends.',
      },
      () =>
        secure.map(({ label, tls }) => ({
          labels: { port: label },
          value: tls!.validToUnixMs / MS_PER_SECOND,
        })),
    );
  }

  #registerProcess(): void {
    const { registry, httpEngine, config } = this.#options;
    new GaugeFamily(
      registry,
      { name: 'sluice_build_info', help: '1; the labels say what runs: release, Node.js, HTTP engine.' },
      () => [{ labels: { version: PROJECT_VERSION, node: process.version, engine: httpEngine() }, value: 1 }],
    );
    const hash = configHash(config);
    this.#gauge(
      'config_hash',
      'Number made of network, treasury, ports, rewards and payouts: engines of one pool have the same.',
      () => hash,
    );
  }

  async #lookAtDisk(): Promise<void> {
    try {
      const { bavail, blocks, bsize } = await statfs(this.#options.config.journal.directory);
      this.#diskFreeBytes = bavail * bsize;
      this.#diskBytes = blocks * bsize;
    } catch {
      this.#diskFreeBytes = Number.NaN;
    }
  }
}

/** Of what all engines of a pool must agree on. No secret is in it: a hash of a password can be tried offline. */
function configHash({ kaspa, stratum, rewards, payouts }: Config): number {
  const { network, payAddress } = kaspa;
  const terms = JSON.stringify([network, payAddress, stratum.ports, rewards, payouts]);
  const text = createHash('sha256').update(terms).digest('hex');
  return Number(`0x${text.slice(0, HASH_DIGITS)}`);
}

function bigger(one: bigint, other: bigint): bigint {
  return other > one ? other : one;
}
