/** Responses by class of status, of whoever serves HTTP. Registered by the first call, so that a scrape shows noughts before the first request. */
import { CounterFamily, type Registry } from '../kit/metrics.ts';
import type { HttpHandler, HttpResponse } from './http-engine.ts';

const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const;

export function responseCount(registry: Registry): (handle: HttpHandler) => HttpHandler {
  const responses = new CounterFamily(
    registry,
    { name: 'sluice_api_responses_total', help: 'HTTP responses by class of status.' },
    'status',
    STATUS_CLASSES,
  );
  const count = (response: HttpResponse): HttpResponse => {
    responses.inc(Math.min(3, Math.max(0, Math.floor(response.status / 100) - 2)));
    return response;
  };
  return (handle) => (request) => {
    const result = handle(request);
    return result instanceof Promise ? result.then(count) : count(result);
  };
}
