/**
 * The pages as HTTP: reads what a page shows, draws it. Each works without a script; the parts that fail do so alone.
 *
 *   GET /                        the pool, and how to connect (?miner= &machine= &port= &address= &rig= &range=)
 *   GET /miners?address=         on to the miner's page
 *   GET /miners/{address}        one miner (?range= &payments= &rewards=); 404 with advice for one that never sent a share
 *   GET /blocks /payments        lists, a page each (?cursor=)
 *   GET /how                     the terms in force
 *   anything else                404 with the way home, for who asks for a page
 */
import { checkAddress } from '../chains/kaspa/address.ts';
import type { ExplorerTerms } from '../ledger/views/pool-terms.ts';
import { ClientAllowance } from './client-allowance.ts';
import type { HttpRequest, HttpResponse } from './http-engine.ts';
import type { PageAssets, PageScript } from './page-assets.ts';
import * as contents from './page-contents.ts';
import { NO_CHOICE } from './pages/connect.ts';
import type { Child } from './pages/element.ts';
import { how } from './pages/how.ts';
import { documentHtml } from './pages/layout.ts';
import type { ConnectChoice, PageState } from './pages/page-state.ts';
import { minerHref } from './pages/parts.ts';
import { CursorInvalid, type PoolReads, ReadUnavailable } from './pool-reads.ts';
import { type PageQuery, pageQuery, type Range, rangeQuery } from './schemas/field.ts';
import type { MinerSeries } from './schemas/miner.ts';
import type { PoolSeries } from './schemas/pool.ts';

export interface PageSources {
  readonly reads: PoolReads;
  readonly assets: PageAssets;
  readonly explorer: ExplorerTerms;
  nowMs(): number;
}

/** A page takes some ms to draw, and without a script it is drawn anew four times a minute. */
const PAGES_PER_CLIENT = { burst: 60, perMinute: 120, keysMax: 20_000 };
/** Of one list; the next page is a link away. */
const BLOCKS_HOME = 10;
const ROWS = 25;
const ROWS_BESIDE = 10;
/** A page of a farm shows those with most trouble; the filter of the page works on these. */
const WORKERS = 100;
/** Boards are read some seconds after a start; a database restarts in as many. */
const NOT_NOW_AGAIN_S = '5';
const CHOICE_MAX_CHARS = 100;
const MINERS = '/miners/';

interface Page {
  readonly status?: number;
  readonly title: string;
  readonly current?: string;
  readonly script: PageScript;
  readonly withChart?: boolean;
  readonly state: PageState;
  readonly main: readonly Child[];
  readonly data?: object;
}

type PageHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
type PageRoute = (query: URLSearchParams) => Page | Promise<Page>;

export interface PageRoutes {
  /** undefined: no page has this path. */
  at(path: string): PageHandler | undefined;
  /** For who looks for a page where none is. */
  readonly nowhere: PageHandler;
}

export function createPageRoutes(sources: PageSources): PageRoutes {
  const fixed: Readonly<Record<string, PageRoute>> = {
    '/': (query) => homePage(sources, query),
    '/blocks': (query) => blocksPage(sources, query),
    '/payments': (query) => paymentsPage(sources, query),
    '/how': () => howPage(sources),
  };
  const allowance = new ClientAllowance(PAGES_PER_CLIENT, sources.nowMs);
  const handlerOf =
    (route: PageRoute): PageHandler =>
    (request) =>
      allowance.refusal(request) ?? answered(sources, route, new URLSearchParams(request.query));
  const at = (path: string): PageHandler | undefined => {
    if (path === '/miners') return ({ query }) => findMiner(new URLSearchParams(query));
    if (path.startsWith(MINERS)) return handlerOf((query) => minerPage(sources, addressOf(path), query));
    const route = fixed[path];
    return route && handlerOf(route);
  };
  return { at, nowhere: handlerOf(() => nowherePage(sources)) };
}

