/**
 * One miner's connection: its state (`session-state`), its output and its numbers. What a line means is decided in `requests`,
 * `login-desk` and `submissions`; who may have which slot, in `sessions`.
 */
import { type ExtranonceBytes, extranonceMask } from '../../domain/extranonce.ts';
import { isEarlierJob } from '../../domain/job.ts';
import type { DifficultyLog2 } from '../../domain/target.ts';
import type { SubmittingSession } from '../../validation/intake.ts';
import type { Visitor } from '../fairness/door.ts';
import type { Dialect } from '../protocol/dialects.ts';
import { DIALECTS } from '../protocol/dialects.ts';
import type { JobLines } from '../protocol/job-lines.ts';
import { pushDifficulty, replyVerdict } from '../protocol/messages.ts';
import { type FrameOutcome, LineFate, LineFramer, type LineSink } from '../socket/line-framer.ts';
import type { SocketAdapter, SocketEvents } from '../socket/socket-adapter.ts';
import type { WriteBuffer } from '../socket/write-buffer.ts';
import type { StratumLimits } from '../stratum-limits.ts';
import type { CloseReason, StratumMetrics } from '../stratum-metrics.ts';
import { ANSWER_BYTES_MAX, ANSWER_ID_MAX, type Answers, NO_ANSWER } from './answers.ts';
import type { ChunkTimes } from './chunk-times.ts';
import { Conduct } from './conduct.ts';
import type { Diary } from './diary.ts';
import { DifficultyHistory } from './difficulty-history.ts';
import { LineAllowance } from './line-allowance.ts';
import type { RefusalCounts } from './refusal-counts.ts';
import { ResponseTimes } from './response-times.ts';
import { SessionState, WORKER_NONE } from './session-state.ts';
import type { SessionView } from './session-view.ts';

export { SessionState, WORKER_NONE } from './session-state.ts';

/** What a session needs of the room it lives in. */
export interface SessionRoom {
  readonly limits: StratumLimits;
  readonly metrics: StratumMetrics;
  readonly answers: Answers;
  readonly writeBuffer: WriteBuffer;
  readonly diary: Diary;
  readonly chunkTimes: ChunkTimes;
  readonly refusals: RefusalCounts;
  /** Monotonic ms, as coarse as a turn. */
  readonly nowMs: number;
  onFirstBytes(session: Session, chunk: Buffer): void;
  onLine(session: Session, buffer: Buffer, start: number, end: number): LineFate;
  /** A line came from who has sent all that it may for now: it waits. */
  onLinesSpent(session: Session): void;
  onFramed(session: Session, outcome: FrameOutcome): void;
  /** The session has something to say; it will be asked to `writeOut` at the end of the turn. */
  onOutput(session: Session): void;
  onDrained(session: Session): void;
  /** More unsent bytes than any reader should have. */
  onSlowReader(session: Session): void;
  onEnded(session: Session): void;
  onGone(session: Session, failed: boolean): void;
}

export class Session implements SubmittingSession, SocketEvents, LineSink, SessionView {
  readonly slot: number;
  readonly framer: LineFramer;
  readonly difficulties = new DifficultyHistory();
  readonly lines = new LineAllowance();
  readonly conduct = new Conduct();
  readonly times = new ResponseTimes();
  readonly #room: SessionRoom;

  generation = 1;
  state: SessionState = SessionState.Free;
  adapter: SocketAdapter | undefined;
  portIndex = 0;
  remoteAddress = '';
  /** All that come from its address; undefined while there is no connection. */
  visitor: Visitor | undefined;
  /** It counts as one of the visitor's that have logged in. */
  isVouchedFor = false;
  connectedAtMs = 0;
  heardAtMs = 0;
  /** Bytes came since the last sweep: spares a clock read per chunk. */
  heard = false;
  /** The first bytes, and the first line, are looked at for other protocols. */
  firstBytes = true;
  firstLine = true;

