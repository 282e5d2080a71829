/**
 * SEAM: the journal as the rooms above see it. In flow accepted shares and found blocks; out flows one number, the sequence up
 * to which an `fdatasync` has returned 0. It must never say so a record too early, and never block the main thread.
 */

/**
 * `fsync`: durable means on disk. `none`: durable means that write(2) took it, so a share outlives the engine and not the machine;
 * for disks whose fdatasync costs more than an operator will pay, and for measuring what it costs.
 */
export type Durability = 'fsync' | 'none';

/** A share as the verdict room appends it. Fields are arguments, not an object: this runs once per share. */
export interface Journal {
  /** False while appends are refused (disk full, I/O error): the share is then answered `unavailable`, never `true`. */
  readonly available: boolean;
  /** Why not, one sentence for the operator; '' when available. */
  readonly fault: string;
  /** 0..1: how full the ring to the writer thread is. Above limits.journalRingHighWater the sockets stop being read. */
  readonly fill: number;
  /** Highest sequence handed out and highest known durable. */
  readonly appendedSequence: number;
  readonly durableSequence: number;

  /** Interns (address, worker name); the reference is what records carry. Definitions reach the disk with the first share. */
  acquireWorker(address: string, workerName: string): number;
  /**
   * The session is gone; shares of it may still come for 30 s. Then the reference is recycled, at once if no record of the
   * segment defines it, with the next segment otherwise: names alone cannot grow memory.
   */
  releaseWorker(workerRef: number): void;
  /** A job that shares may name; journalled with its first share. Forgotten by `retireJob`. */
  registerJob(jobId: number, prePowHash: Uint8Array, timestampMs: bigint): void;
  retireJob(jobId: number): void;

  /**
   * Appends one accepted share and returns its sequence, or 0 when the journal is unavailable, its ring is full, or the worker
   * or job is unknown (nothing was appended). Durable once `onDurable` reports a sequence >= it and no `onFailure` came before.
   */
  appendShare(
    verdict: number,
    difficultyLog2: number,
    nonceLo: number,
    nonceHi: number,
    receivedAtUnixMs: number,
    workerRef: number,
    jobId: number,
    extranonce: number,
    /** `withPot` of `domain/pot`. */
    portAndPot: number,
    /** Where the 16 bytes of powTop lie. */
    powTop: Uint8Array,
    powTopOffset: number,
  ): number;

  /** A found block, beside its share. Same return. */
  appendBlock(block: JournalBlock): number;

  /** Rings the writer thread's bell: call once at the end of a turn that appended. */
  flush(): void;
  /** Waits for everything appended so far, writes a clean end, stops the thread. */
  close(): Promise<void>;
}

export interface JournalBlock {
  readonly blockHash: Uint8Array;
  readonly nonce: bigint;
  readonly foundAtUnixMs: number;
  readonly workerRef: number;
  readonly jobId: number;
  readonly difficultyLog2: number;
  /** Of the port that the finder was connected to. */
  readonly pot: number;
  readonly daaScore: bigint;
  readonly blueScore: bigint;
  readonly bits: number;
}

export interface JournalListener {
  /** Called on the main thread, once per finished group commit. */
  onDurable(sequence: number): void;
  /**
   * A write or an fdatasync failed: nothing above `durableSequence` is durable and nothing of it will be; the owners must
   * answer `unavailable` before they return. The journal goes on with a new segment when it can, and calls onRecovered;
   * sequences reported after that say nothing of the ones that failed.
   */
  onFailure(durableSequence: number, reason: string): void;
  onRecovered(): void;
}

/** Position in an instance's journal: the next slot to be read. Ordered by segment, then slot. */
export interface JournalPosition {
  readonly segment: number;
  readonly slot: number;
}
