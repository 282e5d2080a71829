/**
 * SEAM: an HTTP and WebSocket server. In: requests, as small plain objects. Out: whole responses (nothing here streams), and
 * texts by topic to all live sockets that watch it. Two implementations pass one conformance suite: uWebSockets.js, and node:http + ws
 * where no native binary fits.
 *
 * An engine must never show a stack, keep a client that does not read, or let one client's data reach another. A connection stays open
 * between requests, but has one answer under way at most: who sends the next request before he has the last answer is cut, and so nobody
 * can make us keep answers that he does not read.
 */

export type HttpEngineName = 'uws' | 'node';

export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** Without the query, not decoded. */
  readonly path: string;
  /** Without the question mark, '' if there is none. */
  readonly query: string;
  /** Headers: '' if absent. */
  readonly ifNoneMatch: string;
  readonly accept: string;
  readonly acceptEncoding: string;
  /** Set by browsers alone, and by them on every request that matters: whoever else sends it can write what he likes. */
  readonly origin: string;
  readonly host: string;
  /** The peer's IP address, as the engine writes it. */
  readonly peer: string;
  /** The header x-forwarded-for, '' if absent: whoever sends it can write what he likes. */
  readonly forwardedFor: string;
  /** Only before the handler returns: a body that nobody asked for is thrown away as it comes. */
  readBody(): Promise<RequestBody>;
}

export type RequestHead = Omit<HttpRequest, 'readBody'>;

export type RequestBody =
  | { readonly ok: true; readonly text: string }
  /** Longer than the bound, or not there in time. */
  | { readonly ok: false; readonly status: 413 | 408 };

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** More headers, of which those above win: one object for many answers, so that none is put together anew. */
  readonly shared?: Readonly<Record<string, string>> | undefined;
  /** Sent with its length; for HEAD the length alone. */
  readonly body: string | Uint8Array;
  /** The same body, encoded beforehand. */
  readonly encoded?: Readonly<Partial<Record<ContentCoding, Uint8Array>>> | undefined;
}

export type ContentCoding = 'br' | 'gzip';

/** Must not throw: what it throws is answered with `unexpected`. */
export type HttpHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

export interface HttpEngineOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly handle: HttpHandler;
  /** The answer when the handler failed, and when something is wrong below HTTP (`431`, `400`). */
  readonly failure: (status: number) => HttpResponse;
  readonly livePath: string;
  readonly live: LiveDoor;
  readonly limits: HttpLimits;
  readonly onLiveDropped: () => void;
}

export interface HttpEngine {
  readonly name: HttpEngineName;
  readonly port: number;
  /** To every live socket that subscribed to the topic. One that has not read what it was sent before is cut, not waited for. */
  publish(topic: string, text: string): void;
  close(): Promise<void>;
}

/** One live socket, as the engine shows it. Nothing of it does anything once the socket is closed. */
export interface LiveSocket {
  send(text: string): void;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Calls `closed` of the door, now or later. */
  close(code: number, reason: string): void;
}

/** Who decides about live sockets. `open` once for each that was admitted, then messages, then `closed` once. */
export interface LiveDoor {
  /** undefined = come in; else the answer instead of the upgrade. */
  admit(request: RequestHead): HttpResponse | undefined;
  open(socket: LiveSocket, request: RequestHead): void;
  /** undefined: bytes, which nobody here understands. */
  message(socket: LiveSocket, text: string | undefined): void;
  closed(socket: LiveSocket): void;
}

export interface HttpLimits {
  /** Path and query. The longest real one is below 100. */
  readonly urlLengthMax: number;
  /** The only bodies are settings of an account, of some 700 bytes. */
  readonly bodyMaxBytes: number;
  /** Bytes that a live socket may be behind: some thirty snapshots, half a minute of not reading. */
  readonly liveBacklogMaxBytes: number;
  /** Eight topics with addresses, and some room. */
  readonly liveMessageMaxBytes: number;
  /** Open at once, live ones with them: 4096 and as many as there may be of those. What comes on top is closed before it is read. */
  readonly connectionsMax: number;
  /** For the head of a request, for its body, for reading the answer. uWebSockets.js has ten seconds built in for all but the body. */
  readonly requestTimeoutMs: number;
  /** Silence between two requests; built into uWebSockets.js as well. A browser's next page is there sooner or takes a connection anew. */
  readonly keepAliveMs: number;
}

export const HTTP_LIMITS: HttpLimits = {
  urlLengthMax: 1024,
  bodyMaxBytes: 4096,
  liveBacklogMaxBytes: 65_536,
  liveMessageMaxBytes: 1024,
  connectionsMax: 4096,
  requestTimeoutMs: 10_000,
  keepAliveMs: 10_000,
};

export function isUrlTooLong(request: Pick<HttpRequest, 'path' | 'query'>, limits: HttpLimits): boolean {
  return request.path.length + request.query.length > limits.urlLengthMax;
}
