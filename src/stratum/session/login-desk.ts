/**
 * The login desk: subscribe and authorize.
 *
 * The order on the wire is what pleases every client, the lock-step ones included: nothing but replies until authorize is
 * answered, then, with nothing between, extranonce, difficulty and a job at once. All of it leaves in one write.
 */
import type { AddressCheck } from '../../chains/chain.ts';
import { type DifficultyLog2, difficultyLog2Of } from '../../domain/target.ts';
import type { LoginPenalties } from '../fairness/login-penalties.ts';
import { type Dialect, dialectOfUserAgent } from '../protocol/dialects.ts';
import {
  clampDifficulty,
  cleanUserAgent,
  parseLogin,
  parsePassword,
  type Wishes,
} from '../protocol/login.ts';
import {
  pushDifficulty,
  pushExtranonce,
  replyError,
  replySubscribe,
  replyTrue,
} from '../protocol/messages.ts';
import { loginMarkOf } from '../protocol/submit-shape.ts';
import type { CloseReason } from '../stratum-metrics.ts';
import type { FanOut } from './fan-out.ts';
import { type Session, SessionState, WORKER_NONE } from './session.ts';
import type { Sessions } from './sessions.ts';
import type { WorkerRegistry } from './sessions-options.ts';
import type { StartDifficulties } from './start-difficulties.ts';
import type { Handshake, UnknownClients } from './unknown-clients.ts';

/** What a port decides for its sessions. */
export interface PortRules {
  readonly difficultyLog2: DifficultyLog2;
  readonly difficultyMinLog2: DifficultyLog2;
  readonly difficultyMaxLog2: DifficultyLog2;
  /** For a port whose miners are all of one kind, whatever they call themselves. */
  readonly dialect: Dialect | undefined;
  /** Absent: the difficulty is fixed. */
  readonly sharesPerMinute?: number;
}

export interface LoginDeskOptions {
  readonly sessions: Sessions;
  readonly workers: WorkerRegistry;
  readonly checkAddress: (text: string) => AddressCheck;
  readonly ports: readonly PortRules[];
  readonly fanOuts: readonly FanOut[];
  readonly loginPenalties: LoginPenalties;
  readonly starts: StartDifficulties;
  readonly unknownClients: UnknownClients;
  /** The first of its agent. */
  readonly onUnknownClient: (handshake: Handshake) => void;
}

/** One connection may suggest so often; every one costs a retarget, and the past that is remembered of those is bounded. */
const SUGGESTIONS_MAX = 3;
const MS_PER_SECOND = 1_000;
const NO_EXTRANONCE = 'This server is full, please use another one';

export class LoginDesk {
  readonly #options: LoginDeskOptions;

  constructor(options: LoginDeskOptions) {
    this.#options = options;
  }

  subscribe(session: Session, idText: string, params: readonly unknown[]): void {
    session.userAgent = cleanUserAgent(params[0]);
    // A port's word stands above the user agent's; a password, which comes later, above both.
    const chosen = this.#options.ports[session.portIndex]!.dialect ?? dialectOfUserAgent(session.userAgent);
    session.isUnknownClient = chosen === undefined;
    session.dialect =
      chosen ?? this.#options.unknownClients.dialectFor(session.remoteAddress, session.userAgent);
    if (session.dialect.subscribe === 'extranonce') {
      if (!this.#lendExtranonce(session, idText)) return;
      session.extranonceKnown = true;
    }
    if (session.state === SessionState.Connected) session.state = SessionState.Subscribed;
    session.say(replySubscribe(idText, session.dialect, session.extranonce, session.extranonceBytes));
  }

  /** False: not even a login; the caller answers. */
  authorize(session: Session, idText: string, params: readonly unknown[]): boolean {
    const [loginText, password] = params;
    if (typeof loginText !== 'string') return false;
    const { sessions, checkAddress, ports } = this.#options;
    const login = parseLogin(loginText, checkAddress, sessions.limits.workerNameLengthMax);
    if (!login.ok) {
      this.#refuse(session, idText, 24, login.reason);
      return true;
    }
    const waitMs = this.#waitMs(session, `${login.address}.${login.worker}`);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / MS_PER_SECOND);
      const text = `Dropped for refused submissions before, log in again in ${seconds} s`;
      this.#refuse(session, idText, 24, text, 'delayed');
      return true;
    }
    const isForeseen = session.extranonce !== 0;
    if (!this.#lendExtranonce(session, idText)) return true;
    if (!this.#becomeWorker(session, login.address, login.worker)) {
      this.#refuse(session, idText, 24, 'Too many logins while shares are being judged');
      return true;
    }
    const loginBytes = Buffer.from(loginText, 'utf8');
    session.loginMark = loginMarkOf(loginBytes, 0, loginBytes.length);
    const wishes = parsePassword(password);
    const port = ports[session.portIndex]!;
    if (session.state === SessionState.Connected) session.dialect = port.dialect ?? session.dialect;
    this.#keepHandshake(session);
    if (wishes.dialect !== undefined) {
      session.dialect = wishes.dialect;
      session.isUnknownClient = false;
    }
    const difficulty = clampDifficulty(
      wishes.difficultyLog2 ?? session.suggestedLog2 ?? this.#startOf(session, port),
      port.difficultyMinLog2,
      port.difficultyMaxLog2,
    );
    session.difficultyFixed = wishes.difficultyLog2 !== undefined;
    session.beginWindow(sessions.nowMs);
    session.say(replyTrue(idText));
    if (session.state === SessionState.Authorized) this.#welcomeAgain(session, wishes, difficulty);
    else this.#welcome(session, difficulty, isForeseen ? port.difficultyLog2 : difficulty);
    return true;
  }

  /** What its worker had when it was last here, or its model needs; only where it is corrected soon if it is wrong. */
  #startOf(session: Session, port: PortRules): DifficultyLog2 {
    if (port.sharesPerMinute === undefined) return port.difficultyLog2;
    const { address, worker, userAgent } = session;
    const start = this.#options.starts.of(`${address}.${worker}`, userAgent, this.#options.sessions.nowMs);
    return start ?? port.difficultyLog2;
  }

