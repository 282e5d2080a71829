/**
 * An embedded PostgreSQL for the demo and the tests: the programs of an npm package under our own supervisor.
 *
 * In flows a folder; out flows the URL of a running server with an empty or kept database `sluice`. It must never run as
 * root, never be open to others of the machine, never survive us for long, and never stop before we ask: the ready-made
 * class of that package ends the process on SIGTERM before the last batch is written.
 *
 * TCP on 127.0.0.1 with a random password, and nothing else. A Unix socket would be 20 % quicker per batch, but it needs a
 * second way of authentication, its path ends at 107 bytes, and production speaks TCP too: one way, the same everywhere.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import { findBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import {
  type Access,
  chooseHome,
  claim,
  type PostgresHome,
  readAccess,
  takeOwnership,
  writeAccess,
} from './postgres-home.ts';
import { faultOf, freeBytesAt, ServerLog } from './postgres-log.ts';
import { freePort, runTool, type ServerExit, ServerProcess, stopOrphan } from './postgres-process.ts';
import { openDatabase } from './stores/postgres.ts';

export interface EmbeddedPostgresOptions {
  /** e.g. `.sluice/pg18`; its parent also gets the log and the access file. */
  readonly dataDir: string;
  readonly log: Logger;
  /** Over the defaults below, e.g. `{ fsync: 'off' }` where the data may be lost with the machine. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export interface EmbeddedPostgres {
  /** Holds the password: never log it. */
  readonly url: string;
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly username: string;
    readonly password: string;
  };
  readonly version: string;
  readonly pid: number;
  readonly port: number;
  /** The database was made by this start. */
  readonly firstStart: boolean;
  /** Where the data really are: not always the folder asked for (see the log). */
  readonly dataDir: string;
  /** Resolves when the server is gone, for whatever reason. */
  readonly exited: Promise<ServerExit>;
  stop(): Promise<void>;
  /** Resolves when the server is gone. */
  kill(signal: NodeJS.Signals): Promise<ServerExit>;
}

const DATABASE = 'sluice';
const SUPERUSER = 'postgres';
const HOST = '127.0.0.1';

/** Sized for a demo on a small machine; durability is not for sale, since the kill test runs on it. */
const SETTINGS: Readonly<Record<string, string | number>> = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: 50,
  shared_buffers: '128MB',
  fsync: 'on',
  synchronous_commit: 'on',
  max_wal_size: '512MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Waiting for the queue of a killed engine's connections would hold up the next one.
  client_connection_check_interval: '1s',
};

/** Who may come in: people of this machine who have the password. `local` is absent: no socket, no other way. */
const HOST_RULES = `# Written by the supervisor; changes are lost at the next start.
host all all ${HOST}/32 scram-sha-256
`;

/** Ports can be taken between our look and the server's; thrice in a row is not chance. */
const START_ATTEMPTS = 8;
const LEFTOVER_WAIT_MS = 250;

export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    const home = await chooseHome(options.dataDir, options.log);
    const release = await takeOwnership(home);
    try {
      return await startOwned(home, release, options);
    } catch (error) {
      release();
      throw error;
    }
  } catch (error) {
    throw explain(error, options.dataDir);
  }
}

async function startOwned(
  home: PostgresHome,
  release: () => void,
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const binaries = await findBinaries(home.account, dirname(home.dataDir), (folder) =>
    options.log.info(
      { folder },
      `database programs copied to ${folder}, where the database's user can reach them`,
    ),
  );
  const orphan = await stopOrphan(home.dataDir);
  if (orphan) options.log.warn({ pid: orphan }, 'stopped a database server whose supervisor had been killed');

  const access = await readAccess(home);
  const firstStart = !home.initialised;
  if (firstStart) await initialise(home, binaries, access);
  else await checkExisting(home, binaries, access);
  await writeHostRules(home);

  const { server, port } = await startServer(home, binaries, access, options);
  void server.exited.then(release);
  try {
    await writeAccess(home, port, access.password);
    await ensureDatabase(port, access);
  } catch (error) {
    await server.stop();
    throw error;
  }
  const { password } = access;
  return {
    url: urlOf(DATABASE, password, port, DATABASE),
    connection: { host: HOST, port, database: DATABASE, username: DATABASE, password },
    version: binaries.version,
    pid: server.pid,
    port,
    firstStart,
    dataDir: home.dataDir,
    exited: server.exited,
    stop: () => (server.running ? server.stop() : Promise.resolve()),
    kill: (signal) => server.kill(signal),
  };
}

/**
 * Makes the data folder under another name and renames it when all is done, password included: a start that is killed on
 * the way leaves nothing that the next one would take for a database.
 */
