/**
 * What every address answers. Pure but for scrape and reads: (request, what was published last) → response.
 *
 *   GET / /miners/… …      the pages (page-routes)
 *   GET /assets/…          their style, scripts and icon, in a folder named by their content
 *   GET /api/v1/…          the JSON interface, readable from any origin: the table of routes/
 *   GET /api/openapi.json  the same table as OpenAPI 3.1; /api/docs as a page
 *   ... /api/v1/settings   what an account signs, and taking it (settings-routes)
 *   GET /metrics           Prometheus text; /metrics/INSTANCE: of an engine that opens no port of its own (`sluice api`)
 *   GET /healthz           200 while the process lives
 *   GET /readyz            200, or 503 with the reasons
 *   WS  /api/v1/live       topics (live/live-hub; a plain GET gets 426)
 */
import type { PoolTerms } from '../ledger/views/pool-terms.ts';
import { FeedUnavailable } from '../live/engine-feed.ts';
import { DOCS_STYLE, DOCS_STYLE_PATH, docsPage } from './docs-page.ts';
import type { HttpHandler, HttpRequest, HttpResponse } from './http-engine.ts';
import { apiDocument } from './openapi.ts';
import type { OriginRule } from './origin-rule.ts';
import type { PageAsset, PageAssets } from './page-assets.ts';
import { createPageRoutes } from './page-routes.ts';
import type { PoolReads } from './pool-reads.ts';
import { problem } from './problem.ts';
import { etagOf, isKnown, type PublishedSnapshot } from './published.ts';
import { Answerer } from './routes/answer.ts';
import { matchPath } from './routes/api-table.ts';
import type { SettingsDesk } from './settings-desk.ts';
import { changeSettings, SETTINGS_PATH, settingsForm } from './settings-routes.ts';

export const LIVE_PATH = '/api/v1/live';

export interface RouteSources {
  published(): PublishedSnapshot;
  readonly assets: PageAssets;
  /** undefined: the main thread did not answer. */
  scrape(): Promise<string | undefined>;
  /** Of one of the engines behind this process; undefined: no such engine. Absent: there is only the one that `scrape` tells of. */
  readonly metricsOf?: (instance: string) => Promise<string | undefined>;
  readonly reads: PoolReads;
  readonly terms: PoolTerms;
  /** Absent where there is no database to write to. */
  readonly desk?: SettingsDesk;
  readonly origins: OriginRule;
  nowMs(): number;
  /** Unix ms. */
  wallClock(): number;
  /** A main thread that has published nothing for so long is not ready, whatever it said last. */
  readonly staleAfterMs: number;
  /** Why this process is not ready, where that is another question than whether the pool is. */
  readonly unready?: () => readonly string[];
}

/**
 * No inline script or style, nothing from elsewhere, no frame around it. `same-origin` keeps other sites from embedding the
 * page's files; the JSON interface opens itself to everybody below.
 */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
const KEEP_FOREVER = 'public, max-age=31536000, immutable';
const ALLOW = 'GET, HEAD, OPTIONS';
const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** For browsers that ask before they send JSON to another origin. */
const ALLOW_POST: Readonly<Record<string, string>> = {
  allow: 'GET, HEAD, POST, OPTIONS',
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': 'content-type',
};

type Route = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

export function createRoutes(sources: RouteSources): HttpHandler {
  const routes = new Map<string, Route>([
    [LIVE_PATH, () => withHeaders(problem(426), { upgrade: 'websocket' })],
    ['/metrics', () => metrics(sources)],
    ['/healthz', () => text('text/plain; charset=utf-8', 'ok\n')],
    ['/readyz', () => readiness(sources)],
  ]);
  const { desk, reads, terms, assets } = sources;
  for (const file of assets.files) routes.set(file.path, (request) => assetResponse(request, file));
  for (const { path, contentType, body } of documentation(
    terms.version,
    `${sources.assets.folder}icon.svg`,
  )) {
    const etag = etagOf(body);
    routes.set(path, (request) => cached(request, etag, contentType, body));
  }
  const pages = createPageRoutes({ reads, assets, explorer: terms.explorer, nowMs: sources.wallClock });
  const answerer = new Answerer({ reads, terms, nowMs: sources.nowMs });
  if (desk) routes.set(SETTINGS_PATH, () => settingsForm(desk));
  return (request) => {
    const { method, path } = request;
    // Of all that is asked most is JSON of miners, and none of it is a page.
    const isApi = path.startsWith('/api/');
    const fixed = routes.get(path) ?? (isApi ? undefined : (pages.at(path) ?? engineMetrics(sources, path)));
    const endpoint = fixed ? undefined : matchPath(path);
    const open = endpoint || isApi ? sources.origins.headers(request.origin) : NO_MORE;
    if (!fixed && !endpoint)
      return secured(looksForPage(request) ? pages.nowhere(request) : problem(404), open);
    const posts = desk !== undefined && path === SETTINGS_PATH;
    const allowed = posts ? ALLOW_POST : { allow: ALLOW };
    if (method === 'OPTIONS') return secured({ status: 204, headers: allowed, body: '' }, open);
    if (posts && method === 'POST') return secured(changeSettings(request, desk), open);
    if (method !== 'GET' && method !== 'HEAD') return secured(problem(405, {}, allowed), open);
    return secured(fixed ? fixed(request) : answerer.answer(request, endpoint!), open);
  };
}

