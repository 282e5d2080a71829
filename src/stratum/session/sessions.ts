/**
 * The slab of sessions: who has which slot, what ends a connection, and when output is written.
 *
 * In flow sockets and their events; out flow lines (to `requests`) and bytes (one write per socket and turn). A slot is used
 * again and again by different connections; the generation says which one an answer is for. Nothing here knows what a line means.
 */
import type { ExtranoncePool } from '../../domain/extranonce.ts';
import type { ShareIntake } from '../../validation/intake.ts';
import { isTlsHello } from '../socket/foreign-protocol.ts';
import type { FrameOutcome, LineFate } from '../socket/line-framer.ts';
import type { SocketAdapter, SocketEvents } from '../socket/socket-adapter.ts';
import { WriteBuffer } from '../socket/write-buffer.ts';
import type { StratumLimits } from '../stratum-limits.ts';
import type { CloseReason, StratumMetrics } from '../stratum-metrics.ts';
import { Answers } from './answers.ts';
import type { FanOut } from './fan-out.ts';
import { Session, type SessionRoom, SessionState, type SessionView, WORKER_NONE } from './session.ts';

/** The journal's register of (address, worker), as far as sessions need it. */
export interface WorkerRegistry {
  acquireWorker(address: string, workerName: string): number;
  releaseWorker(workerRef: number): void;
}

export interface SessionsOptions {
  readonly limits: StratumLimits;
  readonly metrics: StratumMetrics;
  readonly clock: () => number;
  readonly workers: WorkerRegistry;
  readonly extranonces: ExtranoncePool;
  /** By port. */
  readonly fanOuts: readonly FanOut[];
  readonly handleLine: (session: Session, buffer: Buffer, start: number, end: number) => LineFate;
  /** For the log: a connection was ended for a fault of the other side. */
  readonly onFault: (session: Session, reason: CloseReason) => void;
  /** Its socket is gone, but what was known of it is still there. */
  readonly onClosed?: (session: Session, reason: CloseReason) => void;
  /** Of every authorized session, once a sweep. */
  readonly onSwept?: (session: Session, nowMs: number) => void;
}

