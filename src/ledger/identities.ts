/**
 * The database's ids of workers and jobs, and the days it has tables for. In flow the entries of one batch, out flow the same entries
 * with their ids, made when they are new. They are committed before the batch's own transaction begins: a batch that is under way on
 * another connection needs them too, and an id whose shares come a moment later harms nobody. After a failure the database may be another one:
 * `forget` makes everything be asked for again.
 */

import { DAY_MS, type JobEntry, type WorkerEntry } from './share-batch.ts';
import type { ReservedConnection } from './stores/postgres.ts';

const PARENT = 'shares';

export class Identities {
  #epoch = 1;
  /** By day since 1970. */
  readonly #tables = new Map<number, string>();

  forget(): void {
    this.#epoch++;
    this.#tables.clear();
  }

  /**
   * The table that the shares of these days go into: the day's own where there is one day and we may write to it, else the parent.
   * Rows that the parent hands on are taken apart once more on the way (measured: a fifth of the COPY).
   * @param days since 1970
   */
  async tableOf(sql: ReservedConnection, days: ReadonlySet<number>): Promise<string> {
    let table = PARENT;
    for (const day of days) table = this.#tables.get(day) ?? (await this.#tableOfDay(sql, day));
    return days.size === 1 ? table : PARENT;
  }

  async #tableOfDay(sql: ReservedConnection, day: number): Promise<string> {
    const date = new Date(day * DAY_MS).toISOString().slice(0, 10);
    await sql`SELECT ensure_day_partitions(${date}::text::date)`;
    const own = `${PARENT}_${date.replaceAll('-', '')}`;
    const [row] = await sql<{ mine: boolean }[]>`SELECT has_table_privilege(${own}, 'INSERT') AS mine`;
    const table = row!.mine ? own : PARENT;
    this.#tables.set(day, table);
    return table;
  }

  async resolve(
    sql: ReservedConnection,
    workers: readonly WorkerEntry[],
    jobs: readonly JobEntry[],
  ): Promise<void> {
    const newWorkers = workers.filter((entry) => entry.epoch !== this.#epoch);
    const newJobs = jobs.filter((entry) => entry.epoch !== this.#epoch);
    if (newWorkers.length > 0) await this.#resolveWorkers(sql, newWorkers);
    if (newJobs.length > 0) await this.#resolveJobs(sql, newJobs);
  }

  // Everywhere below: inserts in the order of the key, so that two loaders that meet the same new names wait for each other
  // instead of deadlocking; and a SELECT of its own afterwards, whose snapshot sees what the other has committed.

  async #resolveWorkers(sql: ReservedConnection, entries: readonly WorkerEntry[]): Promise<void> {
    const addresses = entries.map((entry) => entry.address);
    const names = entries.map((entry) => entry.name);
    await sql`
      INSERT INTO accounts (address)
      SELECT DISTINCT address FROM unnest(${addresses}::text[]) AS wanted (address)
      WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.address = wanted.address)
      ORDER BY address
      ON CONFLICT DO NOTHING`;
    await sql`
      INSERT INTO workers (account_id, name)
      SELECT DISTINCT a.id, wanted.name FROM unnest(${addresses}::text[], ${names}::text[]) AS wanted (address, name)
      JOIN accounts a ON a.address = wanted.address
      WHERE NOT EXISTS (SELECT FROM workers w WHERE w.account_id = a.id AND w.name = wanted.name)
      ORDER BY a.id, wanted.name
      ON CONFLICT DO NOTHING`;
    const rows = await sql<{ place: bigint; id: bigint }[]>`
      SELECT wanted.place, w.id
      FROM unnest(${addresses}::text[], ${names}::text[]) WITH ORDINALITY AS wanted (address, name, place)
      JOIN accounts a ON a.address = wanted.address JOIN workers w ON w.account_id = a.id AND w.name = wanted.name`;
    this.#assign(entries, rows);
  }

  async #resolveJobs(sql: ReservedConnection, entries: readonly JobEntry[]): Promise<void> {
    const hashes = entries.map((entry) => entry.prePowHash);
    // As text: the client cannot tell the type of a bigint array inside unnest.
    const timestamps = entries.map((entry) => String(BigInt.asIntN(64, entry.timestampMs)));
    await sql`
      INSERT INTO jobs (pre_pow_hash, timestamp_ms)
      SELECT DISTINCT decode(hash, 'hex'), at::bigint FROM unnest(${hashes}::text[], ${timestamps}::text[]) AS wanted (hash, at)
      ORDER BY 1, 2
      ON CONFLICT DO NOTHING`;
    const rows = await sql<{ place: bigint; id: bigint }[]>`
      SELECT wanted.place, j.id
      FROM unnest(${hashes}::text[], ${timestamps}::text[]) WITH ORDINALITY AS wanted (hash, at, place)
      JOIN jobs j ON j.pre_pow_hash = decode(hash, 'hex') AND j.timestamp_ms = at::bigint`;
    this.#assign(entries, rows);
  }

  #assign(
    entries: readonly (WorkerEntry | JobEntry)[],
    rows: readonly { place: bigint; id: bigint }[],
  ): void {
    if (rows.length !== entries.length) {
      throw new Error(`${entries.length} identities were asked for and ${rows.length} found`);
    }
    for (const row of rows) {
      const entry = entries[Number(row.place) - 1]!;
      entry.id = Number(row.id);
      entry.epoch = this.#epoch;
    }
  }
}
