/** Pages and what they ask for, served over real HTTP from a pool that tests can move. */
import { startEngine } from '../../src/api/engine-choice.ts';
import { HTTP_LIMITS, type HttpEngine } from '../../src/api/http-engine.ts';
import { loadPageAssets } from '../../src/api/page-assets.ts';
import { publish } from '../../src/api/published.ts';
import { createRoutes, failureResponse, LIVE_PATH } from '../../src/api/routes.ts';
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
  const message = (topic: string, data: unknown): string =>
    JSON.stringify({ topic, sequence: 1, at: new Date().toISOString(), data });
  const handle = createRoutes({
    published: () => publish(SAMPLE, 0),
    reads,
    assets: loadPageAssets(),
    terms: { ...SAMPLE_TERMS, network: reads.view.network },
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
    greeting: () => message('pool', reads.pool()),
    limits: HTTP_LIMITS,
    onLiveDropped: () => {},
  });
  return {
    engine,
    url: `http://127.0.0.1:${engine.port}`,
    tell: (topic) => engine.broadcast(topic ? message(topic, {}) : message('pool', reads.pool())),
  };
}