export class Sessions implements SessionRoom {
  readonly limits: StratumLimits;
  readonly metrics: StratumMetrics;
  readonly answers = new Answers();
  readonly writeBuffer = new WriteBuffer();
  readonly #options: SessionsOptions;
  readonly #slots: Session[] = [];
  readonly #free: number[] = [];
  readonly #live: number[];
  readonly #held = new Set<Session>();
  #lingering = 0;
  /** The first `#dirtyCount` have something to say. Two lists by turns, never emptied: an empty array grows anew every turn. */
  #dirty: Session[] = [];
  #dirtyCount = 0;
  #flushing: Session[] = [];
  #flushScheduled = false;
  #resumeScheduled = false;
  #frozen = false;
  #onEmpty: (() => void) | undefined;
  /** Monotonic ms, refreshed once per group of replies and by the sweep. */
  nowMs: number;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.limits = options.limits;
    this.metrics = options.metrics;
    this.#live = options.fanOuts.map(() => 0);
    this.nowMs = options.clock();
  }

  /** Open connections, of one port or of all. */
  count(portIndex?: number): number {
    if (portIndex !== undefined) return this.#live[portIndex] ?? 0;
    return this.#live.reduce((sum, live) => sum + live, 0);
  }

  get lingering(): number {
    return this.#lingering;
  }

  /** Sessions whose lines were read and not taken yet. */
  get held(): number {
    return this.#held.size;
  }

  at(slot: number, generation: number): Session | undefined {
    const session = this.#slots[slot];
    return session?.generation === generation && session.state !== SessionState.Free ? session : undefined;
  }

  /** Takes a connection; its events go to what is returned. Undefined: no room, and the adapter is destroyed. */
  connect(adapter: SocketAdapter, portIndex: number): SocketEvents | undefined {
    // Lingering sessions count: each holds an extranonce.
    if (this.#frozen || this.#slots.length - this.#free.length >= this.limits.connectionsMax) {
      this.metrics.closed(this.#frozen ? 'shutdown' : 'too_many_connections');
      adapter.destroy();
      return undefined;
    }
    const slot = this.#free.pop() ?? this.#slots.length;
    const session = (this.#slots[slot] ??= new Session(slot, this));
    session.begin(adapter, portIndex, this.#options.clock());
    this.#live[portIndex]!++;
    this.metrics.accepted.inc();
    return session;
  }

  /** Lends the session an extranonce, once. False: there is none left. */
  lendExtranonce(session: Session): boolean {
    if (session.extranonce === 0)
      session.extranonce = this.#options.extranonces.acquire(this.#options.clock());
    return session.extranonce !== 0;
  }

  authorized(session: Session): void {
    session.state = SessionState.Authorized;
    session.authorizedAtMs = this.#options.clock();
    this.#options.fanOuts[session.portIndex]!.join(session);
  }

  /** Polite: owed answers are written, then the socket is closed. */
  finish(session: Session, reason: CloseReason): void {
    if (session.state >= SessionState.Closing || session.state === SessionState.Free) return;
    this.#options.fanOuts[session.portIndex]!.leave(session);
    session.state = SessionState.Closing;
    session.closeReason = reason;
    session.closingSinceMs = this.#options.clock();
    this.#held.delete(session);
    session.framer.reset();
    // What still comes is read and dropped: unread bytes would turn our goodbye into a reset that eats the last answers.
    session.adapter?.resume();
    this.onOutput(session);
  }

  /** At once, whatever is owed. */
  close(session: Session, reason: CloseReason): void {
    if (session.adapter === undefined) return;
    session.adapter.destroy();
    this.#closed(session, reason);
  }

  /** A share of the session was answered; `pending` is already less by one. */
  answered(session: Session): void {
    if (session.pending > 0) return;
    this.#releaseRetired(session);
    if (session.state === SessionState.Closing) this.onOutput(session);
    else if (session.state === SessionState.Lingering) this.#retire(session);
  }

  // --- events of one session

  onFirstBytes(session: Session, chunk: Buffer): void {
    if (!isTlsHello(chunk)) return;
    this.#options.onFault(session, 'tls');
    this.close(session, 'tls');
  }

  onLine(session: Session, buffer: Buffer, start: number, end: number): LineFate {
    return this.#options.handleLine(session, buffer, start, end);
  }

  onFramed(session: Session, outcome: FrameOutcome): void {
    if (outcome === 'held' && !this.#held.has(session)) {
      this.#held.add(session);
      session.wasHeld = true;
      this.metrics.holds.inc();
      session.adapter?.pause();
    } else if (outcome === 'too-long') {
      this.#options.onFault(session, 'line_too_long');
      this.close(session, 'line_too_long');
    }
  }

  onOutput(session: Session): void {
    this.#dirty[this.#dirtyCount++] = session;
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(this.#scheduledFlush);
  }

  onDrained(session: Session): void {
    this.#options.fanOuts[session.portIndex]!.catchUp(session);
  }

  onSlowReader(session: Session): void {
    this.close(session, 'slow_reader');
  }

  onEnded(session: Session): void {
    if (session.framer.holding) session.peerEnded = true;
    else this.finish(session, 'client');
  }

  onGone(session: Session, failed: boolean): void {
    this.#closed(session, session.closeReason ?? (failed ? 'socket_error' : 'client'));
  }

  // --- the turn

  readonly #scheduledFlush = (): void => {
    this.#flushScheduled = false;
    this.flush();
  };

  /** Writes what all sessions have to say. */
  flush(): void {
    while (this.#dirtyCount > 0) {
      const sessions = this.#dirty;
      const count = this.#dirtyCount;
      this.#dirty = this.#flushing;
      this.#dirtyCount = 0;
      this.#flushing = sessions;
      for (let index = 0; index < count; index++) {
        const session = sessions[index]!;
        this.#options.fanOuts[session.portIndex]!.joinAnswer(session);
        session.writeOut();
        // Only now is everything said that a closing session owed.
        if (session.state === SessionState.Closing && session.pending === 0) session.adapter?.end();
      }
    }
  }

  /**
   * Goes on reading the sockets that were held. In a turn of its own: the news comes from within validation. Those still held
   * afterwards went to the end of the line. Frozen, it takes what was read before, and reads no more.
   */
  resumeHeld(intake: ShareIntake): void {
    if (this.#resumeScheduled || this.#held.size === 0) return;
    this.#resumeScheduled = true;
    setImmediate(() => {
      this.#resumeScheduled = false;
      for (const session of [...this.#held]) {
        if (intake.saturated) return;
        if (!this.#held.delete(session)) continue;
        const outcome = session.framer.resume(session);
        this.onFramed(session, outcome);
        if (outcome === 'held') continue;
        if (session.peerEnded) this.finish(session, 'client');
        else if (!this.#frozen) session.adapter?.resume();
      }
    });
  }

  /** Time-outs. One walk for all instead of a timer each: 60,000 sessions take a millisecond. */
  sweep(): void {
    const now = (this.nowMs = this.#options.clock());
    const { loginTimeoutMs, idleTimeoutMs, closeLingerMs } = this.limits;
    for (const session of this.#slots) {
      if (session.heard) {
        session.heard = false;
        session.heardAtMs = now;
      }
      switch (session.state) {
        case SessionState.Connected:
        case SessionState.Subscribed:
          if (now - session.connectedAtMs > loginTimeoutMs) this.close(session, 'login_timeout');
          break;
        case SessionState.Authorized:
          if (now - session.heardAtMs > idleTimeoutMs && session.pending === 0 && !this.#held.has(session)) {
            this.close(session, 'idle');
          } else this.#options.onSwept?.(session, now);
          break;
        case SessionState.Closing:
          if (now - session.closingSinceMs > closeLingerMs)
            this.close(session, session.closeReason ?? 'client');
          break;
      }
    }
  }

  /** From now on nothing enters: no connection, no byte. Answers still go out. */
  freeze(): void {
    this.#frozen = true;
    for (const session of this.#slots) session.adapter?.pause();
  }

  /** Resolves when no connection is open; only asked once nothing enters any more. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.count() === 0) resolve();
    });
  }

  forEachAuthorized(visit: (view: SessionView) => void): void {
    for (const session of this.#slots) if (session.state === SessionState.Authorized) visit(session);
  }

  forEachOpen(visit: (session: Session) => void): void {
    for (const session of this.#slots) if (session.adapter !== undefined) visit(session);
  }

  #closed(session: Session, reason: CloseReason): void {
    if (session.adapter === undefined) return;
    session.adapter = undefined;
    this.#options.onClosed?.(session, reason);
    this.#options.fanOuts[session.portIndex]!.leave(session);
    this.#held.delete(session);
    session.framer.reset();
    this.#live[session.portIndex]!--;
    this.metrics.closed(reason);
    session.state = SessionState.Lingering;
    this.#lingering++;
    if (session.pending === 0) this.#retire(session);
    if (this.#onEmpty !== undefined && this.count() === 0) this.#onEmpty();
  }

  /** Nearly always there is none, and this runs once a share: not even an empty array is made. */
  #releaseRetired(session: Session): void {
    const { retiredWorkerRefs } = session;
    if (retiredWorkerRefs.length === 0) return;
    for (const workerRef of retiredWorkerRefs) this.#options.workers.releaseWorker(workerRef);
    retiredWorkerRefs.length = 0;
  }

  #retire(session: Session): void {
    this.#lingering--;
    const { workers, extranonces, clock } = this.#options;
    this.#releaseRetired(session);
    if (session.workerRef !== WORKER_NONE) workers.releaseWorker(session.workerRef);
    // Were it to rest without a share as well, somebody who only logs in and leaves, 5,500 times a second, would lock everybody out.
    if (session.extranonce !== 0) extranonces.release(session.extranonce, clock(), session.accepted > 0);
    session.clear();
    this.#free.push(session.slot);
  }
}
