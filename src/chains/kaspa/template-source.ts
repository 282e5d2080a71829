/**
 * Templates out of several nodes: who is asked, when, and which answers count.
 *
 * In flow the nodes' notifications and a tick; out flow templates, newest wins. It must never use a
 * template of a node that is not synced, and never have two template requests open at one node: at ten virtual changes a
 * second a slow node would otherwise get ever slower.
 *
 * A node is asked when it notifies, when it has just got the role (the notification may have been sent before we listened), and
 * when the last answer is older than `pollMs`, which also renews the timestamp of a quiet chain.
 */
import type { Template } from '../../domain/job.ts';
import { messageOf } from '../../kit/edge-error.ts';
import { type Logger, ThrottledLog } from '../../kit/log.ts';
import type { NodeStatus } from '../chain.ts';
import { type ChoiceRules, chooseNode, DEFAULT_CHOICE_RULES, type Role } from './node-choice.ts';
import type { NodeLink } from './node-link.ts';
import { readTemplate } from './template.ts';

/** The slow fallback behind notifications: half a second is what public bridges use and is still younger than a job. */
const POLL_MS = 500;
/** Sync state and score of every node. */
const INFO_MS = 1_000;
const LOG_INTERVAL_MS = 10_000;

export interface TemplateSourceOptions {
  readonly payAddress: string;
  readonly extraData: string;
  readonly log: Logger;
  readonly clock: () => number;
  readonly pollMs?: number;
  readonly infoMs?: number;
  readonly choice?: Partial<ChoiceRules>;
  /** Only for private networks: a fresh one is never "synced" before its first blocks. */
  readonly allowUnsynced?: boolean;
  onTemplate(template: Template): void;
}

interface Seat {
  readonly link: NodeLink;
  asking: boolean;
  /** Something changed while a request was open: ask once more afterwards. */
  askAgain: boolean;
  answeredAtMs: number;
  lastTemplateAtMs: number;
  lostRoleAtMs: number;
  infoAskedAtMs: number;
  infoOpen: boolean;
  /** What the last template said; wins over the info until that is asked again. */
  unsynced: boolean;
  fault: string;
}

export class TemplateSource {
  readonly #options: TemplateSourceOptions;
  readonly #rules: ChoiceRules;
  readonly #pollMs: number;
  readonly #infoMs: number;
  readonly #throttled = new ThrottledLog(LOG_INTERVAL_MS);
  readonly #seats: Seat[] = [];
  #role: Role | undefined;

  constructor(options: TemplateSourceOptions) {
    this.#options = options;
    this.#rules = { ...DEFAULT_CHOICE_RULES, ...options.choice };
    this.#pollMs = options.pollMs ?? POLL_MS;
    this.#infoMs = options.infoMs ?? INFO_MS;
  }

