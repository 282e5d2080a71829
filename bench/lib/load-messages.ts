/** What a bench and its load process say to each other, over Node's own child channel. One answer per command, in order. */

/** Where to, and how many. */
export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Payout addresses, dealt out in turn; each connection is a rig of its own. */
  readonly addresses: readonly string[];
  /** Logins under way at once; 64 when absent. A storm has no such patience. */
  readonly openingMax?: number;
  /** So many of the connections stop reading once they are logged in, and never submit. */
  readonly stalled?: number;
  /**
   * So many, spread evenly over all, submit and read at once; the others only listen, and read once a second what the kernel has
   * taken for them: no server can tell, and one core can play ten thousand miners. All when absent.
   */
  readonly prompt?: number;
  /** How long the logins may take, 30 s when absent; with `partial`, those that are in by then are enough. */
  readonly openTimeoutMs?: number;
  readonly partial?: boolean;
}

/**
 * `closed`: each connection keeps `depth` submissions in flight and sends the next when one is answered. A slow server gets
 * fewer; so this shows cost and throughput, never latency as a miner has it.
 * `open`: submissions leave at a set rate whatever the server does, and latency counts from when each was meant to leave.
 */
export type LoadPlan =
  | { readonly loop: 'closed'; readonly depth: number; readonly churnPerSecond: number }
  | { readonly loop: 'open'; readonly sharesPerSecond: number; readonly churnPerSecond: number }
  /** Only listens. */
  | { readonly loop: 'none'; readonly churnPerSecond: 0 };

export type LoadCommand =
  | { readonly kind: 'open'; readonly target: LoadTarget }
  | { readonly kind: 'start'; readonly plan: LoadPlan }
  | { readonly kind: 'mark' }
  | { readonly kind: 'halt' }
  | { readonly kind: 'close' };

/** Counts since the mark before. */
export interface LoadCounts {
  sent: number;
  answeredTrue: number;
  answeredFalse: number;
  /** Wire code → count. */
  rejected: Record<string, number>;
  /** In flight when their connection closed. */
  lost: number;
  jobs: number;
  reconnects: number;
  /** Connections that did not read, and were closed by the server. */
  stalledClosed: number;
  /** Open loop: due by the schedule, those of them that left later than `LATE_MS`, and those that could not be sent at all. */
  scheduled: number;
  late: number;
  shed: number;
}

export interface LoadReport extends LoadCounts {
  /** Monotonic ms of the load process. */
  readonly atMs: number;
  readonly inFlight: number;
  /** CPU of the load process since it began. */
  readonly cpuUs: number;
  /** Compressed histograms, in us: submit to answer, and how far behind its schedule the load process was. */
  readonly latency: string;
  readonly lag: string;
  /** From the first arrival of a job at any connection to each. */
  readonly jobAge: string;
  /** Monotonic ms from `open` to the last login, of an `open`, and how many are logged in. */
  readonly openedMs: number;
  readonly loggedIn: number;
}

export type LoadAnswer =
  | { readonly kind: 'done'; readonly report: LoadReport }
  | { readonly kind: 'failed'; readonly reason: string };

/** A share that left so much later than it should says more about the generator than about the server. */
export const LATE_MS = 10;

export function noCounts(): LoadCounts {
  return {
    sent: 0,
    answeredTrue: 0,
    answeredFalse: 0,
    rejected: {},
    lost: 0,
    jobs: 0,
    reconnects: 0,
    stalledClosed: 0,
    scheduled: 0,
    late: 0,
    shed: 0,
  };
}
