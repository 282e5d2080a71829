/**
 * Work of all workers in the last 24 hours, in memory, so that a miner's page costs additions and not a query. Pure.
 *
 * In: sums of minutes and of ten-minute spans as they are read from the database. Out: hashes and shares of a worker in three windows.
 * A column is a minute or a span, of all workers side by side; a row is a worker, found by its slot:
 *
 *   minutes  [t-71 ... t]           72 columns, the newest are read again until all engines have loaded them
 *   spans    [24 h ago ... now]    145 columns; those that lie in the minutes are summed from them, the others are read whole
 *   windows  m10 h1 h24             summed column by column after each reading
 *
 * A worker costs 2 kB, so `workersMax` of them 400 MB. Those beyond it are counted and have no hashrate here, until a row is free: whoever
 * did nothing for a week loses his, and for a day while more than half of the rows are taken.
 */

export const SPAN_MINUTES = 10;
/** The hour before now from the beginning of its first span, up to 69 minutes, and the one under way. */
export const MINUTE_COLUMNS = 72;
/** 24 hours and the span under way. */
export const SPAN_COLUMNS = 145;
const HOUR_MINUTES = 60;
/** So long a worker that has stopped is shown to who misses it. */
export const REMEMBERED_MINUTES = 7 * 1_440;
export const WORKERS_MAX = 200_000;
const ROWS_FIRST = 1_024;

/** A worker's sum as PostgreSQL packs it: int8 id, float4 hashes, int4 shares; big-endian. What comes twice is added up. */
export const PACKED_BYTES = 16;
const HASHES_AT = 8;
const SHARES_AT = 12;
const HIGH = 2 ** 32;

export interface BoardAccount {
  readonly id: number;
  readonly address: string;
  readonly firstSeenAt: string;
  /** Rows of its workers. */
  readonly slots: number[];
}

export interface NewWorker {
  readonly id: number;
  readonly name: string;
  readonly accountId: number;
  readonly address: string;
  readonly firstSeenAt: string;
}

export interface WorkWindows {
  readonly m10: number;
  readonly h1: number;
  readonly h24: number;
}

interface Column {
  /** Minute or span since 1970; -1 = holds nothing yet. */
  at: number;
  hashes: Float32Array;
  shares: Uint32Array;
}

export class WorkBoard {
  readonly #workersMax: number;
  readonly #slots = new Map<number, number>();
  /** Worker by row; 0 = the row is free. */
  readonly #ids: number[] = [];
  readonly #free: number[] = [];
  readonly #names: string[] = [];
  readonly #accounts = new Map<string, BoardAccount>();
  readonly #accountOf = new Map<number, BoardAccount>();
  readonly #minutes: Column[];
  readonly #spans: Column[];
  #rows = ROWS_FIRST;
  #shown = windowsOfRows(ROWS_FIRST);
  /** Summed while the others are shown. */
  #next = windowsOfRows(ROWS_FIRST);
  #lastMinute = new Int32Array(ROWS_FIRST);
  readonly #touched = new Set<number>();
  readonly #turnedAway = new Set<number>();
  /** End of the windows, in minutes since 1970. */
  #through = 0;

  constructor(workersMax = WORKERS_MAX) {
    this.#workersMax = workersMax;
    const columns = (count: number): Column[] =>
      Array.from({ length: count }, () => ({
        at: -1,
        hashes: new Float32Array(ROWS_FIRST),
        shares: new Uint32Array(ROWS_FIRST),
      }));
    this.#minutes = columns(MINUTE_COLUMNS);
    this.#spans = columns(SPAN_COLUMNS);
  }

  get workers(): number {
    return this.#slots.size;
  }

  /** Workers that found no place. */
  get turnedAway(): number {
    return this.#turnedAway.size;
  }

  /** Minute, since 1970, at which the windows end. */
  get throughMinute(): number {
    return this.#through;
  }

