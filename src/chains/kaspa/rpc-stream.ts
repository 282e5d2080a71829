/**
 * One live gRPC stream to one node: calls matched to answers, time-outs, and coming back after a loss.
 *
 * In flow calls as (field name, message); out flow the answers of the node, and its notifications. It knows nothing of
 * blocks. It must never leave a caller waiting: every call ends by answer, time-out or loss of the stream.
 *
 *   closed --start()--> connecting --greet() resolves--> up
 *      ^                    |  ^                          |  stream ends, or two time-outs in a row
 *    close()       greet fails  \---- back-off, jitter ---/
 *
 * A stream is up only when `greet` (the caller's first questions and its subscriptions) has been answered: a server sends
 * nothing at all before that, so a connection alone proves little. The same greeting after every loss is what re-subscribes.
 *
 * Answers: kaspad echoes the call's id, but runs different calls in parallel, so answers overtake each other. The older
 * protocol has no id (0 comes back); there the answers of one kind come in the order of their calls.
 */
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import type { Logger } from '../../kit/log.ts';
import { MESSAGE_STREAM, type RpcRequest, type RpcResponse } from './wire.ts';

/** A block is at most 1 MB or so, but the UTXOs of a treasury come in one message: 100,000 of them are about 25 MB. */
const MESSAGE_MAX_BYTES = 128 * 1024 * 1024;
/** Two, since one lost answer may be the node's garbage collection; the second says that nobody is there. */
const TIMEOUTS_UNTIL_RECONNECT = 2;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 5_000;

export interface RpcStreamOptions {
  readonly address: string;
  readonly log: Logger;
  /** In [0, 1): spreads the reconnects of many engines over time. */
  readonly random: () => number;
  /** Asks the first questions on a new stream. A rejection closes it, and the reconnect waits longer. */
  greet(): Promise<void>;
  onUp(): void;
  onDown(reason: string): void;
  onNotification(name: string, message: unknown): void;
}

interface PendingCall {
  readonly responseField: string;
  readonly timer: NodeJS.Timeout;
  resolve(message: unknown): void;
  reject(error: Error): void;
}

type Duplex = ClientDuplexStream<RpcRequest, RpcResponse>;

export class RpcStream {
  readonly #options: RpcStreamOptions;
  readonly #pending = new Map<string, PendingCall>();
  /** Kinds of call that the node answered by closing the stream, with how often. */
  readonly #fatalCalls = new Map<string, number>();
  #client: Client | undefined;
  #duplex: Duplex | undefined;
  #lastId = 0n;
  #timeoutsInRow = 0;
  #failuresInRow = 0;
  #reconnectTimer: NodeJS.Timeout | undefined;
  #up = false;
  #closed = true;

  constructor(options: RpcStreamOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#up;
  }

  start(): void {
    if (!this.#closed) return;
    this.#closed = false;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#reconnectTimer);
    this.#lose('closed by us');
  }

  /**
   * How often the stream ended while a call of this kind was waiting and nothing else was: a node closes the stream on a
   * call it does not know, so twice means "do not ask again", once may be a restart of the node.
   */
  timesFatal(requestField: string): number {
    return this.#fatalCalls.get(requestField) ?? 0;
  }

  /** Resolves with the answer as it came, its `error` field included; rejects when there is none. */
  call(requestField: string, message: object, timeoutMs: number): Promise<unknown> {
    const duplex = this.#duplex;
    if (!duplex) return Promise.reject(unreachable('the node is not connected'));
    const id = String(++this.#lastId);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#timeOut(id, requestField, timeoutMs), timeoutMs);
      const responseField = requestField.replace(/Request$/, 'Response');
      this.#pending.set(id, { responseField, timer, resolve, reject });
      // A write after the end throws; either way the stream's end rejects what is pending.
      try {
        duplex.write({ id, [requestField]: message });
      } catch (error) {
        this.#lose(messageOf(error));
      }
    });
  }

