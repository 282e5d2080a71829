/** How often one client may ask, as tokens; who asks too often is told when to come again. */
import { TokenBuckets } from '../domain/token-bucket.ts';
import { clientKey } from './client-key.ts';
import type { HttpRequest, HttpResponse } from './http-engine.ts';
import { problem } from './problem.ts';

/** `::1`, as networks are told apart. */
const LOOPBACK_NETWORK = '0:0:0:0';

export class ClientAllowance {
  readonly #buckets: TokenBuckets;
  readonly #nowMs: () => number;

  constructor(bounds: ConstructorParameters<typeof TokenBuckets>[0], nowMs: () => number) {
    this.#buckets = new TokenBuckets(bounds);
    this.#nowMs = nowMs;
  }

  /** Who sits on this machine and names nobody is the operator, or a proxy that tells nobody apart. */
  refusal(request: HttpRequest): HttpResponse | undefined {
    const client = clientKey(request.peer, request.forwardedFor);
    if (client.startsWith('127.') || client === LOOPBACK_NETWORK) return undefined;
    if (this.#buckets.take(client, this.#nowMs())) return undefined;
    return problem(429, {}, { 'retry-after': String(this.#buckets.secondsPerToken) });
  }
}
