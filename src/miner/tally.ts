/**
 * What the miners counted. Every submission ends in exactly one of accepted, rejected or unanswered, so that
 * `sent = accepted + rejected + unanswered + outstanding` holds at any moment: a test asserts it.
 */
import { build, type Histogram } from 'hdr-histogram-js';
import type { StrictFault } from './strict-watch.ts';

export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export interface MinerSummary {
  readonly connections: number;
  /** Logged in and holding a job at this moment. */
  readonly mining: number;
  readonly seconds: number;
  readonly hashes: number;
  readonly sent: number;
  /** Answered `true`. */
  readonly accepted: number;
  readonly rejected: number;
  /** Wire code → count. */
  readonly rejectedByCode: Readonly<Record<string, number>>;
  /** The connection ended, or the miner stopped, before the answer came. */
  readonly unanswered: number;
  readonly outstanding: number;
  readonly connects: number;
  readonly reconnects: number;
  readonly loginsRefused: number;
  /** Why the last login or connection failed, in the server's or the system's words; empty = none did. */
  readonly lastFailure: string;
  readonly jobsReceived: number;
  /** What the strict clients could not stomach → count. Must be empty against a sound server. */
  readonly violations: Readonly<Record<string, number>>;
  /** Of strict clients: every one counted, the first ones with the bytes. */
  readonly faults: number;
  readonly firstFaults: readonly StrictFault[];
  /** From submit to its answer. */
  readonly latency: LatencySummary;
}

/** The first fault tells the story; a server with one has thousands. */
const FAULTS_SHOWN = 20;

export class MinerTally {
  hashes = 0;
  sent = 0;
  accepted = 0;
  unanswered = 0;
  connects = 0;
  reconnects = 0;
  loginsRefused = 0;
  lastFailure = '';
  jobsReceived = 0;
  readonly #rejectedByCode = new Map<number, number>();
  readonly #violations = new Map<string, number>();
  readonly #firstFaults: StrictFault[] = [];
  #faults = 0;
  /** Microseconds: 1 us to 60 s in three digits. */
  readonly #latency: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });

  get rejected(): number {
    let total = 0;
    for (const count of this.#rejectedByCode.values()) total += count;
    return total;
  }

  get outstanding(): number {
    return this.sent - this.accepted - this.rejected - this.unanswered;
  }

  reject(code: number): void {
    this.#rejectedByCode.set(code, (this.#rejectedByCode.get(code) ?? 0) + 1);
  }

  violate(fault: string): void {
    this.#violations.set(fault, (this.#violations.get(fault) ?? 0) + 1);
  }

  fault(fault: StrictFault): void {
    this.#faults++;
    if (this.#firstFaults.length < FAULTS_SHOWN) this.#firstFaults.push(fault);
  }

  answeredAfter(elapsedMs: number): void {
    this.#latency.recordValue(Math.min(60_000_000, Math.max(1, Math.round(elapsedMs * 1000))));
  }

  summary(connections: number, mining: number, seconds: number): MinerSummary {
    const latency = this.#latency;
    const atMs = (percentile: number): number => latency.getValueAtPercentile(percentile) / 1000;
    return {
      connections,
      mining,
      seconds,
      hashes: this.hashes,
      sent: this.sent,
      accepted: this.accepted,
      rejected: this.rejected,
      rejectedByCode: Object.fromEntries(this.#rejectedByCode),
      unanswered: this.unanswered,
      outstanding: this.outstanding,
      connects: this.connects,
      reconnects: this.reconnects,
      loginsRefused: this.loginsRefused,
      lastFailure: this.lastFailure,
      jobsReceived: this.jobsReceived,
      violations: Object.fromEntries(this.#violations),
      faults: this.#faults,
      firstFaults: [...this.#firstFaults],
      latency: {
        count: latency.totalCount,
        meanMs: latency.totalCount === 0 ? 0 : latency.mean / 1000,
        p50Ms: atMs(50),
        p90Ms: atMs(90),
        p99Ms: atMs(99),
        p999Ms: atMs(99.9),
        maxMs: latency.maxValue / 1000,
      },
    };
  }
}

/** One plain line for a log or a terminal. */
export function statusLine(summary: MinerSummary): string {
  const rejects = Object.entries(summary.rejectedByCode)
    .map(([code, count]) => `${code}:${count}`)
    .join(' ');
  const rate = summary.seconds > 0 ? summary.hashes / summary.seconds / 1000 : 0;
  return (
    `miners ${summary.mining}/${summary.connections}  sent ${summary.sent}  true ${summary.accepted}` +
    `  rejected ${summary.rejected}${rejects ? ` (${rejects})` : ''}  unanswered ${summary.unanswered}` +
    `  jobs ${summary.jobsReceived}  reconnects ${summary.reconnects}  ${rate.toFixed(1)} kH/s` +
    `  p50 ${summary.latency.p50Ms.toFixed(1)} ms  p99 ${summary.latency.p99Ms.toFixed(1)} ms` +
    // Of a crowd some are always on their way; nobody at work at all wants a reason.
    (summary.mining === 0 && summary.lastFailure ? `  ${summary.lastFailure}` : '')
  );
}
