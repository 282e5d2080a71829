/** Faults that tests inject into the writer: disks fail too rarely to wait for. Production passes no plan. */

export type FaultPoint = 'open' | 'write' | 'sync' | 'prepare';

export interface JournalFault {
  readonly at: FaultPoint;
  /** The n-th call of that kind, from 1 ... */
  readonly nth: number;
  /** ... and the calls after it, so many in all. */
  readonly times?: number;
  /** `SHORT` writes half of the bytes and says so, as a filling disk does; `CRASH` throws out of the thread. */
  readonly code: 'ENOSPC' | 'EIO' | 'SHORT' | 'CRASH';
}

export class FaultPlan {
  readonly #faults: readonly JournalFault[];
  readonly #calls: Record<FaultPoint, number> = { open: 0, write: 0, sync: 0, prepare: 0 };

  constructor(faults: readonly JournalFault[] = []) {
    this.#faults = faults;
  }

  /** Counts a call and gives the fault that it must suffer. Throws the ones that a system call would throw. */
  meet(point: FaultPoint): 'SHORT' | 'CRASH' | undefined {
    if (this.#faults.length === 0) return undefined;
    const call = ++this.#calls[point];
    const fault = this.#faults.find(
      ({ at, nth, times = 1 }) => at === point && call >= nth && call < nth + times,
    );
    if (!fault) return undefined;
    if (fault.code === 'SHORT' || fault.code === 'CRASH') return fault.code;
    throw Object.assign(new Error(`${fault.code}: injected fault, ${point}`), { code: fault.code });
  }
}
