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
import type { AddressCheck } from '../chains/chain.ts';
import { ExtranoncePool } from '../domain/extranonce.ts';
import type { DifficultyLog2 } from '../domain/target.ts';
import type { VardiffRules } from '../domain/vardiff.ts';
import { type Logger, ThrottledLog } from '../kit/log.ts';
import type { Registry } from '../kit/metrics.ts';
import type { ReplySink, ShareIntake } from '../validation/intake.ts';
import { DIALECTS, type DialectName } from './protocol/dialects.ts';
import { buildJobLines, isSendable, type JobAnnouncement, type JobLines } from './protocol/job-lines.ts';
import { RECONNECT } from './protocol/messages.ts';
import { FanOut } from './session/fan-out.ts';
import { LoginDesk } from './session/login-desk.ts';
import { RequestIds } from './session/request-ids.ts';
import { Requests } from './session/requests.ts';
import { Retargeting } from './session/retargeting.ts';
import type { Session, SessionView } from './session/session.ts';
import { Sessions, type WorkerRegistry } from './session/sessions.ts';
import { Submissions } from './session/submissions.ts';
import { type Handshake, UnknownClients } from './session/unknown-clients.ts';
import { descriptorsByPort, type InheritedSocket } from './socket/inherited-sockets.ts';
import { Listener, type ProxyRules } from './socket/listener.ts';
import { type ProxyFault, TrustedSources } from './socket/proxy-gate.ts';
import { tryRawStreams } from './socket/raw-trial.ts';
import type { SocketAdapter, SocketEvents } from './socket/socket-adapter.ts';
import { STRATUM_LIMITS, type StratumLimits } from './stratum-limits.ts';
import { type CloseReason, StratumMetrics } from './stratum-metrics.ts';

export type { SessionView } from './session/session.ts';
export type { WorkerRegistry } from './session/sessions.ts';

export interface PortOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly difficultyLog2: DifficultyLog2;
  /** Bounds of what a miner may ask for by password; both equal to the start difficulty = fixed. */
  readonly difficultyMinLog2: DifficultyLog2;
  readonly difficultyMaxLog2: DifficultyLog2;
  /** Instead of the user agent's. */
  readonly dialect?: DialectName;
  /** Variable difficulty: so many shares a minute, within the bounds above. Absent: fixed. */
  readonly sharesPerMinute?: number;
  /** Load balancers, addresses or networks: every connection comes from one, with a PROXY header. Absent: none does. */
  readonly proxyFrom?: readonly string[];
  /** Value of the metric label `port`. */
  readonly label: string;
}

export interface StratumOptions {
  readonly ports: readonly PortOptions[];
  readonly checkAddress: (text: string) => AddressCheck;
  readonly workers: WorkerRegistry;
  readonly registry: Registry;
  readonly log: Logger;
  /** Monotonic ms. */
  readonly clock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly limits?: Partial<StratumLimits>;
  /** Default true. */
  readonly enforceExtranonce?: boolean;
  /** Instead of binding the ports; see `inheritedSockets`. */
  readonly inherited?: readonly InheritedSocket[];
  /** `net`: never the raw handles. Default `auto`: those where they pass their trial. */
  readonly sockets?: 'auto' | 'net';
}

export interface Stratum {
  /** For validation, which needs it before the ports open. */
  readonly replySink: ReplySink;
  /** Opens all ports or none. Rejects with an EdgeError. */
  open(intake: ShareIntake): Promise<{ port: number }[]>;
  /** A connection that no listener of ours took: from another adapter, or from a test. Undefined: refused and destroyed. */
  connect(adapter: SocketAdapter, portIndex: number): SocketEvents | undefined;
  /** Sends the job to all miners of the port and to those that come. False: no client could read this job, skip the template. */
  announce(portIndex: number, job: JobAnnouncement): boolean;
  sessionCount(): number;
  authorizedCount(): number;
  /** Sessions with lines that were read while validation was full, and have not been taken yet. */
  heldCount(): number;
  forEachSession(visit: (view: SessionView) => void): void;
  /** First lines of clients that no dialect row knows, one per user agent: what a new row is made of. */
  unknownHandshakes(): readonly Handshake[];
  /** Nothing is read any more; what was, is still taken (see `heldCount`), and answers that are owed still go out. */
  stopAccepting(): void;
  /** Says goodbye to all and resolves when the last socket is gone, `closeLingerMs` from now at the latest. */
  close(): Promise<void>;
}

