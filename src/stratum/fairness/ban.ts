/** A ban: a network that the operator wants nothing to do with, why, and until when. Pure. */

export interface Ban {
  /** An address or a network, as it was written. */
  readonly network: string;
  /** For the log, and for whom it concerns. */
  readonly reason: string;
  /** Absent: for ever. */
  readonly untilUnixMs?: number;
}

export function isOver({ untilUnixMs }: Ban, nowUnixMs: number): boolean {
  return untilUnixMs !== undefined && nowUnixMs >= untilUnixMs;
}

/** What the banned one is told. */
export function describeBan({ reason, untilUnixMs }: Ban): string {
  const until = untilUnixMs === undefined ? '' : ` until ${new Date(untilUnixMs).toISOString()}`;
  return `Your address is banned from this pool${until}${reason === '' ? '' : `: ${reason}`}`;
}
