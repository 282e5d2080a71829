/**
 * The lead: the right to write money. One connection carries all of it: the advisory lock that keeps a second payer waiting, and every
 * money statement, so whoever loses the connection has lost both at once. The epoch is what counts when a lock lies: each money
 * function in the database compares it, and a payer that slept through its successor's start is refused there.
 *
 *   take -> lock? --no--> SLUICE_LEAD_TAKEN, says who has it
 *            '--yes--> epoch + 1 -> transactions, one after the other -> connection lost: over, take again
 */
import { EdgeError } from '../kit/edge-error.ts';
import { DatabaseSession } from './database-session.ts';
import { isUnreachable, type ReservedConnection } from './stores/postgres.ts';

/** Beside the migrations' lock; "payer" on a telephone's keys. */
const LOCK_KEY = 72_937;
/** A settlement over 100,000 accounts takes seconds; a server that is silent for longer is gone. */
const STATEMENT_DEADLINE_MS = 60_000;
/** From a connection's error to its end, on the same machine: one turn of the loop, generously. */
const CLOSE_IS_TOLD_MS = 100;
const CHECK_DEADLINE_MS = 10_000;
/** The duties of a payer ask the database something every two seconds. */
const SILENCE_MAX = '5min';

export class Lead {
  readonly epoch: bigint;
  readonly #session: DatabaseSession;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(session: DatabaseSession, epoch: bigint) {
    this.#session = session;
    this.epoch = epoch;
  }

  /**
   * @param holder who we are, for people: host, process, start
   * @throws EdgeError SLUICE_LEAD_TAKEN when another process has it
   */
  static async take(databaseUrl: string, holder: string): Promise<Lead> {
    const session = await DatabaseSession.open(databaseUrl, 'sluice payer', STATEMENT_DEADLINE_MS);
    try {
      const [row] = await session.sql<
        { taken: boolean }[]
      >`SELECT pg_try_advisory_lock(${LOCK_KEY}) AS taken`;
      if (!row!.taken) throw await takenBy(session.sql);
      await makeSure(session.sql);
      const [lead] = await session.sql<{ epoch: bigint }[]>`SELECT take_lead('payer', ${holder}) AS epoch`;
      return new Lead(session, lead!.epoch);
    } catch (error) {
      session.discard();
      throw error;
    }
  }

  /** For statements that need no transaction. Throws once the connection is lost. */
  get sql(): ReservedConnection {
    return this.#session.sql;
  }

  /**
   * Runs `work` between BEGIN and COMMIT. A refusal, our own or by a rule of the database, is rolled back and the lead goes on. Any other
   * failure, also that of COMMIT, ends it: what became of the transaction is then learnt by looking into the database, under a new
   * lead. Transactions wait for each other.
   *
   * @param deadlineMs of all statements together; each has its own, too
   */
  transaction<T>(
    work: (sql: ReservedConnection) => Promise<T>,
    deadlineMs: number = STATEMENT_DEADLINE_MS,
  ): Promise<T> {
    const run = this.#last.then(() => this.#run(work, deadlineMs));
    this.#last = run.catch(() => {});
    return run;
  }

  /**
   * Rejects unless this lead still holds. To be asked after a failure, when the connection may be dying: the client (3.4.9) rejects what
   * was under way before it says that the connection is closed, and a statement that comes in between is never answered.
   */
  async check(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, CLOSE_IS_TOLD_MS));
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new Error('the database does not say who leads'));
      setTimeout(fail, CHECK_DEADLINE_MS).unref();
    });
    late.catch(() => {});
    await Promise.race([this.sql`SELECT assert_lead('payer', ${this.epoch})`, late]);
  }

  /** Lets go of the lock with the connection. */
  close(): void {
    this.#session.discard();
  }

  async #run<T>(work: (sql: ReservedConnection) => Promise<T>, deadlineMs: number): Promise<T> {
    try {
      return await this.#session.within(deadlineMs, async () => {
        await this.sql`BEGIN`;
        const result = await work(this.sql);
        const answer = await this.sql`COMMIT`;
        if (answer.command !== 'COMMIT') throw new Error(`the server answered ${answer.command} to COMMIT`);
        return result;
      });
    } catch (error) {
      if (!isRefusal(error) || !(await this.#rolledBack())) this.#session.discard();
      throw error;
    }
  }

  async #rolledBack(): Promise<boolean> {
    try {
      const answer = await this.#session.within(CHECK_DEADLINE_MS, () => this.sql`ROLLBACK`);
      return answer.command === 'ROLLBACK';
    } catch {
      return false;
    }
  }
}

/** The connection is sound then, and we still lead: SL001 is no refusal but the end. */
function isRefusal(error: unknown): boolean {
  if (error instanceof EdgeError) return !isUnreachable(error);
  return /^(SL00[2-6]|23514)$/.test(String((error as { code?: unknown } | null)?.code));
}

/**
 * What the session of a lead needs whatever the server's defaults are.
 *
 * A commit that does not wait for its disk may be forgotten by a crash, and a payout with it. And a host that loses its power says
 * no goodbye: the server would keep its lock for the two hours of TCP's own patience, and nobody would be paid. Through a Unix socket
 * the keep-alives do nothing, and nothing is needed. A process that was stopped (SIGSTOP) answers them; it loses the lead by silence.
 */
async function makeSure(sql: ReservedConnection): Promise<void> {
  await sql`
    SELECT set_config('tcp_keepalives_idle', '15', false), set_config('tcp_keepalives_interval', '5', false),
      set_config('tcp_keepalives_count', '4', false), set_config('idle_session_timeout', ${SILENCE_MAX}, false),
      CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN set_config('synchronous_commit', 'on', false) END`;
}

async function takenBy(sql: ReservedConnection): Promise<EdgeError> {
  const [row] = await sql<{ holder: string; taken_at: string }[]>`
    SELECT holder, taken_at::text FROM leaders WHERE role = 'payer'`;
  return new EdgeError(
    'SLUICE_LEAD_TAKEN',
    `another payer has the lead: ${row ? `${row.holder}, since ${row.taken_at}` : 'it has just started'}`,
    'One payer is enough; stop the other one first if this one shall take over.',
  );
}
