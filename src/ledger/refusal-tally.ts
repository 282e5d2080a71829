/**
 * Refused submissions on their way to PostgreSQL: summed up in memory, handed over in numbered batches, kept until the database has said
 * that it has them. In flow counts (once a minute and session, never per submission), out flow batches. Bounded: when the database is
 * away for long, or strangers invent names, the rows of workers stop growing and the pool's go by the hour. Pure.
 */

/** As `note_refusals` takes them: JSON, since the names in them are whatever miners sent. */
export interface RefusalBatch {
  readonly boot: number;
  /** From 1 on; the same batch again has the same. */
  readonly sequence: number;
  /** Every refusal of before is in this batch or in one before it. */
  readonly throughUnixMs: number;
  readonly poolRows: string;
  readonly workerRows: string;
}

export interface RefusedBy {
  readonly address: string;
  readonly worker: string;
  readonly pot: number;
  /** It had shares accepted on this connection: its worker is in the database, or soon will be. */
  readonly isProven: boolean;
}

const MINUTE_S = 60;
const SPAN_S = 600;
const HOUR_S = 3_600;
/** Of 100 bytes each. */
const WORKER_ROWS_MAX = 50_000;
/** They become text on the main thread: 1 ms. */
const WORKER_ROWS_PER_BATCH = 2_000;
/** Names without an accepted share may be invented: they get no more than half. */
const UNPROVEN_ROWS_MAX = WORKER_ROWS_MAX / 2;
/** A day of minutes with all verdicts in two pots. */
const POOL_ROWS_MAX = 32_000;

interface WorkerRow {
  readonly spanS: number;
  readonly address: string;
  readonly worker: string;
  readonly verdict: number;
  count: number;
}

export class RefusalTally {
  readonly #boot: number;
  #poolRows = new Map<string, { minuteS: number; pot: number; verdict: number; count: number }>();
  readonly #workerRows = new Map<string, WorkerRow>();
  #sequence = 0;
  #underWay: RefusalBatch | undefined;
  /** Before it nothing is left here. */
  #through: number;

  /** @param boot names this start of the engine: unix ms */
  constructor(boot: number) {
    this.#boot = boot;
    this.#through = boot;
  }

  /** Rows that wait, and are not under way. */
  get waiting(): number {
    return this.#poolRows.size + this.#workerRows.size;
  }

  add(by: RefusedBy, verdict: number, count: number, unixMs: number): void {
    const minuteS = Math.floor(unixMs / 1_000 / MINUTE_S) * MINUTE_S;
    this.#addToPool(minuteS, by.pot, verdict, count);
    if (by.address === '') return;
    const spanS = Math.floor(minuteS / SPAN_S) * SPAN_S;
    const key = `${spanS} ${verdict} ${by.address}.${by.worker}`;
    const row = this.#workerRows.get(key);
    if (row !== undefined) row.count += count;
    else if (this.#workerRows.size < (by.isProven ? WORKER_ROWS_MAX : UNPROVEN_ROWS_MAX))
      this.#workerRows.set(key, { spanS, address: by.address, worker: by.worker, verdict, count });
  }

  /**
   * The batch to send: the one that is under way for as long as it was not taken, then what has gathered since, or the first part of
   * that; then its `throughUnixMs` is an older one than was asked for. An empty one says that there was nothing to say.
   */
  batch(throughUnixMs: number): RefusalBatch {
    if (this.#underWay !== undefined) return this.#underWay;
    const poolRows = [...this.#poolRows.values()].map((r) => [r.minuteS, r.pot, r.verdict, r.count]);
    this.#poolRows = new Map();
    const workerRows: (number | string)[][] = [];
    for (const [key, { spanS, address, worker, verdict, count }] of this.#workerRows) {
      if (workerRows.length === WORKER_ROWS_PER_BATCH) break;
      workerRows.push([spanS, address, worker, verdict, count]);
      this.#workerRows.delete(key);
    }
    if (this.#workerRows.size === 0) this.#through = throughUnixMs;
    this.#underWay = {
      ...{ boot: this.#boot, sequence: ++this.#sequence, throughUnixMs: this.#through },
      ...{ poolRows: JSON.stringify(poolRows), workerRows: JSON.stringify(workerRows) },
    };
    return this.#underWay;
  }

  /** The database has it. */
  taken(sequence: number): void {
    if (this.#underWay?.sequence === sequence) this.#underWay = undefined;
  }

  #addToPool(minuteS: number, pot: number, verdict: number, count: number): void {
    const atS = this.#poolRows.size < POOL_ROWS_MAX ? minuteS : Math.floor(minuteS / HOUR_S) * HOUR_S;
    const key = `${atS} ${pot} ${verdict}`;
    const row = this.#poolRows.get(key);
    if (row === undefined) this.#poolRows.set(key, { minuteS: atS, pot, verdict, count });
    else row.count += count;
  }
}
