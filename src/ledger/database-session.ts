/**
 * One connection of its own, for the loader and for the payer. In flow statements and COPY bytes, out flow results, or the first
 * error. It must never let a statement of a transaction run outside of it.
 *
 * That is not idle fear. The client reconnects by itself, so a statement issued just after the connection died would run
 * on a new one, in a transaction of its own: progress without its rows. So a session is one connection for ever; the
 * moment it is lost every further statement throws, and after any error the whole session is thrown away, not rolled back.
 */
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EdgeError } from '../kit/edge-error.ts';
import { type Database, openDatabase, type ReservedConnection } from './stores/postgres.ts';

/**
 * A host that vanishes in the middle of a batch leaves its lock on the instance's mark; without this its successor would
 * wait for the server's TCP keep-alive, two hours by default.
 */
const IDLE_IN_TRANSACTION = '60s';

/** A query object of the client, as far as `copyIn` reaches into it. */
interface PendingCopy {
  writable(): Promise<Writable>;
  readable(): Promise<Readable>;
  reject(error: unknown): void;
}

export class DatabaseSession {
  readonly #client: Database;
  readonly #connection: ReservedConnection;
  readonly #lost: () => boolean;
  #discarded = false;

  private constructor(client: Database, connection: ReservedConnection, lost: () => boolean) {
    this.#client = client;
    this.#lost = lost;
    this.#connection = this.#guarded(connection);
  }

  /** @param deadlineMs within which the connection must stand, and any one statement end (the server sees to that). */
  static async open(url: string, applicationName: string, deadlineMs: number): Promise<DatabaseSession> {
    let lost = false;
    const client = openDatabase(url, {
      applicationName,
      max: 1,
      statementTimeoutMs: deadlineMs,
      onClose: () => {
        lost = true;
      },
    });
    const timer = setTimeout(discard, deadlineMs, client);
    try {
      // A plain query first: a `reserve` that cannot connect stays in the client's queue and opens a connection later,
      // when nobody is left to close it.
      await client`SELECT set_config('idle_in_transaction_session_timeout', ${IDLE_IN_TRANSACTION}, false)`;
      return new DatabaseSession(client, await client.reserve(), () => lost);
    } catch (error) {
      discard(client);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Runs statements that must end by a deadline: after it the session is discarded, and with it everything in flight
   * rejects. For the server that is silent rather than gone, which no statement time-out of its own can end.
   */
  async within<T>(deadlineMs: number, work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.discard(), deadlineMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Throws once the connection is lost, and so does every statement on what it gave before. */
  get sql(): ReservedConnection {
    this.#assertAlive();
    return this.#connection;
  }

  #assertAlive(): void {
    if (!this.#discarded && !this.#lost()) return;
    throw new EdgeError('SLUICE_DATABASE_UNREACHABLE', 'the connection to the database was lost');
  }

  /**
   * Whoever keeps the connection over a pause may come back when it is closed. The client (3.4.9) would write to a socket that is null,
   * in a turn of its own where nobody catches it, and the process would end.
   */
  #guarded(connection: ReservedConnection): ReservedConnection {
    return new Proxy(connection, {
      apply: (target, _, statement: unknown[]) => {
        this.#assertAlive();
        return Reflect.apply(target as (...parts: unknown[]) => unknown, undefined, statement);
      },
      get: (target, name) => {
        if (name === 'unsafe') this.#assertAlive();
        return Reflect.get(target, name) as unknown;
      },
    });
  }

  /**
   * Sends one COPY ... FROM STDIN, piece by piece as they are made; resolves when the server has taken all of it. The server reads a piece
   * into memory of that size: some 64 KiB stay in its cache, where megabytes are fetched from the kernel and given back every time.
   * @param meanwhile runs when all is sent and the server is still at work
   */
  async copyIn(statement: string, pieces: Iterable<Buffer>, meanwhile?: () => void): Promise<void> {
    const copy = this.sql.unsafe(statement) as unknown as PendingCopy;
    const failed = failureOf(copy);
    const stream = await copy.writable();
    const finished = once(stream, 'finish');
    finished.catch(() => {});
    // An error after `finished` has settled must still find a listener.
    stream.on('error', () => {});
    for (const piece of pieces) await Promise.race([written(stream, piece), failed]);
    stream.end();
    meanwhile?.();
    await Promise.race([finished, failed]);
  }

  /** The same from a stream, for what does not fit into memory. */
  async copyInFrom(statement: string, source: Readable): Promise<void> {
    const copy = this.sql.unsafe(statement) as unknown as PendingCopy;
    const failed = failureOf(copy);
    const stream = await copy.writable();
    await Promise.race([pipeline(source, stream), failed]);
  }

  /** The bytes of one COPY ... TO STDOUT. To be read to its end before the next statement. */
  async copyOut(statement: string): Promise<Readable> {
    const copy = this.sql.unsafe(statement) as unknown as PendingCopy;
    const stream = await copy.readable();
    // The client (3.4.9) pauses its socket when this stream is full, and goes on when it is read from. A stream that was full when its
    // last bytes came is not read from again, and the connection would be silent for ever: so it is asked once more.
    stream.once('end', () => stream._read(0));
    const forward = copy.reject.bind(copy);
    copy.reject = (error) => {
      stream.destroy(error as Error);
      forward(error);
    };
    return stream;
  }

  /** Closes at once; the server rolls back whatever was open. */
  discard(): void {
    this.#discarded = true;
    discard(this.#client);
  }
}

/** Resolves when the socket has taken it. */
function written(stream: Writable, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(piece, (error) => (error ? reject(error) : resolve()));
  });
}

/**
 * Once the stream exists the client has resolved this query, and an error that comes after the last byte (a violated check, a lost
 * connection) goes to its `reject`, where nobody hears it while the stream waits for ever.
 */
function failureOf(copy: PendingCopy): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    const forward = copy.reject.bind(copy);
    copy.reject = (error) => {
      reject(error);
      forward(error);
    };
  });
  // It is raced with the stream; until then it has no listener.
  failed.catch(() => {});
  return failed;
}

function discard(client: Database): void {
  client.end({ timeout: 0 }).catch(() => {});
}
