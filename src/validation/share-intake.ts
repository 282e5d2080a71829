/**
 * Intake: cheap refusals first, in the order of their cost, then one record into the open batch. In flow submissions, out flow
 * a verdict at once or PENDING. It must never hash, allocate or look a session up.
 */
import { VERDICTS, Verdict } from '../domain/share.ts';
import { DIFFICULTY_FORGOTTEN, DIFFICULTY_LOG2_MAX } from '../domain/target.ts';
import type { JobRegistry } from '../templates/job-registry.ts';
import { RECORD_FLAG_STALE, RECORD_PORT_SHIFT } from './batch-layout.ts';
import type { Batcher } from './batcher.ts';
import { DuplicateProbe, DuplicateSet } from './duplicates.ts';
import { PENDING, type ShareIntake, type SubmittingSession } from './intake.ts';
import type { ValidationMetrics } from './validation-metrics.ts';

export interface IntakeOptions {
  readonly registry: JobRegistry;
  readonly batcher: Batcher;
  readonly duplicates: JobDuplicates;
  readonly metrics: ValidationMetrics;
  readonly clock: () => number;
  /** Journal ring or waiting answers are nearly full. */
  readonly downstreamSaturated: () => boolean;
  /** Sockets may be read again after somebody was told that they may not. */
  readonly onRelieved: () => void;
}

export class Intake implements ShareIntake {
  readonly #options: IntakeOptions;
  #toldSaturated = false;
  /** Monotonic ms of this turn's first submission. */
  #turnMs = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  get saturated(): boolean {
    const saturated = this.#options.batcher.saturated || this.#options.downstreamSaturated();
    if (saturated) this.#toldSaturated = true;
    return saturated;
  }

  /** Call when a batch came free or answers left: what was stopped goes on. */
  checkRelief(): void {
    if (!this.#toldSaturated || this.saturated) return;
    this.#toldSaturated = false;
    this.#options.onRelieved();
  }

  refused(verdict: number): void {
    this.#options.metrics.verdicts.inc(verdict);
  }

  submit(
    session: SubmittingSession,
    jobId: number,
    nonceLow: number,
    nonceHigh: number,
    requestIdKind: number,
    requestId: number,
  ): number {
    const { registry, metrics } = this.#options;
    const slot = registry.slotOf(jobId);
    if (slot < 0) {
      metrics.verdicts.inc(Verdict.UnknownJob);
      return Verdict.UnknownJob;
    }
    // A look at the clock costs as much as the probe; what came in one turn came at one time.
    if (!this.#options.batcher.collecting) this.#turnMs = this.#options.clock();
    const nowMs = this.#turnMs;
    const probe = this.#options.duplicates.add(slot, nonceLow, nonceHigh);
    if (probe !== DuplicateProbe.New) {
      const verdict = probe === DuplicateProbe.Seen ? Verdict.Duplicate : Verdict.Overloaded;
      metrics.verdicts.inc(verdict);
      return verdict;
    }
    const difficulty = session.difficultyLog2For(jobId);
    // Without its difficulty a share cannot be credited; a block is one at any.
    const stale = difficulty === DIFFICULTY_FORGOTTEN || registry.isStale(slot, nowMs);
    const flags = (stale ? RECORD_FLAG_STALE : 0) | (session.portIndex << RECORD_PORT_SHIFT);
    const taken = this.#options.batcher.append(
      session,
      slot,
      jobId,
      nonceLow,
      nonceHigh,
      difficulty === DIFFICULTY_FORGOTTEN ? DIFFICULTY_LOG2_MAX : difficulty,
      flags,
      requestIdKind,
      requestId,
      nowMs,
    );
    if (taken) return PENDING;
    this.#options.duplicates.refused(slot, nonceLow, nonceHigh, Verdict.Overloaded);
    metrics.verdicts.inc(Verdict.Overloaded);
    return Verdict.Overloaded;
  }
}

/** Nonces by work identity from before a restart, as the journal's tail tells them. */
export type SeenWork = ReadonlyMap<string, BigUint64Array>;

/** One duplicate set to a job slot, living exactly as long as the job stands in the ring. */
export class JobDuplicates {
  readonly #sets: DuplicateSet[];
  readonly #seen: SeenWork;

  constructor(slots: number, entriesMax: number, seen: SeenWork) {
    this.#sets = Array.from({ length: slots }, () => new DuplicateSet(entriesMax));
    this.#seen = seen;
  }

  /** A new job stands in the slot; a node may hand out the very work that shares were paid for before a restart. */
  open(slot: number, identity: string): void {
    const set = this.#sets[slot]!;
    set.reset();
    for (const nonce of this.#seen.get(identity) ?? [])
      set.add(Number(nonce & 0xffff_ffffn), Number(nonce >> 32n));
  }

  add(slot: number, nonceLow: number, nonceHigh: number): DuplicateProbe {
    return this.#sets[slot]!.add(nonceLow, nonceHigh);
  }

  /** The submission was not credited. Whether it may come again is the verdict table's word. */
  refused(slot: number, nonceLow: number, nonceHigh: number, verdict: number): void {
    const set = this.#sets[slot]!;
    if (VERDICTS[verdict]!.transient || set.crowded) set.remove(nonceLow, nonceHigh);
  }
}
