/**
 * The stratum room: miners on TCP.
 *
 * In flow bytes from miners, jobs from the templates room (`announce`) and verdicts from validation (`replySink`). Out flow
 * submissions, by call, to the intake, and lines to miners. The room never judges work, never asks a node, and never lets one
 * socket grow: what it cannot pass on, it stops reading.
 *
 *   listener -> raw-adapter | net-adapter -> session (line-framer) -> requests -> login-desk | submissions -> intake
 *                                  ^ one write per turn       fan-out <- announce          replySink <- verdicts
 */
import type { VardiffRules } from '../domain/vardiff.ts';
import { ThrottledLog } from '../kit/log.ts';
import type { ReplySink, ShareIntake } from '../validation/intake.ts';
import { extranoncePools } from './extranonce-pools.ts';
import type { Ban } from './fairness/ban.ts';
import { Door } from './fairness/door.ts';
import { LoginPenalties } from './fairness/login-penalties.ts';
import { DIALECTS } from './protocol/dialects.ts';
import { buildJobLines, isSendable, type JobAnnouncement, type JobLines } from './protocol/job-lines.ts';
import { RECONNECT } from './protocol/messages.ts';
import { Reception } from './reception.ts';
import { ChunkTimes } from './session/chunk-times.ts';
import { CloseLog } from './session/close-log.ts';
import { Diary } from './session/diary.ts';
import { FanOut } from './session/fan-out.ts';
import { LoginDesk } from './session/login-desk.ts';
import { type MinerDiary, minerDiary } from './session/miner-diary.ts';
import { RefusalCounts } from './session/refusal-counts.ts';
import { RequestIds } from './session/request-ids.ts';
import { Requests } from './session/requests.ts';
import { Retargeting } from './session/retargeting.ts';
import type { Session } from './session/session.ts';
import type { SessionView } from './session/session-view.ts';
import { Sessions } from './session/sessions.ts';
import { StartDifficulties } from './session/start-difficulties.ts';
import { Submissions } from './session/submissions.ts';
import { type Handshake, UnknownClients } from './session/unknown-clients.ts';
import { descriptorsByPort } from './socket/inherited-sockets.ts';
import { Listener, type ProxyRules } from './socket/listener.ts';
import { type ProxyFault, TrustedSources } from './socket/proxy-gate.ts';
import { tryRawStreams } from './socket/raw-trial.ts';
import type { SocketAdapter, SocketEvents } from './socket/socket-adapter.ts';
import type { Stratum } from './stratum.ts';
import { type PortLimits, portLimitsOf, STRATUM_LIMITS, type StratumLimits } from './stratum-limits.ts';
import { type CloseReason, StratumMetrics } from './stratum-metrics.ts';
import type { PortOptions, StratumOptions } from './stratum-options.ts';

export type { MinerDiary } from './session/miner-diary.ts';
export type { SessionView } from './session/session-view.ts';
export type { WorkerRegistry } from './session/sessions-options.ts';
export type { Stratum } from './stratum.ts';
export type { PortOptions, StratumOptions } from './stratum-options.ts';

export function createStratum(options: StratumOptions): Stratum {
  return new StratumServer(options);
}

class StratumServer implements Stratum {
  readonly replySink: ReplySink;
  readonly #options: StratumOptions;
  readonly #limits: StratumLimits;
  readonly #metrics: StratumMetrics;
  readonly #door: Door;
  readonly #diary = new Diary();
  readonly #refusals = new RefusalCounts();
  readonly #reception: Reception;
  readonly #starts: StartDifficulties;
  readonly #retargeting: Retargeting;
  readonly #closeLog: CloseLog;
  readonly #fanOuts: readonly FanOut[];
  readonly #sessions: Sessions;
  readonly #submissions: Submissions;
  readonly #unknownClients: UnknownClients;
  readonly #faultLog: ThrottledLog;
  #listeners: Listener[] = [];
  #sweeper: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  /** The lines of the last job, for the next port that gets it. */
  #lines: { readonly job: JobAnnouncement; readonly lines: JobLines } | undefined;

