/**
 * Submissions on their way down to validation, and their answers on the way back.
 *
 * Every submission is answered exactly once, in both keys, with its own id; an unknown job is an answer, not a silence. On the way
 * down a share costs no object: the scanner's fields, the session and two numbers for the request id.
 */
import { isAccepted, VERDICTS, Verdict } from '../../domain/share.ts';
import { DIFFICULTY_FORGOTTEN, difficultyNumber } from '../../domain/target.ts';
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
  /** By port: shares that name the wrong job are looked for on earlier ones. */
  readonly rescues: readonly boolean[];
}

/** So many refusals are normal, besides one in four shares. */
const RESCUED_REFUSALS_MAX = 8;
const RESCUED_REFUSALS_PER_SHARE = 0.25;

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
      this.refuse(session, idNumber ?? idText, refusal, fields.jobId);
      return;
    }
    const kind = idNumber === undefined ? RequestIdKind.Table : RequestIdKind.Number;
    const requestId = idNumber ?? this.#options.requestIds.put(idText);
    // Counted first: an intake may answer from within the call.
    session.pending++;
    session.submittedJobId = fields.jobId;
    const verdict = this.#intake!.submit(
      session,
      fields.jobId,
      fields.nonceLo,
      fields.nonceHi,
      kind,
      requestId,
    );
    if (verdict !== PENDING) {
      const { slot, generation } = session;
      const asked = session.difficultyLog2For(fields.jobId);
      this.explain(slot, generation, verdict, fields.jobId, asked, Number.NaN, Number.NaN);
      this.reply(session.slot, session.generation, kind, requestId, verdict, session.difficultyLog2);
    }
  }

  /** What needs no look at the work. Undefined: validation decides. */
  #refusal(session: Session, fields: SubmitFields): number | undefined {
    if (session.state !== SessionState.Authorized) return Verdict.Unauthorized;
    if (fields.jobId === 0 || !session.wasGiven(fields.jobId)) return Verdict.UnknownJob;
    fields.placeUnder(session.extranonce, session.extranonceBytes);
    if ((fields.nonceExtranonce & session.extranonceMask) !== session.extranonce) {
      this.#options.sessions.metrics.foreignExtranonces.inc();
      if (this.#options.enforceExtranonce) return Verdict.ForeignExtranonce;
    }
    return undefined;
  }

  /** Answers at once. @param jobId 0 where it named none */
  refuse(session: Session, idText: string | number, verdict: number, jobId = 0): void {
    const { sessions } = this.#options;
    const { slot, difficultyLog2 } = session;
    sessions.diary.refused(slot, sessions.nowMs, verdict, jobId, difficultyLog2, Number.NaN, Number.NaN);
    session.say(replyVerdict(idText, verdict));
    sessions.metrics.verdictSent(verdict);
    this.#intake?.refused(verdict);
    this.#countRejected(session, verdict);
  }

  // --- ReplySink: called by validation, once per pending submission

  explain(
    slot: number,
    generation: number,
    verdict: number,
    jobId: number,
    askedLog2: number,
    hashDifficulty: number,
    jobAgeMs: number,
  ): void {
    const { sessions } = this.#options;
    if (sessions.at(slot, generation) === undefined) return;
    sessions.diary.refused(slot, sessions.nowMs, verdict, jobId, askedLog2, hashDifficulty, jobAgeMs);
  }

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
    const wasAccepted = isAccepted(verdict);
    if (wasAccepted) {
      session.accepted++;
      session.malformed = 0;
      session.creditedDifficulty += difficultyNumber(difficultyLog2);
      session.lastShareAtMs = sessions.nowMs;
    }
    if (requestIdKind === RequestIdKind.Number) session.answer(requestId, verdict);
    else session.say(replyVerdict(idText, verdict));
    sessions.metrics.verdictSent(verdict);
    if (!wasAccepted) this.#countRejected(session, verdict);
    if (session.pending === 0) sessions.answered(session);
  }

  rescueDifficulty(slot: number, generation: number, jobId: number): number {
    const { sessions, rescues } = this.#options;
    const session = sessions.at(slot, generation);
    if (session === undefined || !rescues[session.portIndex] || !mayBeRescued(session))
      return DIFFICULTY_FORGOTTEN;
    return session.wasGiven(jobId) ? session.difficultyLog2For(jobId) : DIFFICULTY_FORGOTTEN;
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

  /** Who hands in much more that is refused than is accepted is dropped; where others are to blame the table gives no points. */
  #countRejected(session: Session, verdict: number): void {
    const { sessions } = this.#options;
    session.rejected++;
    sessions.refusals.count(session.slot, verdict);
    const { score, transient } = VERDICTS[verdict]!;
    if (score === 0 || transient) session.windowBlind = true;
    if (score === 0) return;
    const points = session.conduct.refused(verdict, session.accepted);
    if (points >= sessions.conductPointsMax(session)) sessions.drop(session, 'misbehaved');
  }
}

/** Only firmware that is known for it; and who is refused a lot mixes up nothing. */
function mayBeRescued({ dialect, accepted, rejected }: Session): boolean {
  return dialect.mislabelsJobs && rejected <= RESCUED_REFUSALS_MAX + RESCUED_REFUSALS_PER_SHARE * accepted;
}
