/**
 * `sluice api`: pages, JSON interface and live feed in a process of their own, so that no number of readers can slow a miner down. In:
 * PostgreSQL, and what engines tell over their local sockets. Out: HTTP. It writes nothing but signed settings.
 *
 * The numbers are of all engines together. While the database is away, figures of miners stay as they were; without engines the pool's
 * numbers are nought, and what is in the database is shown all the same.
 */
import { collectDefaultMetrics } from 'prom-client';
import { databaseUrlOf } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { startEngine } from '../api/engine-choice.ts';
import { HTTP_LIMITS } from '../api/http-engine.ts';
import { LiveTopics } from '../api/live/live-topics.ts';
import { OriginRule } from '../api/origin-rule.ts';
import { loadPageAssets } from '../api/page-assets.ts';
import { openPoolSources, type PoolSources } from '../api/pool-sources.ts';
import { type PublishedSnapshot, publish } from '../api/published.ts';
import { responseCount } from '../api/response-count.ts';
import { createRoutes, failureResponse, LIVE_PATH } from '../api/routes.ts';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { createLogger, type Logger } from '../kit/log.ts';
import { Counter, createRegistry, Gauge, type Registry } from '../kit/metrics.ts';
import { connectSystemd } from '../kit/systemd.ts';
import type { Boards } from '../ledger/views/boards.ts';
import type { EngineFeed } from '../live/engine-feed.ts';
import { noEngines } from '../live/no-engines.ts';
import { SocketFeed } from '../live/socket-feed.ts';
import { openApiConsole } from './api-console.ts';
import { Configuration } from './configuration.ts';
import type { OperatorHandle } from './operator-client.ts';
import { poolTerms } from './pool-terms.ts';
import { onStopRequested, tellParent } from './role-channel.ts';

const PUBLISH_EVERY_MS = 1_000;
/** Of figures that are read every ten seconds. */
const FIGURES_STALE_MS = 60_000;

export async function runApi(configFile: string): Promise<number> {
  const configuration = new Configuration(configFile);
  const config = configuration.inForce;
  const databaseUrl = databaseUrlOf(config, process.env);
  if (databaseUrl === undefined) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'this configuration uses an embedded PostgreSQL, which only runs while the engine does',
      'Leave http.enabled as it is: the engine serves the pages itself.',
    );
  }
  const log = createLogger(config.log.level, 'api');
  const systemd = connectSystemd(process.env, process.pid);
  const stopped = new Promise<string>((resolve) => onStopRequested(resolve));
  // Nothing is read anew; unheard, it would end the process.
  process.on('SIGHUP', () => log.info('nothing here is read again: restart it for another configuration'));
  const { feed, close: closeFeed } = openEngines(config, log);
  const sources = openPoolSources({
    databaseUrl,
    terms: poolTerms(config),
    live: feed,
    onFault: (error) =>
      log.warn({ fault: messageOf(error) }, 'the database was not read: old figures are shown'),
  });
  let operator: OperatorHandle | undefined;
  try {
    operator = await openApiConsole(configuration, databaseUrl, feed, log);
    const server = await serve(config, sources, feed, log);
    const operatorAddress = operator?.address ?? '';
    tellParent({ kind: 'ready', info: { httpUrl: server.url, operatorAddress } });
    systemd.ready(() => statusLine(sources, feed, server.url));
    log.info({ reason: await stopped }, 'asked to stop');
    systemd.stopping();
    await server.close();
  } finally {
    await operator?.close();
    closeFeed();
    await sources.close();
    systemd.close();
    if (process.connected) process.disconnect();
  }
  return 0;
}

function openEngines({ live: { directory } }: Config, log: Logger): { feed: EngineFeed; close: () => void } {
  if (directory === '') return { feed: noEngines(), close: () => {} };
  const feed = new SocketFeed({ directory, onFault: (fault) => log.warn({ fault }, 'live socket') });
  return { feed, close: () => feed.close() };
}

interface Server {
  readonly url: string;
  close(): Promise<void>;
}

async function serve(config: Config, sources: PoolSources, feed: EngineFeed, log: Logger): Promise<Server> {
  const { host, port, engine, allowOrigins, liveClientsMax } = config.http;
  const registry = createRegistry();
  collectDefaultMetrics({ register: registry });
  const { reads, desk, boards } = sources;
  const nowMs = (): number => performance.now();
  let published: PublishedSnapshot = publish(reads.pool(), nowMs());
  const origins = new OriginRule(allowOrigins);
  const terms = poolTerms(config);
  const live = new LiveTopics({
    ...{ network: terms.network, origins, clientsMax: liveClientsMax, refusal: failureResponse, reads, feed },
    wallClock: Date.now,
  });
  const dropped = new Counter(registry, {
    name: 'sluice_api_live_dropped_total',
    help: 'Live sockets cut because they did not read.',
  });
  new Gauge(
    registry,
    { name: 'sluice_api_live_clients', help: 'Open live sockets.' },
    () => live.hub.clients,
  );
  if (boards) registerBoards(registry, boards);
  const handle = createRoutes({
    ...{ reads, terms, origins, nowMs, assets: loadPageAssets(), wallClock: Date.now },
    ...(desk && { desk }),
    published: () => published,
    scrape: () => registry.metrics(),
    metricsOf: (instance) => feed.metricsOf(instance),
    staleAfterMs: Number.POSITIVE_INFINITY,
    unready: () => unready(boards, Date.now()),
  });
  const { engine: server } = await startEngine(engine, {
    ...{ host, port, failure: failureResponse, livePath: LIVE_PATH, live: live.hub },
    handle: responseCount(registry)(handle),
    limits: { ...HTTP_LIMITS, connectionsMax: HTTP_LIMITS.connectionsMax + liveClientsMax },
    onLiveDropped: () => dropped.inc(),
  });
  live.hub.attach(server);
  const ticker = setInterval(() => {
    published = publish(reads.pool(), nowMs());
    live.tell();
  }, PUBLISH_EVERY_MS);
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${server.port}/`;
  log.info({ http: url, engine: server.name }, 'pages are up');
  return {
    url,
    close: async () => {
      clearInterval(ticker);
      // Before the process ends: the native server must never be open when it does.
      await server.close();
      live.close();
    },
  };
}

function registerBoards(registry: Registry, boards: Boards): void {
  const gauge = (name: string, help: string, read: () => number) => new Gauge(registry, { name, help }, read);
  gauge('sluice_api_figures_age_seconds', 'Age of what is shown of miners; -1 = not read yet.', () =>
    boards.filled ? (Date.now() - boards.refreshedAtMs) / 1_000 : -1,
  );
  gauge('sluice_api_board_workers', 'Workers whose figures are in memory.', () => boards.work.workers);
  gauge(
    'sluice_api_board_turned_away',
    'Workers for whom there was no place in memory.',
    () => boards.work.turnedAway,
  );
}

/** Whether readers get what they came for; what the pool itself lacks is the engines' to say. */
function unready(boards: PoolSources['boards'], nowMs: number): string[] {
  if (!boards?.filled) return ['the figures of miners are not read yet'];
  const ageMs = nowMs - boards.refreshedAtMs;
  return ageMs > FIGURES_STALE_MS ? [`the figures of miners are ${Math.round(ageMs / 1_000)} s old`] : [];
}

/** For `systemctl status`. */
function statusLine({ boards }: PoolSources, feed: EngineFeed, url: string): string {
  return `${feed.engines().length} engines, ${boards?.work.workers ?? 0} workers of the last week, pages ${url}`;
}
