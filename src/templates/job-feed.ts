/**
 * From templates to jobs on the wire. In flow templates as fast as nodes give them, out flow announcements at the pace that
 * miners can use. It must never announce an older template after a newer one, and never drop the newest.
 *
 *   template --> newest wins --> per pace:  leading edge: 250 ms since the last job, announce now
 *                                           trailing edge: sooner, arm a timer, announce the newest when it fires
 *
 * A template inside the window is deferred, not dropped: a bridge that drops it leaves its miners on old work until the next.
 */
import type { Template } from '../domain/job.ts';
import type { JobRegistry } from './job-registry.ts';

/** Arms a one-shot timer; the answer disarms it. setTimeout outside tests. */
export type Scheduler = (callback: () => void, delayMs: number) => () => void;

export interface Announcement {
  readonly jobId: number;
  readonly prePowHash: Uint8Array;
  readonly timestampMs: bigint;
}

export interface PaceGroup {
  /** Least pause between two jobs. */
  readonly intervalMs: number;
  /** Ports that share this pace. */
  readonly portIndexes: readonly number[];
}

export interface JobFeedOptions {
  readonly registry: JobRegistry;
  readonly groups: readonly PaceGroup[];
  readonly announce: (portIndex: number, job: Announcement) => void;
  readonly clock: () => number;
  readonly schedule: Scheduler;
  /** A job is sent again when nothing newer came for this long, so that links and miners stay awake. */
  readonly keepAliveMs: number;
  /** No template for this long is a stall. */
  readonly stallMs: number;
}

interface GroupState {
  readonly group: PaceGroup;
  lastAnnouncedAtMs: number;
  announcedJobId: number;
  disarm: (() => void) | undefined;
}

export class JobFeed {
  readonly #options: JobFeedOptions;
  readonly #groups: GroupState[];
  #newest: Template | undefined;
  #newestAtMs = 0;
  #announced = 0;
  #received = 0;
  #closed = false;
  #disarmKeepAlive: (() => void) | undefined;

  constructor(options: JobFeedOptions) {
    this.#options = options;
    this.#groups = options.groups.map((group) => ({
      group,
      lastAnnouncedAtMs: Number.NEGATIVE_INFINITY,
      announcedJobId: 0,
      disarm: undefined,
    }));
    this.#armKeepAlive();
  }

  /** Announcements made, over all groups. */
  get announced(): number {
    return this.#announced;
  }

  /** Templates taken from nodes. */
  get received(): number {
    return this.#received;
  }

  /** ms since the newest template came; Infinity before the first. */
  templateAgeMs(nowMs: number): number {
    return this.#newest ? nowMs - this.#newestAtMs : Number.POSITIVE_INFINITY;
  }

  stalled(nowMs: number): boolean {
    return this.templateAgeMs(nowMs) > this.#options.stallMs;
  }

  get newest(): Template | undefined {
    return this.#newest;
  }

  onTemplate(template: Template): void {
    if (this.#closed) return;
    const nowMs = this.#options.clock();
    this.#received++;
    this.#newest = template;
    this.#newestAtMs = nowMs;
    for (const state of this.#groups) {
      // A node that repeats the current work says that it is still current.
      if (
        state.announcedJobId > 0 &&
        isSameWork(this.#options.registry.templateOf(state.announcedJobId), template)
      ) {
        this.#options.registry.refresh(state.announcedJobId, nowMs);
        continue;
      }
      const dueMs = state.lastAnnouncedAtMs + state.group.intervalMs;
      if (nowMs >= dueMs) this.#announce(state, nowMs);
      else state.disarm ??= this.#options.schedule(() => this.#trailing(state), dueMs - nowMs);
    }
  }

  close(): void {
    this.#closed = true;
    this.#disarmKeepAlive?.();
    for (const state of this.#groups) {
      state.disarm?.();
      state.disarm = undefined;
    }
  }

  #trailing(state: GroupState): void {
    state.disarm = undefined;
    if (!this.#closed) this.#announce(state, this.#options.clock());
  }

  #announce(state: GroupState, nowMs: number): void {
    const template = this.#newest;
    if (!template) return;
    state.disarm?.();
    state.disarm = undefined;
    // Fresh as of when a node last stood behind it: with every node lost the job goes stale although it is sent again.
    const jobId = this.#options.registry.jobOf(template, this.#newestAtMs);
    state.lastAnnouncedAtMs = nowMs;
    state.announcedJobId = jobId;
    this.#announced++;
    const job = { jobId, prePowHash: template.prePowHash, timestampMs: template.timestampMs };
    for (const portIndex of state.group.portIndexes) this.#options.announce(portIndex, job);
  }

  /** Half the period, so that the longest silence is one period and a half. */
  #armKeepAlive(): void {
    this.#disarmKeepAlive = this.#options.schedule(() => {
      if (this.#closed) return;
      const nowMs = this.#options.clock();
      for (const state of this.#groups) {
        if (nowMs - state.lastAnnouncedAtMs >= this.#options.keepAliveMs) this.#announce(state, nowMs);
      }
      this.#armKeepAlive();
    }, this.#options.keepAliveMs / 2);
  }
}

function isSameWork(one: Template | undefined, other: Template): boolean {
  return (
    one !== undefined &&
    one.timestampMs === other.timestampMs &&
    Buffer.compare(one.prePowHash, other.prePowHash) === 0
  );
}
