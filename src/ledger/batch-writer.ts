/**
 * One batch, one transaction: that is what makes a share count exactly once. In flow a batch and the mark it starts from,
 * out flows whether it was committed. It must never commit rows without moving the mark, nor a mark that did not start
 * where the database stood.
 *
 *   accounts, workers, jobs, day partitions: committed by themselves
 *   BEGIN; nobody before: lock the instance's mark --differs from ours--> ROLLBACK, 'moved': go on from the database's mark
 *     COPY shares; the batch before: wait for its commit
 *     mark := batch.to where it is still ours --it is not--> ROLLBACK, 'moved'; add to share_sums; candidate blocks
 *   COMMIT --answer lost--> the caller reads the mark again: it alone says which of the two happened
 *
 * So the rows of two batches can be on their way at once, on two connections, and still count in their order or not at all.
 */
import type { JournalPosition } from '../journal/journal.ts';
import { SHARE_COLUMNS, ShareCopyBuffer } from './binary-copy.ts';
import type { DatabaseSession } from './database-session.ts';
import type { Identities } from './identities.ts';
import type { LoadedBlock, ShareBatch } from './share-batch.ts';
import { MINUTE_MS, ShareSums } from './share-sums.ts';
import type { ReservedConnection } from './stores/postgres.ts';

export interface Progress {
  readonly position: JournalPosition;
  readonly loadedRecords: number;
  /** Of the segment that the mark is in; undefined when nothing of it is loaded. */
  readonly boot: number | undefined;
}

/** `moved`: the database is at another mark than the batch begins at. */
export type Written = 'committed' | 'moved';

export interface BatchOrder {
  /** Where the database must stand: not always where the batch begins, which may be a new segment. */
  readonly committed: JournalPosition;
  /** Of the batch that must be committed first; undefined = there is none under way. */
  readonly before: Promise<Written> | undefined;
  /** The rows are on their way: the server works, and we could. */
  readonly onSent: () => void;
}

interface ProgressRow {
  readonly segment: bigint;
  readonly slot: bigint;
  readonly loaded_records: bigint;
  readonly segment_boot: bigint | null;
}

/** 64 KiB of rows: made, sent and read by the server side by side. `copyIn` has sent one before it asks for the next. */
const ROWS_PER_PIECE = 560;

export class BatchWriter {
  readonly #copy: ShareCopyBuffer;
  readonly #sums = new ShareSums();
  readonly #identities: Identities;

  constructor(identities: Identities) {
    this.#copy = new ShareCopyBuffer(ROWS_PER_PIECE);
    this.#identities = identities;
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

  /** Throws on any failure; the session is then to be discarded. */
  async write(
    session: DatabaseSession,
    instanceId: number,
    batch: ShareBatch,
    { committed, before, onSent }: BatchOrder,
  ): Promise<Written> {
    await this.#identities.resolve(session.sql, batch.workers, batch.jobs);
    const table = await this.#identities.tableOf(session.sql, batch.days);
    const isFirst = before === undefined;
    if (!(await this.#begin(session, instanceId, isFirst ? committed : undefined))) return 'moved';
    // Also without shares: an earlier, failed batch may have left something.
    this.#copy.clear();
    this.#sums.clear();
    const statement = `COPY ${table} (${SHARE_COLUMNS}) FROM STDIN (FORMAT binary)`;
    if (batch.shares > 0) await session.copyIn(statement, this.#pieces(instanceId, batch), onSent);
    else onSent();
    const isTurn = isFirst || (await before) === 'committed';
    if (!isTurn || !(await this.#finish(session.sql, instanceId, committed, batch))) {
      await session.sql`ROLLBACK`;
      return 'moved';
    }
    const answer = await session.sql`COMMIT`;
    // COMMIT of a transaction that the server has aborted is no error to it: it says ROLLBACK.
    if (answer.command !== 'COMMIT') throw new Error(`the server answered ${answer.command} to COMMIT`);
    return 'committed';
  }

  /** @param committed where the database must stand, and stays locked; undefined = it will be seen later. */
  async #begin(
    session: DatabaseSession,
    instanceId: number,
    committed: JournalPosition | undefined,
  ): Promise<boolean> {
    if (!committed) {
      await session.sql`BEGIN`;
      return true;
    }
    // Two statements on their way together: a batch is a dozen round trips, and this is the easiest one to save.
    const [, [mark]] = await Promise.all([
      session.sql`BEGIN`,
      session.sql<Pick<ProgressRow, 'segment' | 'slot'>[]>`
        SELECT segment, slot FROM journal_progress WHERE instance_id = ${instanceId} FOR UPDATE`,
    ]);
    const { segment, slot } = committed;
    if (mark && Number(mark.segment) === segment && Number(mark.slot) === slot) return true;
    await session.sql`ROLLBACK`;
    return false;
  }

  /** What counts: false = the mark was not where this batch begins. The mark first, so that its lock orders the rest. */
  async #finish(
    sql: ReservedConnection,
    instanceId: number,
    committed: JournalPosition,
    batch: ShareBatch,
  ): Promise<boolean> {
    const [moved] = await Promise.all([
      moveMark(sql, instanceId, committed, batch),
      this.#addSums(sql, instanceId),
      ...batch.blocks.map((block) => insertBlock(sql, instanceId, block)),
    ]);
    return moved.count === 1;
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

  *#pieces(instanceId: number, batch: ShareBatch): Generator<Buffer> {
    for (let from = 0; from < batch.shares; from += ROWS_PER_PIECE) {
      const to = Math.min(from + ROWS_PER_PIECE, batch.shares);
      batch.encode(instanceId, this.#copy, this.#sums, from, to);
      yield to < batch.shares ? this.#copy.piece() : this.#copy.finish();
    }
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

function moveMark(
  sql: ReservedConnection,
  instanceId: number,
  committed: JournalPosition,
  batch: ShareBatch,
): Promise<{ readonly count: number }> {
  return sql`
    UPDATE journal_progress SET segment = ${batch.to.segment}, slot = ${batch.to.slot}, segment_boot = ${batch.boot},
      loaded_records = loaded_records + ${batch.shares}, updated_at = now(),
      loaded_through = CASE WHEN ${batch.throughMs}::float8 > 0 THEN to_timestamp(${batch.throughMs}::float8 / 1000)
                       ELSE loaded_through END
    WHERE instance_id = ${instanceId} AND segment = ${committed.segment} AND slot = ${committed.slot}`;
}

function toProgress(row: ProgressRow): Progress {
  return {
    position: { segment: Number(row.segment), slot: Number(row.slot) },
    loadedRecords: Number(row.loaded_records),
    boot: row.segment_boot === null ? undefined : Number(row.segment_boot),
  };
}
