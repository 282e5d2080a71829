/**
 * What the journal costs: the main thread's part of a share and of a group commit, and how long shares wait for the disk.
 *
 *   node dist/bench/cases/micro/journal-append.bench.js [--seconds 5] [--batch 64] [--directory DIR] [--json]
 *
 * `append` fills the ring with nothing flushed in between. `commit` is one closed loop: a batch, a flush, wait until it is
 * durable. `open` keeps batches coming with each loop turn, as sockets would: commits grow with what arrives meanwhile.
 * Put DIR on the disk that the journal will use: the system's temporary folder may be memory.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Figure } from '../../../src/journal/ring-memory.ts';
import { openShareJournal, type ShareJournal } from '../../../src/journal/share-journal.ts';
import { silentLogger } from '../../../src/kit/log.ts';

const JOB = 7;
const powTop = new Uint8Array(16).fill(9);

let onDurable: (sequence: number) => void = () => undefined;
let nonce = 0;

function appendBatch(journal: ShareJournal, worker: number, shares: number): number {
  const atMs = Date.now();
  let sequence = 0;
  for (let share = 0; share < shares; share++) {
    sequence = journal.appendShare(1, 12, nonce++, 0x1234, atMs, worker, JOB, 0x1234, 0, powTop, 0);
  }
  return sequence;
}

const durable = (sequence: number): Promise<void> =>
  new Promise((resolve) => {
    onDurable = (reached) => {
      if (reached >= sequence) resolve();
    };
  });

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;

/** ns per append, best and median of rounds that each fill half of the ring. */
async function measureAppend(
  journal: ShareJournal,
  worker: number,
): Promise<{ best: number; median: number }> {
  const rounds: number[] = [];
  for (let round = 0; round < 41; round++) {
    const shares = 30_000;
    const startedMs = performance.now();
    const sequence = appendBatch(journal, worker, shares);
    rounds.push(((performance.now() - startedMs) * 1e6) / shares);
    const written = durable(sequence);
    journal.flush();
    await written;
  }
  // The first rounds are the compiler's.
  const sorted = rounds.slice(10).sort((a, b) => a - b);
  return { best: sorted[0]!, median: quantile(sorted, 0.5) };
}

/** us from flush to durable, and the main thread's own CPU share of it, for one batch at a time. */
async function measureCommits(journal: ShareJournal, worker: number, batch: number, seconds: number) {
  const waits: number[] = [];
  let mainMs = 0;
  const before = performance.eventLoopUtilization();
  const startedMs = performance.now();
  while (performance.now() - startedMs < seconds * 1000) {
    const sequence = appendBatch(journal, worker, batch);
    const written = durable(sequence);
    const flushMs = performance.now();
    journal.flush();
    mainMs += performance.now() - flushMs;
    await written;
    waits.push((performance.now() - flushMs) * 1000);
  }
  const elapsedMs = performance.now() - startedMs;
  const loop = performance.eventLoopUtilization(before);
  waits.sort((a, b) => a - b);
  return {
    commitsPerSecond: (waits.length * 1000) / elapsedMs,
    waitP50Us: quantile(waits, 0.5),
    waitP99Us: quantile(waits, 0.99),
    flushUs: (mainMs * 1000) / waits.length,
    /** Loop time that is not idle, appends included. */
    mainUsPerCommit: (loop.active * 1000) / waits.length,
  };
}

async function measureOpenLoop(journal: ShareJournal, worker: number, batch: number, seconds: number) {
  const from = Float64Array.from(journal.figures);
  const startedMs = performance.now();
  onDurable = () => undefined;
  let refused = 0;
  while (performance.now() - startedMs < seconds * 1000) {
    if (journal.fill < 0.75) {
      if (appendBatch(journal, worker, batch) === 0) refused++;
      journal.flush();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const elapsed = (performance.now() - startedMs) / 1000;
  const commits = journal.figures[Figure.Commits]! - from[Figure.Commits]!;
  const records = journal.figures[Figure.Records]! - from[Figure.Records]!;
  return {
    sharesPerSecond: records / elapsed,
    commitsPerSecond: commits / elapsed,
    recordsPerCommit: records / commits,
    refused,
  };
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    batch: { type: 'string', default: '64' },
    directory: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const directory = values.directory ?? mkdtempSync(join(tmpdir(), 'sluice-bench-'));
const seconds = Number(values.seconds);
const batch = Number(values.batch);
const journal = await openShareJournal({
  directory,
  instanceName: 'bench',
  bootUnixMs: Date.now(),
  listener: {
    onDurable: (sequence) => onDurable(sequence),
    onFailure: (_sequence, reason) => {
      throw new Error(reason);
    },
    onRecovered: () => undefined,
  },
  log: silentLogger,
});
const worker = journal.acquireWorker(`kaspa:${'q'.repeat(61)}`, 'bench');
journal.registerJob(JOB, new Uint8Array(32).fill(3), 1n);
const append = await measureAppend(journal, worker);
const commit = await measureCommits(journal, worker, batch, seconds);
const open = await measureOpenLoop(journal, worker, batch, seconds);
await journal.close();
if (!values.directory) rmSync(directory, { recursive: true });
if (values.json) process.stdout.write(`${JSON.stringify({ append, commit, open, batch })}\n`);
else {
  const round = (value: number): string => value.toFixed(value < 100 ? 1 : 0);
  console.log(`append  ${round(append.median)} ns a share (best ${round(append.best)})`);
  console.log(
    `commit  batch ${batch}: ${round(commit.commitsPerSecond)}/s, wait p50 ${round(commit.waitP50Us)} us, p99 ${round(commit.waitP99Us)} us, ` +
      `main thread ${round(commit.mainUsPerCommit)} us (flush ${round(commit.flushUs)})`,
  );
  console.log(
    `open    ${round(open.sharesPerSecond)} shares/s durable, ${round(open.commitsPerSecond)} commits/s of ${round(open.recordsPerCommit)} records`,
  );
}
