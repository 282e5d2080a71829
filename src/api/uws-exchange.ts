/** One request of uWebSockets.js and its answer: never inside the parse, never touched once aborted, whole when the kernel has it. */
import type { HttpRequest as UwsRequest, HttpResponse as UwsResponse } from 'uWebSockets.js';
import { BodyCollector } from './body-collector.ts';
import {
  type HttpEngineOptions,
  type HttpLimits,
  type HttpRequest,
  type HttpResponse,
  isUrlTooLong,
  type RequestHead,
} from './http-engine.ts';
import { statusText } from './status-text.ts';

export function headOf(response: UwsResponse, native: UwsRequest): RequestHead {
  return {
    method: native.getMethod().toUpperCase(),
    path: native.getUrl(),
    query: native.getQuery() ?? '',
    ifNoneMatch: native.getHeader('if-none-match'),
    accept: native.getHeader('accept'),
    acceptEncoding: native.getHeader('accept-encoding'),
    origin: native.getHeader('origin'),
    host: native.getHeader('host'),
    peer: Buffer.from(response.getRemoteAddressAsText()).toString('latin1'),
    forwardedFor: forwardedForOf(native),
  };
}

/**
 * Of several headers of one name `getHeader` gives the first, which the client may have written: some proxies add theirs below it
 * (HAProxy's `forwardfor`). So all of them, as node:http joins them; the last name counts.
 */
function forwardedForOf(native: UwsRequest): string {
  const all: string[] = [];
  native.forEach((name, value) => {
    if (name === 'x-forwarded-for') all.push(value);
  });
  return all.join(', ');
}

/** One request and its answer. */
export class Exchange {
  head = false;
  aborted = false;
  reading: BodyCollector | undefined;
  readonly response: UwsResponse;
  readonly #carriesBody: boolean;

  /** Only inside the native handler. */
  constructor(response: UwsResponse, native: UwsRequest) {
    this.response = response;
    response.onAborted(() => {
      this.aborted = true;
      this.reading?.abort();
    });
    this.#carriesBody =
      native.getHeader('content-length') !== '' || native.getHeader('transfer-encoding') !== '';
  }

  /** A body that nobody wants may go on for ever: the connection ends with the answer. */
  get hasUnread(): boolean {
    return this.#carriesBody && !this.reading?.complete;
  }
}

/** Answers of a turn of the loop, given at its end. */
export class AnswerQueue {
  #answers: { readonly exchange: Exchange; readonly result: HttpResponse }[] = [];

  push(exchange: Exchange, result: HttpResponse): void {
    this.#answers.push({ exchange, result });
    if (this.#answers.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const answers = this.#answers;
    this.#answers = [];
    for (const { exchange, result } of answers) {
      if (!exchange.aborted) exchange.response.cork(() => send(exchange, result));
    }
  }
}

export function answer(
  exchange: Exchange,
  asked: RequestHead,
  options: HttpEngineOptions,
  queue: AnswerQueue,
): void {
  exchange.head = asked.method === 'HEAD';
  const finish = (result: HttpResponse): void => queue.push(exchange, result);
  if (isUrlTooLong(asked, options.limits)) {
    finish(options.failure(414));
    return;
  }
  const readBody: HttpRequest['readBody'] = () => {
    exchange.reading ??= collect(exchange.response, options.limits);
    return exchange.reading.body;
  };
  const request: HttpRequest = { ...asked, readBody };
  try {
    const result = options.handle(request);
    if (result instanceof Promise) {
      result.then(finish, () => finish(options.failure(500)));
    } else {
      finish(result);
    }
  } catch {
    finish(options.failure(500));
  }
}

function collect(response: UwsResponse, limits: HttpLimits): BodyCollector {
  const collector = new BodyCollector(limits.bodyMaxBytes, limits.requestTimeoutMs);
  response.onData((chunk, isLast) => {
    // The chunk's memory is the server's again when this returns.
    collector.push(Buffer.from(chunk.slice(0)));
    if (isLast) collector.end();
  });
  return collector;
}

function send(exchange: Exchange, { status, headers, shared, body }: HttpResponse): void {
  const { response } = exchange;
  response.writeStatus(`${status} ${statusText(status)}`);
  for (const name of Object.keys(headers)) response.writeHeader(name, headers[name]!);
  for (const [name, value] of Object.entries(shared ?? {}))
    if (!Object.hasOwn(headers, name)) response.writeHeader(name, value);
  // Refusals of a body are short.
  if (exchange.hasUnread) response.end(exchange.head ? undefined : body, true);
  else if (status === 304 || status === 204) endBare(exchange, undefined);
  else if (exchange.head) endBare(exchange, Buffer.byteLength(body));
  else sendBody(exchange, body);
}

/**
 * Given the length, `endWithoutBody` waits for the body for ever, and given `undefined` it writes 2^63. And headers alone are never
 * refused: who asks for nothing else and reads nothing would pile them up. So one in 64 is its connection's last: it says so, and stays
 * pending, so that the next request cuts the connection. A client that reads has closed by itself before.
 */
function endBare(exchange: Exchange, lengthBytes: number | undefined): void {
  const { response } = exchange;
  if (Math.random() * BARE_ANSWERS_MEAN >= 1) {
    if (lengthBytes !== undefined) response.writeHeader('content-length', String(lengthBytes));
    response.endWithoutBody();
    return;
  }
  response.writeHeader('connection', 'close');
  // A length has to be there and more than 0, else this were the end; of these statuses no client believes it.
  response.tryEnd('', Math.max(1, lengthBytes ?? 1));
  setTimeout(() => {
    if (!exchange.aborted) response.close();
  }, LAST_ANSWER_MS).unref();
}

/** Of some 800 bytes of headers each, so 50 kB pile up in the mean. */
const BARE_ANSWERS_MEAN = 64;
/** To read the last answer in: a client that takes longer finds its connection reset, with the answer read or not. */
const LAST_ANSWER_MS = 2_000;

/**
 * Hands over what the kernel takes, and the rest as it takes more; who reads nothing for ten seconds is cut by the server. It also closes
 * by itself after an answer to who asked for that.
 */
function sendBody(exchange: Exchange, body: string | Uint8Array): void {
  const { response } = exchange;
  const totalBytes = Buffer.byteLength(body);
  const [, whole] = response.tryEnd(body, totalBytes);
  if (whole) return;
  const bytes = Buffer.from(body);
  response.onWritable((offset) => {
    const [taken] = response.tryEnd(bytes.subarray(offset), totalBytes);
    return taken;
  });
}
