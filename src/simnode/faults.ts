/** How one simulated node misbehaves, and what it has counted. Changed by the control channel only. Pure. */

/** kaspad has no number for the third: it answers NONE and sets the error. */
export type RefuseReason = 'BLOCK_INVALID' | 'IS_IN_IBD' | 'ROUTE_IS_FULL';
export const REFUSE_REASONS: readonly RefuseReason[] = ['BLOCK_INVALID', 'IS_IN_IBD', 'ROUTE_IS_FULL'];

export class NodeFaults {
  /** Reads everything, answers nothing, sends no notifications: a hung node behind a live connection. */
  stalled = false;
  /** Every stream is dropped, and each new one too. */
  offline = false;
  /** Says so, and refuses blocks with IS_IN_IBD. */
  unsynced = false;
  /** Every answer is this late. */
  delayMs = 0;
  #refuse: { reason: RefuseReason; remaining: number } | undefined;

  /** The next `count` submitted blocks are refused without being looked at; Infinity = until `refuseNone`. */
  refuse(reason: RefuseReason, count: number): void {
    this.#refuse = { reason, remaining: count };
  }

  refuseNone(): void {
    this.#refuse = undefined;
  }

  takeRefusal(): RefuseReason | undefined {
    const refuse = this.#refuse;
    if (!refuse) return undefined;
    if (--refuse.remaining <= 0) this.#refuse = undefined;
    return refuse.reason;
  }

  clear(): void {
    this.stalled = this.offline = this.unsynced = false;
    this.delayMs = 0;
    this.#refuse = undefined;
  }

  describe(): { stalled: boolean; offline: boolean; unsynced: boolean; delayMs: number; refusing: string } {
    const { stalled, offline, unsynced, delayMs } = this;
    return { stalled, offline, unsynced, delayMs, refusing: this.#refuse?.reason ?? '' };
  }
}

export class NodeCounters {
  templatesServed = 0;
  blocksSubmitted = 0;
  blocksAccepted = 0;
  blocksRepeated = 0;
  transactionsAccepted = 0;
  transactionsRefused = 0;
  readonly blocksRefusedBy: Record<string, number> = {};

  blockRefused(reason: string): void {
    this.blocksRefusedBy[reason] = (this.blocksRefusedBy[reason] ?? 0) + 1;
  }
}
