/** The pool in numbers, gathered once a second from the rooms that own them. Gathers only; every figure is somebody else's. */
import type { Config, StratumPortConfig } from '../../config/schema.ts';
import type { Chain } from '../chains/chain.ts';
import type { HashrateWindow } from '../domain/hashrate.ts';
import { isAccepted, VERDICTS } from '../domain/share.ts';
import { difficultyLog2Of, difficultyNumber } from '../domain/target.ts';
import type { ShareJournal } from '../journal/share-journal.ts';
import type { LiveCounts } from '../live/engine-feed.ts';
import type { BlockView, NodeView, PoolSnapshot } from '../live/pool-snapshot.ts';
import { unreadiness } from '../live/verdict.ts';
import type { JobFeed } from '../templates/job-feed.ts';
import type { EngineClocks, Ledger } from './ledger-desk.ts';
import { projectVersion, publicHost } from './pool-terms.ts';
import type { SharePath } from './share-path.ts';

export interface PoolViewOptions extends EngineClocks {
  /** What is in force now. */
  config(): Config;
  readonly chain: Chain;
  readonly journal: ShareJournal;
  readonly ledger: Ledger;
  readonly path: SharePath;
  readonly feed: JobFeed;
  readonly hashrate: HashrateWindow;
  readonly bootUnixMs: number;
  readonly stratumPorts: readonly number[];
  /** Of the last second. */
  readonly sessions: () => Pick<LiveCounts, 'addresses' | 'workers'> & { readonly byPort: readonly number[] };
}

const RECENT_BLOCKS = 20;
const PREFIX_OF_NETWORK: Record<Config['kaspa']['network'], string> = {
  mainnet: 'kaspa',
  'testnet-10': 'kaspatest',
  devnet: 'kaspadev',
  simnet: 'kaspasim',
};

export class PoolView {
  readonly #options: PoolViewOptions;
  readonly #version: string;

  constructor(options: PoolViewOptions) {
    this.#options = options;
    this.#version = projectVersion();
  }

  snapshot(): PoolSnapshot {
    const { hashrate, bootUnixMs, wallClock } = this.#options;
    const config = this.#options.config();
    const nowMs = wallClock();
    const sessions = this.#options.sessions();
    const nodes = this.#nodes();
    const blocks = this.#options.ledger.tracker;
    return {
      version: this.#version,
      network: config.kaspa.network,
      at: new Date(nowMs).toISOString(),
      startedAt: new Date(bootUnixMs).toISOString(),
      uptimeSeconds: Math.round((nowMs - bootUnixMs) / 1000),
      loginFormat: `${PREFIX_OF_NETWORK[config.kaspa.network]}:YOUR_ADDRESS.RIG`,
      nodes,
      ports: config.stratum.ports.map((port, index) => ({
        label: port.label,
        url: `${schemeOf(port)}://${publicHost(config)}:${this.#options.stratumPorts[index]}`,
        difficulty: difficultyNumber(difficultyLog2Of(port.difficulty) ?? 0),
        connections: sessions.byPort[index] ?? 0,
      })),
      miners: sessions.addresses,
      workers: sessions.workers,
      hashrate: {
        m1: hashrate.rate(60, nowMs),
        m10: hashrate.rate(600, nowMs),
        h1: hashrate.rate(3_600, nowMs),
      },
      shares: this.#shares(),
      blocks: {
        found: blocks.tally.found,
        accepted: blocks.tally.accepted,
        refused: blocks.tally.refused,
        blue: blocks.tally.blue,
        red: blocks.tally.red,
        recent: blocks.recent(RECENT_BLOCKS).map(
          (block): BlockView => ({
            hash: block.blockHash,
            at: new Date(block.foundAtUnixMs).toISOString(),
            worker: block.workerName,
            colour: block.colour,
            reward: block.rewardSompi?.toString() ?? '',
          }),
        ),
      },
      journal: this.#journal(),
      database: this.#database(),
      ready: this.#ready(nodes),
    };
  }

  #nodes(): NodeView[] {
    const nowMs = this.#options.clock();
    return this.#options.chain.status().map((node) => ({
      name: node.name,
      connected: node.connected,
      synced: node.synced,
      version: node.serverVersion,
      daaScore: Number(node.virtualDaaScore),
      lastTemplateAgeMs: node.lastTemplateAtMs === 0 ? -1 : Math.round(nowMs - node.lastTemplateAtMs),
      fault: node.fault,
    }));
  }

  #shares(): PoolSnapshot['shares'] {
    const { counts } = this.#options.path.metrics.verdicts;
    const rejected: Record<string, number> = {};
    let accepted = 0;
    for (const row of VERDICTS) {
      if (isAccepted(row.code)) accepted += counts[row.code] ?? 0;
      else rejected[row.metricLabel] = counts[row.code] ?? 0;
    }
    return { accepted, rejected };
  }

  #journal(): PoolSnapshot['journal'] {
    const { journal } = this.#options;
    return {
      state: journal.available ? 'ok' : 'failed',
      fault: journal.fault,
      appended: journal.appendedSequence,
      durable: journal.durableSequence,
      segment: `segment ${journal.durablePosition().segment}`,
    };
  }

  #database(): PoolSnapshot['database'] {
    const { ledger } = this.#options;
    const status = ledger.loader?.status();
    if (!status) return { state: 'away', fault: ledger.fault, lagRecords: 0, lagSeconds: 0, loaded: 0 };
    return {
      state: status.state,
      fault: status.fault,
      lagRecords: status.lagRecords,
      lagSeconds: status.lagSeconds,
      loaded: status.loadedRecords,
    };
  }

  /** Ready = work that miners get can become blocks and their shares can be kept. The database may be away: the journal holds. */
  #ready(nodes: readonly NodeView[]): PoolSnapshot['ready'] {
    const { feed, clock } = this.#options;
    // Everybody may read them: the journal's own words have paths of files in them.
    const reasons = unreadiness(nodes, feed.stalled(clock()), this.#journal()).map(({ code, text }) =>
      code === 'journal_failed' ? 'the journal cannot be written' : text,
    );
    return { ok: reasons.length === 0, reasons };
  }
}

function schemeOf({ transport, tls }: StratumPortConfig): string {
  if (transport === 'websocket') return tls === undefined ? 'ws' : 'wss';
  return tls === undefined ? 'stratum+tcp' : 'stratum+ssl';
}
