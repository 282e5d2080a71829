/**
 * Submissions on their way down to validation, and their answers on the way back.
 *
 * Every submission is answered exactly once, in both keys, with its own id; an unknown job is an answer, not a silence. On the way
 * down a share costs no object: the scanner's fields, the session and two numbers for the request id.
 */
import { isAccepted, VERDICTS, Verdict } from '../../domain/share.ts';
import { difficultyNumber } from '../../domain/target.ts';
import { RequestIdKind } from '../../validation/batch-layout.ts';
import { PENDING, type ReplySink, type ShareIntake } from '../../validation/intake.ts';
import { replyVerdict } from '../protocol/messages.ts';
import type { SubmitFields } from '../protocol/submit-fields.ts';
import { LineFate } from '../socket/line-framer.ts';
import type { RequestIds } from './request-ids.ts';
import { type Session, SessionState } from './session.ts';
import type { Sessions } from './sessions.ts';

export interface SubmissionsOptions {
  readonly sessions: Sessions;
  readonly requestIds: RequestIds;
  readonly clock: () => number;
  /** False: a nonce under somebody else's extranonce is counted, not refused. */
  readonly enforceExtranonce: boolean;
}

export class Submissions implements ReplySink {
  readonly #options: SubmissionsOptions;
  #intake: ShareIntake | undefined;

  constructor(options: SubmissionsOptions) {
    this.#options = options;
  }

  open(intake: ShareIntake): void {
    this.#intake = intake;
  }

  /** True: validation is full; the line must be offered again. */
  get saturated(): boolean {
    return this.#intake === undefined || this.#intake.saturated;
  }

  /**
   * @param idNumber the request id where it is a plain integer; @param idText its JSON text where it is not.
   */
  submit(session: Session, fields: SubmitFields, idNumber: number | undefined, idText: string): void {
    const refusal = this.#refusal(session, fields);
    if (refusal !== undefined) {
      this.refuse(session, idNumber ?? idText, refusal);
      return;
    }
    const kind = idNumber === undefined ? RequestIdKind.Table : RequestIdKind.Number;
    const requestId = idNumber ?? this.#options.requestIds.put(idText);
    // Counted first: an intake may answer from within the call.
    session.pending++;
    const verdict = this.#intake!.submit(
      session,
      fields.jobId,
      fields.nonceLo,
      fields.nonceHi,
      kind,
      requestId,
    );
    if (verdict !== PENDING) {
      this.reply(session.slot, session.generation, kind, requestId, verdict, session.difficultyLog2);
    }
  }

  /** What needs no look at the work. Undefined: validation decides. */
  #refusal(session: Session, fields: SubmitFields): number | undefined {
    if (session.state !== SessionState.Authorized) return Verdict.Unauthorized;
    if (fields.jobId === 0 || !session.wasGiven(fields.jobId)) return Verdict.UnknownJob;
    fields.placeUnder(session.extranonce);
    if (fields.nonceExtranonce !== session.extranonce) {
      this.#options.sessions.metrics.foreignExtranonces.inc();
      if (this.#options.enforceExtranonce) return Verdict.ForeignExtranonce;
    }
    return undefined;
  }

  /** Answers at once. */
  refuse(session: Session, idText: string | number, verdict: number): void {
    countRejected(session, verdict);
    session.say(replyVerdict(idText, verdict));
    this.#options.sessions.metrics.verdictSent(verdict);
    this.#intake?.refused(verdict);
  }

  // --- ReplySink: called by validation, once per pending submission

  reply(
    slot: number,
    generation: number,
    requestIdKind: number,
    requestId: number,
    verdict: number,
    difficultyLog2: number,
  ): void {
    const { sessions, requestIds } = this.#options;
    const idText = requestIdKind === RequestIdKind.Table ? requestIds.take(requestId) : requestId;
    const session = sessions.at(slot, generation);
    if (session === undefined) return;
    session.pending--;
    if (isAccepted(verdict)) {
      session.accepted++;
      session.malformed = 0;
      session.creditedDifficulty += difficultyNumber(difficultyLog2);
      session.lastShareAtMs = sessions.nowMs;
    } else countRejected(session, verdict);
    if (requestIdKind === RequestIdKind.Number) session.answer(requestId, verdict);
    else session.say(replyVerdict(idText, verdict));
    sessions.metrics.verdictSent(verdict);
    if (session.pending === 0) sessions.answered(session);
  }

  flush(): void {
    this.#options.sessions.nowMs = this.#options.clock();
    this.#options.sessions.flush();
  }

  onRelieved(): void {
    if (this.#intake !== undefined) this.#options.sessions.resumeHeld(this.#intake);
  }

  /** For the caller of `submit`: what to do with a line while validation is full. */
  fateWhileFull(session: Session): LineFate {
    return session.state === SessionState.Authorized && this.saturated ? LineFate.Hold : LineFate.Next;
  }
}

function countRejected(session: Session, verdict: number): void {
  session.rejected++;
  const { score, transient } = VERDICTS[verdict]!;
  if (score === 0 || transient) session.windowBlind = true;
}
