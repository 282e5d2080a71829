/**
 * Every bound of the engine, with its unit and the reason for the number: one table, which `sluice config limits` prints and the engine
 * logs when it starts. Rooms take theirs as arguments with these as defaults, so a test can shrink them.
 */
export interface Bound {
  readonly value: number;
  readonly unit: string;
  readonly why: string;
}

const bound = (value: number, unit: string, why: string): Bound => ({ value, unit, why });

export const BOUNDS = {
  // --- stratum
  lineBytesMax: bound(
    8192,
    'bytes',
    'Bytes of one line. Real clients stay below 300; 8 KiB is generous and still bounds memory before a newline comes.',
  ),
  connectionsMax: bound(
    60_000,
    'connections',
    'Sockets of one process. 65,536 extranonces of two bytes is the hard edge; descriptors usually end earlier.',
  ),
  loginTimeoutMs: bound(
    60_000,
    'ms',
    "From connect to an accepted authorize. GodMiner's lock-step login waits up to 30 s for a lost reply.",
  ),
  proxyHeaderTimeoutMs: bound(
    5_000,
    'ms',
    'From connect to the end of the PROXY header, on ports behind balancers: they send it first, so 5 s are for lost packets.',
  ),
  handshakeTimeoutMs: bound(
    10_000,
    'ms',
    'From connect to the end of a TLS or WebSocket handshake, each: two round trips, and the time that a thousand others ahead in the queue take.',
  ),
  idleTimeoutMs: bound(
    600_000,
    'ms',
    'No byte from an authorized miner: IceRiver at start difficulty may take minutes to its first share.',
  ),
  acceptDescriptors: bound(
    8,
    'descriptors',
    'Copies of a listening socket that an edge gets: Node accepts one connection per copy and turn. 8,000 reconnects during 30,000 shares/s on two cores took 5-11 s with one, 1.9-2.6 s with 8, 1.5-2.6 s with 64.',
  ),
  acceptDescriptorsMax: bound(
    256,
    'descriptors',
    'More copies than this are descriptors wasted: each turn looks at all of them.',
  ),
  malformedLinesMax: bound(
    5,
    'lines',
    'Lines that are not JSON or not a request before the socket closes. One could be a glitch, five are a port scan.',
  ),
  socketBacklogSkipBytes: bound(
    1024,
    'bytes',
    "Unsent bytes on one socket beyond which jobs are skipped: two jobs' worth.",
  ),
  socketBacklogCloseBytes: bound(
    65_536,
    'bytes',
    'Unsent bytes beyond which a socket is closed: a reader that is 64 KiB behind holds jobs that are dead anyway.',
  ),
  unreadTimeoutMs: bound(
    30_000,
    'ms',
    'Unsent bytes lie so long on a socket that reads nothing: its jobs are dead by then, and a miner that reads at all is through in a round trip.',
  ),
  connectionsPerAddress: bound(
    1_024,
    'connections',
    'Of one address (IPv4, or an IPv6 network of 64 bits) to one port. A container farm has some hundred machines; whoever has more is put on the list `unlimitedFrom`.',
  ),
  connectsPerAddressPerSecond: bound(
    50,
    'connections/s',
    'New connections of one address, with a burst of five times as many: a farm of 250 is back at once after its uplink was down, one of 1,000 in 15 s.',
  ),
  connectsPerSecond: bound(
    4_000,
    'connections/s',
    'New connections of a port, with a burst of five times as many. Node accepts 8,000 in 0.6 s: above this, accepting would be all that it does.',
  ),
  linesPerSecond: bound(
    100,
    'lines/s',
    'Lines of one session, with a burst of five times as many; more are read later. A miner sends one in three seconds, the fastest at the least difficulty some dozens a second until it is raised.',
  ),
  lineFloodMs: bound(
    30_000,
    'ms',
    'Who sends more than linesPerSecond for so long is closed: variable difficulty ends the flood of an honest miner in seconds.',
  ),
  conductPointsMax: bound(
    100,
    'points',
    'Points of the verdict table, less one for each accepted share, at which a session is dropped: a rig that is refused everything has five minutes at 20 shares a minute, one that is refused every third stays.',
  ),
  faultPointsMax: bound(
    100,
    'points',
    'Points of faulty connections (5 to 20 each, one fades a second) at which an address must wait: twenty in a row are a scan, one in five seconds is a miner set up wrongly.',
  ),
  firstWaitMs: bound(
    5_000,
    'ms',
    'First wait of an address after a scan, or of a rig after a drop; each further one is twice as long.',
  ),
  longestWaitMs: bound(600_000, 'ms', 'Longest wait, and how long without a fault until one is forgotten.'),
  addressesMax: bound(
    65_536,
    'addresses',
    'Addresses that are remembered for limits, and as many rigs for waits: more than the connections that one process can have, some 300 bytes each.',
  ),
  fanOutSliceMs: bound(
    0.1,
    'ms',
    'Fan-out works in slices of this many ms, then yields to reads and replies: a loop over 8,000 sockets blocks for 50 ms. With 10,000 miners x 10 jobs/s on one core half of the shares waited 3.6 ms with slices of 0.75 ms, 1.1 ms with 0.1, 1.0 with 0.05.',
  ),
  workerNameLengthMax: bound(
    32,
    'characters',
    "Worker names on record: enough for any farm's scheme, short enough for a label on a page.",
  ),
  unknownHandshakesKept: bound(
    32,
    'handshakes',
    'First lines of clients that no dialect row knows, one per user agent, for the operator to look at.',
  ),
  unknownHandshakeBytesMax: bound(
    1024,
    'bytes',
    'Of one such handshake: three lines of a login are below 600.',
  ),
  unknownShapesRemembered: bound(
    1024,
    'clients',
    'Unknown clients, by address and agent, that left at once: about 200 bytes each. Strangers choose both names, so there is an end.',
  ),
  unknownQuickDropMs: bound(
    2_000,
    'ms',
    'A client that cannot read our first pushes leaves within a second of them; the second second is for its line.',
  ),
  unknownQuickDropMemoryMs: bound(
    600_000,
    'ms',
    'Two such drops further apart than this are two accidents: miners that cannot log in try again within a minute.',
  ),
  jobKeepAliveMs: bound(
    20_000,
    'ms',
    'Nothing but jobs keeps a link alive; clients give up after 60-120 s of silence.',
  ),

  // --- templates
  jobIntervalMs: bound(
    250,
    'ms',
    'Jobs a session gets at most, as a pause: 10 jobs/s make ASICs restart work and mislabel jobs, 4/s do not.',
  ),
  jobLifeMs: bound(
    12_000,
    'ms',
    'Blue as long as the anticone stays below K=124 at 10 blocks/s: a block on a 12 s old template still can be.',
  ),
  jobRingSlots: bound(
    256,
    'jobs',
    "Ring of jobs; at 4 jobs/s 64 s of history, five times a job's life. Equals the kernel's template slots.",
  ),
  templateStallMs: bound(
    2_000,
    'ms',
    'No template for this long is an alarm and, with several nodes, a change of node.',
  ),

  // --- validation
  batchRecordsMax: bound(
    1024,
    'records',
    'Records of one batch: at 0.6 us a nonce the largest batch holds a thread for 0.6 ms.',
  ),
  batchSlots: bound(
    64,
    'batches',
    'Batches in the arena; with 2 in flight a thread the rest is queue, and a full arena stops the sockets.',
  ),
  batchesPerThread: bound(
    2,
    'batches',
    'In flight per validator thread: one being judged, one waiting so that the thread never starves.',
  ),
  inlineRecordsMax: bound(
    256,
    'records',
    'A turn with no more records than this is judged on the main thread; 0 = always the pool. A hand-over costs 20-50 us there and as much again to wake the thread, a nonce 0.4-0.6 us: with 64 a share cost a quarter more CPU, with 1024 as much as with 256 (durable-submit, two cores), and 256 hold the loop for 0.15 ms at most.',
  ),
  batchDeadlineMs: bound(
    500,
    'ms',
    'A batch of 1,024 takes 0.6 ms; a thread silent for this long hangs and is replaced.',
  ),
  batchRetriesMax: bound(
    2,
    'times',
    'How often a batch that lost its thread is judged again before its shares are answered `engine_fault`.',
  ),
  rescueJobs: bound(
    8,
    'jobs',
    'Earlier jobs that a share which is too easy for the job it names is tried on, where its firmware is known to mix them up: two seconds of jobs, 4 us of hashing.',
  ),
  duplicateEntriesMax: bound(
    1 << 20,
    'nonces',
    "Distinct nonces kept for one job. 20 k shares/s for a job's 250 ms is 5 k; a flood ends here with `overloaded`.",
  ),

  // --- page
  liveClients: bound(
    20_000,
    'sockets',
    'Live sockets of one API thread: twice the viewers of the bench. Each takes 2.4 kB by uWebSockets.js and 9.5 kB by node:http, a descriptor, and 8 us of a core for a message (measured, 8,000 viewers).',
  ),

  // --- journal
  journalRingSlots: bound(
    65_536,
    'records',
    'Slots of the ring to the writer thread: 4 MiB, two seconds of 32 k shares/s.',
  ),
  journalRingHighWater: bound(
    0.75,
    'of 1',
    'Fill of that ring at which sockets stop being read: an fdatasync may stall for a while and the rest must still fit.',
  ),

  // --- ledger
  loaderRowsMax: bound(5_000, 'rows', 'One COPY of this many rows costs about 4 ms in PostgreSQL.'),
  loaderIntervalMs: bound(
    250,
    'ms',
    'Between two COPYs when shares are few: a page that is a quarter of a second old is new.',
  ),
  replayWindowMs: bound(
    60_000,
    'ms',
    "Duplicates are rebuilt at start from this much of the journal's end: twice a job's life and the longest restart.",
  ),
} satisfies Record<string, Bound>;

/** The numbers alone. */
export const LIMITS = Object.fromEntries(
  Object.entries(BOUNDS).map(([name, { value }]) => [name, value]),
) as { readonly [Name in keyof typeof BOUNDS]: number };
