/**
 * Templates and jobs. A template is what a node gave; a job is a template that was given to miners under an id.
 * One job per template for the whole process: every session of a dialect gets the very same line.
 */

/** A block template with all that the engine needs of it; how to make a block of it stays with the chain. Immutable. */
export interface Template {
  /** 32 bytes: hash of the header with timestamp and nonce zero. With the timestamp it is the identity of the work. */
  readonly prePowHash: Uint8Array;
  readonly timestampMs: bigint;
  /** Compact network target. */
  readonly bits: number;
  readonly networkTarget: bigint;
  readonly daaScore: bigint;
  readonly blueScore: bigint;
  /** Which node of the configuration gave it. */
  readonly nodeName: string;
  /** Monotonic ms of its arrival. */
  readonly receivedAtMs: number;
  /** The chain's own form of the block: header and transactions as opaque bytes. Never looked at outside `chains/`. */
  readonly opaque: unknown;
}

/** Job ids are decimal, 1..999999999: below ten digits, never zero. They grow by one and go round. */
export const JOB_ID_MAX = 999_999_999;
const HALF_ROUND = JOB_ID_MAX / 2;

/** Was `one` given out before `other`? Ids live seconds and the circle takes years, so the shorter way round is the true one. */
export function isEarlierJob(one: number, other: number): boolean {
  const ahead = other - one;
  return ahead > 0 ? ahead < HALF_ROUND : ahead < -HALF_ROUND;
}

export type JobState = 'live' | 'stale' | 'unknown';

/** Identity of work, for duplicate sets that must survive a restart: 32 + 8 bytes as hex. Not for the hot path. */
export function workIdentity(prePowHash: Uint8Array, timestampMs: bigint): string {
  return `${Buffer.from(prePowHash).toString('hex')}:${timestampMs.toString(16)}`;
}