  account(address: string): BoardAccount | undefined {
    return this.#accounts.get(address);
  }

  accounts(): IterableIterator<BoardAccount> {
    return this.#accounts.values();
  }

  nameOf(slot: number): string {
    return this.#names[slot]!;
  }

  windowsOf(slot: number): WorkWindows {
    const { m10, h1, h24 } = this.#shown;
    return { m10: m10[slot]!, h1: h1[slot]!, h24: h24[slot]! };
  }

  sharesOf(slot: number): { readonly h1: number; readonly h24: number } {
    return { h1: this.#shown.shares1[slot]!, h24: this.#shown.shares24[slot]! };
  }

  /** Unix ms at the end of its last minute with a share; 0 = none on this board. */
  lastShareMs(slot: number): number {
    return this.#lastMinute[slot] === 0 ? 0 : (this.#lastMinute[slot]! + 1) * 60_000;
  }

  slotOf(workerId: number): number | undefined {
    return this.#slots.get(workerId);
  }

  /** Ids in the packed sums that nobody has introduced yet. */
  strangersIn(packed: Buffer): number[] {
    const strangers: number[] = [];
    const view = viewOf(packed);
    let slot = -1;
    for (let at = 0; at + PACKED_BYTES <= packed.length; at += PACKED_BYTES) {
      const id = idAt(view, at);
      slot = this.#slotAfter(slot, id);
      if (slot < 0 && !this.#turnedAway.has(id)) strangers.push(id);
    }
    return strangers;
  }

  add(worker: NewWorker): void {
    if (this.#slots.has(worker.id)) return;
    if (this.#slots.size >= this.#workersMax) {
      // The set is a count without doubles; it ends where a second board would begin.
      if (this.#turnedAway.size < this.#workersMax) this.#turnedAway.add(worker.id);
      return;
    }
    const slot = this.#free.pop() ?? this.#names.length;
    if (slot === this.#rows) this.#grow();
    this.#slots.set(worker.id, slot);
    this.#ids[slot] = worker.id;
    this.#names[slot] = worker.name;
    let account = this.#accountOf.get(worker.accountId);
    if (!account) {
      const { accountId: id, address, firstSeenAt } = worker;
      account = { id, address, firstSeenAt, slots: [] };
      this.#accountOf.set(id, account);
      this.#accounts.set(address, account);
    }
    account.slots.push(slot);
  }

  /** Of one that has stopped: nothing but when. False: there is no room for those. @param minute since 1970 */
  remember(worker: NewWorker, minute: number): boolean {
    if (this.#isCrowded) return false;
    this.add(worker);
    const slot = this.#slots.get(worker.id)!;
    if (minute > this.#lastMinute[slot]!) this.#lastMinute[slot] = minute;
    return true;
  }

  /** Whoever has stopped is to make room for who may come. */
  get #isCrowded(): boolean {
    return this.#slots.size * 2 >= this.#workersMax;
  }

  /** Rows of workers that stopped a week ago, or a day, become free; the database knows them still. Not while `settle` is at work. */
  forgetIdle(): void {
    const held = (SPAN_COLUMNS + 1) * SPAN_MINUTES;
    const before = this.#through - (this.#isCrowded ? held : REMEMBERED_MINUTES);
    for (let slot = 0; slot < this.#names.length; slot++) {
      const id = this.#ids[slot]!;
      if (id === 0 || this.#lastMinute[slot]! >= before) continue;
      this.#slots.delete(id);
      this.#ids[slot] = 0;
      this.#names[slot] = '';
      this.#lastMinute[slot] = 0;
      this.#free.push(slot);
    }
    if (this.#free.length === 0) return;
    // There is room again: they are introduced with their next share.
    this.#turnedAway.clear();
    for (const account of this.#accountOf.values()) {
      const { slots } = account;
      const kept = slots.filter((slot) => this.#ids[slot] !== 0);
      if (kept.length < slots.length) slots.splice(0, slots.length, ...kept);
      if (slots.length > 0) continue;
      this.#accountOf.delete(account.id);
      this.#accounts.delete(account.address);
    }
  }

  /** The clock was put back to this minute: what is of a later one is no longer held. */
  rewind(minute: number): void {
    for (const column of this.#minutes) if (column.at > minute) column.at = -1;
    for (const column of this.#spans) if (column.at * SPAN_MINUTES > minute) column.at = -1;
  }

  /** The whole minute, in one piece or in several: what is in none is zero. One that is older than the columns reach is passed over. */
  setMinute(minute: number, ...pieces: readonly Buffer[]): void {
    const column = this.#minutes[minute % MINUTE_COLUMNS]!;
    if (column.at > minute) return;
    this.#fill(column, minute, pieces, minute);
    this.#touched.add(Math.floor(minute / SPAN_MINUTES));
  }

  setSpan(span: number, packed: Buffer): void {
    const column = this.#spans[span % SPAN_COLUMNS]!;
    if (column.at > span) return;
    this.#fill(column, span, [packed], span * SPAN_MINUTES + SPAN_MINUTES - 1);
  }

  /**
   * Sums the windows anew, column by column; until it is done the old ones are shown.
   * @param throughMinute first minute that is not complete; the windows end before it
   * @param breathe awaited after every column: all of them are 0.2 s for 100,000 workers, which nobody shall wait for
   */
  async settle(throughMinute: number, breathe: () => Promise<void>): Promise<void> {
    for (const span of this.#touched) await this.#sumSpan(span, breathe);
    this.#touched.clear();
    const { m10, h1, h24, shares1, shares24 } = this.#next;
    await this.#sum(this.#minutes, throughMinute - SPAN_MINUTES, throughMinute, breathe, m10);
    await this.#sum(this.#minutes, throughMinute - HOUR_MINUTES, throughMinute, breathe, h1, shares1);
    const last = Math.floor((throughMinute - 1) / SPAN_MINUTES);
    await this.#sum(this.#spans, last - SPAN_COLUMNS + 2, last + 1, breathe, h24, shares24);
    // The span under way is short of some minutes: so much of the one a day before belongs to the window.
    const missing = (last + 1) * SPAN_MINUTES - throughMinute;
    const oldest = this.#spans[(last - SPAN_COLUMNS + 1) % SPAN_COLUMNS]!;
    if (missing > 0 && oldest.at === last - SPAN_COLUMNS + 1) {
      for (let slot = 0; slot < this.#names.length; slot++)
        h24[slot]! += (oldest.hashes[slot]! * missing) / SPAN_MINUTES;
    }
    [this.#shown, this.#next] = [this.#next, this.#shown];
    this.#through = throughMinute;
  }

  /** Hashes of these workers, minute by minute; undefined = nothing is known of it. */
  minuteSeries(slots: readonly number[], fromMinute: number, count: number): (number | undefined)[] {
    return this.#series(this.#minutes, slots, fromMinute, count);
  }

  spanSeries(slots: readonly number[], fromSpan: number, count: number): (number | undefined)[] {
    return this.#series(this.#spans, slots, fromSpan, count);
  }

  /** Accepted shares of these workers in one span; 0 where nothing is known. */
  spanShares(slots: readonly number[], span: number): number {
    const column = this.#spans[span % SPAN_COLUMNS]!;
    if (column.at !== span) return 0;
    return slots.reduce((sum, slot) => sum + column.shares[slot]!, 0);
  }

  #series(columns: readonly Column[], slots: readonly number[], from: number, count: number) {
    return Array.from({ length: count }, (_, index) => {
      const column = columns[(from + index) % columns.length]!;
      if (column.at !== from + index) return undefined;
      let sum = 0;
      for (const slot of slots) sum += column.hashes[slot]!;
      return sum;
    });
  }

  /** At one go, since a column that is half filled would be shown: 3 ms for 100,000 workers. */
  #fill(column: Column, at: number, pieces: readonly Buffer[], minute: number): void {
    const { hashes, shares } = column;
    column.at = at;
    hashes.fill(0);
    shares.fill(0);
    for (const packed of pieces) {
      const view = viewOf(packed);
      let slot = -1;
      for (let offset = 0; offset + PACKED_BYTES <= packed.length; offset += PACKED_BYTES) {
        slot = this.#slotAfter(slot, idAt(view, offset));
        if (slot < 0) continue;
        hashes[slot]! += view.getFloat32(offset + HASHES_AT);
        shares[slot]! += view.getUint32(offset + SHARES_AT);
        if (minute > this.#lastMinute[slot]!) this.#lastMinute[slot] = minute;
      }
    }
  }

  /** Row of a worker, -1 = none. They come in the order in which they once got their rows, mostly: the next row is looked at first. */
  #slotAfter(slot: number, id: number): number {
    if (this.#ids[slot + 1] === id) return slot + 1;
    return this.#slots.get(id) ?? -1;
  }

  /** A span of which a minute has been read: the sum of those that are there. */
  async #sumSpan(span: number, breathe: () => Promise<void>): Promise<void> {
    const first = span * SPAN_MINUTES;
    const column = this.#spans[span % SPAN_COLUMNS]!;
    const minutes = this.#minutes.filter((one) => one.at >= first && one.at < first + SPAN_MINUTES);
    // Of a span whose beginning is no longer in the minutes the whole is known already.
    if (column.at > span || (column.at === span && !minutes.some((one) => one.at === first))) return;
    column.at = span;
    column.hashes.fill(0);
    column.shares.fill(0);
    for (const { hashes, shares } of minutes) {
      for (let slot = 0; slot < this.#names.length; slot++) {
        column.hashes[slot]! += hashes[slot]!;
        column.shares[slot]! += shares[slot]!;
      }
      await breathe();
    }
  }

  async #sum(
    columns: readonly Column[],
    from: number,
    to: number,
    breathe: () => Promise<void>,
    hashes: Float64Array,
    shares?: Float64Array,
  ): Promise<void> {
    hashes.fill(0);
    shares?.fill(0);
    for (const column of columns) {
      if (column.at < from || column.at >= to) continue;
      for (let slot = 0; slot < this.#names.length; slot++) hashes[slot]! += column.hashes[slot]!;
      for (let slot = 0; shares && slot < this.#names.length; slot++) shares[slot]! += column.shares[slot]!;
      await breathe();
    }
  }

  #grow(): void {
    const rows = (this.#rows *= 2);
    for (const column of [...this.#minutes, ...this.#spans]) {
      const { hashes, shares } = column;
      column.hashes = new Float32Array(rows);
      column.hashes.set(hashes);
      column.shares = new Uint32Array(rows);
      column.shares.set(shares);
    }
    for (const windows of [this.#shown, this.#next]) {
      for (const name of WINDOW_NAMES) {
        const old = windows[name];
        windows[name] = new Float64Array(rows);
        windows[name].set(old);
      }
    }
    const last = new Int32Array(rows);
    last.set(this.#lastMinute);
    this.#lastMinute = last;
  }
}

const WINDOW_NAMES = ['m10', 'h1', 'h24', 'shares1', 'shares24'] as const;
type Windows = Record<(typeof WINDOW_NAMES)[number], Float64Array<ArrayBuffer>>;

function windowsOfRows(rows: number): Windows {
  return Object.fromEntries(WINDOW_NAMES.map((name) => [name, new Float64Array(rows)])) as Windows;
}

function viewOf(packed: Buffer): DataView {
  return new DataView(packed.buffer, packed.byteOffset, packed.length);
}

/** Ids count from 1 in PostgreSQL and stay far below 2^53. */
function idAt(view: DataView, offset: number): number {
  return view.getInt32(offset) * HIGH + view.getUint32(offset + 4);
}