/** A person with a browser; programs take what comes or ask for JSON, and under /api/ get it whatever they ask for. */
function looksForPage({ method, path, accept }: HttpRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && accept.includes('text/html') && !path.startsWith('/api/');
}

/** Made once: it changes with the program only. */
function documentation(version: string, icon: string) {
  const document = apiDocument(version);
  return [
    { path: '/api/openapi.json', contentType: 'application/json', body: `${JSON.stringify(document)}\n` },
    { path: '/api/docs', contentType: 'text/html; charset=utf-8', body: docsPage(document, icon) },
    { path: DOCS_STYLE_PATH, contentType: 'text/css; charset=utf-8', body: DOCS_STYLE },
  ];
}

/** For what goes wrong beside the routes: the same headers, the same kind of body. */
export function failureResponse(status: number): HttpResponse {
  return withHeaders(problem(status), SECURITY_HEADERS);
}

type Answer = HttpResponse | Promise<HttpResponse>;

function secured(answer: Answer, more: Readonly<Record<string, string>>): Answer {
  const shared = securityWith(more);
  const whole = ({ status, headers, body, encoded }: HttpResponse): HttpResponse => ({
    status,
    headers,
    body,
    encoded,
    shared,
  });
  return answer instanceof Promise ? answer.then(whole) : whole(answer);
}

const NO_MORE = {};
let last = { more: NO_MORE as Readonly<Record<string, string>>, shared: SECURITY_HEADERS };

/** Nearly all answers have the same, and they are the same object: see `OriginRule`. */
function securityWith(more: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (more !== last.more) last = { more, shared: { ...SECURITY_HEADERS, ...more } };
  return last.shared;
}

function withHeaders(response: HttpResponse, more: Readonly<Record<string, string>>): HttpResponse {
  return { ...response, headers: { ...response.headers, ...more } };
}

function text(contentType: string, body: string): HttpResponse {
  return { status: 200, headers: { 'content-type': contentType, 'cache-control': 'no-store' }, body };
}

/** `no-cache` = keep it, but ask first: the question costs a 304. */
function cached(
  request: HttpRequest,
  etag: string,
  contentType: string,
  body: string | Uint8Array,
  cacheControl = 'no-cache',
): HttpResponse {
  const headers = { 'content-type': contentType, 'cache-control': cacheControl, etag };
  const unchanged = isKnown(request.ifNoneMatch, etag);
  return unchanged ? { status: 304, headers, body: '' } : { status: 200, headers, body };
}

/** Its folder is named by its content: it can be kept for ever. */
function assetResponse(request: HttpRequest, { etag, contentType, body, encoded }: PageAsset): HttpResponse {
  return { ...cached(request, etag, contentType, body, KEEP_FOREVER), encoded };
}

const ENGINE_METRICS = /^\/metrics\/([a-z0-9][a-z0-9-]{0,31})$/;

function engineMetrics({ metricsOf }: RouteSources, path: string): Route | undefined {
  const instance = metricsOf && ENGINE_METRICS.exec(path)?.[1];
  if (instance === undefined) return undefined;
  return async () => {
    try {
      const exposition = await metricsOf!(instance);
      return exposition === undefined ? problem(404) : text(EXPOSITION_TYPE, exposition);
    } catch (thrown) {
      if (thrown instanceof FeedUnavailable) return problem(503, { reasons: [thrown.message] });
      throw thrown;
    }
  };
}

async function metrics(sources: RouteSources): Promise<HttpResponse> {
  const exposition = await sources.scrape();
  if (exposition === undefined) return problem(503, { reasons: ['the engine did not answer in time'] });
  return text(EXPOSITION_TYPE, exposition);
}

function readiness(sources: RouteSources): HttpResponse {
  const reasons = sources.unready?.() ?? enginesReasons(sources);
  if (reasons.length === 0) return text('application/json', '{"ready":true,"reasons":[]}\n');
  return problem(503, {
    title: 'Not ready',
    hint: 'The reasons say what is missing.',
    ready: false,
    reasons,
  });
}

function enginesReasons({ published, nowMs, staleAfterMs }: RouteSources): string[] {
  const { snapshot, receivedAtMs } = published();
  const silentMs = nowMs() - receivedAtMs;
  const reasons = [...snapshot.ready.reasons];
  if (silentMs > staleAfterMs) reasons.push(`no word of the engine for ${Math.round(silentMs / 1000)} s`);
  return snapshot.ready.ok || reasons.length > 0 ? reasons : ['the engine is not ready'];
}
