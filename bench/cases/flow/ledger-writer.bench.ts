/**
 * How fast the loader catches up after an outage: a journal of so many shares on disk, an embedded PostgreSQL with all its
 * durability, the loader on its own thread as in the engine, from its start to the last row committed. Against it, what pools
 * usually do: one INSERT a share, on one connection, answered one by one.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { DurableMark } from '../../../src/journal/durable-mark.ts';
import { SLOTS_PER_SEGMENT } from '../../../src/journal/record-layout.ts';
import { silentLogger } from '../../../src/kit/log.ts';
import { startEmbeddedPostgres } from '../../../src/ledger/embedded-postgres.ts';
import { LOADER_ROWS_MAX } from '../../../src/ledger/loader.ts';
import { startLoader } from '../../../src/ledger/loader-client.ts';
import { migrate } from '../../../src/ledger/migrate.ts';
import { countShares } from '../../../src/ledger/share-counts.ts';
import { openDatabase } from '../../../src/ledger/stores/postgres.ts';
import { JournalFixture } from '../../../tests/kit/journal-fixture.ts';
import { type CaseContext, type CaseResult, defineCase } from '../../lib/bench-case.ts';
import { databaseFolder } from '../../lib/database-folder.ts';
import { cpuUsOf, familyCpuUs } from '../../lib/process-usage.ts';

const parameters = {
  rows: {
    unit: '',
    text: 'shares in the journal; 6,000,000 are ten minutes at 10,000/s',
    real: 2_000_000,
    smoke: 5_000,
    min: 1,
    max: 100_000_000,
  },
  workers: { unit: '', text: 'rigs that sent them', real: 1000, smoke: 50, min: 1, max: 1_000_000 },
  rowsMax: {
    unit: 'rows',
    text: 'of a transaction, at most',
    real: LOADER_ROWS_MAX,
    smoke: LOADER_ROWS_MAX,
    min: 1,
    max: 1_000_000,
  },
  naive: { unit: '', text: 'rows inserted one by one', real: 20_000, smoke: 200, min: 1 },
};
type Given = CaseContext<typeof parameters>['values'];

const SHARES_PER_MS = 10;
/** How long a job is given out: they come as fast in a pool. */
const JOB_MS = 250;
const DEADLINE_MS = 900_000;

/** Shares of all workers in turn, in the order of their time, over two or three difficulties. */
function writeJournal(directory: string, { rows, workers }: Given): JournalFixture {
  const journal = new JournalFixture(directory, SLOTS_PER_SEGMENT);
  const startMs = Date.now() - rows / SHARES_PER_MS;
  for (let n = 0; n < rows; n++) {
    journal.share({
      address: `kaspatest:${n % workers}`,
      name: 'rig',
      job: 1 + Math.floor(n / (JOB_MS * SHARES_PER_MS)),
      nonce: BigInt(n),
      difficultyLog2: 10 + ((n % workers) % 3),
      receivedAtMs: Math.floor(startMs + n / SHARES_PER_MS),
    });
    // What the fixture remembers of each share is for tests; millions of them are garbage whose collection would count as the loader's CPU.
    journal.shares.length = 0;
  }
  journal.save();
  return journal;
}

/** Rows per second of one statement and one transaction a share. */
async function insertOneByOne(sql: Sql, { naive, workers }: Given): Promise<number> {
  await sql`CREATE TABLE naive_shares (id bigserial PRIMARY KEY, worker text NOT NULL, job text NOT NULL,
    nonce text NOT NULL, difficulty double precision NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`;
  const startedMs = performance.now();
  for (let n = 0; n < naive; n++) {
    await sql`INSERT INTO naive_shares (worker, job, nonce, difficulty)
      VALUES (${`kaspatest:${n % workers}.rig`}, ${String(n >> 10)}, ${n.toString(16).padStart(16, '0')}, 1024)`;
  }
  return naive / ((performance.now() - startedMs) / 1_000);
}

async function run({ values, progress }: CaseContext<typeof parameters>): Promise<CaseResult> {
  const folder = databaseFolder('sluice-bench-');
  const directory = join(folder, 'journal');
  mkdirSync(directory);
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'pg'), log: silentLogger });
  try {
    const sql = openDatabase(server.url, { applicationName: 'sluice bench', max: 1 });
    await migrate(sql, { log: silentLogger });
    progress(0, 3, `inserting ${values.naive} rows one by one`);
    const naiveRowsPerSecond = await insertOneByOne(sql, values);
    progress(1, 3, `writing a journal of ${values.rows} shares of ${values.workers} workers`);
    const journal = writeJournal(directory, values);
    const mark = new DurableMark();
    mark.advance(journal.mark.segment, journal.mark.slot);
    progress(2, 3, 'catching up');
    const nodeUs = cpuUsOf(process.pid);
    const serverUs = familyCpuUs(server.pid);
    const startedMs = performance.now();
    const loader = startLoader({
      journalDirectory: directory,
      instanceName: 'bench',
      databaseUrl: server.url,
      durableMark: mark.buffer,
      rowsMax: values.rowsMax,
      log: silentLogger,
    });
    const drained = await loader.drain(DEADLINE_MS);
    const seconds = (performance.now() - startedMs) / 1_000;
    const nodeUsPerRow = (cpuUsOf(process.pid) - nodeUs) / values.rows;
    const serverUsPerRow = (familyCpuUs(server.pid) - serverUs) / values.rows;
    const { batches } = await loader.refresh();
    await loader.close();
    const { rows, summedShares } = await countShares(sql);
    await sql.end();
    const exact = drained && rows === BigInt(values.rows) && summedShares === rows;
    const one = (name: string, unit: string, better: 'lower' | 'higher' | 'neither', value: number) => ({
      name,
      unit,
      better,
      values: [value],
    });
    return {
      measures: [
        one('loader.rows_per_second', '/s', 'higher', values.rows / seconds),
        one('loader.node_us_per_row', 'us', 'lower', nodeUsPerRow),
        one('loader.rows_per_batch', '', 'neither', values.rows / batches),
        one('postgres.us_per_row', 'us', 'lower', serverUsPerRow),
        one('catchup.seconds', 's', 'lower', seconds),
        one('naive.rows_per_second', '/s', 'higher', naiveRowsPerSecond),
        one('ratio.rows_per_second', '', 'higher', values.rows / seconds / naiveRowsPerSecond),
      ],
      distributions: [],
      checksum: `rows ${rows}, summed ${summedShares}`,
      invalid: exact ? [] : [`${values.rows} shares in the journal, ${rows} rows, ${summedShares} summed`],
      notes: [],
    };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

export default defineCase({
  kind: 'flow',
  title: 'rows per second of the loader after an outage, on real PostgreSQL, against one INSERT a share',
  parameters,
  run,
});
