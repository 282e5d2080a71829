/**
 * How fast the loader catches up: a journal of some hundred thousand shares on disk, an embedded PostgreSQL with all its
 * durability, the loader on its own thread as in the engine. What is timed is from its start to the last row committed.
 *
 *   node dist/bench/cases/flow/loader-catchup.bench.js [--shares 500000] [--workers 1000] [--rows-max 20000] [--json]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
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
import { caseOutput, numberOption, table } from '../../lib/case-output.ts';
import { cpuUsOf, familyCpuUs } from '../../lib/process-usage.ts';

const { values } = parseArgs({
  options: {
    shares: { type: 'string', default: '500000' },
    workers: { type: 'string', default: '1000' },
    'rows-max': { type: 'string', default: String(LOADER_ROWS_MAX) },
    json: { type: 'boolean', default: false },
  },
});
const shares = numberOption('shares', values.shares, 1);
const workers = numberOption('workers', values.workers, 1);
const rowsMax = numberOption('rows-max', values['rows-max'], 1);
const output = caseOutput(values.json);

/** 20,000 shares a second, the target load: an outage of 25 s makes the default backlog. */
const SHARES_PER_MS = 20;
const DEADLINE_MS = 300_000;

/** Shares of all workers in turn, in the order of their time, over two or three difficulties. */
function writeJournal(directory: string): JournalFixture {
  const journal = new JournalFixture(directory, SLOTS_PER_SEGMENT);
  const startMs = Date.now() - shares / SHARES_PER_MS;
  for (let n = 0; n < shares; n++) {
    journal.share({
      address: `kaspatest:${n % workers}`,
      name: 'rig',
      job: 1 + Math.floor(n / (250 * SHARES_PER_MS)),
      nonce: BigInt(n),
      difficultyLog2: 10 + ((n % workers) % 3),
      receivedAtMs: Math.floor(startMs + n / SHARES_PER_MS),
    });
  }
  journal.save();
  return journal;
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
const directory = join(folder, 'journal');
mkdirSync(directory);
const server = await startEmbeddedPostgres({ dataDir: join(folder, 'pg'), log: silentLogger });
try {
  const sql = openDatabase(server.url, { applicationName: 'sluice bench', max: 1 });
  await migrate(sql, { log: silentLogger });
  output.progress(`writing a journal of ${shares} shares of ${workers} workers`);
  const journal = writeJournal(directory);
  const mark = new DurableMark();
  mark.advance(journal.mark.segment, journal.mark.slot);
  const nodeUs = cpuUsOf(process.pid);
  const serverUs = familyCpuUs(server.pid);
  const startedMs = performance.now();
  const loader = startLoader({
    journalDirectory: directory,
    instanceName: 'bench',
    databaseUrl: server.url,
    durableMark: mark.buffer,
    rowsMax,
    log: silentLogger,
  });
  const drained = await loader.drain(DEADLINE_MS);
  const seconds = (performance.now() - startedMs) / 1000;
  const cpu = { node: cpuUsOf(process.pid) - nodeUs, server: familyCpuUs(server.pid) - serverUs };
  const { batches } = await loader.refresh();
  await loader.close();
  const { rows, summedShares } = await countShares(sql);
  await sql.end();
  const exact = drained && rows === BigInt(shares) && summedShares === rows;
  const figures = {
    shares,
    workers,
    rowsMax,
    exact,
    seconds: Number(seconds.toFixed(2)),
    rowsPerSecond: Math.round(shares / seconds),
    msPerBatch: Number(((seconds * 1000) / batches).toFixed(2)),
    nodeUsPerRow: Number((cpu.node / shares).toFixed(2)),
    serverUsPerRow: Number((cpu.server / shares).toFixed(2)),
  };
  output.result(
    table([
      ['shares', 'workers', 'rows/s', 'ms/batch', 'node us/row', 'server us/row', 'exact'],
      [
        String(shares),
        String(workers),
        String(figures.rowsPerSecond),
        String(figures.msPerBatch),
        String(figures.nodeUsPerRow),
        String(figures.serverUsPerRow),
        exact ? 'yes' : 'NO',
      ],
    ]),
    figures,
  );
  if (!exact) process.exitCode = 1;
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
