/**
 * One batch, one transaction: that is what makes a share count exactly once. In flow a batch and the mark it starts from,
 * out flows whether it was committed. It must never commit rows without moving the mark, nor a mark that did not start
 * where the database stood.
 *
 *   BEGIN; lock the instance's mark --differs from ours--> ROLLBACK, 'moved': go on from the database's mark
 *     accounts, workers, jobs; day partitions; COPY shares; add to share_sums; candidate blocks; mark := batch.to
 *   COMMIT --answer lost--> the caller reads the mark again: it alone says which of the two happened
 */
import type { JournalPosition } from '../journal/journal.ts';
import { SHARE_COLUMNS, ShareCopyBuffer } from './binary-copy.ts';
import type { DatabaseSession } from './database-session.ts';
import { Identities } from './identities.ts';
import { DAY_MS, type LoadedBlock, type ShareBatch } from './share-batch.ts';
import { MINUTE_MS, ShareSums } from './share-sums.ts';
import type { ReservedConnection } from './stores/postgres.ts';

export interface Progress {
  readonly position: JournalPosition;
  readonly loadedRecords: number;
  /** Of the segment that the mark is in; undefined when nothing of it is loaded. */
  readonly boot: number | undefined;
}

interface ProgressRow {
  readonly segment: bigint;
  readonly slot: bigint;
  readonly loaded_records: bigint;
  readonly segment_boot: bigint | null;
}

const COPY_SHARES = `COPY shares (${SHARE_COLUMNS}) FROM STDIN (FORMAT binary)`;

export class BatchWriter {
  readonly #copy: ShareCopyBuffer;
  readonly #sums = new ShareSums();
  readonly #identities = new Identities();
  readonly #knownDays = new Set<number>();

  constructor(rowsMax: number) {
    this.#copy = new ShareCopyBuffer(rowsMax);
  }

  /** After any error: what a failed transaction made (ids, partitions) may not exist. */
  forget(): void {
    this.#identities.forget();
    this.#knownDays.clear();
  }

  async instanceId(session: DatabaseSession, instanceName: string): Promise<number> {
    const [row] = await session.sql<{ id: number }[]>`SELECT ensure_instance(${instanceName})::int AS id`;
    return row!.id;
  }

  /** Undefined when nothing of this instance was ever loaded. */
  async progress(session: DatabaseSession, instanceId: number): Promise<Progress | undefined> {
    const [row] = await session.sql<ProgressRow[]>`
      SELECT segment, slot, loaded_records, segment_boot FROM journal_progress WHERE instance_id = ${instanceId}`;
    return row && toProgress(row);
  }

  /** The first mark of a new instance. Somebody else's stays. */
  async begin(session: DatabaseSession, instanceId: number, at: JournalPosition): Promise<void> {
    await session.sql`
      INSERT INTO journal_progress (instance_id, segment, slot) VALUES (${instanceId}, ${at.segment}, ${at.slot})
      ON CONFLICT DO NOTHING`;
  }

