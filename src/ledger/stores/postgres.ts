/**
 * The connection to PostgreSQL, made in one place. In flows a URL from the configuration, out flows a typed client whose
 * every connection has Nagle off, UTC, a name of its own in `pg_stat_activity`, and bounded waits. It must never print or
 * throw the URL: that is where the password is.
 */
import { Socket } from 'node:net';
import postgres from 'postgres';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';

/**
 * int8 columns come back as bigint and take bigint; numeric stays a string (`BigInt(row.work_hashes)`).
 *
 * No `begin` in a process that must outlive its database: when a connection dies inside of one, the client (3.4.9) sends its
 * ROLLBACK to a socket that is gone, where no promise hears of it, and the process ends. The same goes for a reserved connection
 * that is used again after it died (see `database-session`).
 */
export type Database = postgres.Sql<{ bigint: bigint }>;
export type ReservedConnection = postgres.ReservedSql<{ bigint: bigint }>;

export interface DatabaseOptions {
  /** Shown in `pg_stat_activity`, e.g. `sluice loader`. */
  readonly applicationName: string;
  /** Connections at most; opened when needed. */
  readonly max?: number;
  /** The server ends any statement that takes longer; 0 or absent = no bound. */
  readonly statementTimeoutMs?: number;
  /** No statement of it takes more than one core of the server's. */
  readonly oneCore?: boolean;
  readonly connectTimeoutMs?: number;
  /** The server's notices; thrown away when absent. */
  readonly onNotice?: (message: string) => void;
  /** A connection was lost or closed. */
  readonly onClose?: () => void;
}

/** One engine needs a loader, a block writer and some readers: far below the 50 that the embedded server allows. */
const CONNECTIONS_DEFAULT = 4;
/** A database on the same network answers in milliseconds; a name server that is down takes five seconds to say so. */
const CONNECT_TIMEOUT_MS = 10_000;
/** The client's own back-off grows to 20 s; a loader with a growing backlog should be back two seconds after its server. */
const BACKOFF_MAX_SECONDS = 2;
const BACKOFF_FIRST_SECONDS = 0.05;
/** Finds a peer that vanished without a goodbye in about a minute, not in two hours. */
const KEEP_ALIVE_SECONDS = 15;
/** Oldest server on which the migrations are tested. */
const SERVER_VERSION_MIN = 15;

/** Opens nothing yet: the first query does. Throws only for a URL that is none. */
export function openDatabase(url: string, options: DatabaseOptions): Database {
  const place = databasePlace(url);
  return postgres(url, {
    max: options.max ?? CONNECTIONS_DEFAULT,
    connect_timeout: (options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS) / 1000,
    backoff: (attempt: number) => Math.min(BACKOFF_FIRST_SECONDS * 2 ** attempt, BACKOFF_MAX_SECONDS),
    keep_alive: KEEP_ALIVE_SECONDS,
    // The client would end a healthy connection after 30 to 60 minutes, and with it a lock held on it.
    max_lifetime: null,
    // Its default handler prints to the console.
    onnotice: (notice: postgres.Notice) => options.onNotice?.(notice.message ?? ''),
    onclose: () => options.onClose?.(),
    // Else it asks for all array types on every new connection, in a promise of its own that nobody hears: a server that goes
    // away in that moment would end the process. We need one array type, and know it.
    fetch_types: false,
    types: { bigint: postgres.BigInt, textArray: TEXT_ARRAY },
    connection: {
      application_name: options.applicationName,
      TimeZone: 'UTC',
      ...(options.statementTimeoutMs ? { statement_timeout: options.statementTimeoutMs } : {}),
      // As text: the client leaves out a number that is 0.
      ...(options.oneCore ? { max_parallel_workers_per_gather: '0' } : {}),
    },
    ...(place.unixSocket ? {} : { socket: promptSockets() }),
  } as unknown as postgres.Options<{ bigint: postgres.PostgresType<bigint> }>) as Database;
}

/** `${texts}::text[]`; 1009 is the type's number in every PostgreSQL. Arrays that come back stay text. */
const TEXT_ARRAY = {
  to: 1009,
  from: [1009],
  serialize: (texts: readonly string[]): string =>
    `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`,
  parse: (text: string): string => text,
};

interface ClientSocketOptions {
  readonly host: readonly string[];
  readonly port: readonly number[];
}

/**
 * Makes sockets with Nagle off. With it on, every COPY waits for the peer's delayed ACK: 88 ms a batch instead of two.
 *
 * The socket is handed over while it still connects (node queues what is written until then). Awaiting the connection here
 * would be a trap: when this function rejects, the client never gives its connection slot back, and a pool of one hangs
 * for ever after one refused connection. `await` before `connect`, so that the client has its listeners on before any
 * failure can be emitted.
 */
