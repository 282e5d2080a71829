/**
 * The door: who may connect, and how many of whom. In flow addresses, as a PROXY header named them where there is one; out flow a
 * visitor, which the session gives back at its end, or a refusal with a sentence for the miner. Pure but for the clocks it is given.
 *
 *   banned? --> waiting out a penalty? --> too many a second, of all or of this address? --> too many at once? --> visitor
 *
 * It remembers a bounded number of addresses, and those that are connected, quick or struck are not forgotten for newcomers. When all
 * places are taken by such, newcomers share one: a flood from ever new addresses limits itself, and nobody who was there before.
 */
import { BoundedTable } from '../../kit/bounded-table.ts';
import { type Ban, describeBan, isOver } from './ban.ts';
import { NetworkTable, sourceOf } from './networks.ts';
import { Penalty, type PenaltyRules } from './penalty.ts';
import { NO_LIMIT, type Rate, TokenBucket } from './token-bucket.ts';

/** Of one port. */
export interface DoorRules {
  readonly connectionsPerAddress: number;
  readonly connectsPerAddress: Rate;
  /** Of all addresses together. */
  readonly connects: Rate;
  /** Farms behind one address, and ourselves: no limit counts for them, though a ban does. */
  readonly unlimitedFrom: readonly string[];
}

export const REFUSAL_REASONS = ['banned', 'delayed', 'connect_rate', 'address_connections'] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export interface Refusal {
  readonly reason: RefusalReason;
  /** For the miner's log. */
  readonly text: string;
}

/** Everybody who comes from one address to one port. */
export class Visitor {
  readonly isUnlimited: boolean;
  readonly bucket: TokenBucket;
  readonly penalty: Penalty;
  readonly source: string;
  readonly rate: Rate;
  connections = 0;
  /** Connections of it that have logged in. */
  authorized = 0;

  constructor(source: string, rate: Rate, nowMs: number, isUnlimited: boolean) {
    this.source = source;
    this.rate = rate;
    this.isUnlimited = isUnlimited;
    this.bucket = new TokenBucket(rate, nowMs);
    this.penalty = new Penalty(nowMs);
  }
}

export interface DoorOptions {
  /** By port. */
  readonly ports: readonly DoorRules[];
  readonly visitorsMax: number;
  readonly penalties: PenaltyRules;
  /** Monotonic ms, and unix ms for bans that end. */
  readonly clock: () => number;
  readonly wallClock: () => number;
}

const MS_PER_SECOND = 1_000;

export class Door {
  readonly #options: DoorOptions;
  readonly #visitors: BoundedTable<Visitor>;
  #ports: readonly DoorRules[];
  #unlimited: readonly NetworkTable<true>[];
  /** Of each port, for all addresses. */
  readonly #buckets: readonly TokenBucket[];
  /** By port: all for whom there was no place of their own, and all without limits. */
  readonly #crowds: readonly Visitor[];
  readonly #friends: readonly Visitor[];
  #bans = new NetworkTable<Ban>();

  constructor(options: DoorOptions) {
    this.#options = options;
    const { ports, visitorsMax, penalties } = options;
    const nowMs = options.clock();
    this.#visitors = new BoundedTable(
      visitorsMax,
      (visitor, now) =>
        visitor.connections === 0 &&
        visitor.bucket.isFull(visitor.rate, now) &&
        visitor.penalty.isForgotten(penalties, now),
    );
    this.#ports = ports;
    this.#unlimited = ports.map(unlimitedTable);
    this.#buckets = ports.map(({ connects }) => new TokenBucket(connects, nowMs));
    this.#crowds = ports.map(({ connectsPerAddress }) => new Visitor('', connectsPerAddress, nowMs, false));
    this.#friends = ports.map(() => new Visitor('', NO_LIMIT, nowMs, true));
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#visitors.size;
  }

  /** As many ports as before. Buckets go on from what is in them; who is inside stays. */
  setRules(ports: readonly DoorRules[]): void {
    this.#ports = ports;
    this.#unlimited = ports.map(unlimitedTable);
  }

  setBans(bans: readonly Ban[]): void {
    this.#bans = new NetworkTable<Ban>();
    for (const ban of bans) this.#bans.set(ban.network, ban);
  }

  banOf(address: string): Ban | undefined {
    const ban = this.#bans.find(address);
    return ban === undefined || isOver(ban, this.#options.wallClock()) ? undefined : ban;
  }

  /** The visitor counts one connection more until `leave`. */
  admit(address: string, portIndex: number): Visitor | Refusal {
    const ban = this.banOf(address);
    if (ban !== undefined) return { reason: 'banned', text: describeBan(ban) };
    if (this.#unlimited[portIndex]!.find(address)) {
      const friends = this.#friends[portIndex]!;
      friends.connections++;
      return friends;
    }
    const nowMs = this.#options.clock();
    const rules = this.#ports[portIndex]!;
    const visitor = this.#visitorOf(sourceOf(address), portIndex, nowMs);
    const refusal = this.#refusal(visitor, rules, this.#buckets[portIndex]!, nowMs);
    if (refusal !== undefined) return refusal;
    visitor.connections++;
    return visitor;
  }

  leave(visitor: Visitor): void {
    visitor.connections--;
  }

  /** Something that no miner does. Not for shares: those are a matter of one rig, and hundreds may stand behind one address. */
  fault(visitor: Visitor, points: number): void {
    if (!visitor.isUnlimited) visitor.penalty.add(points, this.#options.penalties, this.#options.clock());
  }

  #refusal(visitor: Visitor, rules: DoorRules, ofAll: TokenBucket, nowMs: number): Refusal | undefined {
    const { connectionsPerAddress, connectsPerAddress, connects } = rules;
    // Where miners work, one broken machine among them must not lock out the others.
    const waitMs = visitor.authorized > 0 ? 0 : visitor.penalty.waitMs(this.#options.penalties, nowMs);
    if (waitMs > 0) {
      return {
        reason: 'delayed',
        text: `Too many faulty connections from your address, come again in ${seconds(waitMs)} s`,
      };
    }
    if (visitor.connections >= connectionsPerAddress) {
      return {
        reason: 'address_connections',
        text: `Your address has ${connectionsPerAddress} connections, which is the limit of this port`,
      };
    }
    // Who is refused by the address's own rate takes nothing of what is there for all.
    if (!visitor.bucket.take(connectsPerAddress, nowMs) || !ofAll.take(connects, nowMs))
      return { reason: 'connect_rate', text: 'Too many new connections at once, come again in some seconds' };
    return undefined;
  }

  #visitorOf(source: string, portIndex: number, nowMs: number): Visitor {
    const key = `${portIndex} ${source}`;
    const known = this.#visitors.get(key);
    if (known !== undefined) return known;
    const visitor = new Visitor(source, this.#ports[portIndex]!.connectsPerAddress, nowMs, false);
    return this.#visitors.set(key, visitor, nowMs) ? visitor : this.#crowds[portIndex]!;
  }
}

function unlimitedTable({ unlimitedFrom }: DoorRules): NetworkTable<true> {
  const table = new NetworkTable<true>();
  for (const network of unlimitedFrom) table.set(network, true);
  return table;
}

function seconds(ms: number): number {
  return Math.ceil(ms / MS_PER_SECOND);
}
