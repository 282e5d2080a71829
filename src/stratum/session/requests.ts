/**
 * What a line asks for: every line of every session comes through here, in order. Submissions take the scanner's path; all else is
 * parsed, named and given to whom it concerns. Every request that has an id gets exactly one reply.
 */
import { submitLines } from '../../../wasm/submit-lines.ts';
import { Verdict } from '../../domain/share.ts';
import { replyError, replyPong, replyTrue } from '../protocol/messages.ts';
import { parseRequest, type Request } from '../protocol/request.ts';
import { readSubmitParams } from '../protocol/submit-fields.ts';
import { SubmitScanner } from '../protocol/submit-scanner.ts';
import { loginMarkOf } from '../protocol/submit-shape.ts';
import { foreignProtocolOf } from '../socket/foreign-protocol.ts';
import { LineFate } from '../socket/line-framer.ts';
import type { CloseReason } from '../stratum-metrics.ts';
import type { LoginDesk } from './login-desk.ts';
import { type Session, SessionState } from './session.ts';
import type { Sessions } from './sessions.ts';
import type { Submissions } from './submissions.ts';

export interface RequestsOptions {
  readonly sessions: Sessions;
  readonly submissions: Submissions;
  readonly loginDesk: LoginDesk;
  readonly onFault: (session: Session, reason: CloseReason) => void;
}

type Parsed = Extract<Request, { kind: 'request' }>;

const PATH_SCANNER = 0;
const PATH_JSON = 1;

export class Requests {
  readonly #options: RequestsOptions;
  readonly #scanner = new SubmitScanner(submitLines());

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  line(session: Session, buffer: Buffer, start: number, end: number): LineFate {
    const { sessions, submissions } = this.#options;
    if (session.state >= SessionState.Closing) return LineFate.Stop;
    if (session.firstLine && this.#isForeign(session, buffer, start, end)) return LineFate.Stop;
    const scanner = this.#scanner;
    if (scanner.scan(buffer, start, end)) {
      if (submissions.fateWhileFull(session) === LineFate.Hold) return LineFate.Hold;
      sessions.metrics.submitLines.inc(PATH_SCANNER);
      this.#compareLogin(session, scanner.loginMark);
      submissions.submit(session, scanner.fields, scanner.requestId, '');
      return LineFate.Next;
    }
    if (session.state < SessionState.Authorized) session.keepHandshake(buffer, start, end);
    const request = parseRequest(buffer, start, end);
    if (request.kind === 'request' && request.method === 'mining.submit') {
      if (submissions.fateWhileFull(session) === LineFate.Hold) return LineFate.Hold;
    }
    sessions.metrics.submitLines.inc(PATH_JSON);
    this.#handle(session, request);
    return session.state < SessionState.Closing && session.adapter !== undefined
      ? LineFate.Next
      : LineFate.Stop;
  }

  #isForeign(session: Session, buffer: Buffer, start: number, end: number): boolean {
    session.firstLine = false;
    const foreign = foreignProtocolOf(buffer, start, end);
    if (foreign === undefined) return false;
    this.#options.onFault(session, foreign);
    this.#options.sessions.close(session, foreign);
    return true;
  }

  #handle(session: Session, request: Request): void {
    if (request.kind === 'answer') return;
    if (request.kind === 'request') {
      this.#dispatch(session, request);
      return;
    }
    // Junk without an id is answered once: a machine that talks something else must not get a line for each of its own.
    if (request.isJson || session.malformed === 0) {
      session.say(replyError(request.idText, 20, request.reason));
      this.#options.sessions.metrics.errorSent(20);
    }
    this.#countMalformed(session);
  }

  #dispatch(session: Session, request: Parsed): void {
    const { loginDesk } = this.#options;
    const { idText, params } = request;
    if (session.state < SessionState.Authorized) session.times.onLoginRequest(this.#options.sessions.now());
    switch (request.method) {
      case 'mining.submit':
        this.#submit(session, request);
        return;
      case 'mining.subscribe':
        loginDesk.subscribe(session, idText, params);
        return;
      case 'mining.authorize':
        if (!loginDesk.authorize(session, idText, params))
          this.#malformed(session, idText, 'A login is missing');
        return;
      // GodMiner waits 30 s for this reply; the extranonce itself never changes within a session.
      case 'mining.extranonce.subscribe':
        session.say(replyTrue(idText));
        return;
    }
    if (!request.hasId) return;
    switch (request.method) {
      case 'mining.ping':
        session.say(replyPong(idText));
        return;
      case 'mining.suggest_difficulty':
        session.say(replyTrue(idText));
        loginDesk.suggest(session, params[0]);
        return;
      case 'mining.submit_hashrate':
        session.say(replyTrue(idText));
        return;
      default:
        session.say(replyError(idText, 20, 'Unsupported method'));
        this.#options.sessions.metrics.errorSent(20);
    }
  }

  #submit(session: Session, { idText, idNumber, params }: Parsed): void {
    const { submissions } = this.#options;
    const { fields } = this.#scanner;
    if (!readSubmitParams(params, fields)) {
      submissions.refuse(session, idText, Verdict.Malformed);
      this.#countMalformed(session);
      return;
    }
    if (typeof params[0] === 'string') {
      const login = Buffer.from(params[0], 'utf8');
      this.#compareLogin(session, loginMarkOf(login, 0, login.length));
    }
    submissions.submit(session, fields, idNumber, idText);
  }

  /** Shares count for the authorized worker, whatever the submission says; but an operator should see that they differ. */
  #compareLogin(session: Session, loginMark: number): void {
    if (loginMark !== session.loginMark) this.#options.sessions.metrics.foreignLogins.inc();
  }

  #malformed(session: Session, idText: string, reason: string): void {
    session.say(replyError(idText, 20, reason));
    this.#options.sessions.metrics.errorSent(20);
    this.#countMalformed(session);
  }

  #countMalformed(session: Session): void {
    const { sessions, onFault } = this.#options;
    if (++session.malformed < sessions.limits.malformedLinesMax) return;
    onFault(session, 'malformed');
    sessions.finish(session, 'malformed');
  }
}
