/**
 * The slab of sessions: who has which slot, what ends a connection, and when output is written.
 *
 * In flow sockets and their events; out flow lines (to `requests`) and bytes (one write per socket and turn). A slot is used
 * again and again by different connections; the generation says which one an answer is for. Nothing here knows what a line means.
 */
import { extranonceMask } from '../../domain/extranonce.ts';
import type { ShareIntake } from '../../validation/intake.ts';
import type { Visitor } from '../fairness/door.ts';
import { FAULT_POINTS } from '../fairness/faults.ts';
import { isTlsHello } from '../socket/foreign-protocol.ts';
import type { FrameOutcome, LineFate } from '../socket/line-framer.ts';
import type { SocketAdapter, SocketEvents } from '../socket/socket-adapter.ts';
import { WriteBuffer } from '../socket/write-buffer.ts';
import { type PortLimits, type StratumLimits, withoutNumbers } from '../stratum-limits.ts';
import type { CloseReason, StratumMetrics } from '../stratum-metrics.ts';
import { Answers } from './answers.ts';
import type { ChunkTimes } from './chunk-times.ts';
import type { Diary } from './diary.ts';
import type { RefusalCounts } from './refusal-counts.ts';
import { Session, type SessionRoom, SessionState, WORKER_NONE } from './session.ts';
import type { SessionView } from './session-view.ts';
import type { SessionsOptions } from './sessions-options.ts';
import { faultOf } from './sweep.ts';

