/**
 * What the page and the JSON interface know of the pool: one plain object a second, made by the rooms that own the numbers.
 *
 * Everything in it is JSON-safe and of bounded size. Hashrates are H/s, times ISO 8601 UTC, amounts decimal strings of sompi.
 * Worker names are whatever a miner chose to send: data, never markup.
 */

export interface PoolSnapshot {
  readonly version: string;
  readonly network: string;
  /** When the snapshot was taken. */
  readonly at: string;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  /** What to type into a miner's user field on this network, e.g. `kaspa:YOUR_ADDRESS.RIG`. */
  readonly loginFormat: string;
  readonly nodes: readonly NodeView[];
  readonly ports: readonly PortView[];
  /** Distinct payout addresses with a live connection, and their rigs. */
  readonly miners: number;
  readonly workers: number;
  readonly hashrate: { readonly m1: number; readonly m10: number; readonly h1: number };
  readonly shares: {
    readonly accepted: number;
    /** Verdict label → count; labels are those of the verdict table, so there are about ten at most. */
    readonly rejected: Readonly<Record<string, number>>;
  };
  readonly blocks: {
    /** Met the network target and were confirmed by the reference proof of work. */
    readonly found: number;
    /** Taken, and not taken, by at least one node. */
    readonly accepted: number;
    readonly refused: number;
    readonly blue: number;
    readonly red: number;
    /** Newest first, some twenty at most. */
    readonly recent: readonly BlockView[];
  };
  readonly journal: {
    readonly state: string;
    /** Empty when all is well. */
    readonly fault: string;
    /** Records handed over, and covered by an fdatasync that returned 0. */
    readonly appended: number;
    readonly durable: number;
    readonly segment: string;
  };
  readonly database: {
    readonly state: string;
    readonly fault: string;
    readonly lagRecords: number;
    readonly lagSeconds: number;
    readonly loaded: number;
  };
  readonly ready: { readonly ok: boolean; readonly reasons: readonly string[] };
}

export interface NodeView {
  readonly name: string;
  readonly connected: boolean;
  readonly synced: boolean;
  readonly version: string;
  readonly daaScore: number;
  /** Since its last template; -1 = never gave one. */
  readonly lastTemplateAgeMs: number;
  readonly fault: string;
}

export interface PortView {
  readonly label: string;
  /** To copy into a miner. */
  readonly url: string;
  readonly difficulty: number;
  readonly connections: number;
}

export interface BlockView {
  readonly hash: string;
  readonly at: string;
  readonly worker: string;
  readonly colour: 'unknown' | 'blue' | 'red';
  /** Sompi, '' while unknown. */
  readonly reward: string;
}