  /** `mining.suggest_difficulty`: a place to begin, or to go on from. Variable difficulty stays free to move. */
  suggest(session: Session, difficulty: unknown): void {
    const log2 = typeof difficulty === 'number' ? difficultyLog2Of(difficulty) : undefined;
    const { sessions, ports } = this.#options;
    if (log2 === undefined || session.suggestions >= SUGGESTIONS_MAX) return;
    session.suggestions++;
    const port = ports[session.portIndex]!;
    session.suggestedLog2 = clampDifficulty(log2, port.difficultyMinLog2, port.difficultyMaxLog2);
    if (session.state !== SessionState.Authorized || session.difficultyFixed) return;
    session.changeDifficulty(session.suggestedLog2);
    session.beginWindow(sessions.nowMs);
  }

  #waitMs(session: Session, login: string): number {
    const { loginPenalties, sessions } = this.#options;
    const { visitor } = session;
    return visitor === undefined ? 0 : loginPenalties.waitMs(visitor.source, login, sessions.now());
  }

  /** The connection has ended; it may have left because of what it was told. */
  left(session: Session, reason: CloseReason, nowMs: number): void {
    if (!session.isUnknownClient) return;
    this.#keepHandshake(session);
    if (session.authorizedAtMs === 0 || (reason !== 'client' && reason !== 'socket_error')) return;
    const { remoteAddress, userAgent, authorizedAtMs, accepted } = session;
    this.#options.unknownClients.left(remoteAddress, userAgent, nowMs - authorizedAtMs, accepted > 0, nowMs);
  }

  #keepHandshake(session: Session): void {
    const { remoteAddress, userAgent, handshake: lines } = session;
    const { nowMs: atMs } = this.#options.sessions;
    session.handshake = '';
    if (!session.isUnknownClient || lines === '') return;
    const handshake = { userAgent, remoteAddress, lines, atMs };
    if (this.#options.unknownClients.keep(handshake)) this.#options.onUnknownClient(handshake);
  }

  /**
   * @param first what all jobs so far are judged at. A client that was told its extranonce before it logged in may have hashed on
   * them already, and must not choose their difficulty with the result in hand: its wish begins with the next job.
   */
  #welcome(session: Session, difficulty: DifficultyLog2, first: DifficultyLog2): void {
    const { sessions } = this.#options;
    sessions.diary.login(session.slot, sessions.nowMs, difficulty);
    session.difficulties.reset(first);
    session.changeDifficulty(difficulty);
    if (!session.extranonceKnown) {
      const { dialect, extranonce, extranonceBytes } = session;
      session.say(pushExtranonce(dialect.extranonce, extranonce, extranonceBytes));
      session.extranonceKnown = true;
    }
    sessions.authorized(session);
    this.#sendWork(session);
  }

  /**
   * A second authorize on one socket. A new difficulty comes with the next job, since the id of the current one is already tied
   * to the old one; otherwise the client, which may have started over, gets its work once more.
   */
  #welcomeAgain(session: Session, wishes: Wishes, difficulty: DifficultyLog2): void {
    if (wishes.difficultyLog2 !== undefined) session.changeDifficulty(difficulty);
    if (wishes.difficultyLog2 === undefined || difficulty === session.difficultyLog2) this.#sendWork(session);
  }

  #sendWork(session: Session): void {
    const job = this.#options.fanOuts[session.portIndex]!.current;
    session.say(pushDifficulty(session.difficultyLog2));
    if (job === undefined) return;
    session.newestJobId = job.jobId;
    session.say(job[session.dialect.job].text);
    this.#options.sessions.metrics.jobsSent.inc();
  }

  /**
   * The session's shares go to (address, worker) from now on. A reference that pending shares name must not be released before they
   * are answered: it could be somebody else's by then.
   */
  #becomeWorker(session: Session, address: string, worker: string): boolean {
    const { workers, sessions } = this.#options;
    if (session.workerRef !== WORKER_NONE) {
      if (session.address === address && session.worker === worker) return true;
      if (session.pending === 0) workers.releaseWorker(session.workerRef);
      else if (session.retiredWorkerRefs.length >= sessions.limits.retiredWorkersMax) return false;
      else session.retiredWorkerRefs.push(session.workerRef);
    }
    session.workerRef = workers.acquireWorker(address, worker);
    session.address = address;
    session.worker = worker;
    return true;
  }

  #lendExtranonce(session: Session, idText: string): boolean {
    const { sessions } = this.#options;
    if (sessions.lendExtranonce(session)) return true;
    session.say(replyError(idText, 20, NO_EXTRANONCE));
    sessions.metrics.errorSent(20);
    sessions.finish(session, 'extranonces_exhausted');
    return false;
  }

  /** With the reason, since the miner's log is where its owner will look; then the socket closes. */
  #refuse(
    session: Session,
    idText: string,
    code: 24,
    text: string,
    reason: 'unauthorized' | 'delayed' = 'unauthorized',
  ): void {
    const { sessions } = this.#options;
    session.say(replyError(idText, code, text));
    sessions.metrics.errorSent(code);
    sessions.finish(session, reason);
  }
}
