/**
 * Fills the board from the sessions, once a second and in slices, on the main thread. In flow sessions as they show themselves, out flow
 * rows where something changed, arrivals (texts, once per login) and counts. A turn of it takes some tens of microseconds however many
 * sessions there are.
 *
 *   pass: slots 0..249 | turn of the loop | slots 250..499 | turn | ... > who was not met has left, in slices as well > counts
 */
import { type LiveBoard, newBoardRow } from './live-board.ts';
import { type Arrival, Crowd } from './roster.ts';

/** What the pass looks at. The stratum room's view of a session is one. */
export interface LiveSession {
  readonly slot: number;
  readonly generation: number;
  readonly portIndex: number;
  readonly address: string;
  readonly worker: string;
  readonly userAgent: string;
  readonly dialect: { readonly name: string };
  readonly difficultyLog2: number;
  /** Monotonic ms; of the share, 0 = none. */
  readonly connectedAtMs: number;
  readonly lastShareAtMs: number;
  readonly accepted: number;
  readonly creditedDifficulty: number;
}

export interface BoardFillerOptions {
  readonly board: LiveBoard;
  /** See the stratum room; 0 = that was the end. */
  visitSlice(from: number, slots: number, visit: (session: LiveSession) => void): number;
  readRefusals(slot: number, into: Uint32Array): void;
  /** Of one slice. */
  onArrived(arrivals: readonly Arrival[]): void;
  /** Monotonic and unix ms. */
  readonly clock: () => number;
  readonly wallClock: () => number;
  readonly nextTurn?: (callback: () => void) => void;
}

/** Measured with 100,000: 0.1 us a session, changed or not, and 4 us for one that has just come. So 25 us, or 1 ms after a restart. */
const SLICE_SLOTS = 250;
/** Looking whether somebody has left costs 5 ns; taking him off 2 us, so those are counted, too: a whole port may leave at once. */
const SWEEP_SLOTS = 10_000;
const SWEEP_DEPARTURES = 250;
/** Clocks drift apart by less in a second; a larger step is somebody setting the clock, and rows say the new time. */
const CLOCK_STEP_MS = 500;

interface Known {
  generation: number;
  pass: number;
  readonly address: string;
  readonly worker: string;
}

export class BoardFiller {
  readonly #options: BoardFillerOptions;
  readonly #nextTurn: (callback: () => void) => void;
  readonly #crowd = new Crowd();
  readonly #known: (Known | undefined)[] = [];
  readonly #row = newBoardRow();
  #arrivals: Arrival[] = [];
  #pass = 0;
  #running: Promise<void> | undefined;
  #offsetMs: number;
  #byPort: number[] = [];
  #portsMet: number[] = [];

  constructor(options: BoardFillerOptions) {
    this.#options = options;
    this.#nextTurn = options.nextTurn ?? ((callback) => setImmediate(callback));
    this.#offsetMs = options.wallClock() - options.clock();
  }

  /** As the last whole pass found them. */
  get counts(): { connections: number; addresses: number; workers: number; byPort: readonly number[] } {
    const { connections, addresses, workers } = this.#crowd;
    return { connections, addresses, workers, byPort: this.#byPort };
  }

  /** Resolves when the whole board is as the sessions are. Asked again meanwhile, it is the same pass. */
  pass(): Promise<void> {
    this.#running ??= new Promise<void>((resolve) => {
      const offsetMs = this.#options.wallClock() - this.#options.clock();
      if (Math.abs(offsetMs - this.#offsetMs) > CLOCK_STEP_MS) this.#offsetMs = offsetMs;
      this.#pass++;
      this.#portsMet = [];
      this.#options.board.beginPass();
      this.#slice(0, resolve);
    }).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** A reader begins anew: everybody arrives once more. */
  retell(): void {
    for (const known of this.#known) if (known !== undefined) known.generation = 0;
  }

  #slice(from: number, done: () => void): void {
    const next = this.#options.visitSlice(from, SLICE_SLOTS, this.#visit);
    this.#tellArrivals();
    if (next > 0) {
      this.#nextTurn(() => this.#slice(next, done));
      return;
    }
    this.#sweep(0, done);
  }

  #end(done: () => void): void {
    this.#byPort = this.#portsMet;
    this.#options.board.endPass();
    done();
  }

  readonly #visit = (session: LiveSession): void => {
    const { slot, portIndex } = session;
    if (slot >= this.#options.board.capacity) return;
    this.#portsMet[portIndex] = (this.#portsMet[portIndex] ?? 0) + 1;
    const row = this.#row;
    row.generation = session.generation;
    row.portIndex = portIndex;
    row.difficultyLog2 = session.difficultyLog2;
    row.connectedAtUnixMs = Math.round(session.connectedAtMs + this.#offsetMs);
    row.lastShareAtUnixMs =
      session.lastShareAtMs === 0 ? 0 : Math.round(session.lastShareAtMs + this.#offsetMs);
    row.accepted = session.accepted;
    row.creditedDifficulty = session.creditedDifficulty;
    this.#options.readRefusals(slot, row.rejected);
    this.#options.board.write(slot, row);
    const known = this.#known[slot];
    // Also on one connection a miner may log in as somebody else.
    const isKnown =
      known?.generation === session.generation &&
      known.address === session.address &&
      known.worker === session.worker;
    if (isKnown) known.pass = this.#pass;
    else this.#arrive(session);
  };

  #arrive(session: LiveSession): void {
    const { slot, generation, address, worker, userAgent: agent, dialect } = session;
    this.#depart(slot);
    // No holes: an array with some is slow for ever.
    while (this.#known.length < slot) this.#known.push(undefined);
    this.#known[slot] = { generation, pass: this.#pass, address, worker };
    this.#crowd.add(address, worker);
    this.#arrivals.push({ slot, generation, address, worker, agent, dialect: dialect.name });
  }

  #depart(slot: number): void {
    const known = this.#known[slot];
    if (known === undefined) return;
    this.#crowd.remove(known.address, known.worker);
    this.#known[slot] = undefined;
  }

  #sweep(from: number, done: () => void): void {
    const end = Math.min(from + SWEEP_SLOTS, this.#known.length);
    let departures = 0;
    let slot = from;
    for (; slot < end && departures < SWEEP_DEPARTURES; slot++) {
      const known = this.#known[slot];
      if (known === undefined || known.pass === this.#pass) continue;
      this.#options.board.clear(slot);
      this.#depart(slot);
      departures++;
    }
    if (slot < this.#known.length) this.#nextTurn(() => this.#sweep(slot, done));
    else this.#end(done);
  }

  #tellArrivals(): void {
    if (this.#arrivals.length === 0) return;
    this.#options.onArrived(this.#arrivals);
    this.#arrivals = [];
  }
}
