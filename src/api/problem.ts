/**
 * Errors as RFC 9457 problem documents: a `type` to branch on, a title, a hint for whoever reads it. Nothing of the request is
 * repeated and nothing of the inside is told.
 */
import type { HttpResponse } from './http-engine.ts';

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly hint: string;
}

const PROBLEMS: Readonly<Record<number, Omit<Problem, 'status'>>> = {
  400: { type: 'bad-request', title: 'Bad request', hint: 'The request is not well-formed HTTP.' },
  403: {
    type: 'origin-refused',
    title: 'Origin refused',
    hint: 'Live sockets are open to pages of this pool and of the origins that it names.',
  },
  404: { type: 'not-found', title: 'Not found', hint: 'Pool numbers are at /api/v1/pool, the page is at /.' },
  405: {
    type: 'method-not-allowed',
    title: 'Method not allowed',
    hint: 'The header allow says what is allowed here.',
  },
  408: { type: 'timeout', title: 'Request timed out', hint: 'Send the whole request at once.' },
  413: { type: 'body-too-large', title: 'Body too large', hint: 'No body here is longer than 4096 bytes.' },
  414: {
    type: 'uri-too-long',
    title: 'URI too long',
    hint: 'No address here is longer than 1024 characters.',
  },
  426: { type: 'upgrade-required', title: 'Upgrade required', hint: 'Open this address as a WebSocket.' },
  429: {
    type: 'too-many-requests',
    title: 'Too many requests',
    hint: 'Wait for as long as retry-after says, then ask again.',
  },
  431: {
    type: 'headers-too-large',
    title: 'Request headers too large',
    hint: 'Send fewer or shorter headers.',
  },
  500: {
    type: 'unexpected',
    title: 'Unexpected error',
    hint: 'This is a fault of the pool; its log says more.',
  },
  503: { type: 'unavailable', title: 'Unavailable', hint: 'Try again in a few seconds.' },
};

export function problem(
  status: number,
  extra: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  const known = PROBLEMS[status] ?? PROBLEMS[500]!;
  return namedProblem(status, known.type, known.title, { hint: known.hint, ...extra }, headers);
}

/** For routes that can say more than the status does; `name` is what programs branch on. */
export function namedProblem(
  status: number,
  name: string,
  title: string,
  more: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  const body = { type: `/problems/${name}`, title, status, ...more };
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
    body: `${JSON.stringify(body)}\n`,
  };
}
