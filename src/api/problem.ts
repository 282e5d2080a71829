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
  404: { type: 'not-found', title: 'Not found', hint: 'Pool numbers are at /api/v1/pool, the page is at /.' },
  405: { type: 'method-not-allowed', title: 'Method not allowed', hint: 'Everything here is read with GET.' },
  408: { type: 'timeout', title: 'Request timed out', hint: 'Send the whole request at once.' },
  414: {
    type: 'uri-too-long',
    title: 'URI too long',
    hint: 'No address here is longer than 1024 characters.',
  },
  426: { type: 'upgrade-required', title: 'Upgrade required', hint: 'Open this address as a WebSocket.' },
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

export function problem(status: number, extra: Readonly<Record<string, unknown>> = {}): HttpResponse {
  const known = PROBLEMS[status] ?? PROBLEMS[500]!;
  const body = { ...known, type: `/problems/${known.type}`, status, ...extra };
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
    body: `${JSON.stringify(body)}\n`,
  };
}