  #connect(): void {
    const client = new Client(this.#options.address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': MESSAGE_MAX_BYTES,
      'grpc.max_send_message_length': MESSAGE_MAX_BYTES,
      // A half-open connection is noticed by ping, also in a minute without calls.
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
      // Shared sub-channels keep a back-off of their own, which grows beyond ours.
      'grpc.use_local_subchannel_pool': 1,
    });
    const { path, requestSerialize, responseDeserialize } = MESSAGE_STREAM;
    const duplex = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#client = client;
    this.#duplex = duplex;
    this.#timeoutsInRow = 0;
    const lost = (reason: string): void => {
      if (this.#duplex === duplex) this.#lose(reason);
    };
    duplex.on('data', (response: RpcResponse) => {
      if (this.#duplex === duplex) this.#receive(response);
    });
    duplex.on('error', (error) => lost(messageOf(error)));
    duplex.on('end', () => lost('the node closed the stream'));
    this.#options.greet().then(
      () => {
        if (this.#duplex !== duplex) return;
        this.#up = true;
        this.#failuresInRow = 0;
        this.#options.onUp();
      },
      (error) => lost(messageOf(error)),
    );
  }

  #receive(response: RpcResponse): void {
    const field = response.payload;
    // A payload that our trimmed protocol does not name, e.g. a notification nobody asked for.
    if (!field) return;
    this.#timeoutsInRow = 0;
    if (field.endsWith('Notification')) {
      this.#options.onNotification(field, response[field]);
      return;
    }
    const id = response.id === '0' ? this.#oldestCall(field) : response.id;
    const pending = id === undefined ? undefined : this.#pending.get(id);
    // Late answers of calls that have timed out come here too.
    if (!pending || id === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    this.#fatalCalls.delete(requestFieldOf(field));
    if (pending.responseField === field) pending.resolve(response[field]);
    else
      pending.reject(
        new EdgeError('SLUICE_NODE_PROTOCOL', `the node answered ${field} to ${pending.responseField}`),
      );
  }

  #oldestCall(responseField: string): string | undefined {
    for (const [id, pending] of this.#pending) {
      if (pending.responseField === responseField) return id;
    }
    return undefined;
  }

  #timeOut(id: string, requestField: string, timeoutMs: number): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    pending.reject(
      new EdgeError('SLUICE_NODE_TIMEOUT', `no answer to ${requestField} within ${timeoutMs} ms`),
    );
    if (++this.#timeoutsInRow >= TIMEOUTS_UNTIL_RECONNECT) this.#lose('the node does not answer');
  }

  /** Ends the stream, rejects what is waiting and, unless closed, comes back later. */
  #lose(reason: string): void {
    const duplex = this.#duplex;
    const client = this.#client;
    if (!duplex) return;
    const wasUp = this.#up;
    this.#duplex = undefined;
    this.#client = undefined;
    this.#up = false;
    duplex.cancel();
    client?.close();
    this.#blameLoneCall(reason);
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(unreachable(reason));
    }
    this.#pending.clear();
    this.#options.onDown(reason);
    if (!this.#closed) this.#scheduleReconnect(reason, wasUp);
  }

  #blameLoneCall(reason: string): void {
    if (reason !== 'the node closed the stream' || this.#pending.size !== 1) return;
    const [pending] = this.#pending.values();
    const requestField = requestFieldOf(pending!.responseField);
    this.#fatalCalls.set(requestField, this.timesFatal(requestField) + 1);
  }

  #scheduleReconnect(reason: string, wasUp: boolean): void {
    const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(this.#failuresInRow++, 10));
    const delayMs = ceilingMs * (0.5 + 0.5 * this.#options.random());
    // The first loss is news; every further failure to connect is not.
    this.#options.log[wasUp ? 'warn' : 'debug'](
      { address: this.#options.address, reason, delayMs },
      'node stream lost',
    );
    this.#reconnectTimer = setTimeout(() => {
      if (!this.#closed) this.#connect();
    }, delayMs);
  }
}

function requestFieldOf(responseField: string): string {
  return responseField.replace(/Response$/, 'Request');
}

function unreachable(reason: string): EdgeError {
  return new EdgeError(
    'SLUICE_NODE_UNREACHABLE',
    reason,
    'Look at the node, its address in the configuration, and the network.',
  );
}
