/**
 * One engine per instance name. In flow a name, out flows the claim to it, or who has it. Two engines of one name hand out the same
 * work to different miners and write over each other's mark in the database.
 *
 * The claim is an advisory lock of a connection that does nothing else: it ends with the engine, however that ends. A database that is
 * away must not keep an engine from starting, so the claim is then made when it is back; whoever finds the name taken at that time
 * goes on, since its miners' shares are in its journal, and says so until a person has looked.
 */
import { hostname } from 'node:os';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import { DatabaseSession } from './database-session.ts';
import { isUnreachable } from './stores/postgres.ts';

/** First half of the lock's number; the second is the name. "name" on a telephone's keys. */
const LOCK_CLASS = 6_263;
/** A connection that was killed with its engine is seen as gone within milliseconds; the engine after it starts at once. */
const PATIENCE_MS = 5_000;
const RETRY_MS = 200;
const CONNECT_DEADLINE_MS = 5_000;
/** Between two looks whether the connection still stands. */
const WATCH_MS = 5_000;

export interface InstanceClaimOptions {
  readonly databaseUrl: string;
  readonly instance: string;
  readonly log: Logger;
}

export class InstanceClaim {
  readonly #options: InstanceClaimOptions;
  #session: DatabaseSession | undefined;
  #watch: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: InstanceClaimOptions) {
    this.#options = options;
  }

  /** @throws EdgeError SLUICE_INSTANCE_TAKEN, naming who has it; a database that is away is no fault here */
  async take(): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    let holder = await this.#try();
    while (holder !== undefined && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      holder = await this.#try();
    }
    if (holder !== undefined) throw takenBy(this.#options.instance, holder);
    this.#watch = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#keep());
    }, WATCH_MS);
    this.#watch.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    await this.#looking;
    this.#session?.discard();
  }

  async #keep(): Promise<void> {
    try {
      if (this.#session) await this.#session.sql`SELECT 1`;
    } catch {
      this.#session?.discard();
      this.#session = undefined;
    }
    const holder = await this.#try();
    if (holder !== undefined)
      this.#options.log.error(
        { holder },
        'another engine has taken this instance name while the database was away: stop one of them',
      );
  }

  /** undefined: the name is ours, or nobody can be asked. */
  async #try(): Promise<string | undefined> {
    if (this.#session) return undefined;
    const { databaseUrl, instance, log } = this.#options;
    let session: DatabaseSession | undefined;
    try {
      session = await DatabaseSession.open(databaseUrl, claimantName(), CONNECT_DEADLINE_MS);
      const [row] = await session.sql<{ taken: boolean }[]>`
        SELECT pg_try_advisory_lock(${LOCK_CLASS}::int, hashtext(${instance})) AS taken`;
      if (row!.taken) {
        this.#session = session;
        return undefined;
      }
      const holder = await holderOf(session, instance);
      session.discard();
      return holder;
    } catch (error) {
      session?.discard();
      if (!isUnreachable(error)) log.warn({ fault: messageOf(error) }, 'the instance name cannot be claimed');
      return undefined;
    }
  }
}

/** PostgreSQL keeps 63 bytes of it. */
function claimantName(): string {
  return `sluice engine ${process.pid} on ${hostname()}`;
}

async function holderOf(session: DatabaseSession, instance: string): Promise<string> {
  const [row] = await session.sql<{ name: string }[]>`
    SELECT application_name || ', connected since ' || a.backend_start AS name
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.classid = ${LOCK_CLASS}::int::oid
      AND l.objid = (hashtext(${instance})::bigint & 4294967295)::oid
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  return row?.name ?? 'an engine that has just ended';
}

function takenBy(instance: string, holder: string): EdgeError {
  return new EdgeError(
    'SLUICE_INSTANCE_TAKEN',
    `another engine runs as ${instance}: ${holder}`,
    'Give this one an instance name of its own, or stop the other one first.',
  );
}
