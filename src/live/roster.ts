/**
 * Who is on which slot of a board: the texts of a session, which were told once, and the slots of each address. Kept by whoever reads
 * a board; the numbers stay there.
 */

/** A session that logged in. Names are what miners chose to send. */
export interface Arrival {
  readonly slot: number;
  readonly generation: number;
  readonly address: string;
  readonly worker: string;
  readonly agent: string;
  readonly dialect: string;
}

const NONE: ReadonlySet<number> = new Set();

/** Counts how many sessions stand behind each name; several rosters may share one. */
export class Crowd {
  readonly #addresses = new Map<string, number>();
  readonly #workers = new Map<string, number>();
  connections = 0;

  get addresses(): number {
    return this.#addresses.size;
  }

  get workers(): number {
    return this.#workers.size;
  }

  add(address: string, worker: string): void {
    this.connections++;
    step(this.#addresses, address, 1);
    step(this.#workers, `${address}.${worker}`, 1);
  }

  remove(address: string, worker: string): void {
    this.connections--;
    step(this.#addresses, address, -1);
    step(this.#workers, `${address}.${worker}`, -1);
  }
}

function step(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

export class Roster {
  readonly #crowd: Crowd;
  readonly #bySlot: (Arrival | undefined)[] = [];
  readonly #byAddress = new Map<string, Set<number>>();
  /** By slot: when it was told, counted; what a reader of this roster has not seen yet is above its mark. */
  readonly #toldAt: number[] = [];
  #told = 0;

  constructor(crowd = new Crowd()) {
    this.#crowd = crowd;
  }

  /** Arrivals so far. */
  get told(): number {
    return this.#told;
  }

  get used(): number {
    return this.#bySlot.length;
  }

  at(slot: number): Arrival | undefined {
    return this.#bySlot[slot];
  }

  /** 0 = nobody was ever told of on that slot. */
  toldAt(slot: number): number {
    return this.#toldAt[slot] ?? 0;
  }

  slotsOf(address: string): ReadonlySet<number> {
    return this.#byAddress.get(address) ?? NONE;
  }

  arrive(arrival: Arrival): void {
    const { slot, address, worker } = arrival;
    this.leave(slot);
    // No holes: an array with some is slow for ever.
    while (this.#bySlot.length < slot) this.#bySlot.push(undefined);
    this.#bySlot[slot] = arrival;
    this.#toldAt[slot] = ++this.#told;
    const slots = this.#byAddress.get(address);
    if (slots === undefined) this.#byAddress.set(address, new Set([slot]));
    else slots.add(slot);
    this.#crowd.add(address, worker);
  }

  /** Gives who that was. */
  leave(slot: number): Arrival | undefined {
    const gone = this.#bySlot[slot];
    if (gone === undefined) return undefined;
    this.#bySlot[slot] = undefined;
    const slots = this.#byAddress.get(gone.address)!;
    slots.delete(slot);
    if (slots.size === 0) this.#byAddress.delete(gone.address);
    this.#crowd.remove(gone.address, gone.worker);
    return gone;
  }

  forEach(visit: (arrival: Arrival) => void): void {
    for (const arrival of this.#bySlot) if (arrival !== undefined) visit(arrival);
  }

  clear(): void {
    for (let slot = 0; slot < this.#bySlot.length; slot++) this.leave(slot);
  }
}
