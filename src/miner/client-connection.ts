/**
 * One miner on one socket: logs in as its family does, follows jobs, sends shares, counts answers, comes back when cut off.
 *
 *   waiting --connect--> connecting --TCP up--> logging-in --authorize true--> mining
 *      ^                     |                      |                            |
 *      +------ back-off -----+----- closed, refused, violated, silent ----------+          any state --stop--> stopped
 *
 * A submission leaves the table of outstanding ones exactly once: answered, or written off when its socket closes.
 */
import { connect, type Socket } from 'node:net';
import { DIFFICULTY_LOG2_MAX, DIFFICULTY_LOG2_MIN, type DifficultyLog2 } from '../domain/target.ts';
import type { ClientProfile } from './client-profiles.ts';
import { isExtranonce, type JobLineCache, type MinerJob, type ServerLine } from './server-lines.ts';
import { StrictWatch } from './strict-watch.ts';
import type { SubmissionEvent, SubmissionLog } from './submission-log.ts';
import type { MinerTally } from './tally.ts';

export interface ConnectionWiring {
  readonly host: string;
  readonly port: number;
  readonly tally: MinerTally;
  readonly log: SubmissionLog;
  readonly jobLines: JobLineCache;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /** Silence before a login, or before an answer for the families that care, is taken for a dead pool. */
  readonly answerTimeoutMs: number;
  /** Every line is judged, and every refusal, silence and hang-up of the server is a fault. */
  readonly strict: boolean;
  /** Something changed that lets this connection hash again. */
  readonly wake: () => void;
}

interface Outstanding {
  readonly sentAtMs: number;
  readonly event: SubmissionEvent;
}

type State = 'waiting' | 'connecting' | 'logging-in' | 'mining' | 'stopped';

/** Jobs remembered for sending a stale one on purpose. */
const JOBS_REMEMBERED = 64;
/** Older than every server's job life (10-15 s), so that the answer can only be 21. */
const SURELY_STALE_MS = 30_000;
/** IceRiver leaves when no job follows its authorize at once; a busy machine may take a while to write it. */
const JOB_PATIENCE_MS = 5_000;
/** A line of a server is below 300 bytes; more than this without a newline is no stratum server. */
const PENDING_TEXT_MAX = 16_384;

export class MinerConnection {
  readonly index: number;
  readonly profile: ClientProfile;
  readonly login: string;
  job: MinerJob | undefined;
  /** The difficulty that came before the job: what its shares are judged at. */
  jobDifficultyLog2: DifficultyLog2 = 0;
  extranonceHex = '';
  readonly #wiring: ConnectionWiring;
  readonly #outstanding = new Map<number, Outstanding>();
  #jobHistory: { id: string; atMs: number }[] = [];
  #state: State = 'waiting';
  #socket: Socket | undefined;
  #text = '';
  #loginStep = 0;
  #sinceMs = 0;
  #session = 0;
  #attempts = 0;
  #difficultyLog2: DifficultyLog2 = 0;
  #nextRequestId = 0;
  #timer: NodeJS.Timeout | undefined;
  #retired = false;
  /** Of this connection; undefined unless strict. */
  #watch: StrictWatch | undefined;
  /** It was us who ended the connection, or the fault is on record already. */
  #leaving = false;

  constructor(index: number, profile: ClientProfile, login: string, wiring: ConnectionWiring) {
    this.index = index;
    this.profile = profile;
    this.login = login;
    this.#wiring = wiring;
  }

