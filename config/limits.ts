/**
 * Every bound of the engine, with its unit and the reason for the number. Rooms take theirs as arguments with these as
 * defaults, so a test can shrink them.
 */
export const LIMITS = {
  // --- stratum
  /** Bytes of one line. Real clients stay below 300; 8 KiB is generous and still bounds memory before a newline comes. */
  lineBytesMax: 8192,
  /** Sockets of one process. 65,536 extranonces of two bytes is the hard edge; descriptors usually end earlier. */
  connectionsMax: 60_000,
  /** From connect to an accepted authorize. GodMiner's lock-step login waits up to 30 s for a lost reply. */
  loginTimeoutMs: 60_000,
  /** No byte from an authorized miner: IceRiver at start difficulty may take minutes to its first share. */
  idleTimeoutMs: 600_000,
  /**
   * Copies of a listening socket that an edge gets: Node accepts one connection per copy and turn. Measured with 8,000 reconnects
   * during 30,000 shares/s: 1 copy 1.1 s, 8 copies 0.66 s, 64 copies 0.57 s.
   */
  acceptDescriptors: 8,
  acceptDescriptorsMax: 256,
  /** Lines that are not JSON or not a request before the socket closes. One could be a glitch, five are a port scan. */
  malformedLinesMax: 5,
  /** Unsent bytes on one socket beyond which jobs are skipped (two jobs' worth) ... */
  socketBacklogSkipBytes: 1024,
  /** ... and beyond which it is closed: a reader that is 64 KiB behind holds jobs that are dead anyway. */
  socketBacklogCloseBytes: 65_536,
  /** Fan-out works in slices of this many ms, then yields to reads and replies: a loop over 8k sockets blocks for 50 ms. */
  fanOutSliceMs: 0.1,
  /** Worker names on record: enough for any farm's scheme, short enough for a label on a page. */
  workerNameLengthMax: 32,
  /** Nothing but jobs keeps a link alive; clients give up after 60-120 s of silence. */
  jobKeepAliveMs: 20_000,

  // --- templates
  /** Jobs a session gets at most, as a pause: 10 jobs/s make ASICs restart work and mislabel jobs, 4/s do not. */
  jobIntervalMs: 250,
  /** Blue as long as the anticone stays below K=124 at 10 blocks/s: a block on a 12 s old template still can be. */
  jobLifeMs: 12_000,
  /** Ring of jobs; at 4 jobs/s 64 s of history, five times a job's life. Equals the kernel's template slots. */
  jobRingSlots: 256,
  /** No template for this long is an alarm and, with several nodes, a change of node. */
  templateStallMs: 2_000,

  // --- validation
  /** Records of one batch: at 0.6 us a nonce the largest batch holds a thread for 0.6 ms. */
  batchRecordsMax: 1024,
  /** Batches in the arena; with 2 in flight a thread the rest is queue, and a full arena stops the sockets. */
  batchSlots: 64,
  /** In flight per validator thread: one being judged, one waiting so that the thread never starves. */
  batchesPerThread: 2,
  /**
   * A turn with no more records than this is judged on the main thread; 0 = always the pool. A hand-over costs 20-50 us there and
   * as much again to wake the thread, a nonce 0.4-0.6 us: with 64 a share cost a quarter more CPU, with 1024 as much as with 256
   * (`npm run bench -- durable-submit`, two cores), and 256 hold the loop for 0.15 ms at most.
   */
  inlineRecordsMax: 256,
  /** A batch of 1,024 takes 0.6 ms; a thread silent for this long hangs and is replaced. */
  batchDeadlineMs: 500,
  /** How often a batch that lost its thread is judged again before its shares are answered `engine_fault`. */
  batchRetriesMax: 2,
  /** Distinct nonces kept for one job. 20 k shares/s for a job's 250 ms is 5 k; a flood ends here with `overloaded`. */
  duplicateEntriesMax: 1 << 20,

  // --- journal
  /** Slots of the ring to the writer thread: 4 MiB, two seconds of 32 k shares/s. */
  journalRingSlots: 65_536,
  /** Fill of that ring at which sockets stop being read: an fdatasync may stall for a while and the rest must still fit. */
  journalRingHighWater: 0.75,

  // --- ledger
  /** One COPY of this many rows costs about 4 ms in PostgreSQL. */
  loaderRowsMax: 5_000,
  loaderIntervalMs: 250,
  /** Duplicates are rebuilt at start from this much of the journal's end: twice a job's life and the longest restart. */
  replayWindowMs: 60_000,
} as const;