  userAgent = '';
  dialect: Dialect = DIALECTS.default;
  /** No row knows its user agent, and nobody chose one for it. */
  isUnknownClient = false;
  /** What it said before it was authorized, up to a bound. */
  handshake = '';
  /** 0 = never. */
  authorizedAtMs = 0;
  /** As the two most significant bytes of a nonce; 0 = none yet. */
  extranonce = 0;
  extranonceBytes: ExtranonceBytes = 2;
  extranonceMask = extranonceMask(2);
  /** The subscribe reply carried it; no push is needed. */
  extranonceKnown = false;
  address = '';
  worker = '';
  workerRef: number = WORKER_NONE;
  /** Of params[0] as it was authorized, to count submissions that name somebody else. */
  loginMark = 0;
  /** References of earlier logins on this socket, released when no share of theirs is pending. */
  readonly retiredWorkerRefs: number[] = [];

  /** Submissions that validation has not answered yet. */
  pending = 0;
  malformed = 0;
  closeReason: CloseReason | undefined;
  closingSinceMs = 0;

  /** Place in the fan-out's list; -1 = not in it. */
  memberIndex = -1;
  /** Number of the last announcement that this session got or was skipped for. */
  announcement = 0;
  jobMissed = false;
  /** Since when bytes lie unsent without a moment when all had gone; NaN = none do. */
  unreadSinceMs = Number.NaN;
  /** Of the last submission that was taken. */
  submittedJobId = 0;
  /** The last job that was written to this session; 0 = none yet. */
  newestJobId = 0;
  /** The peer has sent its last byte, but some of its lines are still held. */
  peerEnded = false;
  #nextDifficulty: DifficultyLog2 | undefined;

  accepted = 0;
  rejected = 0;
  creditedDifficulty = 0;
  lastShareAtMs = 0;

  /** Variable difficulty leaves it alone: its password asked for one. */
  difficultyFixed = false;
  /** By `mining.suggest_difficulty`, and how often. */
  suggestedLog2: DifficultyLog2 | undefined;
  suggestions = 0;
  /** Since when, and from which sum of credit, its rate is measured. */
  windowSinceMs = 0;
  windowCredited = 0;
  /** Shares were refused since then that it is not to blame for: it has done more than it was credited. */
  windowBlind = false;
  /** Since the last sweep lines of it waited for validation: more may be on the way. */
  wasHeld = false;

  /** What is to be said: first these answers, then this text. */
  #firstAnswer = NO_ANSWER;
  #lastAnswer = NO_ANSWER;
  #out = '';

  constructor(slot: number, room: SessionRoom) {
    this.slot = slot;
    this.#room = room;
    this.framer = new LineFramer(room.limits.lineBytesMax);
  }

  /** A new connection takes the slot. */
  begin(adapter: SocketAdapter, portIndex: number, visitor: Visitor, nowMs: number): void {
    this.state = SessionState.Connected;
    this.adapter = adapter;
    this.portIndex = portIndex;
    this.remoteAddress = adapter.remoteAddress;
    this.visitor = visitor;
    this.isVouchedFor = false;
    this.unreadSinceMs = Number.NaN;
    this.submittedJobId = 0;
    this.conduct.reset();
    this.times.reset();
    this.#room.diary.begin(this.slot);
    this.#room.refusals.begin(this.slot);
    this.connectedAtMs = nowMs;
    this.heardAtMs = nowMs;
    this.heard = false;
    this.firstBytes = true;
    this.firstLine = true;
    this.malformed = 0;
    this.accepted = 0;
    this.rejected = 0;
    this.creditedDifficulty = 0;
    this.lastShareAtMs = 0;
    this.difficultyFixed = false;
    this.suggestedLog2 = undefined;
    this.suggestions = 0;
    this.wasHeld = false;
    this.beginWindow(nowMs);
  }

