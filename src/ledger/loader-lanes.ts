/**
 * The loader's two connections. In flow batches in the order of the journal, out flow flights: batches on their way. It must never let a
 * batch count before the one it follows.
 *
 *   lane 0   batch 1: COPY . . . . | mark, sums, COMMIT |     batch 3: COPY . . . . .  | mark ...
 *   lane 1            batch 2: COPY . . . . (waits for 1) | mark, sums, COMMIT |     batch 4: ...
 *
 * PostgreSQL is the slower one by far, and a COPY keeps one core busy: so a backlog goes on two. Without a backlog there is one
 * connection, and one batch at a time.
 */
import type { JournalPosition } from '../journal/journal.ts';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { BatchWriter, type Written } from './batch-writer.ts';
import { DatabaseSession } from './database-session.ts';
import { Identities } from './identities.ts';
import type { LoaderLog } from './loader-status.ts';
import type { ShareBatch } from './share-batch.ts';
import { toDatabaseError } from './stores/postgres.ts';

export interface Flight {
  readonly batch: ShareBatch;
  readonly lane: number;
  /** All its rows are on their way to the server, or it has ended. */
  readonly sent: Promise<void>;
  readonly written: Promise<Written>;
}

export interface LaneOptions {
  readonly databaseUrl: string;
  readonly instanceName: string;
  readonly log: LoaderLog;
  /** Until the next try for a second connection. */
  readonly aloneMs?: number;
}

interface Lane {
  readonly writer: BatchWriter;
  session: DatabaseSession | undefined;
}

/** A batch takes milliseconds; a server that is silent for this long is gone, whatever its socket says. */
export const BATCH_DEADLINE_MS = 60_000;
export const CONNECT_DEADLINE_MS = 30_000;
/** A second connection that cannot be had is no fault; the first one goes on alone for so long. */
const ALONE_MS = 60_000;

export class LoaderLanes {
  readonly #options: LaneOptions;
  readonly #identities = new Identities();
  readonly #first: Lane;
  readonly #second: Lane;
  #flights: Flight[] = [];
  #instanceId = 0;
  #aloneUntilMs = Number.NEGATIVE_INFINITY;
  #isAlone = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    const lane = () => ({
      writer: new BatchWriter(this.#identities),
      session: undefined,
    });
    this.#first = lane();
    this.#second = lane();
  }

  get isOpen(): boolean {
    return this.#first.session !== undefined;
  }

  get instanceId(): number {
    return this.#instanceId;
  }

  /** For what is no batch: the first connection's. */
  get writer(): BatchWriter {
    return this.#first.writer;
  }

  async open(): Promise<DatabaseSession> {
    if (this.#first.session) return this.#first.session;
    const session = await this.#connect();
    try {
      this.#instanceId = await session.within(CONNECT_DEADLINE_MS, () =>
        this.writer.instanceId(session, this.#options.instanceName),
      );
    } catch (error) {
      session.discard();
      throw error;
    }
    this.#first.session = session;
    return session;
  }

  /** False where the server gives no second one. */
  async openSecond(): Promise<boolean> {
    if (this.#second.session) return true;
    if (performance.now() < this.#aloneUntilMs) return false;
    try {
      this.#second.session = await this.#connect();
      this.#isAlone = false;
      return true;
    } catch (error) {
      // Once, and not every minute of a long backlog.
      if (!this.#isAlone) this.#tellAlone(error);
      this.#isAlone = true;
      this.#aloneUntilMs = performance.now() + (this.#options.aloneMs ?? ALONE_MS);
      return false;
    }
  }

  #tellAlone(error: unknown): void {
    const told = toDatabaseError(error, this.#options.databaseUrl);
    this.#options.log(
      'warn',
      { code: told instanceof EdgeError ? told.code : 'SLUICE_DATABASE_UNREACHABLE', fault: messageOf(told) },
      'a second database connection cannot be had: the backlog is loaded over one, more slowly',
    );
  }

  /** The backlog is gone: its connection need not stand about. */
  closeSecond(): void {
    this.#second.session?.discard();
    this.#second.session = undefined;
  }

  /**
   * @param committed where the database stands
   * @param before of the batch that this one follows, on the other connection
   */
  launch(batch: ShareBatch, committed: JournalPosition, before?: Flight): Flight {
    const lane = before ? 1 - before.lane : 0;
    const { session, writer } = lane === 0 ? this.#first : this.#second;
    if (!session) throw new Error('a batch was launched without a connection');
    let onSent = () => {};
    const sent = new Promise<void>((resolve) => {
      onSent = resolve;
    });
    const written = session.within(BATCH_DEADLINE_MS, () =>
      writer.write(session, this.#instanceId, batch, { committed, before: before?.written, onSent }),
    );
    // Also when it fails, and heard here: whoever waits for it may come later.
    written.then(onSent, onSent);
    const flight = { batch, lane, sent, written };
    this.#flights = before ? [before, flight] : [flight];
    return flight;
  }

  /** Nothing is on its way any more: buffers and batches are free. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#flights.map(({ written }) => written));
    this.#flights = [];
  }

  /** After any error: closes both; the server rolls back what was open. */
  async discard(): Promise<void> {
    this.#first.session?.discard();
    this.#first.session = undefined;
    this.closeSecond();
    this.#identities.forget();
    await this.settle();
  }

  #connect(): Promise<DatabaseSession> {
    const { databaseUrl, instanceName } = this.#options;
    return DatabaseSession.open(databaseUrl, `sluice loader ${instanceName}`, CONNECT_DEADLINE_MS);
  }
}