function promptSockets(): (options: ClientSocketOptions) => Promise<Socket> {
  let attempts = 0;
  return async (options) => {
    await undefined;
    // Several hosts in the URL are tried in turn.
    const index = attempts++ % options.host.length;
    const host = options.host[index]!;
    const socket = new Socket();
    // The client reads `host` off the socket for the name in TLS.
    Object.assign(socket, { host });
    socket.setNoDelay(true);
    return socket.connect({ host, port: options.port[index] ?? 5432, noDelay: true });
  };
}

/** What may be said of a database in a log or an error: everything of the URL but the password. */
export interface DatabasePlace {
  readonly text: string;
  readonly unixSocket: boolean;
}

export function databasePlace(url: string): DatabasePlace {
  const match = /^postgres(?:ql)?:\/\/(?:([^@/]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?.*)?$/.exec(url);
  // Not the parser's own error: node puts the whole input, password included, on it.
  if (!match) throw badUrl('it is not of the form postgres://user:password@host:port/database');
  const [, credentials, hosts, database] = match;
  const user = (credentials ?? '').split(':')[0] ?? '';
  const unixSocket = /^(?:%2f|\/)/i.test(hosts ?? '');
  try {
    // A comma separates several hosts, which the WHATWG parser would refuse; check each as a URL of its own.
    if (!unixSocket) for (const host of (hosts ?? '').split(',')) new URL(`postgres://${host}/`);
    return {
      text: `${hosts || 'localhost'}/${decodeURIComponent(database ?? '')} as ${user || 'default user'}`,
      unixSocket,
    };
  } catch {
    throw badUrl('its host, port or escapes are not valid');
  }
}

function badUrl(fault: string): EdgeError {
  return new EdgeError(
    'SLUICE_DATABASE_URL',
    `database.url cannot be used: ${fault}`,
    'Write it as postgres://user:password@host:5432/database, with special characters of the password percent-encoded.',
  );
}

/** Asks the server who it is; throws an EdgeError that a person can act on when it cannot be used. */
export async function checkDatabase(sql: Database, url: string): Promise<{ version: string }> {
  try {
    return { version: await checkServer(sql) };
  } catch (error) {
    throw toDatabaseError(error, url);
  }
}

/** The server's version. Throws SLUICE_DATABASE_TOO_OLD, or whatever the query throws. */
export async function checkServer(sql: Database | ReservedConnection): Promise<string> {
  const [row] = await sql<{ version: string; number: number }[]>`
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number`;
  if (!row) throw new Error('the server gave no version');
  if (row.number >= SERVER_VERSION_MIN * 10_000) return row.version;
  throw new EdgeError(
    'SLUICE_DATABASE_TOO_OLD',
    `the server is PostgreSQL ${row.version}`,
    `Use PostgreSQL ${SERVER_VERSION_MIN} or later.`,
  );
}

/** Codes of failures in which the server was not reached, or went away; the work may be tried again as it is. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ENOENT',
  'EACCES',
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  // The server says it itself: shutting down, starting up, crashed beside us, out of connection slots.
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);
/** Wrong password or user, no such database, pg_hba says no: trying again does not help. */
const REFUSED = new Set(['28P01', '28000', '3D000', '42501']);

export function isUnreachable(thrown: unknown): boolean {
  return (
    UNREACHABLE.has(codeOf(thrown)) || (thrown as { code?: unknown })?.code === 'SLUICE_DATABASE_UNREACHABLE'
  );
}

/** The edge error for what a query threw; anything that is neither about reaching nor entering is given back as it is. */
export function toDatabaseError(thrown: unknown, url: string): unknown {
  if (thrown instanceof EdgeError) return thrown;
  const code = codeOf(thrown);
  const place = databasePlace(url).text;
  const reason = `${messageOf(thrown) || code} (${code})`;
  if (UNREACHABLE.has(code)) {
    return new EdgeError(
      'SLUICE_DATABASE_UNREACHABLE',
      `PostgreSQL at ${place} cannot be reached: ${reason}`,
      'Check that the server runs and that database.url names its host and port; shares stay in the journal meanwhile.',
      thrown,
    );
  }
  if (REFUSED.has(code)) {
    return new EdgeError(
      'SLUICE_DATABASE_REFUSED',
      `PostgreSQL at ${place} refuses us: ${reason}`,
      'Check user, password and database name in database.url, and the rights of that user.',
      thrown,
    );
  }
  return thrown;
}

function codeOf(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  if (typeof code === 'string') return code;
  // A host with several addresses fails as an AggregateError: its parts carry the code.
  const parts = (thrown as { errors?: unknown[] } | null | undefined)?.errors;
  return Array.isArray(parts) && parts.length > 0 ? codeOf(parts[0]) : '';
}