  /** Its rate is measured from now on. */
  beginWindow(nowMs: number): void {
    this.windowSinceMs = nowMs;
    this.windowCredited = this.creditedDifficulty;
    this.windowBlind = false;
  }

  /** Nothing of the old connection may be seen by the next. */
  clear(): void {
    this.generation = (this.generation + 1) >>> 0;
    this.state = SessionState.Free;
    this.adapter = undefined;
    this.framer.reset();
    this.userAgent = '';
    this.dialect = DIALECTS.default;
    this.isUnknownClient = false;
    this.handshake = '';
    this.authorizedAtMs = 0;
    this.extranonce = 0;
    this.extranonceKnown = false;
    this.address = '';
    this.worker = '';
    this.workerRef = WORKER_NONE;
    this.loginMark = 0;
    this.closeReason = undefined;
    this.jobMissed = false;
    this.newestJobId = 0;
    this.peerEnded = false;
    this.#nextDifficulty = undefined;
    this.#out = '';
    this.#room.answers.drop(this.#firstAnswer);
    this.#firstAnswer = NO_ANSWER;
    this.#lastAnswer = NO_ANSWER;
  }

  /** Only lines before the login come here. */
  keepHandshake(buffer: Buffer, start: number, end: number): void {
    const room = this.#room.limits.unknownHandshakeBytesMax - this.handshake.length;
    if (room > 0) this.handshake += `${buffer.toString('latin1', start, Math.min(end, start + room))}\n`;
  }

  get difficultyLog2(): DifficultyLog2 {
    return this.difficulties.current;
  }

  difficultyLog2For(jobId: number): DifficultyLog2 {
    return this.difficulties.at(jobId);
  }

  /**
   * False for jobs that are still to come. Other connections may have them already; but which difficulty this one gets them at
   * is only known when they are written to it.
   */
  wasGiven(jobId: number): boolean {
    return this.newestJobId !== 0 && !isEarlierJob(this.newestJobId, jobId);
  }

  /** The next job brings it: clients take a difficulty for the job after it, and never for the one they have. */
  changeDifficulty(log2: DifficultyLog2): void {
    this.#nextDifficulty = log2 === this.difficulties.current ? undefined : log2;
  }

  /** The next job brings another one. */
  get difficultyIsChanging(): boolean {
    return this.#nextDifficulty !== undefined;
  }