async function initialise(home: PostgresHome, binaries: PostgresBinaries, access: Access): Promise<void> {
  const present = await readdir(home.dataDir).catch(() => []);
  if (present.length > 0) {
    throw new EdgeError(
      'SLUICE_POSTGRES_DIR_FOREIGN',
      `${home.dataDir} holds something that is no database (${present.slice(0, 3).join(', ')})`,
      'Move it away, or name another folder.',
    );
  }
  const unfinished = `${home.dataDir}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  try {
    await mkdir(unfinished, { mode: 0o700 });
    await claim(unfinished, home.account);
    await fillDataFolder(home, binaries, unfinished, access);
    await rename(unfinished, home.dataDir);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

async function fillDataFolder(
  home: PostgresHome,
  binaries: PostgresBinaries,
  unfinished: string,
  access: Access,
): Promise<void> {
  const args = [
    '-D',
    unfinished,
    '-U',
    SUPERUSER,
    '-E',
    'UTF8',
    '--locale=C',
    '--data-checksums',
    '--auth=reject',
  ];
  await runOrThrow(home, binaries.initdb, [...args, '--no-instructions']);
  await setPassword(home, binaries, unfinished, access.password);
  await writeAccess(home, access.port ?? 0, access.password);
}

/** Only when they differ: a rewrite on a full disk would leave none. */
async function writeHostRules(home: PostgresHome): Promise<void> {
  const path = join(home.dataDir, 'pg_hba.conf');
  if ((await readFile(path, 'utf8').catch(() => '')) === HOST_RULES) return;
  await writeFile(path, HOST_RULES, { mode: 0o600 });
  await claim(path, home.account);
}

async function checkExisting(home: PostgresHome, binaries: PostgresBinaries, access: Access): Promise<void> {
  const made = (await readFile(join(home.dataDir, 'PG_VERSION'), 'utf8')).trim();
  if (Number(made) !== binaries.major) {
    throw new EdgeError(
      'SLUICE_POSTGRES_VERSION',
      `${home.dataDir} was made by PostgreSQL ${made}, and this is ${binaries.version}`,
      'Move the folder away to begin anew, or set database.url to a server of that version.',
    );
  }
  if (access.known) return;
  await setPassword(home, binaries, home.dataDir, access.password);
  await writeAccess(home, access.port ?? 0, access.password);
}

/** In single-user mode, which asks nobody for a password. It reads one statement per line and goes on after errors. */
async function setPassword(
  home: PostgresHome,
  binaries: PostgresBinaries,
  dataDir: string,
  password: string,
): Promise<void> {
  const statement = `ALTER ROLE ${SUPERUSER} PASSWORD '${password}'\n`;
  await runOrThrow(home, binaries.postgres, ['--single', '-D', dataDir, 'postgres'], statement);
}

async function runOrThrow(
  home: PostgresHome,
  tool: string,
  args: readonly string[],
  input = '',
): Promise<void> {
  const { code, output } = await runTool(tool, args, home.account, input);
  if (code === 0 && !/\b(ERROR|FATAL|PANIC):/.test(output)) return;
  const fault = faultOf(output, home.dataDir, await freeBytesAt(home.dataDir));
  throw fault.retry === 'no'
    ? fault.error
    : new EdgeError('SLUICE_POSTGRES_IN_USE', `another server uses ${home.dataDir}`, 'Stop it first.');
}

async function startServer(
  home: PostgresHome,
  binaries: PostgresBinaries,
  access: Access,
  options: EmbeddedPostgresOptions,
): Promise<{ server: ServerProcess; port: number }> {
  const log = await ServerLog.open(home.logFile, home.account);
  let wanted = access.port;
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(wanted);
    await log.markStart();
    const settings = { ...SETTINGS, ...options.settings, port };
    const server = ServerProcess.start(binaries, home.dataDir, settings, home.account, log.descriptor);
    if (await server.ready()) {
      void server.exited.then(() => log.close());
      return { server, port };
    }
    const fault = faultOf(await log.tail(), home.dataDir, await freeBytesAt(home.dataDir));
    if (fault.retry === 'no' || attempt === START_ATTEMPTS) {
      log.close();
      throw fault.retry === 'no' ? fault.error : lastFault(fault.retry, home.dataDir);
    }
    if (fault.retry === 'port') wanted = undefined;
    else await delay(LEFTOVER_WAIT_MS * attempt);
  }
}

function lastFault(kind: 'port' | 'leftover', dataDir: string): EdgeError {
  return kind === 'port'
    ? new EdgeError('SLUICE_POSTGRES_PORT', `no port of ${HOST} could be had for the database`, 'Try again.')
    : new EdgeError(
        'SLUICE_POSTGRES_IN_USE',
        `another server still uses ${dataDir}`,
        'Stop it, then try again.',
      );
}

/**
 * The role we work as owns its database and may make others (the tests do); it is no superuser, so that migrations prove
 * that they need none. Repeated at every start: a first start may have been killed half-way.
 */
async function ensureDatabase(port: number, access: Access): Promise<void> {
  const sql = openDatabase(urlOf(SUPERUSER, access.password, port, 'postgres'), {
    applicationName: 'sluice supervisor',
    max: 1,
  });
  try {
    const [found] = await sql<{ role: boolean; database: boolean }[]>`
      SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = ${DATABASE}) AS role,
             EXISTS (SELECT FROM pg_database WHERE datname = ${DATABASE}) AS database`;
    // Hex, so it needs no quoting; ALTER ROLE takes no parameters.
    const login = `LOGIN CREATEDB PASSWORD '${access.password}'`;
    if (!found?.role) await sql.unsafe(`CREATE ROLE ${DATABASE} ${login}`);
    else if (!access.known) await sql.unsafe(`ALTER ROLE ${DATABASE} ${login}`);
    if (!found?.database) await sql.unsafe(`CREATE DATABASE ${DATABASE} OWNER ${DATABASE}`);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function urlOf(user: string, password: string, port: number, database: string): string {
  return `postgres://${user}:${password}@${HOST}:${port}/${database}`;
}

/** What the file system threw, as something a person can act on. */
function explain(error: unknown, dataDir: string): unknown {
  if (error instanceof EdgeError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new EdgeError(
      'SLUICE_POSTGRES_DISK_FULL',
      `the disk of ${dataDir} is full`,
      'Free some space.',
      error,
    );
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new EdgeError(
      'SLUICE_POSTGRES_DIR_OWNER',
      `${dataDir} cannot be used: ${messageOf(error)}`,
      'Start as the user who owns that folder, or name another one.',
      error,
    );
  }
  return error;
}
