/**
 * SEAM between the session room and the validation room: what a session hands over, and how it is answered.
 * The session calls `submit`; the answer comes at once as a verdict code, or later through the ReplySink that `app` wires.
 */

/** `submit` returns this when the record went into a batch: exactly one `reply` will follow. */
export const PENDING = -1;

/** The numbers of a session that a record needs. A session object satisfies it by having these fields. */
export interface SubmittingSession {
  readonly slot: number;
  readonly generation: number;
  /** Journal reference of (address, worker). */
  readonly workerRef: number;
  readonly extranonce: number;
  readonly portIndex: number;
  /** log2 of the difficulty that this job was given to this session at; DIFFICULTY_FORGOTTEN when nobody knows any more. */
  difficultyLog2For(jobId: number): number;
}

export interface ShareIntake {
  /**
   * @param requestIdKind RequestIdKind of `batch-layout`; @param requestId number or table index.
   * @returns a verdict code of `domain/share` (answer it now), or PENDING.
   */
  submit(
    session: SubmittingSession,
    jobId: number,
    nonceLo: number,
    nonceHi: number,
    requestIdKind: number,
    requestId: number,
  ): number;
  /** A submission that the session room refused by itself: counted here, so that one table tells of all of them. */
  refused(verdict: number): void;
  /** True: stop reading sockets until `onRelieved`. Nothing is dropped, nothing grows. */
  readonly saturated: boolean;
}

export interface ReplySink {
  /** Why the submission that is answered next was refused; what is not known is NaN. */
  explain(
    sessionSlot: number,
    sessionGeneration: number,
    verdict: number,
    jobId: number,
    askedLog2: number,
    /** What its hash was good for. */
    hashDifficulty: number,
    /** From the arrival of the job's template to that of the submission. */
    jobAgeMs: number,
  ): void;
  /** Exactly once per PENDING submission; a slot whose generation moved on is nobody. */
  reply(
    sessionSlot: number,
    sessionGeneration: number,
    requestIdKind: number,
    requestId: number,
    verdict: number,
    /** log2 of the difficulty it was judged at, and how long it took: for the session's statistics. */
    difficultyLog2: number,
  ): void;
  /**
   * May a record of this session, too easy for the job that it names, be tried on this earlier one, and at which difficulty?
   * DIFFICULTY_FORGOTTEN: not on this one, nor on any before it.
   */
  rescueDifficulty(sessionSlot: number, sessionGeneration: number, jobId: number): number;
  /** End of a group of replies: write them out, one write per socket. */
  flush(): void;
  /** The intake takes submissions again. */
  onRelieved(): void;
}