export function createStratum(options: StratumOptions): Stratum {
  return new StratumServer(options);
}

class StratumServer implements Stratum {
  readonly replySink: ReplySink;
  readonly #options: StratumOptions;
  readonly #limits: StratumLimits;
  readonly #metrics: StratumMetrics;
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
    const { clock, workers, ports, checkAddress } = options;
    const limits = (this.#limits = { ...STRATUM_LIMITS, ...options.limits });
    this.#faultLog = new ThrottledLog(limits.faultLogIntervalMs);
    this.#unknownClients = new UnknownClients({
      handshakesKept: limits.unknownHandshakesKept,
      shapesRemembered: limits.unknownShapesRemembered,
      quickDropMs: limits.unknownQuickDropMs,
      quickDropMemoryMs: limits.unknownQuickDropMemoryMs,
    });
    const extranonces = new ExtranoncePool(limits.extranonceRestMs, options.random);
    const metrics = (this.#metrics = new StratumMetrics(options.registry, {
      connectionsByPort: () => this.#byPort((index) => this.#sessions.count(index)),
      authorizedByPort: () => this.#byPort((index) => this.#fanOuts[index]!.size),
      extranoncesFree: () => extranonces.free,
      lingering: () => this.#sessions.lingering,
    }));
    const flushReplies = (): void => this.#sessions.flush();
    const fanOuts = ports.map(
      () => new FanOut({ sliceMs: limits.fanOutSliceMs, metrics, clock, flushReplies }),
    );
    const onFault = (session: Session, reason: CloseReason): void => this.#onFault(session, reason);
    const retargeting = new Retargeting(ports.map(vardiffRules), metrics);
    const sessions = new Sessions({
      onSwept: (session, nowMs) => retargeting.look(session, nowMs),
      limits,
      metrics,
      clock,
      workers,
      extranonces,
      fanOuts,
      onFault,
      handleLine: (session, buffer, start, end) => requests.line(session, buffer, start, end),
      onClosed: (session, reason) => loginDesk.left(session, reason, clock()),
    });
    const submissions = new Submissions({
      sessions,
      requestIds: new RequestIds(),
      clock,
      enforceExtranonce: options.enforceExtranonce ?? true,
    });
    const rules = ports.map((port) => ({ ...port, dialect: port.dialect && DIALECTS[port.dialect] }));
    const loginDesk = new LoginDesk({
      ...{ sessions, workers, checkAddress, fanOuts },
      ports: rules,
      unknownClients: this.#unknownClients,
      onUnknownClient: (handshake) => this.#onUnknownClient(handshake),
    });
    const requests = new Requests({ sessions, submissions, loginDesk, onFault });
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
    this.#listeners = ports.map(({ host, port, proxyFrom }, portIndex) => {
      return new Listener({
        host,
        port,
        descriptors: descriptors[portIndex]!,
        backlog: this.#limits.listenBacklog,
        drainMarkBytes: this.#limits.socketBacklogSkipBytes,
        streams,
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
    this.#sweeper = setInterval(() => this.#sessions.sweep(), this.#limits.sweepIntervalMs);
    return opened;
  }

  connect(adapter: SocketAdapter, portIndex: number): SocketEvents | undefined {
    return this.#sessions.connect(adapter, portIndex);
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
    this.#sessions.forEachAuthorized(visit);
  }

  unknownHandshakes(): readonly Handshake[] {
    return this.#unknownClients.handshakes;
  }

  stopAccepting(): void {
    for (const listener of this.#listeners) void listener.close();
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

  #onUnknownClient(handshake: Handshake): void {
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
