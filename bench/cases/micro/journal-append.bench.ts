/**
 * `append` fills the ring with nothing flushed in between. `commit` is one closed loop: a batch, a flush, wait until it is
 * durable. `open` keeps batches coming with each loop turn, as sockets would: commits grow with what arrives meanwhile.
 * Everything lies in the system's temporary folder, which may be memory: set TMPDIR to the disk that the journal will use.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Figure } from '../../../src/journal/ring-memory.ts';
import { openShareJournal, type ShareJournal } from '../../../src/journal/share-journal.ts';
import { silentLogger } from '../../../src/kit/log.ts';
import { defineCase } from '../../lib/bench-case.ts';

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

/** ns per append, of rounds that each fill half of the ring. */
async function measureAppend(journal: ShareJournal, worker: number): Promise<number[]> {
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
  return rounds.slice(10);
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

export default defineCase({
  kind: 'micro',
  title: "the journal: the main thread's part of a share and of a group commit, and the wait for the disk",
  parameters: {
    time: { unit: 's', text: 'of each of the two loops', real: 3, smoke: 0.2, min: 0.1 },
    batch: { unit: 'shares', text: 'appended at a time', real: 64, smoke: 64, min: 1, max: 30_000 },
  },
  async run({ values: { time, batch }, progress }) {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
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
    try {
      const worker = journal.acquireWorker(`kaspa:${'q'.repeat(61)}`, 'bench');
      journal.registerJob(JOB, new Uint8Array(32).fill(3), 1n);
      const append = await measureAppend(journal, worker);
      progress(1, 3, 'commits, one at a time');
      const commit = await measureCommits(journal, worker, batch, time);
      progress(2, 3, 'commits under an open loop');
      const open = await measureOpenLoop(journal, worker, batch, time);
      const one = (name: string, unit: string, better: 'lower' | 'higher' | 'neither', value: number) => ({
        name: `engine.${name}`,
        unit,
        better,
        values: [value],
      });
      return {
        measures: [
          { name: 'engine.append_ns', unit: 'ns', better: 'lower', values: append },
          one('commits_per_second', '/s', 'higher', commit.commitsPerSecond),
          one('commit_wait_p50_us', 'us', 'lower', commit.waitP50Us),
          one('commit_wait_p99_us', 'us', 'lower', commit.waitP99Us),
          one('commit_flush_us', 'us', 'lower', commit.flushUs),
          one('commit_main_us', 'us', 'lower', commit.mainUsPerCommit),
          one('open_shares_per_second', '/s', 'higher', open.sharesPerSecond),
          one('open_commits_per_second', '/s', 'neither', open.commitsPerSecond),
          one('open_records_per_commit', '', 'neither', open.recordsPerCommit),
        ],
        distributions: [],
        checksum: `refused ${open.refused}`,
        invalid: [],
        notes: [],
      };
    } finally {
      await journal.close();
      rmSync(directory, { recursive: true });
    }
  },
});