  /** Links in the order of the configuration; the first healthy one is preferred. */
  add(link: NodeLink): void {
    this.#seats.push({
      link,
      asking: false,
      askAgain: false,
      answeredAtMs: 0,
      lastTemplateAtMs: 0,
      lostRoleAtMs: 0,
      infoAskedAtMs: 0,
      infoOpen: false,
      unsynced: false,
      fault: '',
    });
  }

  /** The node that has the role, first; then the others. For questions that any node can answer. */
  linksByPreference(): NodeLink[] {
    const links = this.#seats.map((seat) => seat.link);
    return links.sort((a, b) => Number(b.name === this.#role?.name) - Number(a.name === this.#role?.name));
  }

  /** Those of them that are worth believing about the chain: connected, and synced where that is asked for. */
  usableLinks(): NodeLink[] {
    const usable = this.#seats.filter((seat) => this.#usable(seat)).map((seat) => seat.link);
    return this.linksByPreference().filter((link) => usable.includes(link));
  }

  /** The node says that it has a newer template. */
  notified(name: string): void {
    if (name !== this.#role?.name) return;
    const seat = this.#seats.find(({ link }) => link.name === name);
    if (seat) void this.#ask(seat);
  }

  /** Every 100 ms or so, and at once when a link has come or gone. */
  tick(): void {
    const nowMs = this.#options.clock();
    for (const seat of this.#seats) {
      if (seat.link.connected && !seat.infoOpen && nowMs - seat.infoAskedAtMs >= this.#infoMs)
        void this.#refreshInfo(seat);
    }
    this.#choose(nowMs);
    const holder = this.#seats.find(({ link }) => link.name === this.#role?.name);
    if (holder && nowMs - holder.answeredAtMs >= this.#pollMs) void this.#ask(holder);
  }

  status(): NodeStatus[] {
    return this.#seats.map((seat) => ({
      name: seat.link.name,
      connected: seat.link.connected,
      synced: this.#synced(seat),
      serverVersion: seat.link.info?.serverVersion ?? '',
      networkId: seat.link.info?.networkId ?? '',
      virtualDaaScore: seat.link.info?.virtualDaaScore ?? 0n,
      lastTemplateAtMs: seat.lastTemplateAtMs,
      fault: this.#faultOf(seat),
    }));
  }

  #choose(nowMs: number): void {
    const views = this.#seats.map((seat) => ({
      name: seat.link.name,
      usable: this.#usable(seat),
      virtualDaaScore: seat.link.info?.virtualDaaScore ?? 0n,
      lastTemplateAtMs: seat.lastTemplateAtMs,
      lostRoleAtMs: seat.lostRoleAtMs,
    }));
    const { name, reason } = chooseNode(views, this.#role, nowMs, this.#rules);
    if (name === this.#role?.name) return;
    const before = this.#seats.find(({ link }) => link.name === this.#role?.name);
    if (before) before.lostRoleAtMs = nowMs;
    this.#role = name === undefined ? undefined : { name, sinceMs: nowMs };
    this.#options.log[name ? 'info' : 'warn'](
      { node: name ?? 'none', reason },
      'templates come from another node now',
    );
    const seat = this.#seats.find(({ link }) => link.name === name);
    if (seat) void this.#ask(seat);
  }

  async #ask(seat: Seat): Promise<void> {
    if (seat.asking) {
      seat.askAgain = true;
      return;
    }
    seat.asking = true;
    do {
      seat.askAgain = false;
      await this.#askOnce(seat);
    } while (seat.askAgain && seat.link.name === this.#role?.name);
    seat.asking = false;
  }

  /** Never rejects. */
  async #askOnce(seat: Seat): Promise<void> {
    const { payAddress, extraData, clock } = this.#options;
    try {
      const { block, synced } = await seat.link.getBlockTemplate(payAddress, extraData);
      seat.answeredAtMs = clock();
      seat.unsynced = !synced;
      if (!synced && !this.#options.allowUnsynced) return;
      const reading = readTemplate(block, seat.link.name, seat.answeredAtMs);
      if (!reading.ok) throw new Error(reading.reason);
      seat.fault = '';
      seat.lastTemplateAtMs = seat.answeredAtMs;
      // Repeated work too: it says that the node still stands behind it, and the job registry knows it by its identity.
      // Swallowing it let the jobs of a quiet chain go stale.
      if (seat.link.name === this.#role?.name) this.#options.onTemplate(reading.template);
    } catch (error) {
      // Asked again at the next poll, not at once: a node that refuses quickly would be asked without pause.
      seat.answeredAtMs = clock();
      seat.askAgain = false;
      seat.fault = `no template: ${messageOf(error)}`;
      this.#throttled.once(seat.link.name, seat.answeredAtMs, (swallowed) =>
        this.#options.log.warn(
          { node: seat.link.name, reason: messageOf(error), swallowed },
          'template skipped',
        ),
      );
    }
  }

  /** Never rejects: the link remembers what it learnt, and its time-outs. */
  async #refreshInfo(seat: Seat): Promise<void> {
    seat.infoOpen = true;
    seat.infoAskedAtMs = this.#options.clock();
    try {
      const info = await seat.link.refreshInfo();
      if (info.synced) seat.unsynced = false;
    } catch (error) {
      this.#options.log.debug({ node: seat.link.name, reason: messageOf(error) }, 'node info not had');
    }
    seat.infoOpen = false;
  }

  #usable(seat: Seat): boolean {
    return seat.link.connected && (this.#synced(seat) || this.#options.allowUnsynced === true);
  }

  #synced(seat: Seat): boolean {
    return seat.link.info?.synced === true && !seat.unsynced;
  }

  #faultOf(seat: Seat): string {
    if (seat.link.fault) return seat.link.fault;
    if (!this.#synced(seat)) return 'the node is not synced: its templates are not used';
    return seat.fault;
  }
}
