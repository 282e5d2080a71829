/** A journal that does what a test tells it to: refuses, delays, fails. Keeps nothing on disk; for unit tests only. */
import type { Journal, JournalBlock } from '../../src/journal/journal.ts';

export class ScriptedJournal implements Journal {
  available = true;
  fault = '';
  fill = 0;
  appendedSequence = 0;
  durableSequence = 0;
  flushes = 0;
  readonly shares: {
    sequence: number;
    verdict: number;
    difficultyLog2: number;
    nonce: bigint;
    workerRef: number;
    jobId: number;
    portAndPot: number;
  }[] = [];
  readonly blocks: JournalBlock[] = [];

  acquireWorker(): number {
    return 1;
  }
  releaseWorker(): void {}
  registerJob(): void {}
  retireJob(): void {}
  flush(): void {
    this.flushes++;
  }
  async close(): Promise<void> {}

  appendShare(
    verdict: number,
    difficultyLog2: number,
    nonceLow: number,
    nonceHigh: number,
    _receivedAtUnixMs: number,
    workerRef: number,
    jobId: number,
    _extranonce: number,
    portAndPot: number,
  ): number {
    if (!this.available) return 0;
    const nonce = (BigInt(nonceHigh) << 32n) | BigInt(nonceLow);
    this.shares.push({
      ...{ sequence: ++this.appendedSequence, verdict, difficultyLog2, nonce, workerRef, jobId },
      portAndPot,
    });
    return this.appendedSequence;
  }

  appendBlock(block: JournalBlock): number {
    if (!this.available) return 0;
    this.blocks.push(block);
    return ++this.appendedSequence;
  }
}