  /** @param committed where the database must stand. Throws on any failure; the session is then to be discarded. */
  async write(
    session: DatabaseSession,
    instanceId: number,
    committed: JournalPosition,
    batch: ShareBatch,
  ): Promise<'committed' | 'moved'> {
    // Two statements on their way together: a batch is a dozen round trips, and this is the easiest one to save.
    const [, [mark]] = await Promise.all([
      session.sql`BEGIN`,
      session.sql<Pick<ProgressRow, 'segment' | 'slot'>[]>`
        SELECT segment, slot FROM journal_progress WHERE instance_id = ${instanceId} FOR UPDATE`,
    ]);
    if (!mark || Number(mark.segment) !== committed.segment || Number(mark.slot) !== committed.slot) {
      await session.sql`ROLLBACK`;
      return 'moved';
    }
    await this.#identities.resolve(session.sql, batch.workers, batch.jobs);
    for (const day of batch.days) {
      if (this.#knownDays.has(day)) continue;
      const date = new Date(day * DAY_MS).toISOString().slice(0, 10);
      await session.sql`SELECT ensure_day_partitions(${date}::text::date)`;
      this.#knownDays.add(day);
    }
    // Also without shares: it clears what an earlier, failed batch left in the sums.
    batch.encode(instanceId, this.#copy, this.#sums);
    if (batch.shares > 0) await session.copyIn(COPY_SHARES, this.#copy.finish());
    const sql = session.sql;
    await Promise.all([
      this.#addSums(sql, instanceId),
      ...batch.blocks.map((block) => insertBlock(sql, instanceId, block)),
      moveMark(sql, instanceId, batch),
    ]);
    const answer = await session.sql`COMMIT`;
    // COMMIT of a transaction that the server has aborted is no error to it: it says ROLLBACK.
    if (answer.command !== 'COMMIT') throw new Error(`the server answered ${answer.command} to COMMIT`);
    return 'committed';
  }

  /** For a time in which nothing came. Only at the mark that the claim was made for: another loader may be at work. */
  async moveThrough(
    session: DatabaseSession,
    instanceId: number,
    at: JournalPosition,
    throughMs: number,
  ): Promise<void> {
    await session.sql`
      UPDATE journal_progress SET loaded_through = to_timestamp(${throughMs}::float8 / 1000)
      WHERE instance_id = ${instanceId} AND segment = ${at.segment} AND slot = ${at.slot}`;
  }

  async #addSums(sql: ReservedConnection, instanceId: number): Promise<void> {
    const sums = this.#sums.columns();
    if (sums.rows === 0) return;
    await sql`
      INSERT INTO share_sums (bucket, worker_id, instance_id, pot, shares, work_hashes)
      SELECT to_timestamp(minute * ${MINUTE_MS / 1000}::int), worker_id, ${instanceId}::smallint, pot, shares, work
      FROM unnest(${sums.minutes}::text::bigint[], ${sums.workerIds}::text::bigint[], ${sums.pots}::text::smallint[],
                  ${sums.shares}::text::bigint[], ${sums.work}::text::numeric[]) AS s (minute, worker_id, pot, shares, work)
      ON CONFLICT (bucket, worker_id, instance_id, pot) DO UPDATE
      SET shares = share_sums.shares + excluded.shares, work_hashes = share_sums.work_hashes + excluded.work_hashes`;
  }
}

function insertBlock(sql: ReservedConnection, instanceId: number, block: LoadedBlock): Promise<unknown> {
  return sql`
    INSERT INTO blocks (block_hash, instance_id, worker_id, job_id, nonce, daa_score, blue_score, network_bits, pot,
                        found_at)
    VALUES (${block.blockHash}, ${instanceId}, ${block.worker.id}, ${block.job.id}, ${BigInt.asIntN(64, block.nonce)},
            ${block.daaScore}, ${block.blueScore}, ${block.bits}, ${block.pot},
            to_timestamp(${block.foundAtUnixMs}::float8 / 1000))
    ON CONFLICT (block_hash) DO NOTHING`;
}

function moveMark(sql: ReservedConnection, instanceId: number, batch: ShareBatch): Promise<unknown> {
  return sql`
    UPDATE journal_progress SET segment = ${batch.to.segment}, slot = ${batch.to.slot}, segment_boot = ${batch.boot},
      loaded_records = loaded_records + ${batch.shares}, updated_at = now(),
      loaded_through = CASE WHEN ${batch.throughMs}::float8 > 0 THEN to_timestamp(${batch.throughMs}::float8 / 1000)
                       ELSE loaded_through END
    WHERE instance_id = ${instanceId}`;
}

function toProgress(row: ProgressRow): Progress {
  return {
    position: { segment: Number(row.segment), slot: Number(row.slot) },
    loadedRecords: Number(row.loaded_records),
    boot: row.segment_boot === null ? undefined : Number(row.segment_boot),
  };
}