/** What a reader may meet is a page, too. Anything else is a fault of ours, and is answered as one: it must not pass for the database's. */
async function answered(
  sources: PageSources,
  route: PageRoute,
  query: URLSearchParams,
): Promise<HttpResponse> {
  let page: Page;
  try {
    page = await route(query);
  } catch (thrown) {
    if (thrown instanceof CursorInvalid) page = brokenLink(sources);
    else if (thrown instanceof ReadUnavailable) page = notNow(sources);
    else throw thrown;
  }
  const { assets } = sources;
  return {
    status: page.status ?? 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      // As the page says of itself, with or without a script.
      ...(page.status === 503 && { refresh: NOT_NOW_AGAIN_S, 'retry-after': NOT_NOW_AGAIN_S }),
    },
    body: documentHtml({
      title: page.title,
      current: page.current ?? '',
      assets: assets.folder,
      script: page.script,
      withChart: page.withChart ?? false,
      state: page.state,
      main: page.main,
      data: { explorer: page.state.explorer, now: page.state.nowMs, ...page.data },
    }),
  };
}

function baseState({ reads, explorer, nowMs }: PageSources): PageState {
  return { pool: reads.pool(), explorer, nowMs: nowMs() };
}

/** A part that cannot be read now is left out, and the page says so there. */
async function orAway<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (thrown) {
    if (!(thrown instanceof ReadUnavailable)) throw thrown;
    return undefined;
  }
}

/** A day of which next to nothing is known shows nothing: who asked for no range gets the hour then. */
const TELLING_STEPS = 4;

async function seriesOf<T extends PoolSeries | MinerSeries>(
  query: URLSearchParams,
  read: (range: Range) => Promise<T | undefined>,
): Promise<T | undefined> {
  const parsed = rangeQuery.safeParse({ range: query.get('range') ?? undefined });
  const series = await orAway(read(parsed.success ? parsed.data.range : '24h'));
  if (!series || query.has('range')) return series;
  const known = series.hashrate.filter((value) => value !== null && value > 0).length;
  return known < TELLING_STEPS ? ((await orAway(read('1h'))) ?? series) : series;
}

/** @throws CursorInvalid */
function pageOf(cursor: string | null, limit: number): PageQuery {
  const parsed = pageQuery.safeParse({ limit, ...(cursor ? { cursor } : {}) });
  if (!parsed.success) throw new CursorInvalid('not a cursor');
  return parsed.data;
}

/** Never through the middle of a character: half of one cannot be written into an address. */
function short(text: string): string {
  return text.slice(0, CHOICE_MAX_CHARS).replace(/[\uD800-\uDBFF]$/, '');
}

function choiceOf(query: URLSearchParams): ConnectChoice {
  const asked = (name: keyof ConnectChoice): string => short(query.get(name) ?? NO_CHOICE[name]);
  return {
    miner: asked('miner'),
    machine: asked('machine'),
    port: asked('port'),
    address: asked('address'),
    rig: asked('rig'),
  };
}

async function homePage(sources: PageSources, query: URLSearchParams): Promise<Page> {
  const { reads } = sources;
  const [poolSeries, blocks] = await Promise.all([
    seriesOf(query, (range) => reads.poolSeries(range)),
    orAway(reads.blocks({ limit: BLOCKS_HOME })),
  ]);
  const state: PageState = {
    ...baseState(sources),
    choice: choiceOf(query),
    ...(poolSeries && { poolSeries }),
    ...(blocks && { blocks: blocks.items }),
  };
  return {
    title: 'Sluice mining pool',
    current: '/',
    script: 'home-page.js',
    withChart: true,
    state,
    main: contents.homeMain(state),
    data: { series: poolSeries ?? null, choice: state.choice },
  };
}

/** The form's answer. Whatever was typed becomes a path, where it is checked. */
function findMiner(query: URLSearchParams): HttpResponse {
  const asked = short((query.get('address') ?? '').trim());
  return {
    status: 303,
    headers: { location: asked === '' ? '/' : minerHref(asked), 'cache-control': 'no-store' },
    body: '',
  };
}