  /** Adds a line to this turn's output. */
  say(text: string): void {
    if (this.adapter === undefined) return;
    if (this.#out === '' && this.#firstAnswer === NO_ANSWER) this.#room.onOutput(this);
    this.#out += text;
  }

  /** Adds the answer to a submission to this turn's output. */
  answer(requestId: number, verdict: number): void {
    if (this.adapter === undefined) return;
    // Behind text, or with an id that a slot cannot hold, it is text as well: what is said first leaves first.
    if (this.#out !== '' || requestId > ANSWER_ID_MAX) {
      this.say(replyVerdict(requestId, verdict));
      return;
    }
    this.#lastAnswer = this.#room.answers.add(this.#lastAnswer, requestId, verdict);
    if (this.#firstAnswer !== NO_ANSWER) return;
    this.#firstAnswer = this.#lastAnswer;
    this.#room.onOutput(this);
  }

  writeOut(): void {
    const filled = this.#firstAnswer === NO_ANSWER ? 0 : this.#layDownAnswers();
    const out = this.#out;
    if (out === '') {
      if (filled > 0) this.#writeFrom(filled);
      return;
    }
    this.#out = '';
    const { writeBuffer } = this.#room;
    if (filled + out.length <= writeBuffer.bytes.length) {
      writeBuffer.bytes.write(out, filled, 'latin1');
      this.#writeFrom(filled + out.length);
      return;
    }
    if (filled > 0) this.#writeFrom(filled);
    this.#write(out, out.length);
  }

  /** Returns how many bytes of the write buffer they fill; where that is not enough, some have left. */
  #layDownAnswers(): number {
    const { answers, writeBuffer } = this.#room;
    let filled = 0;
    for (let index = this.#firstAnswer; index !== NO_ANSWER; index = answers.take(index)) {
      if (filled + ANSWER_BYTES_MAX > writeBuffer.bytes.length) {
        this.#writeFrom(filled);
        filled = 0;
      }
      filled = answers.write(index, writeBuffer.words, filled);
    }
    this.#firstAnswer = NO_ANSWER;
    this.#lastAnswer = NO_ANSWER;
    return filled;
  }

  /**
   * Writes a job, behind whatever was still to be said. A socket with unsent bytes is left out: it gets the newest when it has
   * read what it has.
   */
  offerJob(lines: JobLines): void {
    const { limits, metrics } = this.#room;
    const adapter = this.adapter;
    if (adapter === undefined || this.state !== SessionState.Authorized) return;
    if (adapter.backlogBytes > limits.socketBacklogSkipBytes) {
      if (!this.jobMissed) this.#room.diary.stalled(this.slot, this.#room.nowMs, 'jobs_skipped');
      this.jobMissed = true;
      metrics.jobsSkipped.inc();
      return;
    }
    this.jobMissed = false;
    metrics.jobsSent.inc();
    const line = lines[this.dialect.job];
    // A job that is sent again, to keep the link awake, is tied to its difficulty already.
    if (this.#nextDifficulty !== undefined && lines.jobId !== this.newestJobId) {
      this.difficulties.change(this.#nextDifficulty, lines.jobId);
      this.#room.diary.retarget(this.slot, this.#room.nowMs, lines.jobId, this.#nextDifficulty);
      this.#out += pushDifficulty(this.#nextDifficulty);
      this.#nextDifficulty = undefined;
    }
    this.newestJobId = lines.jobId;
    if (this.#out === '' && this.#firstAnswer === NO_ANSWER) {
      this.#write(line.bytes, line.bytes.length);
      return;
    }
    this.#out += line.text;
    this.writeOut();
  }

  #write(data: Buffer | string, length: number): void {
    const adapter = this.adapter;
    if (adapter === undefined) return;
    adapter.write(data);
    this.#written(adapter, length);
  }

  #writeFrom(length: number): void {
    const adapter = this.adapter;
    if (adapter === undefined) return;
    adapter.writeFrom(this.#room.writeBuffer, length);
    this.#written(adapter, length);
  }

  #written(adapter: SocketAdapter, length: number): void {
    this.#room.metrics.bytesSent.inc(length);
    if (adapter.backlogBytes > this.#room.limits.socketBacklogCloseBytes) this.#room.onSlowReader(this);
  }

  onData(chunk: Buffer): void {
    this.heard = true;
    const room = this.#room;
    room.metrics.bytesReceived.inc(chunk.length);
    if (this.firstBytes) {
      this.firstBytes = false;
      room.onFirstBytes(this, chunk);
    }
    if (this.adapter === undefined || this.state === SessionState.Closing) return;
    room.chunkTimes.begin();
    room.onFramed(this, this.framer.push(chunk, this));
    room.chunkTimes.end();
  }

  onLine(buffer: Buffer, start: number, end: number): LineFate {
    const { lines } = this;
    if (lines.credit === 0) {
      this.#room.onLinesSpent(this);
      return LineFate.Hold;
    }
    lines.credit--;
    const fate = this.#room.onLine(this, buffer, start, end);
    // It will be offered again.
    if (fate === LineFate.Hold) lines.credit++;
    return fate;
  }

  onDrain(): void {
    this.unreadSinceMs = Number.NaN;
    if (this.jobMissed) this.#room.onDrained(this);
  }

  onEnd(): void {
    this.#room.onEnded(this);
  }

  onClose(failed: boolean): void {
    this.#room.onGone(this, failed);
  }
}
