/**
 * One request to the JSON interface, answered: counted against its client, validated, and asked once however many
 * ask at once. In: a request. Out: a whole response. Nothing that was asked comes back in it.
 *
 *   429 <- token? -- serialised answer there? --> ETag: 304 or 200
 *                          | no
 *        400 <- address, query -- ask --> 404 <- undefined    503 <- ReadUnavailable
 */
import { LRUCache } from 'lru-cache';
import { checkAddress } from '../../chains/kaspa/address.ts';
import { ClientAllowance } from '../client-allowance.ts';
import type { HttpRequest, HttpResponse } from '../http-engine.ts';
import { CursorInvalid, ReadUnavailable } from '../pool-reads.ts';
import { namedProblem, problem } from '../problem.ts';
import { etagOf, isKnown } from '../published.ts';
import type { PathMatch } from './api-table.ts';
import type { EndpointSources } from './endpoint.ts';

/** A miner's page asks six addresses and again each some seconds; a house of miners has one address. */
const READS_PER_CLIENT = { burst: 300, perMinute: 600, keysMax: 20_000 };
/** What is kept of answers, in bytes of UTF-16: 30,000 miners of 1 kB. */
const KEPT_MAX_BYTES = 64 * 1024 * 1024;
/** One that is larger is made anew each time. */
const KEPT_ANSWER_MAX_BYTES = 1024 * 1024;
const KEPT_MAX_ANSWERS = 50_000;
const MS_PER_SECOND = 1_000;

interface KeptAnswer {
  readonly body: string;
  readonly etag: string;
  readonly cacheControl: string;
}

export interface AnswererOptions extends EndpointSources {
  readonly nowMs: () => number;
}

export class Answerer {
  readonly #sources: EndpointSources;
  readonly #allowance: ClientAllowance;
  readonly #kept: LRUCache<string, KeptAnswer>;
  readonly #asked = new Map<string, Promise<HttpResponse | KeptAnswer>>();

  constructor({ nowMs, ...sources }: AnswererOptions) {
    this.#sources = sources;
    this.#allowance = new ClientAllowance(READS_PER_CLIENT, nowMs);
    this.#kept = new LRUCache({
      max: KEPT_MAX_ANSWERS,
      maxSize: KEPT_MAX_BYTES,
      maxEntrySize: KEPT_ANSWER_MAX_BYTES,
      sizeCalculation: ({ body }, key) => 2 * (body.length + key.length),
      // The clock is asked each time: it costs less than the timer by which the cache would remember it for a millisecond.
      ttlResolution: 0,
      // An entry made at 0 would be kept for ever: the cache takes that for "no time given".
      perf: { now: () => nowMs() + 1 },
    });
  }

  answer(request: HttpRequest, match: PathMatch): HttpResponse | Promise<HttpResponse> {
    const refused = this.#allowance.refusal(request);
    if (refused) return refused;
    const key = `${request.path}?${request.query}`;
    const kept = this.#kept.get(key);
    if (kept) return responseOf(request, kept);
    let asked = this.#asked.get(key);
    if (!asked) {
      asked = this.#ask(key, match, request.query).finally(() => this.#asked.delete(key));
      this.#asked.set(key, asked);
    }
    return asked.then((answer) => ('etag' in answer ? responseOf(request, answer) : answer));
  }

  async #ask(key: string, match: PathMatch, query: string): Promise<HttpResponse | KeptAnswer> {
    const { endpoint } = match;
    const given = validated(match, query, this.#sources.terms.network);
    if ('status' in given) return given;
    try {
      const value = await endpoint.answer(this.#sources, given.params, given.query);
      if (value === undefined) {
        const { name, title, hint } = endpoint.missing!;
        return namedProblem(404, name, title, { hint });
      }
      const body = typeof value === 'string' ? value : `${JSON.stringify(value)}\n`;
      const { maxAgeSeconds } = endpoint;
      const answer = { body, etag: etagOf(body), cacheControl: `public, max-age=${maxAgeSeconds}` };
      this.#kept.set(key, answer, { ttl: maxAgeSeconds * MS_PER_SECOND });
      return answer;
    } catch (thrown) {
      if (thrown instanceof CursorInvalid) return invalid('cursor', 'no cursor of this list');
      if (thrown instanceof ReadUnavailable) return problem(503);
      throw thrown;
    }
  }
}

type Given = { readonly params: Record<string, string>; readonly query: Record<string, unknown> };

function validated({ endpoint, params }: PathMatch, query: string, network: string): Given | HttpResponse {
  const asked: Record<string, string> = { ...params };
  if (asked.address !== undefined) {
    const address = canonicalAddress(asked.address, network);
    if (typeof address !== 'string') return address;
    asked.address = address;
  }
  const goodParams = endpoint.params.safeParse(asked);
  if (!goodParams.success) return problem(404);
  const pairs = pairsOf(query);
  if (!pairs) return invalid('query', 'each parameter once, percent-encoded UTF-8');
  const goodQuery = endpoint.query.safeParse(pairs);
  if (!goodQuery.success) {
    const issue = goodQuery.error.issues[0]!;
    const known = issue.path.length > 0 ? String(issue.path[0]) : 'query';
    return invalid(known, hintOf(issue, Object.keys(endpoint.query.shape)));
  }
  return { params: goodParams.data as Record<string, string>, query: goodQuery.data };
}

/** The whole text must be the address, in one case: what miners' firmware puts around it is no part of a URL. */
function canonicalAddress(text: string, network: string): string | HttpResponse {
  // Browsers leave the colon as it is, some libraries do not.
  const plain = text.replace(/%3a/i, ':');
  const check = checkAddress(plain, network);
  const refused = (hint: string) =>
    namedProblem(400, 'address-invalid', 'Not an address of this network', { hint });
  if (!check.ok) return refused(check.reason);
  const lower = plain.toLowerCase();
  const oneCase = plain === lower || plain === plain.toUpperCase();
  const whole = check.address === lower || check.address.endsWith(`:${lower}`);
  return oneCase && whole ? check.address : refused('give the address alone, in one case');
}

/** undefined: a parameter comes twice, or something is no UTF-8. */
function pairsOf(query: string): Record<string, string> | undefined {
  if (query === '') return {};
  const pairs = new Map<string, string>();
  for (const part of query.split('&')) {
    const [name, value] = part.split(/=(.*)/s, 2).map(decoded);
    if (name === undefined || pairs.has(name) || (value === undefined && part.includes('=')))
      return undefined;
    pairs.set(name, value ?? '');
  }
  return Object.fromEntries(pairs);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function hintOf(
  issue: { readonly code: string; readonly message: string },
  known: readonly string[],
): string {
  if (issue.code !== 'unrecognized_keys') return issue.message;
  return known.length === 0 ? 'No parameters are known here.' : `Known here: ${known.join(', ')}.`;
}

function invalid(parameter: string, hint: string): HttpResponse {
  return namedProblem(400, 'parameter-invalid', 'Parameter not understood', { parameter, hint });
}

function responseOf(request: HttpRequest, { body, etag, cacheControl }: KeptAnswer): HttpResponse {
  const headers = { 'content-type': 'application/json', 'cache-control': cacheControl, etag };
  const unchanged = isKnown(request.ifNoneMatch, etag);
  return unchanged ? { status: 304, headers, body: '' } : { status: 200, headers, body };
}
