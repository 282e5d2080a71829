/**
 * What the operator's listener answers. In: requests and a desk. Out: pages, the status document, the outcome of orders.
 *
 *   GET  /operator                 the console, or its login
 *   POST /operator/login, logout   a form; the session is a cookie that scripts cannot read
 *   GET  /operator/status.json     everything the console shows (status-schema)
 *   POST /operator/actions/NAME    an order, JSON in and out
 *   GET  /operator/assets/...      style and script
 */
import type { HttpResponse } from '../http-engine.ts';
import { namedProblem } from '../problem.ts';
import { runAction } from './operator-actions.ts';
import type { OperatorDesk } from './operator-desk.ts';
import { COOKIE, type Entry, type Knock, type OperatorGate } from './operator-gate.ts';
import type { OperatorPages } from './operator-pages.ts';
import type { OperatorHandler, OperatorRequest } from './operator-server.ts';
import type { OperatorSession } from './operator-sessions.ts';

export interface OperatorRouteSources {
  readonly gate: OperatorGate;
  readonly desk: OperatorDesk;
  readonly pages: OperatorPages;
}

/** Nothing from elsewhere, nothing inline, no frame. `same-origin`: without a referrer browsers post forms with origin null. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};
const ACTIONS = '/operator/actions/';
const SESSION_SECONDS = 43_200;

export function createOperatorRoutes(sources: OperatorRouteSources): OperatorHandler {
  return async (request) => {
    const response = await route(request, sources);
    return { ...response, headers: { ...HEADERS, ...response.headers } };
  };
}

export function operatorFailure(status: number): HttpResponse {
  return refusal({
    ok: false,
    status: status as 400,
    why: 'This is a fault of the console; the log says more.',
  });
}

async function route(request: OperatorRequest, sources: OperatorRouteSources): Promise<HttpResponse> {
  const { gate, pages, desk } = sources;
  const { method, path } = request;
  const knock = knockOf(request);
  const atTheDoor = gate.atTheDoor(knock);
  if (atTheDoor && !atTheDoor.ok) return refusal(atTheDoor);
  const reads = method === 'GET' || method === 'HEAD';
  if (reads && path === '/') return redirect('/operator');
  const asset = reads ? pages.assets.get(path) : undefined;
  if (asset) return { status: 200, headers: { 'content-type': asset.contentType }, body: asset.body };
  if (method === 'POST' && path === '/operator/login') return login(request, sources);
  if (reads && path === '/operator') {
    const entry = gate.enter(knock);
    return html(entry.ok && entry.session ? pages.console(entry.session.csrf) : pages.login(''), 200);
  }
  const isForm = method === 'POST' && path === '/operator/logout';
  const entry = gate.enter(isForm ? { ...knock, csrf: await formField(request, 'csrf') } : knock);
  if (!entry.ok) return refusal(entry);
  if (isForm) {
    gate.logout(entry.session);
    return redirect('/operator', cookie('', 0));
  }
  if (reads && path === '/operator/status.json') return json(200, await desk.status());
  if (path.startsWith(ACTIONS)) {
    if (method !== 'POST') return plainProblem(405, 'An action is a POST.');
    const { status, answer } = await runAction(
      path.slice(ACTIONS.length),
      request,
      desk,
      whoOf(request, entry.session),
    );
    return json(status, answer);
  }
  return plainProblem(404, 'The console is at /operator, its numbers are at /operator/status.json.');
}

async function login(
  request: OperatorRequest,
  { gate, pages, desk }: OperatorRouteSources,
): Promise<HttpResponse> {
  const entry = gate.login(await formField(request, 'token'));
  if (entry.ok && entry.session) {
    desk.note(whoOf(request, entry.session), 'login', 'done');
    return redirect('/operator', cookie(entry.session.id, SESSION_SECONDS));
  }
  const refused = entry as Exclude<Entry, { ok: true }>;
  desk.note(whoOf(request, undefined), 'login', `refused: ${refused.why}`);
  return html(pages.login(refused.why), refused.status);
}

function knockOf(request: OperatorRequest): Knock {
  return {
    method: request.method,
    query: request.query,
    host: request.header('host'),
    origin: request.header('origin'),
    authorization: request.header('authorization'),
    cookie: request.header('cookie'),
    csrf: request.header('x-sluice-csrf'),
  };
}

/** The name is what a caller says of itself; that it has the token is what we know. */
function whoOf(request: OperatorRequest, session: OperatorSession | undefined): string {
  const name = /^[\w.@-]{1,64}$/.exec(request.header('x-sluice-person'))?.[0];
  // Not the id: whoever reads the log must not be able to use it.
  const by = session ? `console session ${session.number}` : 'token';
  return `${name ?? 'operator'} (${by}, ${request.peer})`;
}

async function formField(request: OperatorRequest, name: string): Promise<string> {
  const body = await request.readBody();
  return body.ok ? (new URLSearchParams(body.text).get(name) ?? '') : '';
}

function cookie(value: string, seconds: number): Readonly<Record<string, string>> {
  return {
    'set-cookie': `${COOKIE}=${value}; Path=/operator; HttpOnly; SameSite=Strict; Max-Age=${seconds}`,
  };
}

function redirect(to: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status: 303, headers: { location: to, ...headers }, body: '' };
}

function html(body: string, status: number): HttpResponse {
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body };
}

function json(status: number, value: unknown): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(value)}\n` };
}

function refusal({ status, why }: Exclude<Entry, { ok: true }>): HttpResponse {
  return plainProblem(status, why);
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not logged in',
  403: 'Refused',
  404: 'Not found',
  405: 'Method not allowed',
  421: 'Wrong host',
  429: 'Too many requests',
};

function plainProblem(status: number, hint: string): HttpResponse {
  return namedProblem(status, `operator-${status}`, TITLES[status] ?? 'Unexpected error', { hint });
}
