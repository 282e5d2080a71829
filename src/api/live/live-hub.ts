/**
 * Topics, and who watches them. In: what is published, and live sockets of the HTTP engine. Out: one text a message, made once and handed
 * to the engine, which sends it to all: at once to a few, to many in slices (see `audience`). On subscribing the last message of the topic
 * comes at once.
 *
 * A miner's topic is there as long as somebody watches it: whoever makes messages asks `wanted` first, so nobody computes what nobody sees.
 */
import { clientKey } from '../client-key.ts';
import type { HttpResponse, LiveDoor, LiveSocket, RequestHead } from '../http-engine.ts';
import type { OriginRule } from '../origin-rule.ts';
import { Audience, type AudienceKind, type AudiencePace, type ViewerGroup } from './audience.ts';
import { AudiencePacer } from './audience-pacer.ts';
import { clientMessage, faultText, type LiveFault, queryTopics } from './client-message.ts';

export const TOPIC_POOL = 'pool';
export const TOPIC_BLOCKS = 'blocks';
export const MINER_PREFIX = 'miner:';

export interface LiveHubOptions {
  readonly origins: OriginRule;
  /** The canonical address, undefined for what is none of this network. */
  readonly addressOf: (text: string) => string | undefined;
  readonly refusal: (status: number) => HttpResponse;
  readonly clientsMax: number;
  readonly nowMs: () => number;
  readonly limits?: LiveHubLimits;
  readonly pace?: AudiencePace;
}

export interface LiveHubLimits {
  /** Of one address that is not this machine's: a household, an office, a farm with a screen in each hall. */
  readonly clientsPerAddressMax: number;
  /** A page watches two or three. */
  readonly topicsPerSocketMax: number;
  /** Different miners watched. The last message of each is kept: mostly below 1 kB, 20 kB for the largest farms. */
  readonly minersMax: number;
  /** Messages that are not understood, or ask for what is not there. */
  readonly faultsMax: number;
  /** A message may be answered by kilobytes, so they are counted: this many at once, and then by the second. */
  readonly messageBurst: number;
  readonly messagesPerSecond: number;
}

const LIMITS: LiveHubLimits = {
  clientsPerAddressMax: 256,
  topicsPerSocketMax: 8,
  minersMax: 5_000,
  faultsMax: 5,
  messageBurst: 30,
  messagesPerSecond: 1,
};

/** WebSocket close code: the peer breaks the rules. */
const POLICY_VIOLATION = 1008;

interface Topic {
  readonly audience: Audience;
  last: string | undefined;
}

interface Viewer {
  readonly client: string;
  readonly topics: Map<string, ViewerGroup>;
  faults: number;
  messages: number;
  refilledAtMs: number;
}

/** What carries the texts: an HTTP engine. */
export interface LiveCarrier {
  publish(channel: string, text: string): void;
}

export class LiveHub implements LiveDoor {
  readonly #options: LiveHubOptions;
  readonly #limits: LiveHubLimits;
  readonly #viewers = new Map<LiveSocket, Viewer>();
  readonly #byClient = new Map<string, number>();
  readonly #topics = new Map<string, Topic>();
  readonly #pacer = new AudiencePacer((channel, text) => this.#carrier?.publish(channel, text));
  #carrier: LiveCarrier | undefined;
  #sequence = 0;
  /** Called when a miner's topic got its first viewer: he would wait for the next change otherwise. */
  onWanted: (topic: string) => void = () => {};

  constructor(options: LiveHubOptions) {
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
    this.#topics.set(TOPIC_POOL, this.#newTopic(TOPIC_POOL, 'newest'));
    this.#topics.set(TOPIC_BLOCKS, this.#newTopic(TOPIC_BLOCKS, 'each'));
  }

  get clients(): number {
    return this.#viewers.size;
  }

  /** Until then messages are only kept. */
  attach(carrier: LiveCarrier): void {
    this.#carrier = carrier;
  }

