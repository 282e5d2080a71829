/**
 * The database's ids of workers and jobs. In flow the entries of one batch, out flow the same entries with their ids, made
 * in the batch's own transaction when they are new. After a failed transaction an id may never have existed: `forget` makes
 * every one of them be asked for again.
 */

import type { JobEntry, WorkerEntry } from './share-batch.ts';
import type { ReservedConnection } from './stores/postgres.ts';

export class Identities {
  #epoch = 1;

  forget(): void {
    this.#epoch++;
  }

  async resolve(
    sql: ReservedConnection,
    workers: Iterable<WorkerEntry>,
    jobs: Iterable<JobEntry>,
  ): Promise<void> {
    const newWorkers = [...workers].filter((entry) => entry.epoch !== this.#epoch);
    const newJobs = [...jobs].filter((entry) => entry.epoch !== this.#epoch);
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