  get mining(): boolean {
    return this.#state === 'mining' && this.job !== undefined;
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  start(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'connecting';
    this.#text = '';
    this.#loginStep = 0;
    this.#sinceMs = this.#wiring.nowMs();
    this.job = undefined;
    this.extranonceHex = '';
    this.#jobHistory = [];
    this.#nextRequestId = this.profile.firstSubmitId;
    this.#watch = this.#wiring.strict ? new StrictWatch(this.profile, true) : undefined;
    this.#leaving = false;
    const socket = connect({ host: this.#wiring.host, port: this.#wiring.port, noDelay: true });
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('connect', () => this.#onConnect());
    socket.on('data', (text: string) => this.#onText(socket, text));
    // That it is over says 'close', once; here only why.
    socket.on('error', ({ message }) => {
      this.#wiring.tally.lastFailure = message;
    });
    socket.on('close', () => this.#onClose(socket));
  }

  /** No new submissions; outstanding answers may still come in. */
  retire(): void {
    clearTimeout(this.#timer);
    if (this.#outstanding.size === 0) this.stop();
    else this.#retired = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#leaving = true;
    this.#state = 'stopped';
    this.job = undefined;
    this.#writeOff();
    this.#socket?.destroy();
  }

  /** Called about once a second: gives up on a server that has gone silent. */
  sweep(nowMs: number): void {
    const limitMs = this.#wiring.answerTimeoutMs;
    if (this.#state === 'connecting' || this.#state === 'logging-in') {
      if (nowMs - this.#sinceMs > limitMs) this.#socket?.destroy();
    } else if (this.#state === 'mining' && (this.profile.reconnectsWhenUnanswered || this.#watch)) {
      const oldest = this.#outstanding.values().next().value;
      if (oldest && nowMs - oldest.sentAtMs > limitMs) this.#fault('an answer to every submission', '');
    }
    if (this.#watch?.awaitsJob && nowMs - this.#sinceMs > JOB_PATIENCE_MS)
      this.#fault('a job right after authorize', '');
  }

  /** Strict: on record; in any case the connection is given up. */
  #fault(expected: string, seen: string): void {
    if (this.#watch) this.#wiring.tally.fault(this.#watch.fault(expected, seen));
    this.#leaving = true;
    this.#socket?.destroy();
  }

  submit(nonceHex: string, jobId: string | undefined = this.job?.id): void {
    const job = this.job;
    if (!job || jobId === undefined || this.#state !== 'mining') return;
    const requestId = this.#nextRequestId++;
    const event: SubmissionEvent = {
      event: 'sent',
      atMs: Date.now(),
      connection: this.index,
      session: this.#session,
      requestId,
      login: this.login,
      jobId,
      prePowHash: job.workKey.slice(0, 64),
      timestampMs: job.timestampMs.toString(),
      nonce: nonceHex,
      difficultyLog2: this.jobDifficultyLog2,
    };
    this.#wiring.log.append(event);
    this.#outstanding.set(requestId, { sentAtMs: this.#wiring.nowMs(), event });
    this.#wiring.tally.sent++;
    const nonce = this.#wireNonce(nonceHex);
    this.#request(requestId, 'mining.submit', `["${this.#loginText}","${jobId}","${nonce}"]`);
  }

  /** An id whose job is long dead, or one that the server has not given yet. */
  staleJobId(): string {
    const oldest = this.#jobHistory[0];
    return oldest && this.#wiring.nowMs() - oldest.atMs > SURELY_STALE_MS ? oldest.id : '999999999';
  }

  #wireNonce(nonceHex: string): string {
    if (this.profile.nonceForm === 'short') return nonceHex.slice(this.extranonceHex.length);
    return this.profile.nonceForm === '0x-full' ? `0x${nonceHex}` : nonceHex;
  }

  get #loginText(): string {
    return this.profile.sloppyBytes ? `${this.login}\t` : this.login;
  }

  #request(id: number, method: string, params: string): void {
    this.#watch?.asked(id, method);
    const end = this.profile.sloppyBytes ? '\0\0\r\n' : '\n';
    this.#socket?.write(
      `{"id":${id},"method":"${method}","params":${params}${this.profile.requestTail}}${end}`,
    );
  }

  #onConnect(): void {
    this.#state = 'logging-in';
    this.#session++;
    this.#wiring.tally.connects++;
    if (this.#session > 1) this.#wiring.tally.reconnects++;
    const steps = this.profile.ordering === 'pipelined' ? this.profile.login.length : 1;
    this.#socket?.cork();
    for (let step = 0; step < steps; step++) this.#sendLogin(step);
    this.#socket?.uncork();
  }

  #sendLogin(step: number): void {
    const { id, method } = this.profile.login[step]!;
    const params =
      method === 'mining.subscribe'
        ? this.profile.subscribeParams
        : method === 'mining.authorize'
          ? `["${this.#loginText}","x"]`
          : '[]';
    this.#request(id, method, params);
  }

  #onText(socket: Socket, text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop()!;
    for (const line of lines) {
      if (socket !== this.#socket || socket.destroyed) return;
      const fault = this.#watch?.read(line);
      if (fault) {
        this.#wiring.tally.fault(fault);
        this.#leaving = true;
        socket.destroy();
        return;
      }
      if (line.trim() !== '') this.#onLine(this.#wiring.jobLines.parse(line, this.profile));
    }
    if (this.#text.length > PENDING_TEXT_MAX) this.#violate('line without an end');
  }

  #onLine(line: ServerLine): void {
    if (this.#state === 'logging-in' && this.profile.ordering === 'lock-step' && line.kind !== 'reply') {
      this.#violate('push during a lock-step login');
      return;
    }
    switch (line.kind) {
      case 'reply':
        if (this.#state === 'logging-in') this.#onLoginReply(line);
        else this.#onAnswer(line);
        return;
      case 'difficulty':
        // A difficulty that is no power of two: the next harder one, whose shares meet both.
        this.#difficultyLog2 = Math.min(
          DIFFICULTY_LOG2_MAX,
          Math.max(DIFFICULTY_LOG2_MIN, Math.ceil(Math.log2(line.difficulty))),
        );
        return;
      case 'extranonce':
        this.extranonceHex = line.extranonceHex;
        return;
      case 'job':
        this.#onJob(line.job);
        return;
      case 'violation':
        if (line.fault.endsWith('ignored')) this.#wiring.tally.violate(line.fault);
        else this.#violate(line.fault);
    }
  }

  #onLoginReply(line: Extract<ServerLine, { kind: 'reply' }>): void {
    const step = this.profile.login[this.#loginStep]!;
    if (line.id !== step.id) {
      this.#violate('login reply with another id');
      return;
    }
    if (line.error || line.result === null || line.result === false) {
      this.#wiring.tally.loginsRefused++;
      this.#wiring.tally.lastFailure = `login refused: ${line.error?.text ?? 'no reason given'}`;
      this.#fault('a login that is accepted', JSON.stringify(line));
      return;
    }
    if (step.method === 'mining.subscribe' && this.profile.extranonceFrom === 'subscribe-reply') {
      const [, extranonce, size] = Array.isArray(line.result) ? (line.result as unknown[]) : [];
      if (!isExtranonce(extranonce) || size !== 8 - extranonce.length / 2) {
        this.#violate('subscribe reply without extranonce and size');
        return;
      }
      this.extranonceHex = extranonce;
    }
    this.#loginStep++;
    if (this.#loginStep === this.profile.login.length) {
      this.#state = 'mining';
      this.#attempts = 0;
      if (this.job) this.#wiring.wake();
    } else if (this.profile.ordering !== 'pipelined') {
      this.#sendLogin(this.#loginStep);
    }
  }

  #onJob(job: MinerJob): void {
    this.#wiring.tally.jobsReceived++;
    if (this.profile.extranonceFrom === 'two-param-push' && this.extranonceHex === '') {
      // kaspa-miner's nonce mask stays 0 without it: it would hash one nonce for ever.
      this.#violate('job before the extranonce');
      return;
    }
    this.job = job;
    this.jobDifficultyLog2 = this.#difficultyLog2;
    this.#jobHistory.push({ id: job.id, atMs: this.#wiring.nowMs() });
    if (this.#jobHistory.length > JOBS_REMEMBERED) this.#jobHistory.shift();
    this.#wiring.wake();
  }

  #onAnswer(line: Extract<ServerLine, { kind: 'reply' }>): void {
    const pending = this.#outstanding.get(line.id);
    const { tally, log } = this.#wiring;
    if (!pending) {
      tally.violate('answer to nothing, ignored');
      return;
    }
    if (line.error === undefined && line.result === true) {
      log.append({ ...pending.event, event: 'true', atMs: Date.now() });
      tally.accepted++;
    } else {
      tally.reject(line.error?.code ?? 0);
      if (this.#watch) tally.fault(this.#watch.fault('true for a sound share', JSON.stringify(line)));
    }
    this.#outstanding.delete(line.id);
    tally.answeredAfter(this.#wiring.nowMs() - pending.sentAtMs);
    if (line.error && this.profile.fatalCodes.includes(line.error.code)) {
      this.#leaving = true;
      this.#socket?.destroy();
    }
    this.#wiring.wake();
  }

  #violate(fault: string): void {
    this.#wiring.tally.violate(fault);
    this.#leaving = true;
    this.#socket?.destroy();
  }

  #writeOff(): void {
    this.#wiring.tally.unanswered += this.#outstanding.size;
    this.#outstanding.clear();
  }

  #onClose(socket: Socket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    if (this.#watch && !this.#leaving && !this.#retired)
      this.#wiring.tally.fault(this.#watch.fault('a connection that stays', ''));
    this.#writeOff();
    this.job = undefined;
    if (this.#retired || this.#state === 'stopped') {
      this.#state = 'stopped';
      return;
    }
    this.#state = 'waiting';
    const { reconnectMinMs, reconnectMaxMs, random } = this.#wiring;
    const backoffMs = Math.min(reconnectMaxMs, reconnectMinMs * 2 ** Math.min(20, this.#attempts++));
    // Half fixed, half random: a thousand miners cut off together must not come back together.
    this.#timer = setTimeout(() => this.start(), backoffMs * (0.5 + random() / 2));
  }
}
