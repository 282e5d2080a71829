/**
 * One simulated node's gRPC door: streams, subscriptions and faults around the table of answers.
 *
 * In flow kaspad's requests from loopback clients; out flow its answers (the request's id comes back) and
 * notifications (id 0). It must never listen anywhere but on loopback: it checks nothing that an attacker
 * could send.
 */
import { status as grpcStatus, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { RPC_SERVICE, type RpcRequest, type RpcResponse } from '../chains/kaspa/wire.ts';
import { EdgeError } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import { NodeCounters, NodeFaults } from './faults.ts';
import type { NetworkListener, SimNetwork } from './network.ts';
import { addressOfScript, answerCall, type CallContext, scriptOfAddress, wireOfUtxo } from './rpc-calls.ts';
import type { Utxo, UtxoDiff } from './utxo-set.ts';

export interface NodeDoorOptions {
  readonly network: SimNetwork;
  readonly networkId: string;
  /** Calls that this node does not know, by request field: imitates older releases. */
  readonly unknownCalls: readonly string[];
  readonly log: Logger;
  nowMs(): number;
}

type Stream = ServerDuplexStream<RpcRequest, RpcResponse>;

interface Client {
  readonly stream: Stream;
  templates: boolean;
  /** Scripts to watch, or all of them; undefined = not subscribed. */
  utxos: Set<string> | 'all' | undefined;
}

/** A client that does not read is cut off here, or its notifications would fill our memory. */
const UNSENT_MAX_BYTES = 64 * 1024 * 1024;
const MESSAGE_MAX_BYTES = 128 * 1024 * 1024;

export class NodeDoor implements NetworkListener {
  readonly faults = new NodeFaults();
  readonly counters = new NodeCounters();
  readonly #options: NodeDoorOptions;
  readonly #server: Server;
  readonly #clients = new Set<Client>();
  readonly #context: CallContext;
  readonly #late = new Set<NodeJS.Timeout>();
  #unlisten: (() => void) | undefined;
  #address = '';

  constructor(options: NodeDoorOptions) {
    this.#options = options;
    this.#context = {
      network: options.network,
      networkId: options.networkId,
      faults: this.faults,
      counters: this.counters,
      nowMs: options.nowMs,
    };
    this.#server = new Server({
      'grpc.max_receive_message_length': MESSAGE_MAX_BYTES,
      'grpc.max_send_message_length': MESSAGE_MAX_BYTES,
    });
    this.#server.addService(RPC_SERVICE, { MessageStream: (stream: Stream) => this.#serve(stream) });
  }

  get address(): string {
    return this.#address;
  }

  get clients(): number {
    return this.#clients.size;
  }

  async listen(address: string): Promise<void> {
    const host = address.slice(0, address.lastIndexOf(':'));
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (!error) return resolve(bound);
        reject(
          new EdgeError(
            'SLUICE_SIMNODE_LISTEN',
            `the simulated node cannot listen on ${address}: ${error.message}`,
            'Give another --listen address, or port 0 for any free one.',
            error,
          ),
        );
      });
    });
    this.#address = `${host}:${port}`;
    this.#unlisten = this.#options.network.listen(this);
  }

  close(): void {
    this.#unlisten?.();
    for (const timer of this.#late) clearTimeout(timer);
    this.#late.clear();
    this.#server.forceShutdown();
    this.#clients.clear();
  }

  /**
   * Drops every stream, as a node that is killed does. Clients may come back at once unless `faults.offline`.
   */
  dropStreams(): number {
    const count = this.#clients.size;
    for (const client of this.#clients) this.#drop(client.stream);
    this.#clients.clear();
    return count;
  }

  onVirtualChange(): void {
    for (const client of this.#clients) {
      if (client.templates) this.#notify(client, 'newBlockTemplateNotification', {});
    }
  }

  onUtxosChanged(diff: UtxoDiff): void {
    for (const client of this.#clients) {
      const { utxos } = client;
      if (!utxos) continue;
      const pick = (entries: readonly Utxo[]): object[] =>
        entries
          .filter((utxo) => utxos === 'all' || utxos.has(utxo.script))
          .map((utxo) => wireOfUtxo(utxo, addressOfScript(utxo.script, this.#options.networkId)));
      const added = pick(diff.added);
      const removed = pick(diff.removed);
      if (added.length + removed.length > 0)
        this.#notify(client, 'utxosChangedNotification', { added, removed });
    }
  }

  #serve(stream: Stream): void {
    if (this.faults.offline) {
      this.#drop(stream);
      return;
    }
    const client: Client = { stream, templates: false, utxos: undefined };
    this.#clients.add(client);
    stream.on('data', (request: RpcRequest) => this.#receive(client, request));
    stream.on('error', () => this.#clients.delete(client));
    stream.on('close', () => this.#clients.delete(client));
    stream.on('cancelled', () => this.#clients.delete(client));
    stream.on('end', () => {
      this.#clients.delete(client);
      stream.end();
    });
  }

  #receive(client: Client, request: RpcRequest): void {
    if (this.faults.stalled) return;
    const field = request.payload;
    const message = field ? (request[field] as Record<string, unknown>) : undefined;
    const answer =
      !field || !message || this.#options.unknownCalls.includes(field)
        ? undefined
        : (this.#subscribe(client, field, message) ?? answerCall(this.#context, field, message));
    if (!answer) {
      // kaspad cannot route a payload that it does not know, and ends the stream.
      this.#options.log.debug({ field }, 'unknown call, stream closed');
      this.#clients.delete(client);
      client.stream.end();
      return;
    }
    const response = { id: request.id, [field!.replace(/Request$/, 'Response')]: answer };
    if (this.faults.delayMs > 0) this.#sendLate(client, response, this.faults.delayMs);
    else this.#send(client, response);
  }

  #subscribe(client: Client, field: string, message: Record<string, unknown>): object | undefined {
    const start = message.command !== 'NOTIFY_STOP';
    if (field === 'notifyNewBlockTemplateRequest') {
      client.templates = start;
      return {};
    }
    if (field !== 'notifyUtxosChangedRequest') return undefined;
    try {
      const scripts = (message.addresses as string[]).map(scriptOfAddress);
      client.utxos = changedWatch(client.utxos, scripts, start);
      return {};
    } catch (error) {
      return { error: { message: error instanceof Error ? error.message : String(error) } };
    }
  }

  /** Notifications carry id 0, so that no client takes one for an answer. */
  #notify(client: Client, field: string, message: object): void {
    if (this.faults.stalled) return;
    if (client.stream.writableLength > UNSENT_MAX_BYTES) {
      this.#clients.delete(client);
      this.#drop(client.stream);
      return;
    }
    this.#send(client, { id: '0', [field]: message });
  }

  #sendLate(client: Client, response: RpcResponse, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#late.delete(timer);
      this.#send(client, response);
    }, delayMs);
    this.#late.add(timer);
  }

  #send(client: Client, response: RpcResponse): void {
    // A client that has gone meanwhile is no fault of anybody.
    if (this.#clients.has(client) && client.stream.writable) client.stream.write(response);
  }

  /** An error status, not an end: kaspad ends a stream only when it did not understand a call. */
  #drop(stream: Stream): void {
    stream.emit('error', { code: grpcStatus.UNAVAILABLE, details: 'Connection dropped' });
  }
}

/** No address at all means everything, as in kaspad. */
function changedWatch(watch: Client['utxos'], scripts: readonly string[], start: boolean): Client['utxos'] {
  if (scripts.length === 0) return start ? 'all' : undefined;
  if (watch === 'all') return watch;
  const next = new Set(watch);
  for (const script of scripts) {
    if (start) next.add(script);
    else next.delete(script);
  }
  return next.size > 0 ? next : undefined;
}