  wanted(topic: string): boolean {
    return (this.#topics.get(topic)?.audience.viewers ?? 0) > 0;
  }

  /** Addresses whose topics are watched. */
  *watchedMiners(): Generator<string> {
    for (const name of this.#topics.keys())
      if (name.startsWith(MINER_PREFIX)) yield name.slice(MINER_PREFIX.length);
  }

  publish(topic: string, data: unknown): void {
    this.publishJson(topic, JSON.stringify(data));
  }

  /** @param json the data, as JSON text already */
  publishJson(name: string, json: string): void {
    const topic = this.#topics.get(name);
    if (!topic) return;
    const at = new Date(this.#options.nowMs()).toISOString();
    const head = `{"topic":${JSON.stringify(name)},"sequence":${++this.#sequence},"at":"${at}"`;
    topic.last = `${head},"data":${json}}`;
    if (topic.audience.viewers > 0) this.#pacer.say(topic.audience, topic.last);
  }

  admit({ origin, host, peer, forwardedFor }: RequestHead): HttpResponse | undefined {
    const { origins, clientsMax, refusal } = this.#options;
    if (!origins.admits(origin, host)) return refusal(403);
    if (this.#viewers.size >= clientsMax) return refusal(503);
    const client = clientKey(peer, forwardedFor);
    const own = this.#byClient.get(client) ?? 0;
    return own >= this.#limits.clientsPerAddressMax && !isLoopback(client) ? refusal(429) : undefined;
  }

  open(socket: LiveSocket, { peer, forwardedFor, query }: RequestHead): void {
    const client = clientKey(peer, forwardedFor);
    this.#byClient.set(client, (this.#byClient.get(client) ?? 0) + 1);
    const viewer: Viewer = {
      client,
      topics: new Map(),
      faults: 0,
      messages: this.#limits.messageBurst,
      refilledAtMs: this.#options.nowMs(),
    };
    this.#viewers.set(socket, viewer);
    for (const topic of queryTopics(query)) this.#subscribe(socket, viewer, topic);
  }

  message(socket: LiveSocket, text: string | undefined): void {
    const viewer = this.#viewers.get(socket);
    if (!viewer) return;
    if (!this.#mayTalk(viewer)) {
      socket.close(POLICY_VIOLATION, 'too many messages');
      return;
    }
    const message = text === undefined ? undefined : clientMessage(text);
    if (!message) {
      this.#fault(socket, viewer, 'message-malformed', null);
      return;
    }
    for (const topic of message.unsubscribe) this.#unsubscribe(socket, viewer, topic);
    for (const topic of message.subscribe) this.#subscribe(socket, viewer, topic);
  }

  closed(socket: LiveSocket): void {
    const viewer = this.#viewers.get(socket);
    if (!viewer) return;
    this.#viewers.delete(socket);
    for (const [name, group] of viewer.topics) this.#leave(name, group);
    const left = (this.#byClient.get(viewer.client) ?? 1) - 1;
    if (left > 0) this.#byClient.set(viewer.client, left);
    else this.#byClient.delete(viewer.client);
  }

  /** What still waits is sent to nobody. */
  close(): void {
    this.#pacer.close();
  }

  #newTopic(name: string, kind: AudienceKind): Topic {
    return { audience: new Audience(name, kind, this.#options.pace), last: undefined };
  }

  #mayTalk(viewer: Viewer): boolean {
    const { messageBurst, messagesPerSecond } = this.#limits;
    const nowMs = this.#options.nowMs();
    const refill = (Math.max(0, nowMs - viewer.refilledAtMs) / 1000) * messagesPerSecond;
    viewer.messages = Math.min(messageBurst, viewer.messages + refill) - 1;
    viewer.refilledAtMs = nowMs;
    return viewer.messages >= 0;
  }

  #subscribe(socket: LiveSocket, viewer: Viewer, asked: string): void {
    // The topic before may have been one fault too many.
    if (!this.#viewers.has(socket)) return;
    const name = this.#nameOf(asked);
    if (name !== undefined && viewer.topics.has(name)) return;
    const fault = this.#faultOf(viewer, name);
    if (name === undefined || fault) {
      this.#fault(socket, viewer, fault ?? 'topic-unknown', asked);
      return;
    }
    const topic = this.#topics.get(name) ?? this.#newTopic(name, 'newest');
    this.#topics.set(name, topic);
    const group = topic.audience.join();
    viewer.topics.set(name, group);
    if (topic.last === undefined && topic.audience.viewers === 1) this.onWanted(name);
    // Only then: whatever `onWanted` has published is the last message now.
    socket.subscribe(group.channel);
    if (topic.last !== undefined) socket.send(topic.last);
  }

  #faultOf(viewer: Viewer, name: string | undefined): LiveFault | undefined {
    if (name === undefined) return 'topic-unknown';
    if (viewer.topics.size >= this.#limits.topicsPerSocketMax) return 'topics-too-many';
    return !this.#topics.has(name) && this.#topics.size >= this.#limits.minersMax ? 'busy' : undefined;
  }

  #unsubscribe(socket: LiveSocket, viewer: Viewer, asked: string): void {
    const name = this.#nameOf(asked);
    const group = name === undefined ? undefined : viewer.topics.get(name);
    if (name === undefined || !group) return;
    viewer.topics.delete(name);
    socket.unsubscribe(group.channel);
    this.#leave(name, group);
  }

  #leave(name: string, group: ViewerGroup): void {
    const topic = this.#topics.get(name);
    if (!topic) return;
    topic.audience.leave(group);
    if (topic.audience.viewers === 0 && name.startsWith(MINER_PREFIX)) this.#topics.delete(name);
  }

  /** A few are answered, so that whoever writes a client sees what is wrong. */
  #fault(socket: LiveSocket, viewer: Viewer, fault: LiveFault, topic: string | null): void {
    socket.send(faultText(fault, topic));
    if (++viewer.faults >= this.#limits.faultsMax) socket.close(POLICY_VIOLATION, 'too many faults');
  }

  #nameOf(asked: string): string | undefined {
    if (asked === TOPIC_POOL || asked === TOPIC_BLOCKS) return asked;
    if (!asked.startsWith(MINER_PREFIX)) return undefined;
    const address = this.#options.addressOf(asked.slice(MINER_PREFIX.length));
    return address === undefined ? undefined : MINER_PREFIX + address;
  }
}

/** A proxy that does not say for whom it asks, or a test on this machine. */
function isLoopback(client: string): boolean {
  return client.startsWith('127.') || client === '0:0:0:0';
}
