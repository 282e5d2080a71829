/** Metrics of this room. The number of series is fixed by the tables here and by the number of ports. */
import { VERDICTS } from '../domain/share.ts';
import { Counter, CounterFamily, Gauge, GaugeFamily, type Registry } from '../kit/metrics.ts';
import { REFUSAL_REASONS } from './fairness/door.ts';
import { PROXY_FAULTS, type ProxyFault } from './socket/proxy-gate.ts';

/** Why a connection ended. */
export const CLOSE_REASONS = [
  'client',
  'socket_error',
  'login_timeout',
  'idle',
  'malformed',
  'line_too_long',
  'http',
  'tls',
  'plain_text',
  'tls_handshake',
  'websocket_handshake',
  'proxy_header',
  'unauthorized',
  'slow_reader',
  'line_flood',
  'misbehaved',
  'extranonces_exhausted',
  'too_many_connections',
  ...REFUSAL_REASONS,
  'shutdown',
] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

const CLOSE_INDEX = Object.fromEntries(CLOSE_REASONS.map((reason, index) => [reason, index])) as Record<
  CloseReason,
  number
>;

/** Index in the reply family: 0 = `true`, then the error codes 20..25. */
const REPLY_LABELS = ['true', '20', '21', '22', '23', '24', '25'] as const;
const REPLY_OF_VERDICT = VERDICTS.map((row) => (row.wireCode === 0 ? 0 : row.wireCode - 19));

/** What the gauges ask for; `stratum-server` knows. */
export interface StratumGauges {
  connectionsByPort(): { labels: Record<string, string>; value: number }[];
  authorizedByPort(): { labels: Record<string, string>; value: number }[];
  extranoncesFree(): number;
  lingering(): number;
  addressesKnown(): number;
}

export class StratumMetrics {
  readonly accepted: Counter;
  readonly submitLines: CounterFamily;
  readonly bytesReceived: Counter;
  readonly bytesSent: Counter;
  readonly jobsSent: Counter;
  readonly jobsSkipped: Counter;
  readonly jobsOvertaken: Counter;
  readonly foreignExtranonces: Counter;
  readonly foreignLogins: Counter;
  readonly holds: Counter;
  readonly acceptErrors: Counter;
  readonly linesHeldBack: Counter;
  readonly #proxies: CounterFamily;
  readonly #retargets: CounterFamily;
  readonly #replies: CounterFamily;
  readonly #closes: CounterFamily;

  constructor(registry: Registry, gauges: StratumGauges) {
    const counter = (name: string, help: string) =>
      new Counter(registry, { name: `sluice_stratum_${name}`, help });
    const family = (name: string, help: string, label: string, values: readonly string[]) =>
      new CounterFamily(registry, { name: `sluice_stratum_${name}`, help }, label, values);
    this.accepted = counter('connections_total', 'Connections taken.');
    this.submitLines = family('lines_total', 'Lines read, by the path that read them.', 'path', [
      'scanner',
      'json',
    ]);
    this.bytesReceived = counter('received_bytes_total', 'Bytes read from miners.');
    this.bytesSent = counter('sent_bytes_total', 'Bytes written to miners.');
    this.jobsSent = counter('jobs_sent_total', 'Jobs written to miners.');
    this.jobsSkipped = counter(
      'jobs_skipped_total',
      'Jobs not sent because the miner had not read the last ones.',
    );
    this.jobsOvertaken = counter(
      'jobs_overtaken_total',
      'Jobs that a newer one replaced before all miners had them.',
    );
    this.foreignExtranonces = counter(
      'foreign_extranonce_total',
      'Nonces outside the extranonce of their session.',
    );
    this.foreignLogins = counter(
      'foreign_login_total',
      'Submissions that name another login than the authorized one.',
    );
    this.holds = counter('reading_held_total', 'Times a socket was not read on because validation was full.');
    this.acceptErrors = counter('accept_errors_total', 'Connections the system could not give us.');
    this.linesHeldBack = counter(
      'lines_held_back_total',
      'Times a session had sent more lines than its port allows and was not read on for a while.',
    );
    this.#retargets = family(
      'retargets_total',
      'Difficulties changed by variable difficulty, by direction.',
      'direction',
      ['up', 'down'],
    );
    this.#proxies = family(
      'proxy_refused_total',
      'Connections to a port behind balancers that did not begin as such a one must, by reason.',
      'reason',
      PROXY_FAULTS,
    );
    this.#replies = family(
      'replies_total',
      'Answers to submissions and refused logins, by wire code.',
      'code',
      REPLY_LABELS,
    );
    this.#closes = family('closes_total', 'Connections ended, by reason.', 'reason', CLOSE_REASONS);
    registerGauges(registry, gauges);
  }

  closed(reason: CloseReason): void {
    this.#closes.inc(CLOSE_INDEX[reason]);
  }

  closesByReason(): Readonly<Record<CloseReason, number>> {
    const { counts } = this.#closes;
    return Object.fromEntries(CLOSE_REASONS.map((reason, index) => [reason, counts[index]!])) as Record<
      CloseReason,
      number
    >;
  }

  retargeted(up: boolean): void {
    this.#retargets.inc(up ? 0 : 1);
  }

  proxyRefused(fault: ProxyFault): void {
    this.#proxies.inc(PROXY_FAULTS.indexOf(fault));
  }

  verdictSent(verdict: number): void {
    this.#replies.inc(REPLY_OF_VERDICT[verdict]!);
  }

  errorSent(code: number): void {
    this.#replies.inc(code - 19);
  }
}

function registerGauges(registry: Registry, gauges: StratumGauges): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge(registry, { name: `sluice_stratum_${name}`, help }, read);
  gauge('extranonces_free', 'Extranonces nobody has, resting ones included.', () => gauges.extranoncesFree());
  gauge('sessions_lingering', 'Closed sessions whose last shares are still being judged.', () =>
    gauges.lingering(),
  );
  gauge('addresses_known', 'Addresses that are remembered for the limits of connections.', () =>
    gauges.addressesKnown(),
  );
  new GaugeFamily(registry, { name: 'sluice_stratum_connections', help: 'Open connections, by port.' }, () =>
    gauges.connectionsByPort(),
  );
  new GaugeFamily(registry, { name: 'sluice_stratum_authorized', help: 'Authorized miners, by port.' }, () =>
    gauges.authorizedByPort(),
  );
}
