/** Pages and what they ask for, served over real HTTP from a pool that tests can move. */
import { startEngine } from '../../src/api/engine-choice.ts';
import { HTTP_LIMITS, type HttpEngine } from '../../src/api/http-engine.ts';
import { LiveTopics } from '../../src/api/live/live-topics.ts';
import { OriginRule } from '../../src/api/origin-rule.ts';
import { loadPageAssets } from '../../src/api/page-assets.ts';
import { publish } from '../../src/api/published.ts';
import { createRoutes, failureResponse, LIVE_PATH } from '../../src/api/routes.ts';
import type { EngineFeed, LiveWorker } from '../../src/live/engine-feed.ts';
import { snapshotFeed } from '../../src/live/snapshot-feed.ts';
import { SAMPLE } from '../unit/api/sample-snapshot.ts';
import { FARM, type LivelyReads } from './lively-reads.ts';
import { SAMPLE_TERMS } from './sample-terms.ts';

export interface PageStage {
  readonly engine: HttpEngine;
  readonly url: string;
  /** The pool has told of itself. */
  tell(): void;
  /** Something of this miner's connections has changed. */
  changed(address: string): void;
}

export async function openPages(reads: LivelyReads): Promise<PageStage> {
  const origins = new OriginRule(['*']);
  let changed: (addresses: ReadonlySet<string>) => void = () => {};
  const feed: EngineFeed = {
    ...snapshotFeed(() => SAMPLE),
    workersOf: (address) => (address === FARM ? connectionsOf(reads) : []),
    onChanged: (listener) => {
      changed = listener;
      return () => {};
    },
  };
  const topics = new LiveTopics({
    network: reads.view.network,
    origins,
    clientsMax: 100,
    refusal: failureResponse,
    reads,
    feed,
    wallClock: Date.now,
  });
  const { hub } = topics;
  const handle = createRoutes({
    published: () => publish(SAMPLE, 0),
    reads,
    assets: loadPageAssets(),
    terms: { ...SAMPLE_TERMS, network: reads.view.network },
    origins,
    scrape: async () => '',
    nowMs: Date.now,
    wallClock: Date.now,
    staleAfterMs: Number.POSITIVE_INFINITY,
  });
  const { engine } = await startEngine('node', {
    host: '127.0.0.1',
    port: 0,
    handle,
    failure: failureResponse,
    livePath: LIVE_PATH,
    live: hub,
    limits: HTTP_LIMITS,
    onLiveDropped: () => {},
  });
  hub.attach(engine);
  topics.tell();
  return {
    engine,
    url: `http://127.0.0.1:${engine.port}`,
    tell: () => topics.tell(),
    changed: (address) => changed(new Set([address])),
  };
}

function connectionsOf({ workerViews }: LivelyReads): LiveWorker[] {
  return workerViews
    .filter(({ state }) => state !== 'offline')
    .map(({ name, agent, port, difficulty, connectedSince, lastShareAt, accepted24h, rejected24h }) => ({
      instance: 'a',
      worker: name,
      agent,
      dialect: 'default',
      portIndex: 0,
      port,
      difficulty: difficulty ?? 1,
      connectedAtUnixMs: Date.parse(connectedSince ?? ''),
      lastShareAtUnixMs: Date.parse(lastShareAt ?? '') || 0,
      accepted: accepted24h,
      rejected: rejected24h,
      creditedDifficulty: 0,
    }));
}
