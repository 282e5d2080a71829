/**
 * The API thread: serves the page, the JSON interface and the metrics from what the main thread publishes.
 *
 * In: a snapshot a second, who logged in, answers to scrapes, what the database says of accounts. Out: HTTP and WebSocket. It must never be ended with the server open (see
 * `engine-uws`): whatever goes wrong here, the server is closed first, then the thread ends and the main thread starts another.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { collectDefaultMetrics } from 'prom-client';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { Counter, createRegistry, Gauge } from '../kit/metrics.ts';
import { stepBehindMiners } from '../kit/thread-priority.ts';
import type { EngineFeed } from '../live/engine-feed.ts';
import { snapshotFeed } from '../live/snapshot-feed.ts';
import { startEngine } from './engine-choice.ts';
import { HTTP_LIMITS, type HttpEngine } from './http-engine.ts';
import { LiveTopics } from './live/live-topics.ts';
import { LiveDesk } from './live-desk.ts';
import { OriginRule } from './origin-rule.ts';
import { loadPageAssets } from './page-assets.ts';
import { openPoolSources } from './pool-sources.ts';
import { publish } from './published.ts';
import { responseCount } from './response-count.ts';
import { createRoutes, failureResponse, LIVE_PATH } from './routes.ts';
import { Scrape } from './scrape.ts';
import type { ApiThreadData, FromApiThread, ToApiThread } from './thread-messages.ts';

const data = workerData as ApiThreadData;
const port = parentPort!;
const tell = (message: FromApiThread): void => port.postMessage(message);
const nowMs = (): number => performance.now();

// A text to 10,000 viewers is some 80 ms of writing, in slices.
stepBehindMiners();

const registry = createRegistry();
// Process metrics are the whole process's; event loop and heap are this thread's.
collectDefaultMetrics({ register: registry });
const counted = responseCount(registry);
const dropped = new Counter(registry, {
  name: 'sluice_api_live_dropped_total',
  help: 'Live sockets cut because they did not read.',
});
new Gauge(registry, { name: 'sluice_api_live_clients', help: 'Open live sockets.' }, () => {
  return live.hub.clients;
});

// Encoding them takes its time: what is published below must not be old before the first question.
const assets = loadPageAssets();
let engine: HttpEngine | undefined;
const origins = new OriginRule(data.allowOrigins);
let published = publish(data.snapshot, nowMs());
const scrape = new Scrape(registry, (id) => tell({ kind: 'metrics', id }), data.scrapeTimeoutMs);
const desk =
  data.live &&
  new LiveDesk({
    ...data.live,
    askDiaries: (id, connections) => tell({ kind: 'diaries', id, connections }),
    metrics: () => scrape.render(),
    registry,
    onFault: (message) => tell({ kind: 'live fault', message }),
  });
const feed: EngineFeed = desk?.feed ?? snapshotFeed(() => published.snapshot);
const sources = openPoolSources({
  databaseUrl: data.databaseUrl,
  terms: data.terms,
  live: feed,
  onFault: (error) => tell({ kind: 'fault', message: messageOf(error) }),
});
const live = new LiveTopics({
  network: data.snapshot.network,
  origins,
  clientsMax: data.liveClientsMax,
  refusal: failureResponse,
  reads: sources.reads,
  feed,
  wallClock: Date.now,
});
let ending = false;

async function end(exitCode: number): Promise<void> {
  if (ending) return;
  ending = true;
  try {
    await engine?.close();
    await desk?.close();
  } finally {
    const flag = new Int32Array(data.closedFlag);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    live.close();
    await sources.close();
    process.exit(exitCode);
  }
}

/** The last resort of the thread, not of the process: the engine must outlive any fault of the page. */
function crash(thrown: unknown): void {
  tell({ kind: 'crashed', message: messageOf(thrown) });
  void end(1);
}
process.on('uncaughtException', crash);
process.on('unhandledRejection', crash);

async function serve(): Promise<void> {
  port.on('message', (message: ToApiThread) => {
    switch (message.kind) {
      case 'snapshot':
        published = publish(message.snapshot, nowMs());
        // First: what is told is made of it.
        if (message.inside !== undefined) desk?.reported(message.snapshot, message.inside);
        live.tell();
        return;
      case 'arrived':
      case 'diaries':
        desk?.take(message);
        return;
      case 'metrics':
        scrape.answer(message.id, message.metrics);
        return;
      case 'close':
        void end(0);
        return;
      case 'crash':
        throw new Error('crashed by a drill');
    }
  });
  if (data.inside !== undefined) desk?.reported(data.snapshot, data.inside);
  await desk?.open();
  if (!data.servesHttp) {
    tell({ kind: 'listening', port: 0, engine: 'node', remark: '' });
    return;
  }
  const handle = createRoutes({
    published: () => published,
    assets,
    reads: sources.reads,
    terms: data.terms,
    ...(sources.desk && { desk: sources.desk }),
    origins,
    scrape: () => scrape.render(),
    nowMs,
    wallClock: Date.now,
    staleAfterMs: data.staleAfterMs,
  });
  const chosen = await startEngine(data.engine, {
    host: data.host,
    port: data.port,
    handle: counted(handle),
    failure: (status) => failureResponse(status),
    livePath: LIVE_PATH,
    live: live.hub,
    limits: { ...HTTP_LIMITS, connectionsMax: HTTP_LIMITS.connectionsMax + data.liveClientsMax },
    onLiveDropped: () => dropped.inc(),
  });
  // Ending did not know of it yet, and the native server must never be open when the thread ends.
  if (ending) return chosen.engine.close();
  engine = chosen.engine;
  live.hub.attach(engine);
  tell({ kind: 'listening', port: engine.port, engine: engine.name, remark: chosen.remark });
}

try {
  await serve();
} catch (thrown) {
  const { code, remedy } = thrown instanceof EdgeError ? thrown : { code: 'SLUICE_HTTP_START', remedy: '' };
  tell({ kind: 'failed', code, message: messageOf(thrown), remedy });
  await end(1);
}
