/**
 * What charts and pages read, kept in PostgreSQL by the loader's thread on a connection of its own, so that loading shares never waits for
 * it: batches of refusals go in, and ten minutes that every engine has told are rolled. Loses nothing when the database is away: a batch
 * that was not taken is sent again by whoever has it, and a span is rolled later.
 */
import { messageOf } from '../kit/edge-error.ts';
import { DatabaseSession } from './database-session.ts';
import type { LoaderLog } from './loader-status.ts';
import type { RefusalBatch } from './refusal-tally.ts';

export interface SpanKeeperOptions {
  readonly databaseUrl: string;
  readonly instanceName: string;
  readonly log: LoaderLog;
}

const CONNECT_DEADLINE_MS = 10_000;
const NOTE_DEADLINE_MS = 30_000;
/** A span of 100,000 workers takes some seconds. */
const ROLL_DEADLINE_MS = 120_000;
/** Of one call: they hold their rows until it ends. */
const SPANS_PER_CALL = 3;
/** Between two calls, whoever made the one before. */
const ROLL_INTERVAL_MS = 15_000;

export class SpanKeeper {
  readonly #options: SpanKeeperOptions;
  #session: DatabaseSession | undefined;
  #instanceId = 0;
  #rollTimer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #fault = '';
  /** One statement at a time. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: SpanKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#rollSoon(ROLL_INTERVAL_MS);
  }

  /** True: the database has the batch, now or from before. Never rejects. */
  async note(batch: RefusalBatch): Promise<boolean> {
    const done = await this.#do(NOTE_DEADLINE_MS, async ({ sql }) => {
      const { boot, sequence, throughUnixMs, poolRows, workerRows } = batch;
      await sql`
        SELECT note_refusals(${this.#instanceId}::smallint, ${String(boot)}::text::bigint, ${sequence}, to_timestamp(${throughUnixMs / 1_000}::float8),
          ${poolRows}::text::jsonb, ${workerRows}::text::jsonb)`;
      return true;
    });
    return done ?? false;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#rollTimer);
    // What is under way is a statement with a deadline; the thread's end does not wait for a long one, and the server takes it back.
    this.#session?.discard();
    this.#session = undefined;
    await this.#queue;
  }

  #rollSoon(ms: number): void {
    if (this.#isClosed) return;
    this.#rollTimer = setTimeout(() => void this.#roll(), ms);
  }

  async #roll(): Promise<void> {
    const rolled = await this.#do(ROLL_DEADLINE_MS, async ({ sql }) => {
      const [row] = await sql<{ rolled: number }[]>`SELECT roll_spans(${SPANS_PER_CALL}) AS rolled`;
      return row!.rolled;
    });
    // After an outage or an upgrade there are many: they are worked off with pauses in which refusals get their turn.
    this.#rollSoon(rolled === SPANS_PER_CALL ? ROLL_INTERVAL_MS / 30 : ROLL_INTERVAL_MS);
  }

  /** Undefined: the database is away, or refuses; it is tried afresh the next time. */
  #do<Result>(
    deadlineMs: number,
    work: (session: DatabaseSession) => Promise<Result>,
  ): Promise<Result | undefined> {
    const next = this.#queue.then(async () => {
      if (this.#isClosed) return undefined;
      try {
        const session = (this.#session ??= await this.#open());
        const result = await session.within(deadlineMs, () => work(session));
        this.#fault = '';
        return result;
      } catch (error) {
        this.#session?.discard();
        this.#session = undefined;
        this.#complain(messageOf(error));
        return undefined;
      }
    });
    this.#queue = next;
    return next;
  }

  async #open(): Promise<DatabaseSession> {
    const { databaseUrl, instanceName } = this.#options;
    const session = await DatabaseSession.open(
      databaseUrl,
      `sluice spans ${instanceName}`,
      CONNECT_DEADLINE_MS,
    );
    try {
      const [row] = await session.within(
        CONNECT_DEADLINE_MS,
        () => session.sql<{ id: number }[]>`
          SELECT ensure_instance(${instanceName}) AS id, set_config('statement_timeout', ${String(ROLL_DEADLINE_MS)}, false)`,
      );
      this.#instanceId = row!.id;
      return session;
    } catch (error) {
      session.discard();
      throw error;
    }
  }

  #complain(fault: string): void {
    if (this.#isClosed || fault === this.#fault) return;
    this.#fault = fault;
    this.#options.log('warn', { fault }, 'refusals and spans cannot be stored; they wait');
  }
}
