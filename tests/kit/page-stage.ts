/** Pages and what they ask for, served over real HTTP from a pool that tests can move. */
import { startEngine } from '../../src/api/engine-choice.ts';
import { HTTP_LIMITS, type HttpEngine } from '../../src/api/http-engine.ts';
import { LiveTopics } from '../../src/api/live/live-topics.ts';
import { OriginRule } from '../../src/api/origin-rule.ts';
import { loadPageAssets } from '../../src/api/page-assets.ts';
import { publish } from '../../src/api/published.ts';
import { createRoutes, failureResponse, LIVE_PATH } from '../../src/api/routes.ts';
import { snapshotFeed } from '../../src/live/snapshot-feed.ts';
import { SAMPLE } from '../unit/api/sample-snapshot.ts';
import type { LivelyReads } from './lively-reads.ts';
import { SAMPLE_TERMS } from './sample-terms.ts';

export interface PageStage {
  readonly engine: HttpEngine;
  readonly url: string;
  /** Of the pool, or of another topic. */
  tell(topic?: string): void;
}

export async function openPages(reads: LivelyReads): Promise<PageStage> {
  const origins = new OriginRule(['*']);
  const topics = new LiveTopics({
    network: reads.view.network,
    origins,
    clientsMax: 100,
    refusal: failureResponse,
    reads,
    feed: snapshotFeed(() => SAMPLE),
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
    tell: (topic) => (topic ? hub.publish(topic, {}) : topics.tell()),
  };
}
