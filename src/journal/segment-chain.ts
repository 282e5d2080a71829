/**
 * Which segments this boot has opened and how far each of them counts. Pure. After a failure it knows what the next header must
 * say about the segment before it, and which number comes next: a segment whose header never became durable is taken back and
 * its number used again, so that numbers have no holes.
 */

export interface SegmentPlace {
  readonly segment: number;
  readonly bootUnixMs: number;
  /** Last sequence that counts. */
  readonly through: number;
}

interface Opened {
  readonly segment: number;
  /** Of its header. */
  readonly sequence: number;
  readonly bootUnixMs: number;
}

export class SegmentChain {
  /** Last segment of the boot before. */
  readonly #before: SegmentPlace;
  /** Opened by this boot: the newest that is durable, then those whose headers are still on their way. */
  #opened: Opened[] = [];
  #durable = 0;
  readonly #first: number;
  #next: number;
  #touched = 0;
  #abandoned = false;

  constructor(before: SegmentPlace, newestSegment: number) {
    this.#before = before;
    this.#first = newestSegment + 1;
    this.#next = this.#first;
  }

  /** Number of the segment that would be opened next. */
  get next(): number {
    return this.#next;
  }

  get current(): Opened {
    return this.#opened.at(-1) ?? { segment: this.#next - 1, sequence: 0, bootUnixMs: 0 };
  }

  /** Prepared files from here on may hold bytes of a failed attempt and must be made anew. */
  get touchedFrom(): number {
    return this.#touched >= this.#next ? this.#next : Number.POSITIVE_INFINITY;
  }

  /** Files from here on were never opened. */
  get unopenedFrom(): number {
    return this.#abandoned ? this.#next : this.current.segment + 1;
  }

  /** Opens the next segment with the header's sequence; returns what its header says of the one before. */
  open(sequence: number, bootUnixMs: number): SegmentPlace {
    const previous = this.#opened.at(-1);
    // A segment that is followed in good order counts through the slot before the next header.
    const through = this.#abandoned ? this.#durable : sequence - 1;
    this.#opened.push({ segment: this.#next, sequence, bootUnixMs });
    this.#next += 1;
    this.#abandoned = false;
    return previous ? { segment: previous.segment, bootUnixMs, through } : this.#before;
  }

  durableThrough(sequence: number): void {
    this.#durable = sequence;
    const newest = this.#opened.findLastIndex((one) => one.sequence <= sequence);
    if (newest > 0) this.#opened.splice(0, newest);
  }

  /** All that is not durable is abandoned. @param touched highest segment that may have been written. */
  failed(touched: number): void {
    this.#opened = this.#opened.filter((one) => one.sequence <= this.#durable);
    const last = this.#opened.at(-1);
    this.#next = last ? last.segment + 1 : this.#first;
    this.#touched = touched;
    this.#abandoned = true;
  }
}