function addressOf(path: string): string {
  try {
    return decodeURIComponent(path.slice(MINERS.length));
  } catch {
    return '';
  }
}

async function minerPage(sources: PageSources, asked: string, query: URLSearchParams): Promise<Page> {
  const { reads } = sources;
  const base: PageState = { ...baseState(sources), choice: { ...NO_CHOICE, address: asked } };
  const checked = checkAddress(asked, base.pool.network);
  if (!checked.ok) {
    return {
      status: 404,
      title: 'No such address',
      script: 'home-page.js',
      state: base,
      main: contents.badAddressMain(checked.reason, base),
    };
  }
  const { address } = checked;
  const miner = await reads.miner(address);
  if (!miner) {
    const state = { ...base, choice: { ...NO_CHOICE, address } };
    return {
      status: 404,
      title: 'No share yet',
      script: 'home-page.js',
      state,
      main: contents.unknownMinerMain(address, state),
      data: { awaited: address, choice: state.choice },
    };
  }
  const cursors = { payments: query.get('payments') ?? '', rewards: query.get('rewards') ?? '' };
  const [minerSeries, workers, refusals, payments, rewards] = await Promise.all([
    seriesOf(query, (range) => reads.minerSeries(address, range)),
    orAway(reads.workers(address, { limit: WORKERS })),
    orAway(reads.refusals(address)),
    orAway(reads.minerPayments(address, pageOf(cursors.payments, ROWS_BESIDE))),
    orAway(reads.minerRewards(address, pageOf(cursors.rewards, ROWS_BESIDE))),
  ]);
  const state: PageState = {
    ...base,
    miner,
    ...(minerSeries && { minerSeries }),
    ...(workers && { workers }),
    ...(refusals && { refusals }),
    ...(payments && { payments }),
    ...(rewards && { rewards }),
  };
  return {
    title: `${address.slice(-8)} · Sluice`,
    script: 'miner-page.js',
    withChart: true,
    state,
    main: contents.minerMain(address, state, cursors),
    data: { address, series: minerSeries ?? null },
  };
}

async function blocksPage(sources: PageSources, query: URLSearchParams): Promise<Page> {
  const cursor = query.get('cursor');
  const page = await sources.reads.blocks(pageOf(cursor, ROWS));
  const state = baseState(sources);
  return {
    title: 'Blocks · Sluice',
    current: '/blocks',
    script: 'app.js',
    state,
    main: contents.blocksMain(state, page, cursor === null),
  };
}

async function paymentsPage(sources: PageSources, query: URLSearchParams): Promise<Page> {
  const cursor = query.get('cursor');
  const page = await sources.reads.payouts(pageOf(cursor, ROWS));
  const state = baseState(sources);
  return {
    title: 'Payments · Sluice',
    current: '/payments',
    script: 'app.js',
    state,
    main: contents.paymentsMain(state, page, cursor === null),
  };
}

function howPage(sources: PageSources): Page {
  const state = baseState(sources);
  return {
    title: 'How this pool counts · Sluice',
    current: '/how',
    script: 'app.js',
    state,
    main: how(state),
  };
}

/** Nothing of the address is repeated. */
function nowherePage(sources: PageSources): Page {
  const state = baseState(sources);
  return {
    status: 404,
    title: 'No such page',
    script: 'app.js',
    state,
    main: contents.nowhereMain(state),
  };
}

function brokenLink(sources: PageSources): Page {
  const text = 'The list has no such place. Begin at its newest page.';
  return {
    status: 400,
    title: 'Broken link',
    script: 'app.js',
    state: baseState(sources),
    main: contents.faultMain('This link is broken', text),
  };
}

function notNow(sources: PageSources): Page {
  const text =
    'The database does not answer just now. Miners stay connected and shares stay counted. This page tries again by itself in some seconds.';
  return {
    status: 503,
    title: 'Not now',
    script: 'app.js',
    state: baseState(sources),
    main: contents.faultMain('Not now', text),
  };
}