  constructor(options: StratumOptions) {
    this.#options = options;
    const { clock, workers, ports, checkAddress, wallClock = Date.now, bans = [] } = options;
    const limits = (this.#limits = { ...STRATUM_LIMITS, ...options.limits });
    const portLimits = ports.map((port) => portLimitsOf(port.limits, limits));
    this.#faultLog = new ThrottledLog(limits.faultLogIntervalMs);
    const { addressesMax: visitorsMax, penalties } = limits;
    const door = (this.#door = new Door({ ports: portLimits, visitorsMax, penalties, clock, wallClock }));
    door.setBans(bans);
    const loginPenalties = new LoginPenalties(penalties, visitorsMax);
    const starts = (this.#starts = new StartDifficulties(visitorsMax));
    const extranonceBytes = ports.map(({ extranonceBytes: bytes }) => bytes ?? 2);
    const pools = extranoncePools(extranonceBytes, limits.extranonceRestMs, options.random);
    this.#unknownClients = new UnknownClients({
      handshakesKept: limits.unknownHandshakesKept,
      shapesRemembered: limits.unknownShapesRemembered,
      quickDropMs: limits.unknownQuickDropMs,
      quickDropMemoryMs: limits.unknownQuickDropMemoryMs,
    });
    const metrics = (this.#metrics = new StratumMetrics(options.registry, {
      connectionsByPort: () => this.#byPort((index) => this.#sessions.count(index)),
      authorizedByPort: () => this.#byPort((index) => this.#fanOuts[index]!.size),
      extranoncesFree: () => [...new Set(pools)].reduce((sum, { free }) => sum + free, 0),
      lingering: () => this.#sessions.lingering,
      addressesKnown: () => door.size,
    }));
    const flushReplies = (): void => this.#sessions.flush();
    const fanOuts = ports.map(
      () => new FanOut({ sliceMs: limits.fanOutSliceMs, metrics, clock, flushReplies }),
    );
    const onFault = (session: Session, reason: CloseReason): void => this.#onFault(session, reason);
    this.#retargeting = new Retargeting(ports.map(vardiffRules), metrics);
    const diary = this.#diary;
    const { log } = options;
    this.#closeLog = new CloseLog({ log, clock, diary, portLabels: ports.map(({ label }) => label) });
    const sessions = new Sessions({
      ...{ limits, portLimits, door, loginPenalties, diary, metrics, clock, workers, fanOuts },
      refusals: this.#refusals,
      onRetiring: (session) => this.#tellRefusals(session),
      ...{ extranonceBytes, extranonces: pools, onFault },
      chunkTimes: new ChunkTimes(metrics.submitLines, clock, options.stages),
      onSwept: (session, nowMs) => this.#onSwept(session, nowMs),
      onClosed: (session, reason) => {
        loginDesk.left(session, reason, clock());
        this.#onClosed(session, reason);
      },
      handleLine: (session, buffer, start, end) => requests.line(session, buffer, start, end),
    });
    const submissions = new Submissions({
      sessions,
      requestIds: new RequestIds(),
      clock,
      enforceExtranonce: options.enforceExtranonce ?? true,
      rescues: ports.map(({ wrongJobRescue }) => wrongJobRescue ?? true),
    });
    const rules = ports.map((port) => ({ ...port, dialect: port.dialect && DIALECTS[port.dialect] }));
    const loginDesk = new LoginDesk({
      ...{ sessions, workers, checkAddress, fanOuts, loginPenalties, starts },
      ports: rules,
      unknownClients: this.#unknownClients,
      onUnknownClient: (handshake) => this.#onUnknownClient(handshake),
    });
    const requests = new Requests({ sessions, submissions, loginDesk, onFault });
    const faultLog = this.#faultLog;
    this.#reception = new Reception({ door, sessions, limits, metrics, ports, clock, log, faultLog });
    this.#fanOuts = fanOuts;
    this.#sessions = sessions;
    this.#submissions = submissions;
    this.replySink = submissions;
  }

  async open(intake: ShareIntake): Promise<{ port: number }[]> {
    this.#submissions.open(intake);
    const streams = this.#options.sockets === 'net' ? undefined : await tryRawStreams();
    this.#options.log.info({ sockets: streams === undefined ? 'net' : 'raw' }, 'opening the stratum ports');
    const { ports, inherited = [] } = this.#options;
    const descriptors = descriptorsByPort(inherited, ports.length);
    this.#listeners = ports.map(({ host, port, proxyFrom, tls, transport }, portIndex) => {
      return new Listener({
        host,
        port,
        descriptors: descriptors[portIndex]!,
        backlog: this.#limits.listenBacklog,
        drainMarkBytes: this.#limits.socketBacklogSkipBytes,
        // A handshake is done on Node's own sockets.
        streams: tls === undefined && transport !== 'websocket' ? streams : undefined,
        onConnection: (adapter) => this.connect(adapter, portIndex),
        onAcceptError: (error) => this.#onAcceptError(error),
        ...(proxyFrom === undefined ? {} : { proxy: this.#proxyRules(portIndex, proxyFrom) }),
      });
    });
    const opened: { port: number }[] = [];
    try {
      for (const listener of this.#listeners) opened.push({ port: await listener.open() });
    } catch (error) {
      for (const listener of this.#listeners) void listener.close();
      throw error;
    }
    this.#sweeper = setInterval(() => {
      this.#sessions.sweep();
      this.#reception.sweep();
    }, this.#limits.sweepIntervalMs);
    return opened;
  }

  connect(adapter: SocketAdapter, portIndex: number): SocketEvents | undefined {
    return this.#reception.connect(adapter, portIndex);
  }

  announce(portIndex: number, job: JobAnnouncement): boolean {
    if (this.#lines?.job !== job) {
      if (!isSendable(job)) return false;
      this.#lines = { job, lines: buildJobLines(job) };
    }
    this.#fanOuts[portIndex]!.announce(this.#lines.lines);
    return true;
  }

  sessionCount(): number {
    return this.#sessions.count();
  }

  authorizedCount(): number {
    return this.#fanOuts.reduce((sum, fanOut) => sum + fanOut.size, 0);
  }

  heldCount(): number {
    return this.#sessions.held;
  }

  forEachSession(visit: (view: SessionView) => void): void {
    this.#sessions.visitSlice(0, Number.POSITIVE_INFINITY, visit);
  }

  readRefusals(slot: number, into: Uint32Array): void {
    this.#refusals.read(slot, into);
  }

  tellRefusals(from: number, slots: number): number {
    return this.#refusals.visitUntold(from, slots, (slot) => {
      const session = this.#sessions.atSlot(slot);
      if (session !== undefined) this.#tellRefusals(session);
    });
  }

  #tellRefusals(session: Session): void {
    const { onRefusals } = this.#options;
    if (onRefusals === undefined) return;
    this.#refusals.tell(session.slot, (verdict, count) => onRefusals(session, verdict, count));
  }

  visitSlice(from: number, slots: number, visit: (view: SessionView) => void): number {
    return this.#sessions.visitSlice(from, slots, visit);
  }

  diariesOf(address: string, worker?: string): MinerDiary[] {
    const found: MinerDiary[] = [];
    const nowMs = this.#options.clock();
    this.#sessions.forEachOpen((session) => {
      if (session.address === address && (worker === undefined || session.worker === worker))
        found.push(minerDiary(session, this.#diary, nowMs));
    });
    return found;
  }

  diaryOf(slot: number, generation: number): MinerDiary | undefined {
    const session = this.#sessions.at(slot, generation);
    return session && minerDiary(session, this.#diary, this.#options.clock());
  }

  setBans(bans: readonly Ban[]): void {
    this.#door.setBans(bans);
    this.#sessions.forEachOpen((session) => {
      if (this.#door.banOf(session.remoteAddress) !== undefined) this.#sessions.finish(session, 'banned');
    });
  }

  closes(): Readonly<Record<CloseReason, number>> {
    return this.#metrics.closesByReason();
  }

  setPortLimits(given: readonly Partial<PortLimits>[]): void {
    const limits = given.map((one) => portLimitsOf(one, this.#limits));
    this.#door.setRules(limits);
    this.#sessions.setPortLimits(limits);
  }

  unknownHandshakes(): readonly Handshake[] {
    return this.#unknownClients.handshakes;
  }

  stopAccepting(): void {
    for (const listener of this.#listeners) void listener.close();
    this.#reception.close();
    this.#sessions.freeze();
  }

  close(): Promise<void> {
    this.#closing ??= this.#sayGoodbye();
    return this.#closing;
  }

  async #sayGoodbye(): Promise<void> {
    this.stopAccepting();
    this.#sessions.forEachOpen((session) => {
      if (session.dialect.understandsReconnect) session.say(RECONNECT);
      this.#sessions.finish(session, 'shutdown');
    });
    this.#sessions.flush();
    const gone = Promise.all([
      this.#sessions.whenEmpty(),
      ...this.#listeners.map((listener) => listener.close()),
    ]);
    const hardEnd = setTimeout(() => {
      this.#sessions.forEachOpen((session) => this.#sessions.close(session, 'shutdown'));
    }, this.#limits.closeLingerMs);
    await gone;
    clearTimeout(hardEnd);
    clearInterval(this.#sweeper);
    for (const fanOut of this.#fanOuts) fanOut.close();
  }

  #byPort(read: (portIndex: number) => number): { labels: Record<string, string>; value: number }[] {
    return this.#options.ports.map(({ label }, index) => ({ labels: { port: label }, value: read(index) }));
  }

  #onSwept(session: Session, nowMs: number): void {
    const jobAtMs = this.#fanOuts[session.portIndex]!.announcedAtMs(session.submittedJobId);
    session.times.onShare(session.lastShareAtMs - jobAtMs);
    this.#retargeting.look(session, nowMs);
  }

  #onClosed(session: Session, reason: CloseReason): void {
    rememberStart(session, this.#starts, this.#options.ports[session.portIndex]!, this.#options.clock());
    this.#closeLog.closed(session, reason);
  }

  #onFault(session: Session, reason: CloseReason): void {
    const { remoteAddress, portIndex } = session;
    this.#faultLog.once(reason, this.#options.clock(), (swallowed) => {
      const port = this.#options.ports[portIndex]!.label;
      this.#options.log.info(
        { reason, remoteAddress, port, swallowed },
        'closing a connection that does not speak stratum',
      );
    });
  }

  #proxyRules(portIndex: number, proxyFrom: readonly string[]): ProxyRules {
    const port = this.#options.ports[portIndex]!.label;
    return {
      sources: new TrustedSources(proxyFrom),
      headerTimeoutMs: this.#limits.proxyHeaderTimeoutMs,
      onFault: (fault, reason, remoteAddress) => {
        this.#metrics.proxyRefused(fault);
        this.#faultLog.once(`proxy_${fault}`, this.#options.clock(), (swallowed) =>
          this.#options.log.warn({ reason, remoteAddress, port, swallowed }, PROXY_ADVICE[fault]),
        );
      },
    };
  }

  #onUnknownClient({ atMs: _, ...handshake }: Handshake): void {
    this.#faultLog.once('unknown_client', this.#options.clock(), (swallowed) =>
      this.#options.log.info(
        { ...handshake, swallowed },
        'a client that no dialect row knows; it is spoken to in the default one',
      ),
    );
  }

  #onAcceptError(error: Error): void {
    this.#metrics.acceptErrors.inc();
    this.#faultLog.once('accept', this.#options.clock(), (swallowed) => {
      this.#options.log.error(
        { err: error, swallowed },
        'a connection could not be accepted; are there enough descriptors?',
      );
    });
  }
}

const PROXY_ADVICE: Record<ProxyFault, string> = {
  untrusted: 'closing a connection past the balancers; if it is one, add it to proxyFrom',
  malformed: 'closing a connection without a PROXY header; is its balancer told to send one?',
  late: 'closing a connection that sends no PROXY header; is its balancer told to send one?',
};

function vardiffRules(port: PortOptions): VardiffRules | undefined {
  const { sharesPerMinute, difficultyMinLog2: minLog2, difficultyMaxLog2: maxLog2 } = port;
  return sharesPerMinute === undefined ? undefined : { sharesPerMinute, minLog2, maxLog2 };
}

/** Where its worker begins the next time; who has sent nothing has shown nothing. */
function rememberStart(
  session: Session,
  starts: StartDifficulties,
  { sharesPerMinute }: PortOptions,
  nowMs: number,
): void {
  const { address, worker, accepted, difficultyFixed, difficultyLog2 } = session;
  if (sharesPerMinute === undefined || accepted === 0 || difficultyFixed) return;
  starts.remember(`${address}.${worker}`, difficultyLog2, nowMs);
}
