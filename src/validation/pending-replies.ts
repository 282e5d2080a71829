/**
 * Answers that wait for the disk, in the order of their journal sequences: a ring of typed arrays, one field each, so that a
 * waiting share is no object. Pure.
 */
export class PendingReplies {
  readonly sessionSlot: Uint32Array;
  readonly sessionGeneration: Uint32Array;
  readonly requestIdKind: Uint8Array;
  readonly requestId: Float64Array;
  readonly verdict: Uint8Array;
  readonly difficulty: Int8Array;
  readonly receivedAtMs: Float64Array;
  /** When its verdict was known; the same for all of a batch. */
  readonly appendedAtMs: Float64Array;
  readonly jobId: Uint32Array;
  readonly nonceLow: Uint32Array;
  readonly nonceHigh: Uint32Array;
  readonly #sequence: Float64Array;
  readonly #mask: number;
  #head = 0;
  #size = 0;

  /** @param capacity power of two; the journal's ring is as large, so it refuses before this one can overflow. */
  constructor(capacity: number) {
    if ((capacity & (capacity - 1)) !== 0) throw new RangeError(`capacity ${capacity} is not a power of two`);
    this.sessionSlot = new Uint32Array(capacity);
    this.sessionGeneration = new Uint32Array(capacity);
    this.requestIdKind = new Uint8Array(capacity);
    this.requestId = new Float64Array(capacity);
    this.verdict = new Uint8Array(capacity);
    this.difficulty = new Int8Array(capacity);
    this.receivedAtMs = new Float64Array(capacity);
    this.appendedAtMs = new Float64Array(capacity);
    this.jobId = new Uint32Array(capacity);
    this.nonceLow = new Uint32Array(capacity);
    this.nonceHigh = new Uint32Array(capacity);
    this.#sequence = new Float64Array(capacity);
    this.#mask = capacity - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** Index of the oldest waiting answer into the field arrays. */
  get head(): number {
    return this.#head;
  }

  get headSequence(): number {
    return this.#sequence[this.#head]!;
  }

  /** The least `receivedAtMs` of all that wait; Infinity when none does. Batches overtake each other, so the head need not be it. */
  get oldestReceivedAtMs(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (let n = 0; n < this.#size; n++) {
      const at = this.receivedAtMs[(this.#head + n) & this.#mask]!;
      if (at < oldest) oldest = at;
    }
    return oldest;
  }

  push(
    sequence: number,
    sessionSlot: number,
    sessionGeneration: number,
    requestIdKind: number,
    requestId: number,
    verdict: number,
    difficulty: number,
    receivedAtMs: number,
    jobId: number,
    nonceLow: number,
    nonceHigh: number,
    appendedAtMs: number,
  ): void {
    if (this.#size > this.#mask)
      throw new RangeError('more answers wait for the journal than its ring has records');
    const index = (this.#head + this.#size) & this.#mask;
    this.#sequence[index] = sequence;
    this.sessionSlot[index] = sessionSlot;
    this.sessionGeneration[index] = sessionGeneration;
    this.requestIdKind[index] = requestIdKind;
    this.requestId[index] = requestId;
    this.verdict[index] = verdict;
    this.difficulty[index] = difficulty;
    this.receivedAtMs[index] = receivedAtMs;
    this.jobId[index] = jobId;
    this.nonceLow[index] = nonceLow;
    this.nonceHigh[index] = nonceHigh;
    this.appendedAtMs[index] = appendedAtMs;
    this.#size++;
  }

  pop(): void {
    this.#head = (this.#head + 1) & this.#mask;
    this.#size--;
  }
}
