/** What this project wants of its speed: a table, so that one command can say where it stands. Gates are on medians over rounds. */

export interface Check {
  readonly case: string;
  /** Beside the case's own values. Keys as in the case. */
  readonly parameters: Readonly<Record<string, number>>;
  readonly measure: string;
  readonly gate: number;
  readonly direction: 'at least' | 'at most';
  /** Of the same record: where the C echo of the same lines came to, which judges nothing and keeps nothing. Undefined: it has no part in it. */
  readonly bound?: string;
}

export interface Goal {
  readonly number: number;
  readonly text: string;
  readonly checks: readonly Check[];
  /** Why not more. */
  readonly floor: string;
}

type Row = readonly [
  measure: string,
  direction: Check['direction'],
  gate: number,
  name: string,
  parameters?: Record<string, number>,
  bound?: string,
];

function goal(number: number, text: string, floor: string, ...rows: readonly Row[]): Goal {
  const checks = rows.map(([measure, direction, gate, name, parameters = {}, bound]) => ({
    ...{ case: name, parameters, measure, gate, direction },
    ...(bound === undefined ? {} : { bound }),
  }));
  return { number, text, checks, floor };
}

const OUTAGE_ROWS = 6_000_000;

export const GOALS: readonly Goal[] = [
  goal(
    1,
    'kernel per nonce in batches of 64, against the SDK; no mismatch in 1,000,000',
    'native AVX-512: 22-29 times',
    ['ratio.batch_64', 'at least', 9, 'kernel'],
    ['agreement.mismatches', 'at most', 0, 'kernel'],
  ),
  goal(2, 'a lone nonce, call included, against the SDK', 'one call and one hash', [
    'ratio.lone',
    'at least',
    4,
    'kernel',
  ]),
  goal(
    3,
    'CPU per durable share, one in flight: against naive without a database, and against a C echo',
    'recv and send: 7.5 us of about 10',
    ['ratio.cpu_per_share', 'at least', 3, 'durable-submit', {}, 'ratio.naive_to_limit'],
    ['ratio.cpu_per_share_to_limit', 'at most', 1.5, 'durable-submit'],
  ),
  goal(
    4,
    'the same with eight in flight: durable, and with the journal off',
    'C: 0.9 us and the hash',
    ['ratio.cpu_per_share', 'at least', 8, 'durable-submit', { depth: 8 }, 'ratio.naive_to_limit'],
    [
      'ratio.cpu_per_share',
      'at least',
      10,
      'durable-submit',
      { depth: 8, journal: 0 },
      'ratio.naive_to_limit',
    ],
  ),
  goal(
    5,
    'hand-over to the pool, main thread per share at 50,000 shares/s and more',
    'naive run(): 18-22 us',
    ['engine.main_us_per_share', 'at most', 1, 'hand-over'],
  ),
  goal(
    6,
    'durable shares/s on one core, 1000 connections, against naive: one in flight, eight in flight',
    'the send of one answer',
    [
      'ratio.shares_per_second',
      'at least',
      3,
      'durable-submit',
      { oneCore: 1 },
      'ratio.limit_shares_per_second',
    ],
    [
      'ratio.shares_per_second',
      'at least',
      6,
      'durable-submit',
      { oneCore: 1, depth: 8 },
      'ratio.limit_shares_per_second',
    ],
  ),
  goal(
    7,
    'latency at 30,000 shares/s, 1000 miners, 10 jobs/s, open loop',
    'one fdatasync',
    ['engine.p50_ms', 'at most', 1, 'latency', {}, 'limit.p50_ms'],
    ['engine.p99_ms', 'at most', 10, 'latency', {}, 'limit.p99_ms'],
  ),
  goal(8, 'fan-out to 10,000 miners, CPU per job write, against a C send loop', 'loopback send 5.5 us', [
    'ratio.cpu_per_write_to_limit',
    'at most',
    1.25,
    'fan-out',
  ]),
  goal(
    9,
    'shares during 10,000 miners x 10 jobs/s on one core',
    'one slice of the fan-out',
    ['engine.p50_ms', 'at most', 1, 'mixed'],
    ['engine.p99_ms', 'at most', 25, 'mixed'],
    ['ratio.p99', 'at least', 5, 'mixed'],
  ),
  goal(
    10,
    'overload: 15,000 miners x 10 jobs/s on one core',
    'naive: no answers, jobs 36 s old',
    ['engine.p50_ms', 'at most', 5, 'overload'],
    ['engine.job_age_max_intervals', 'at most', 2, 'overload'],
  ),
  goal(
    11,
    'reconnect storm: 8,000 connects during 30,000 shares/s, all served; and with 64 duplicated descriptors',
    'about 70 us an accept',
    ['engine.all_served_s', 'at most', 1.5, 'reconnect-storm', {}, 'limit.all_served_s'],
    ['engine.all_served_s', 'at most', 0.8, 'reconnect-storm', { descriptors: 64 }, 'limit.all_served_s'],
  ),
  goal(
    12,
    'loader into day partitions: rows/s, Node CPU per row, catch-up after 10 minutes at 10,000 shares/s',
    'COPY 0.5-0.7 us a row in PostgreSQL',
    ['loader.rows_per_second', 'at least', 700_000, 'ledger-writer', { rows: OUTAGE_ROWS }],
    ['loader.node_us_per_row', 'at most', 0.25, 'ledger-writer', { rows: OUTAGE_ROWS }],
    ['catchup.seconds', 'at most', 60, 'ledger-writer', { rows: OUTAGE_ROWS }],
  ),
  goal(13, 'memory per idle miner, all state', 'net.Socket 4.0 KiB, raw 1.2', [
    'engine.kib_per_miner',
    'at most',
    8,
    'idle-memory',
  ]),
  goal(14, 'metrics per share, all together', 'a few additions', [
    'engine.ns_per_share',
    'at most',
    50,
    'metrics',
  ]),
  goal(
    15,
    'two edge processes against one, CPU per share: the same miners at both; and each with 10,000 shares/s of its own',
    '1.0',
    ['ratio.cpu_per_share', 'at most', 1.1, 'edges'],
    ['ratio.cpu_per_share', 'at most', 1.1, 'edges', { ratePerEdge: 10_000 }],
  ),
  goal(16, 'durability against none: throughput lost', 'the fdatasync, in a thread of its own', [
    'ratio.throughput_lost_percent',
    'at most',
    15,
    'journal-cost',
  ]),
  goal(
    17,
    '5,000 answers a second for pages of miners, of a pool with 100,000 workers and their day, on two cores with the readers',
    'one send of 7.5 us of some 80',
    ['api.p99_ms', 'at most', 50, 'miner-pages'],
    ['api.carried', 'at least', 1, 'miner-pages'],
  ),
  goal(
    18,
    'the demo’s pages, cold: first paint, bytes, rounds after the HTML (needs Chromium)',
    'a page without a script: some 60 ms',
    ['pages.slowest_first_paint_ms', 'at most', 1_000, 'first-paint'],
    ['pages.most_bytes', 'at most', 150_000, 'first-paint'],
    ['pages.most_round_trips', 'at most', 1, 'first-paint'],
  ),
  goal(
    19,
    "10,000 viewers of the page, an update a second: p99 of miners' answers, at the engine and at `sluice api`",
    '1.0, were they on another machine',
    ['ratio.p99_watched', 'at most', 1.1, 'viewers'],
    ['ratio.p99_watched', 'at most', 1.1, 'viewers', { apiProcess: 1 }],
  ),
];

export type Standing = 'met' | 'NOT met' | 'not measured';

export function standing(check: Check, value: number | undefined): Standing {
  if (value === undefined || Number.isNaN(value)) return 'not measured';
  const met = check.direction === 'at least' ? value >= check.gate : value <= check.gate;
  return met ? 'met' : 'NOT met';
}