export class Sessions implements SessionRoom {
  readonly limits: StratumLimits;
  readonly metrics: StratumMetrics;
  readonly answers = new Answers();
  readonly writeBuffer = new WriteBuffer();
  readonly diary: Diary;
  readonly chunkTimes: ChunkTimes;
  readonly refusals: RefusalCounts;
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
  #sweptAtMs: number;
  /** By port, for all and for visitors without limits. */
  #portLimits: readonly PortLimits[] = [];
  #unlimited: readonly PortLimits[] = [];

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.limits = options.limits;
    this.metrics = options.metrics;
    this.diary = options.diary;
    this.chunkTimes = options.chunkTimes;
    this.refusals = options.refusals;
    this.#live = options.fanOuts.map(() => 0);
    this.nowMs = options.clock();
    this.#sweptAtMs = this.nowMs;
    this.setPortLimits(options.portLimits);
  }

  /** Open sessions keep the lines a second that they began with. */
  setPortLimits(limits: readonly PortLimits[]): void {
    this.#portLimits = limits;
    this.#unlimited = limits.map(withoutNumbers);
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

  now(): number {
    return this.#options.clock();
  }

  /** Nothing enters any more. */
  get isFrozen(): boolean {
    return this.#frozen;
  }

  /** Lingering sessions count: each holds an extranonce. @param besides connections that are about to come */
  isFull(besides: number): boolean {
    return this.#slots.length - this.#free.length + besides >= this.limits.connectionsMax;
  }

  /** Takes a connection that was let in; its events go to what is returned. */
  connect(adapter: SocketAdapter, portIndex: number, visitor: Visitor): SocketEvents {
    const slot = this.#free.pop() ?? this.#slots.length;
    const session = (this.#slots[slot] ??= new Session(slot, this));
    session.begin(adapter, portIndex, visitor, this.#options.clock());
    session.lines.begin(this.#limitsFor(session).lines);
    session.extranonceBytes = this.#options.extranonceBytes[portIndex]!;
    session.extranonceMask = extranonceMask(session.extranonceBytes);
    this.#live[portIndex]!++;
    this.metrics.accepted.inc();
    return session;
  }

  /** Lends the session an extranonce, once. False: there is none left. */
  lendExtranonce(session: Session): boolean {
    if (session.extranonce === 0)
      session.extranonce = this.#options.extranonces[session.portIndex]!.acquire(this.now());
    return session.extranonce !== 0;
  }

  authorized(session: Session): void {
    session.state = SessionState.Authorized;
    session.isVouchedFor = true;
    session.visitor!.authorized++;
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

  /** For what it handed in. It may come again, later each time. */
  drop(session: Session, reason: 'misbehaved' | 'line_flood'): void {
    const { address, worker, visitor } = session;
    if (visitor !== undefined && address !== '')
      this.#options.loginPenalties.strike(visitor.source, `${address}.${worker}`, this.#options.clock());
    this.finish(session, reason);
  }

  /** The points of the verdict table that a session may come to on its port. */
  conductPointsMax(session: Session): number {
    return this.#limitsFor(session).conductPointsMax;
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

  onLinesSpent(session: Session): void {
    if (!session.lines.isWaiting) this.diary.stalled(session.slot, this.nowMs, 'not_read');
    session.lines.wait(this.#options.clock());
  }

  onFramed(session: Session, outcome: FrameOutcome): void {
    if (outcome === 'held' && !this.#held.has(session)) {
      this.#held.add(session);
      session.wasHeld = true;
      if (session.lines.credit === 0) this.metrics.linesHeldBack.inc();
      else this.metrics.holds.inc();
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
        if (session.lines.credit > 0) this.#readOn(session);
      }
    });
  }

  #readOn(session: Session): void {
    if (!this.#held.delete(session)) return;
    const outcome = session.framer.resume(session);
    this.onFramed(session, outcome);
    if (outcome === 'held') return;
    if (session.peerEnded) this.finish(session, 'client');
    else if (!this.#frozen) session.adapter?.resume();
  }

  /** Time-outs, and what time has earned. */
  sweep(): void {
    const now = (this.nowMs = this.#options.clock());
    const elapsedMs = now - this.#sweptAtMs;
    this.#sweptAtMs = now;
    for (const session of this.#slots) {
      if (session.adapter === undefined) continue;
      if (session.heard) {
        session.heard = false;
        session.heardAtMs = now;
      }
      const { lines } = session;
      lines.earn(elapsedMs);
      const isHeld = this.#held.has(session);
      const fault = faultOf(session, now, isHeld, this.#limitsFor(session), this.limits);
      if (fault === 'line_flood') this.drop(session, fault);
      else if (fault !== undefined) this.close(session, fault);
      else {
        if (isHeld && lines.isWaiting && lines.credit > 0) this.#readOn(session);
        if (session.state === SessionState.Authorized) this.#options.onSwept(session, now);
      }
    }
  }

  /** From now on nothing enters: no connection, no byte. Answers still go out, and what was read is still taken. */
  freeze(): void {
    this.#frozen = true;
    for (const session of this.#slots) session.adapter?.pause();
    for (const session of [...this.#held]) {
      if (session.lines.credit > 0) continue;
      session.lines.lift();
      this.#readOn(session);
    }
  }

  /** Resolves when no connection is open; only asked once nothing enters any more. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.count() === 0) resolve();
    });
  }

  /** Whatever its state. */
  atSlot(slot: number): Session | undefined {
    return this.#slots[slot];
  }

  /** So many slots of all; returns where to go on, 0 at the end. A pass over 100,000 takes 10 ms, and nobody shall wait for it. */
  visitSlice(from: number, slots: number, visit: (view: SessionView) => void): number {
    const end = Math.min(from + slots, this.#slots.length);
    for (let slot = from; slot < end; slot++) {
      const session = this.#slots[slot]!;
      if (session.state === SessionState.Authorized) visit(session);
    }
    return end < this.#slots.length ? end : 0;
  }

  forEachOpen(visit: (session: Session) => void): void {
    for (const session of this.#slots) if (session.adapter !== undefined) visit(session);
  }

  #closed(session: Session, reason: CloseReason): void {
    if (session.adapter === undefined) return;
    this.#options.onClosed(session, reason);
    session.adapter = undefined;
    this.#options.fanOuts[session.portIndex]!.leave(session);
    this.#leaveDoor(session, reason);
    this.#held.delete(session);
    session.framer.reset();
    this.#live[session.portIndex]!--;
    this.metrics.closed(reason);
    session.state = SessionState.Lingering;
    this.#lingering++;
    if (session.pending === 0) this.#retire(session);
    if (this.#onEmpty !== undefined && this.count() === 0) this.#onEmpty();
  }

  #leaveDoor(session: Session, reason: CloseReason): void {
    const { door } = this.#options;
    const visitor = session.visitor!;
    session.visitor = undefined;
    if (session.isVouchedFor) visitor.authorized--;
    session.isVouchedFor = false;
    const points = FAULT_POINTS[reason];
    if (points !== undefined) door.fault(visitor, points);
    door.leave(visitor);
  }

  #limitsFor(session: Session): PortLimits {
    return session.visitor?.isUnlimited === true
      ? this.#unlimited[session.portIndex]!
      : this.#portLimits[session.portIndex]!;
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
    if (session.extranonce !== 0)
      extranonces[session.portIndex]!.release(session.extranonce, clock(), session.accepted > 0);
    this.#options.onRetiring(session);
    session.clear();
    this.#free.push(session.slot);
  }
}
